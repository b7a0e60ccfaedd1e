//! The metadata handshake of one hop (SVR metadata, `docs/protocol.md` section 4): absence of metadata is the acknowledgement.

use core::time::Duration;

use crate::time::Instant;

/// Forward metadata without any answer after which the responder of a one-way flow says *disable*.
const ONE_WAY_PACKETS: u16 = 8;
/// The same, as a time.
const ONE_WAY_TIME: Duration = Duration::from_secs(1);
/// First packets without an answer that make a path suspect.
const UNANSWERED_PACKETS: u16 = 3;
/// The least time those must span: a burst of three packets is no evidence.
const UNANSWERED_TIME: Duration = Duration::from_millis(1500);
/// Silence of the opposite direction after which its state is checked (SVR `inactivity-timeout`).
const SILENCE: Duration = Duration::from_secs(5);
/// Health checks without an answer after which the peer is taken to have lost the session.
const HEALTH_CHECKS: u8 = 3;

/// What this node still adds to packets of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Every packet carries forward metadata.
    SendForward,
    /// Every packet carries reverse metadata.
    SendReverse,
    /// No packet carries metadata.
    Established,
}

impl Phase {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendForward => "SendForward",
            Self::SendReverse => "SendReverse",
            Self::Established => "Established",
        }
    }
}

/// Handshake state of one hop leg.
#[derive(Clone, Debug)]
pub(crate) struct Handshake {
    phase: Phase,
    /// This node opened the hop.
    initiator: bool,
    /// The other side lacks the session's state: reverse metadata carries all of it.
    recovering: bool,
    /// Metadata went out since it became due: only then does its absence from the other side acknowledge anything.
    told: bool,
    /// Metadata sent (initiator) or received (responder) since the last progress.
    unanswered: u16,
    unanswered_since: Instant,
    last_received: Instant,
    checks: u8,
    last_check: Instant,
}

/// What the silence of the other side asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    /// Nothing.
    Fine,
    /// Ask whether it still has the session.
    Check {
        /// An earlier check went unanswered.
        repeated: bool,
    },
    /// It has lost the session: send metadata again.
    Lost,
}

impl Handshake {
    /// This node opens the hop.
    pub(crate) const fn initiate(now: Instant) -> Self {
        Self::new(Phase::SendForward, true, now)
    }

    /// The other node opened the hop.
    pub(crate) const fn respond(now: Instant) -> Self {
        Self::new(Phase::SendReverse, false, now)
    }

