//! Where a TCP connection stands, as seen from its middle: only to know how long its session is to be kept.
//!
//! States follow RFC 9293 3.3.2 as far as a middlebox can see them, and RFC 5382 REQ-5 in that a partially open and a closing
//! connection get a shorter time than an established one (the times themselves are shorter than RFC 5382's; an adaptive
//! one is the session's own). Nothing is dropped here: a segment that does not fit is only not believed.

use core::time::Duration;

use super::index::LegSide;

#[cfg(test)]
mod tests;

/// A SYN that nobody has answered.
const HALF_OPEN: Duration = Duration::from_secs(10);
/// A handshake under way.
const OPENING: Duration = Duration::from_secs(30);
/// At least one side has sent its FIN.
const CLOSING: Duration = Duration::from_mins(2);
/// Both sides are done: long enough for a retransmitted FIN to find the session.
const CLOSED: Duration = Duration::from_secs(10);
/// How far a reset, a FIN or an ACK may be ahead of what was seen, because segments were lost before they came here:
/// an unscaled window. Blind attackers must hit this stretch of the sequence space (RFC 5961 section 3).
const SLACK: i32 = 65_535;
/// The same for data, which moves what is believed only forward: 16 MiB in flight.
const DATA_SLACK: i32 = 1 << 24;

/// What the tracker needs of a segment. A superpacket counts as one.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpSegment {
    /// SYN flag.
    pub syn: bool,
    /// FIN flag.
    pub fin: bool,
    /// RST flag.
    pub rst: bool,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number, when the ACK flag is set.
    pub ack: Option<u32>,
    /// Bytes of payload.
    pub payload_len: u32,
}

/// Phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpPhase {
    /// From the first SYN until both SYNs are acknowledged.
    Opening,
    /// Data may flow both ways.
    Established,
    /// One side has sent its FIN.
    Closing,
    /// Both FINs are acknowledged, or the connection was reset.
    Closed,
}

/// What a segment meant for its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpSignal {
    /// The phase is as before.
    Unchanged,
    /// The phase has changed to this one.
    Entered(TcpPhase),
    /// The same tuple opens another connection; this one is over. The tracker is unchanged: start a new session.
    NewConversation,
    /// A reset whose sequence number its receiver would not accept. The connection lives.
    ImplausibleReset,
}

/// Numbers of a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetNumbers {
    /// Of a connection: the sequence number its receiver expects.
    At(u32),
    /// Of an attempt: the acknowledgement number of its SYN.
    Refusing(u32),
}

const SEEN: u8 = 1;
const SYN: u8 = 1 << 1;
const SYN_ACKED: u8 = 1 << 2;
const FIN: u8 = 1 << 3;
const FIN_ACKED: u8 = 1 << 4;
const HAS_ACK: u8 = 1 << 5;
const RESET: u8 = 1 << 6;

/// What one side has sent.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    /// The sequence number after everything seen, SYN and FIN included.
    end: u32,
    /// The highest acknowledgement number: what this side expects next.
    ack: u32,
    flags: u8,
}

