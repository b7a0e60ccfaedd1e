//! Protection of a whole metadata message in the packet that carries it.
//!
//! A packet's L4 payload is `header ‖ header TLVs ‖ payload TLVs ‖ payload of the session ‖ signature`. The sender lays the
//! clear message out with the room that [`Protection::payload_length`] and [`Protection::trailer_length`] tell, and calls
//! [`protect`]. The receiver gets a [`Verified`] from [`unprotect`], or nothing.

use crate::aead::{AeadKey, TAG_LENGTH, open_in_place, seal_in_place};
use crate::cbc::{BLOCK_LENGTH, CbcKey};
use crate::derive::PeerKeys;
use crate::error::CryptoError;
use crate::hmac::{HmacKey, SIGNATURE_LENGTH};
use crate::nonce::Nonce;
use crate::secret::PayloadSecret;
use crate::time_window::TimeWindow;

/// Bytes of the fixed header: cookie, version and header length, payload length.
const FIXED_HEADER_LENGTH: usize = 12;
const HEADER_LENGTH_MASK: u16 = 0x0fff;

/// How metadata is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// AES-256-GCM over the payload TLVs, with header and header TLVs as additional data. The payload of the session that
    /// follows is not covered.
    Sealed,
    /// All in clear, HMAC-SHA256-128 over all behind the L4 header.
    Signed,
    /// AES-256-CBC payload TLVs and HMAC-SHA256-128 over all behind the L4 header, as other implementations do it.
    Compatibility(HmacTime),
}

/// Whether the time is part of a compatibility signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HmacTime {
    /// The message only.
    Regular,
    /// The message and the number of the two-second window.
    TimeBased,
}

impl Protection {
    /// Bytes of the payload section when its TLVs have `clear` bytes.
    pub const fn payload_length(self, clear: usize) -> usize {
        match self {
            Self::Sealed => clear + TAG_LENGTH,
            Self::Signed => clear,
            Self::Compatibility(_) => CbcKey::encrypted_length(clear) + BLOCK_LENGTH,
        }
    }

    /// Bytes behind the payload of the session.
    pub const fn trailer_length(self) -> usize {
        match self {
            Self::Sealed => 0,
            Self::Signed | Self::Compatibility(_) => SIGNATURE_LENGTH,
        }
    }

    const fn signed_window(self, window: TimeWindow) -> Option<TimeWindow> {
        match self {
            Self::Sealed | Self::Signed | Self::Compatibility(HmacTime::Regular) => None,
            Self::Compatibility(HmacTime::TimeBased) => Some(window),
        }
    }
}

/// Lengths of a clear message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearLengths {
    /// Fixed header and header TLVs.
    pub header: usize,
    /// Payload TLVs.
    pub payload: usize,
}

/// What makes one message different from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Used by `Sealed`; also written into TLV 0x8000 by the caller.
    pub nonce: Nonce,
    /// Used by `Compatibility`: 16 unpredictable bytes.
    pub iv: [u8; BLOCK_LENGTH],
    /// Used by time-based `Compatibility`: the sender's present window.
    pub window: TimeWindow,
}

/// Metadata whose bytes are authentic and in clear. Only [`unprotect`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'p> {
    header: &'p [u8],
    payload: &'p [u8],
    message_length: usize,
    trailer_length: usize,
}

impl<'p> Verified<'p> {
    /// Fixed header and header TLVs, as they came in.
    pub const fn header(&self) -> &'p [u8] {
        self.header
    }

    /// Header TLVs.
    pub fn header_tlvs(&self) -> &'p [u8] {
        self.header.get(FIXED_HEADER_LENGTH..).unwrap_or_default()
    }

    /// Payload TLVs in clear, without tag, padding and vector.
    pub const fn payload_tlvs(&self) -> &'p [u8] {
        self.payload
    }

    /// Bytes of the protected message: the payload of the session begins here.
    pub const fn message_length(&self) -> usize {
        self.message_length
    }

    /// Bytes of the signature behind the payload of the session.
    pub const fn trailer_length(&self) -> usize {
        self.trailer_length
    }
}