    const fn new(phase: Phase, initiator: bool, now: Instant) -> Self {
        Self {
            phase,
            initiator,
            recovering: false,
            told: false,
            unanswered: 0,
            unanswered_since: now,
            last_received: now,
            checks: 0,
            last_check: now,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) const fn is_initiator(&self) -> bool {
        self.initiator
    }

    pub(crate) const fn is_recovering(&self) -> bool {
        self.recovering
    }

    /// Metadata goes out again until acknowledged; `recovering` when the other side asked because it knows nothing.
    pub(crate) fn retrigger(&mut self, recovering: bool, now: Instant) {
        self.phase = if self.initiator { Phase::SendForward } else { Phase::SendReverse };
        self.recovering = recovering;
        self.told = false;
        self.unanswered = 0;
        self.unanswered_since = now;
        self.checks = 0;
    }

    /// A packet with our metadata went out.
    pub(crate) fn metadata_sent(&mut self, now: Instant) {
        self.told = true;
        if self.unanswered == 0 && self.initiator {
            self.unanswered_since = now;
        }
        if self.initiator {
            self.unanswered = self.unanswered.saturating_add(1);
        } else {
            // A reverse packet exists: the flow is not one-way.
            self.unanswered = 0;
        }
    }

    /// Verified forward metadata came in. `true` when the initiator should be told to stop: the flow is one-way.
    pub(crate) fn forward_received(&mut self, now: Instant) -> bool {
        self.received(now);
        if self.phase == Phase::Established {
            self.phase = Phase::SendReverse;
            self.told = false;
            self.unanswered = 0;
        }
        if self.unanswered == 0 {
            self.unanswered_since = now;
        }
        self.unanswered = self.unanswered.saturating_add(1);
        let one_way = self.unanswered >= ONE_WAY_PACKETS
            || (self.unanswered > 1 && now - self.unanswered_since >= ONE_WAY_TIME);
        if one_way {
            self.unanswered = 0;
        }
        one_way
    }

    /// Verified reverse metadata, or *disable forward metadata*, came in. `true` when that finished the handshake.
    pub(crate) fn reverse_received(&mut self, now: Instant) -> bool {
        self.received(now);
        let finished = self.phase == Phase::SendForward;
        self.phase = Phase::Established;
        self.recovering = false;
        self.unanswered = 0;
        finished
    }

    /// A packet of the session without metadata came in. From an initiator that was told to stop, without having had an answer, it
    /// acknowledges nothing.
    pub(crate) fn plain_received(&mut self, now: Instant) {
        self.received(now);
        if self.phase == Phase::SendReverse && self.told {
            self.phase = Phase::Established;
            self.recovering = false;
        }
    }

    /// Anything genuine of the session came in.
    pub(crate) fn received(&mut self, now: Instant) {
        self.last_received = now;
        self.checks = 0;
    }

    /// Whether nothing came back since the other side was told to take the session up again.
    pub(crate) fn is_unheard(&self) -> bool {
        self.recovering && self.last_received < self.unanswered_since
    }

    /// Time since the other side was heard.
    pub(crate) fn silence(&self, now: Instant) -> Duration {
        now - self.last_received
    }

    /// Whether first packets went unanswered for long enough to blame the path.
    pub(crate) fn is_unanswered(&self, now: Instant) -> bool {
        self.phase == Phase::SendForward
            && self.unanswered >= UNANSWERED_PACKETS
            && now - self.unanswered_since >= UNANSWERED_TIME
    }

    /// To be asked when a packet goes out on an established hop.
    pub(crate) fn liveness(&mut self, now: Instant) -> Liveness {
        if self.phase != Phase::Established
            || now - self.last_received < SILENCE
            || now - self.last_check < SILENCE
        {
            return Liveness::Fine;
        }
        if self.checks >= HEALTH_CHECKS {
            return Liveness::Lost;
        }
        self.last_check = now;
        self.checks += 1;
        Liveness::Check { repeated: self.checks > 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn reverse_metadata_ends_the_sending_of_forward_metadata() {
        let mut handshake = Handshake::initiate(at(0));
        handshake.metadata_sent(at(0));
        assert_eq!(handshake.phase(), Phase::SendForward);
        assert!(handshake.reverse_received(at(1)));
        assert_eq!(handshake.phase(), Phase::Established);
        assert!(!handshake.reverse_received(at(2)), "a late duplicate finishes nothing");
    }

    #[test]
    fn forward_packet_without_metadata_ends_the_sending_of_reverse_metadata() {
        let mut handshake = Handshake::respond(at(0));
        assert!(!handshake.forward_received(at(0)));
        handshake.metadata_sent(at(0));
        assert_eq!(handshake.phase(), Phase::SendReverse);
        handshake.plain_received(at(1));
        assert_eq!(handshake.phase(), Phase::Established);
    }

    #[test]
    fn forward_metadata_on_an_established_hop_starts_reverse_metadata_again() {
        let mut handshake = Handshake::respond(at(0));
        handshake.metadata_sent(at(0));
        handshake.plain_received(at(1));
        assert_eq!(handshake.phase(), Phase::Established);
        handshake.forward_received(at(2));
        assert_eq!(handshake.phase(), Phase::SendReverse);
        handshake.plain_received(at(3));
        assert_eq!(
            handshake.phase(),
            Phase::SendReverse,
            "a late packet answers nothing that was not said yet"
        );
    }

    #[test]
    fn responder_of_a_one_way_flow_keeps_its_metadata_for_the_first_answer() {
        let mut handshake = Handshake::respond(at(0));
        for i in 0..8 {
            handshake.forward_received(at(i));
        }
        handshake.plain_received(at(9));
        assert_eq!(handshake.phase(), Phase::SendReverse);
        handshake.metadata_sent(at(10));
        handshake.plain_received(at(11));
        assert_eq!(handshake.phase(), Phase::Established);
    }

    #[test]
    fn eight_forward_packets_without_any_reply_mark_a_one_way_flow() {
        let mut handshake = Handshake::respond(at(0));
        let told: Vec<bool> = (0..9).map(|i| handshake.forward_received(at(i))).collect();
        assert_eq!(told, [false, false, false, false, false, false, false, true, false]);
    }

    #[test]
    fn a_second_of_unanswered_forward_metadata_marks_a_one_way_flow() {
        let mut handshake = Handshake::respond(at(0));
        assert!(!handshake.forward_received(at(0)));
        assert!(!handshake.forward_received(at(999)));
        assert!(handshake.forward_received(at(1000)));
    }

    #[test]
    fn a_reply_resets_the_count_of_unanswered_forward_packets() {
        let mut handshake = Handshake::respond(at(0));
        for i in 0..7 {
            assert!(!handshake.forward_received(at(i)));
        }
        handshake.metadata_sent(at(7));
        assert!(!handshake.forward_received(at(8)));
    }

    #[test]
    fn a_burst_of_first_packets_does_not_blame_the_path() {
        let mut handshake = Handshake::initiate(at(0));
        for i in 0..5 {
            handshake.metadata_sent(at(i));
        }
        assert!(!handshake.is_unanswered(at(100)));
        assert!(handshake.is_unanswered(at(1500)));
    }

    #[test]
    fn silence_is_checked_three_times_before_the_session_counts_as_lost() {
        let mut handshake = Handshake::initiate(at(0));
        handshake.reverse_received(at(0));
        assert_eq!(handshake.liveness(at(4999)), Liveness::Fine);
        assert_eq!(handshake.liveness(at(5000)), Liveness::Check { repeated: false });
        assert_eq!(handshake.liveness(at(6000)), Liveness::Fine);
        assert_eq!(handshake.liveness(at(10_000)), Liveness::Check { repeated: true });
        assert_eq!(handshake.liveness(at(15_000)), Liveness::Check { repeated: true });
        assert_eq!(handshake.liveness(at(20_000)), Liveness::Lost);
        handshake.received(at(20_001));
        assert_eq!(handshake.liveness(at(20_002)), Liveness::Fine);
    }
}
