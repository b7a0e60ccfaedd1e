//! Why bytes could not be protected or opened.

/// Why a packet could not be protected or opened; it is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// Tag, signature or padding do not belong to these bytes and this key. Deliberately not told apart.
    #[error("authentication failed")]
    Authentication,
    /// A length contradicts the packet that holds it.
    #[error("lengths contradict each other")]
    Malformed,
    /// The buffer has no room for what protection adds.
    #[error("no room for protection")]
    NoRoom,
    /// The cryptographic library refused a well-formed request.
    #[error("cryptographic library failed")]
    Library,
}