/// Protects the clear message at the start of `packet`, which is the whole L4 payload with all room laid out, and writes the
/// payload length into its header. The header length must stand there already.
pub fn protect(
    keys: &PeerKeys,
    protection: Protection,
    stamp: &Stamp,
    packet: &mut [u8],
    clear: ClearLengths,
) -> Result<(), CryptoError> {
    let payload_length = protection.payload_length(clear.payload);
    if packet.len() < clear.header + payload_length + protection.trailer_length() {
        return Err(CryptoError::NoRoom);
    }
    let (header, rest) = packet.split_at_mut_checked(clear.header).ok_or(CryptoError::NoRoom)?;
    write_payload_length(header, payload_length)?;
    let (section, _) = rest.split_at_mut_checked(payload_length).ok_or(CryptoError::NoRoom)?;
    match protection {
        Protection::Sealed => seal(&keys.metadata_aead, stamp.nonce, header, section),
        Protection::Signed => sign(&keys.metadata_hmac, None, packet),
        Protection::Compatibility(_) => {
            encrypt(&keys.metadata_cbc, stamp.iv, section, clear.payload)?;
            sign(&keys.metadata_hmac, protection.signed_window(stamp.window), packet)
        }
    }
}

/// Checks and opens the message at the start of `packet`, which is the whole L4 payload. `nonce` is what TLV 0x8000 says
/// (unused unless `Sealed`), `window` the receiver's present one. When it fails, the packet is to be dropped.
pub fn unprotect<'p>(
    keys: &PeerKeys,
    protection: Protection,
    nonce: Nonce,
    window: TimeWindow,
    packet: &'p mut [u8],
) -> Result<Verified<'p>, CryptoError> {
    let (header_length, payload_length) = read_lengths(packet)?;
    let message_length = header_length + payload_length;
    let trailer_length = protection.trailer_length();
    if packet.len() < message_length + trailer_length {
        return Err(CryptoError::Malformed);
    }
    match protection {
        Protection::Sealed => {}
        Protection::Signed | Protection::Compatibility(_) => {
            verify(&keys.metadata_hmac, protection.signed_window(window), packet)?;
        }
    }
    let (message, _) = packet.split_at_mut_checked(message_length).ok_or(CryptoError::Malformed)?;
    let (header, section) = message.split_at_mut_checked(header_length).ok_or(CryptoError::Malformed)?;
    let payload = match protection {
        Protection::Sealed => open(&keys.metadata_aead, nonce, header, section)?,
        Protection::Signed => section,
        Protection::Compatibility(_) => decrypt(&keys.metadata_cbc, section)?,
    };
    Ok(Verified { header, payload, message_length, trailer_length })
}

/// Bytes of TLV 46 in signed metadata: the payload key's cipher text and its tag.
pub const WRAPPED_KEY_LENGTH: usize = PayloadSecret::LENGTH + TAG_LENGTH;

/// Wraps a payload key for TLV 46 of a `Signed` message, whose own `nonce` serves nothing else.
pub fn wrap_key(
    key: &AeadKey,
    nonce: Nonce,
    key_id: u64,
    secret: &PayloadSecret,
) -> Result<[u8; WRAPPED_KEY_LENGTH], CryptoError> {
    let mut wrapped = [0; WRAPPED_KEY_LENGTH];
    let (data, tag) = wrapped.split_last_chunk_mut().ok_or(CryptoError::NoRoom)?;
    data.copy_from_slice(secret.expose());
    *tag = seal_in_place(key, nonce, &wrap_context(key_id), data)?;
    Ok(wrapped)
}

