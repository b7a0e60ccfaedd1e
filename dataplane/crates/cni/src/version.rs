//! Versions of the specification.

/// The versions that are spoken here, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    V031,
    V040,
    V100,
    V110,
}

impl Version {
    pub(crate) const ALL: [Self; 4] = [Self::V031, Self::V040, Self::V100, Self::V110];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V031 => "0.3.1",
            Self::V040 => "0.4.0",
            Self::V100 => "1.0.0",
            Self::V110 => "1.1.0",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }
}