impl Sent {
    const fn is(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// State of one connection in 28 bytes.
#[derive(Clone, Copy, Debug)]
pub struct TcpTracker {
    client: Sent,
    server: Sent,
    phase: TcpPhase,
}

impl Default for TcpTracker {
    fn default() -> Self {
        Self::new()
    }
}

impl TcpTracker {
    /// A connection whose first SYN is to come.
    pub const fn new() -> Self {
        let silent = Sent { end: 0, ack: 0, flags: 0 };
        Self { client: silent, server: silent, phase: TcpPhase::Opening }
    }

    /// A connection whose beginning was not seen: of a recovered session.
    pub const fn mid_stream() -> Self {
        Self { phase: TcpPhase::Established, ..Self::new() }
    }

    /// Where the connection stands.
    pub const fn phase(&self) -> TcpPhase {
        self.phase
    }

    /// Whether either side has reset it.
    pub const fn was_reset(&self) -> bool {
        self.client.is(RESET) || self.server.is(RESET)
    }

    /// The numbers of a reset that the given side accepts (RFC 9293 section 3.10.7); `None` when it has sent nothing.
    pub const fn reset_for(&self, side: LegSide) -> Option<ResetNumbers> {
        let sent = match side {
            LegSide::Client => self.client,
            LegSide::Server => self.server,
        };
        if sent.is(HAS_ACK) {
            Some(ResetNumbers::At(sent.ack))
        } else if sent.is(SEEN) {
            Some(ResetNumbers::Refusing(sent.end))
        } else {
            None
        }
    }

    /// How long the session is kept without a packet; `established` is the time of an established connection.
    pub fn timeout(&self, established: Duration) -> Duration {
        match self.phase {
            TcpPhase::Opening if self.client.is(SEEN) && self.server.is(SEEN) => OPENING,
            TcpPhase::Opening => HALF_OPEN,
            TcpPhase::Established => established,
            TcpPhase::Closing => CLOSING,
            TcpPhase::Closed => CLOSED,
        }
    }

    /// Takes note of a segment that came in by the given leg.
    pub fn observe(&mut self, from: LegSide, segment: &TcpSegment) -> TcpSignal {
        if segment.rst {
            return self.observe_reset(from, segment);
        }
        if segment.syn && segment.ack.is_none() && self.is_over() {
            // RFC 9293 3.10.7.4: in TIME-WAIT a new SYN may open a new connection from the same tuple.
            return TcpSignal::NewConversation;
        }
        let before = self.phase;
        let (sender, receiver) = self.sides(from);
        if let Some(ack) = segment.ack {
            note_ack(sender, receiver, ack);
        }
        if segment.syn {
            note_syn(sender, segment, before);
        } else {
            note_data(sender, receiver, segment);
        }
        self.phase = self.next_phase(from, segment);
        if self.phase == before { TcpSignal::Unchanged } else { TcpSignal::Entered(self.phase) }
    }

    /// Whether nothing of this connection is still to come but retransmissions.
    const fn is_over(&self) -> bool {
        matches!(self.phase, TcpPhase::Closed) || self.client.is(FIN) && self.server.is(FIN)
    }

    fn observe_reset(&mut self, from: LegSide, segment: &TcpSegment) -> TcpSignal {
        let (sender, receiver) = self.sides(from);
        if !is_plausible_reset(*sender, *receiver, segment) {
            return TcpSignal::ImplausibleReset;
        }
        sender.flags |= RESET;
        sender.end = segment.seq;
        if self.phase == TcpPhase::Closed {
            return TcpSignal::Unchanged;
        }
        self.phase = TcpPhase::Closed;
        TcpSignal::Entered(TcpPhase::Closed)
    }

    fn next_phase(&mut self, from: LegSide, segment: &TcpSegment) -> TcpPhase {
        let (client, server) = (self.client, self.server);
        match self.phase {
            // A reset inside the window is answered with a challenge ACK (RFC 5961 3.2): the sender of a reset who goes on with new
            // data was never reset itself.
            TcpPhase::Closed => {
                let (sender, _) = self.sides(from);
                let goes_on = sender.is(RESET) && segment.payload_len > 0 && segment.ack.is_some();
                if goes_on && is_after(segment.seq.wrapping_add(segment.payload_len), sender.end) {
                    sender.flags &= !RESET;
                    return TcpPhase::Established;
                }
                TcpPhase::Closed
            }
            TcpPhase::Opening | TcpPhase::Established | TcpPhase::Closing => {
                let is_fin_done = |side: Sent| side.is(FIN) && side.is(FIN_ACKED);
                let is_syn_done = |side: Sent| side.is(SEEN) && (!side.is(SYN) || side.is(SYN_ACKED));
                if is_fin_done(client) && is_fin_done(server) {
                    TcpPhase::Closed
                } else if client.is(FIN) || server.is(FIN) {
                    TcpPhase::Closing
                } else if self.phase == TcpPhase::Opening && is_syn_done(client) && is_syn_done(server) {
                    TcpPhase::Established
                } else {
                    self.phase
                }
            }
        }
    }

    const fn sides(&mut self, from: LegSide) -> (&mut Sent, &mut Sent) {
        match from {
            LegSide::Client => (&mut self.client, &mut self.server),
            LegSide::Server => (&mut self.server, &mut self.client),
        }
    }
}

fn note_ack(sender: &mut Sent, receiver: &mut Sent, ack: u32) {
    if receiver.is(SEEN) {
        let ahead = distance(ack, receiver.end);
        if ahead > SLACK {
            return;
        }
        // A challenge ACK to a SYN carries a number of an older connection.
        if receiver.is(SYN) && ahead >= -SLACK {
            receiver.flags |= SYN_ACKED;
        }
        if receiver.is(FIN) && ahead >= 0 {
            receiver.flags |= FIN_ACKED;
        }
    }
    if !sender.is(HAS_ACK) || is_after(ack, sender.ack) {
        sender.ack = ack;
        sender.flags |= HAS_ACK;
    }
}

fn note_syn(sender: &mut Sent, segment: &TcpSegment, phase: TcpPhase) {
    // Until it is acknowledged a SYN may be sent again with another number.
    if phase == TcpPhase::Opening && !sender.is(SYN_ACKED) {
        sender.end = segment.seq.wrapping_add(segment.payload_len).wrapping_add(1);
        sender.flags |= SEEN | SYN;
    }
}

fn note_data(sender: &mut Sent, receiver: &Sent, segment: &TcpSegment) {
    if sender.is(FIN) || sender.is(RESET) {
        return;
    }
    // RFC 9293 3.10.7.3: what answers a SYN without being a SYN is of an older connection.
    if receiver.is(SYN) && !receiver.is(SYN_ACKED) && !sender.is(SEEN) {
        return;
    }
    let end = segment.seq.wrapping_add(segment.payload_len);
    let is_known = sender.is(SEEN);
    if segment.fin && is_in_window(*sender, *receiver, segment.seq) {
        sender.end = end.wrapping_add(1);
        sender.flags |= SEEN | FIN;
    } else if !is_known || (0..=DATA_SLACK).contains(&distance(end, sender.end)) {
        sender.end = end;
        sender.flags |= SEEN;
    }
}

/// RFC 9293 3.10.7.3 (a SYN was sent: the reset must acknowledge it) and 3.5.3 (else: it must be in the window), RFC 5961 3.2.
fn is_plausible_reset(sender: Sent, receiver: Sent, segment: &TcpSegment) -> bool {
    if receiver.is(HAS_ACK) {
        return is_in_window(sender, receiver, segment.seq);
    }
    if receiver.is(SYN) && !sender.is(SEEN) {
        return segment.ack.is_some_and(|ack| (-SLACK..=0).contains(&distance(ack, receiver.end)));
    }
    is_in_window(sender, receiver, segment.seq)
}

/// Whether a segment that starts at `seq` is one its receiver can accept, by what is known of both.
fn is_in_window(sender: Sent, receiver: Sent, seq: u32) -> bool {
    let after_sent = distance(seq, sender.end);
    let after_acked = distance(seq, receiver.ack);
    match (receiver.is(HAS_ACK), sender.is(SEEN)) {
        (true, true) => after_acked >= 0 && after_acked.min(after_sent) <= SLACK,
        (true, false) => (0..=SLACK).contains(&after_acked),
        (false, true) => (-SLACK..=SLACK).contains(&after_sent),
        (false, false) => true,
    }
}

const fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

const fn is_after(a: u32, b: u32) -> bool {
    distance(a, b) > 0
}