/// The inverse of [`wrap_key`].
pub fn unwrap_key(
    key: &AeadKey,
    nonce: Nonce,
    key_id: u64,
    wrapped: &[u8],
) -> Result<PayloadSecret, CryptoError> {
    let (data, tag) = wrapped.split_last_chunk::<TAG_LENGTH>().ok_or(CryptoError::Malformed)?;
    let mut data = zeroize::Zeroizing::new(*<&[u8; 32]>::try_from(data).map_err(|_| CryptoError::Malformed)?);
    open_in_place(key, nonce, &wrap_context(key_id), data.as_mut_slice(), tag)?;
    Ok(PayloadSecret::from_bytes(&data))
}

/// Cannot be mistaken for the additional data of a sealed message, which begins with the cookie.
fn wrap_context(key_id: u64) -> [u8; 14] {
    let mut context = *b"tlv 46........";
    let (_, id) = context.split_at_mut(6);
    id.copy_from_slice(&key_id.to_be_bytes());
    context
}

fn seal(key: &AeadKey, nonce: Nonce, header: &[u8], section: &mut [u8]) -> Result<(), CryptoError> {
    let (data, tag) = section.split_last_chunk_mut().ok_or(CryptoError::NoRoom)?;
    *tag = seal_in_place(key, nonce, header, data)?;
    Ok(())
}

fn open<'s>(
    key: &AeadKey,
    nonce: Nonce,
    header: &[u8],
    section: &'s mut [u8],
) -> Result<&'s [u8], CryptoError> {
    let (data, tag) = section.split_last_chunk_mut().ok_or(CryptoError::Malformed)?;
    open_in_place(key, nonce, header, data, tag)?;
    Ok(data)
}

fn encrypt(
    key: &CbcKey,
    iv: [u8; BLOCK_LENGTH],
    section: &mut [u8],
    clear: usize,
) -> Result<(), CryptoError> {
    let (data, vector) = section.split_last_chunk_mut().ok_or(CryptoError::NoRoom)?;
    *vector = iv;
    key.encrypt(iv, data, clear)
}

fn decrypt<'s>(key: &CbcKey, section: &'s mut [u8]) -> Result<&'s [u8], CryptoError> {
    let (data, iv) = section.split_last_chunk_mut().ok_or(CryptoError::Malformed)?;
    Ok(key.decrypt(*iv, data)?)
}

fn sign(key: &HmacKey, window: Option<TimeWindow>, packet: &mut [u8]) -> Result<(), CryptoError> {
    let (message, signature) = packet.split_last_chunk_mut().ok_or(CryptoError::NoRoom)?;
    *signature = key.sign(&[message], window)?;
    Ok(())
}

fn verify(key: &HmacKey, window: Option<TimeWindow>, packet: &[u8]) -> Result<(), CryptoError> {
    let (message, signature) = packet.split_last_chunk().ok_or(CryptoError::Malformed)?;
    key.verify(&[message], window, signature)
}

fn read_lengths(packet: &[u8]) -> Result<(usize, usize), CryptoError> {
    let fixed: &[u8; FIXED_HEADER_LENGTH] = packet.first_chunk().ok_or(CryptoError::Malformed)?;
    let [.., a, b, c, d] = *fixed;
    let header_length = usize::from(u16::from_be_bytes([a, b]) & HEADER_LENGTH_MASK);
    if header_length < FIXED_HEADER_LENGTH {
        return Err(CryptoError::Malformed);
    }
    Ok((header_length, usize::from(u16::from_be_bytes([c, d]))))
}

fn write_payload_length(header: &mut [u8], payload_length: usize) -> Result<(), CryptoError> {
    let (header_length, _) = read_lengths(header)?;
    if header_length != header.len() {
        return Err(CryptoError::Malformed);
    }
    let length = u16::try_from(payload_length).map_err(|_| CryptoError::Malformed)?;
    header.get_mut(10..12).ok_or(CryptoError::Malformed)?.copy_from_slice(&length.to_be_bytes());
    Ok(())
}
