use proptest::prelude::*;

use super::LegSide::{Client, Server};
use super::*;

const IDLE: Duration = Duration::from_secs(1900);

fn syn(seq: u32, ack: Option<u32>) -> TcpSegment {
    TcpSegment { syn: true, seq, ack, ..TcpSegment::default() }
}

fn data(seq: u32, ack: u32, payload_len: u32) -> TcpSegment {
    TcpSegment { seq, ack: Some(ack), payload_len, ..TcpSegment::default() }
}

fn fin(seq: u32, ack: u32) -> TcpSegment {
    TcpSegment { fin: true, ..data(seq, ack, 0) }
}

fn rst(seq: u32, ack: Option<u32>) -> TcpSegment {
    TcpSegment { rst: true, seq, ack, ..TcpSegment::default() }
}

/// After the handshake: the client is at 101, the server at 501.
fn established() -> TcpTracker {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Server, &syn(500, Some(101)));
    let signal = tracker.observe(Client, &data(101, 501, 0));
    assert_eq!(signal, TcpSignal::Entered(TcpPhase::Established));
    tracker
}

fn closed() -> TcpTracker {
    let mut tracker = established();
    assert_eq!(tracker.observe(Client, &fin(101, 501)), TcpSignal::Entered(TcpPhase::Closing));
    assert_eq!(tracker.observe(Server, &fin(501, 102)), TcpSignal::Unchanged);
    assert_eq!(tracker.observe(Client, &data(102, 502, 0)), TcpSignal::Entered(TcpPhase::Closed));
    tracker
}

#[test]
fn tracker_takes_at_most_thirty_two_bytes() {
    assert!(size_of::<TcpTracker>() <= 32);
}

#[test]
fn handshake_goes_from_half_open_over_opening_to_established() {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    assert_eq!((tracker.phase(), tracker.timeout(IDLE)), (TcpPhase::Opening, HALF_OPEN));
    tracker.observe(Server, &syn(500, Some(101)));
    assert_eq!((tracker.phase(), tracker.timeout(IDLE)), (TcpPhase::Opening, OPENING));
    tracker.observe(Client, &data(101, 501, 0));
    assert_eq!((tracker.phase(), tracker.timeout(IDLE)), (TcpPhase::Established, IDLE));
}

#[test]
fn retransmitted_syn_changes_nothing() {
    let mut tracker = TcpTracker::new();
    for _ in 0..3 {
        assert_eq!(tracker.observe(Client, &syn(100, None)), TcpSignal::Unchanged);
    }
    tracker.observe(Server, &syn(500, Some(101)));
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Server, &syn(500, Some(101)));
    assert_eq!(tracker.observe(Client, &data(101, 501, 10)), TcpSignal::Entered(TcpPhase::Established));
}

#[test]
fn client_that_tries_again_with_another_number_starts_over() {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Client, &syn(3_000_000_000, None));
    tracker.observe(Server, &syn(500, Some(3_000_000_001)));
    assert_eq!(
        tracker.observe(Client, &data(3_000_000_001, 501, 0)),
        TcpSignal::Entered(TcpPhase::Established)
    );
}

#[test]
fn challenge_ack_to_a_syn_does_not_establish() {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Server, &data(9_000, 2_000_000_000, 0));
    assert_eq!(tracker.phase(), TcpPhase::Opening);
    // The client resets the older connection and tries again: the server's real numbers are learned.
    assert_eq!(tracker.observe(Client, &rst(2_000_000_000, None)), TcpSignal::ImplausibleReset);
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Server, &syn(3_000_000_000, Some(101)));
    assert_eq!(
        tracker.observe(Client, &data(101, 3_000_000_001, 0)),
        TcpSignal::Entered(TcpPhase::Established)
    );
    assert_eq!(tracker.observe(Server, &rst(3_000_000_001, None)), TcpSignal::Entered(TcpPhase::Closed));
}

#[test]
fn server_that_answers_again_with_another_number_is_believed() {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Server, &syn(500, Some(101)));
    tracker.observe(Server, &syn(2_500_000_000, Some(101)));
    assert_eq!(
        tracker.observe(Client, &data(101, 2_500_000_001, 0)),
        TcpSignal::Entered(TcpPhase::Established)
    );
}

#[test]
fn simultaneous_open_is_established_when_both_syns_are_acknowledged() {
    // RFC 9293 3.5, figure 7.
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    tracker.observe(Server, &syn(300, None));
    tracker.observe(Client, &syn(100, Some(301)));
    assert_eq!(tracker.phase(), TcpPhase::Opening);
    assert_eq!(tracker.observe(Server, &syn(300, Some(101))), TcpSignal::Entered(TcpPhase::Established));
}

#[test]
fn connection_with_payload_in_the_syn_is_established_whatever_is_acknowledged() {
    // RFC 7413: the server may acknowledge the SYN alone.
    for ack in [101, 601] {
        let mut tracker = TcpTracker::new();
        tracker.observe(Client, &TcpSegment { payload_len: 500, ..syn(100, None) });
        tracker.observe(Server, &syn(500, Some(ack)));
        tracker.observe(Client, &data(ack, 501, 0));
        assert_eq!(tracker.phase(), TcpPhase::Established);
    }
}

#[test]
fn connection_is_closed_when_both_fins_are_acknowledged() {
    let tracker = closed();
    assert_eq!(tracker.timeout(IDLE), CLOSED);
    let mut half = established();
    half.observe(Client, &fin(101, 501));
    half.observe(Server, &data(501, 102, 100));
    assert_eq!((half.phase(), half.timeout(IDLE)), (TcpPhase::Closing, CLOSING), "the server may still send");
}

#[test]
fn simultaneous_close_needs_both_acknowledgements() {
    let mut tracker = established();
    tracker.observe(Client, &fin(101, 501));
    tracker.observe(Server, &fin(501, 101));
    tracker.observe(Client, &data(102, 502, 0));
    assert_eq!(tracker.phase(), TcpPhase::Closing);
    assert_eq!(tracker.observe(Server, &data(502, 102, 0)), TcpSignal::Entered(TcpPhase::Closed));
}

#[test]
fn retransmitted_fin_and_its_acknowledgement_change_nothing() {
    let mut tracker = closed();
    assert_eq!(tracker.observe(Server, &fin(501, 102)), TcpSignal::Unchanged);
    assert_eq!(tracker.observe(Client, &data(102, 502, 0)), TcpSignal::Unchanged);
    assert_eq!(tracker.phase(), TcpPhase::Closed);
}

#[test]
fn syn_after_the_end_is_a_new_conversation() {
    assert_eq!(closed().observe(Client, &syn(70_000, None)), TcpSignal::NewConversation);
    let mut both_fins = established();
    both_fins.observe(Client, &fin(101, 501));
    both_fins.observe(Server, &fin(501, 101));
    assert_eq!(both_fins.observe(Client, &syn(70_000, None)), TcpSignal::NewConversation);
    let mut reset = established();
    reset.observe(Server, &rst(501, None));
    assert_eq!(reset.observe(Client, &syn(70_000, None)), TcpSignal::NewConversation);
}

#[test]
fn syn_inside_a_live_connection_is_not_believed() {
    // RFC 5961 section 4: the server answers with a challenge ACK, and only the client's reset ends the old connection.
    let mut tracker = established();
    assert_eq!(tracker.observe(Client, &syn(70_000, None)), TcpSignal::Unchanged);
    assert_eq!(tracker.observe(Server, &data(501, 101, 0)), TcpSignal::Unchanged);
    assert_eq!(tracker.observe(Client, &rst(101, None)), TcpSignal::Entered(TcpPhase::Closed));
    assert_eq!(tracker.observe(Client, &syn(70_000, None)), TcpSignal::NewConversation);
}

#[test]
fn reset_is_believed_only_inside_the_window() {
    for seq in [500, 501 + 70_000 + 65_536, 0x8000_0000] {
        let mut tracker = established();
        tracker.observe(Server, &data(501, 101, 70_000));
        assert_eq!(tracker.observe(Server, &rst(seq, None)), TcpSignal::ImplausibleReset, "{seq}");
        assert_eq!(tracker.phase(), TcpPhase::Established);
    }
    for seq in [501, 501 + 70_000, 501 + 70_000 + 60_000] {
        let mut tracker = established();
        tracker.observe(Server, &data(501, 101, 70_000));
        assert_eq!(tracker.observe(Server, &rst(seq, None)), TcpSignal::Entered(TcpPhase::Closed), "{seq}");
    }
}

#[test]
fn refused_connection_is_closed_by_a_reset_that_acknowledges_the_syn() {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    assert_eq!(tracker.observe(Server, &rst(0, Some(99_999))), TcpSignal::ImplausibleReset);
    assert_eq!(tracker.observe(Server, &rst(0, None)), TcpSignal::ImplausibleReset);
    assert_eq!(tracker.observe(Server, &rst(0, Some(101))), TcpSignal::Entered(TcpPhase::Closed));
}

#[test]
fn client_may_abort_its_own_handshake() {
    let mut tracker = TcpTracker::new();
    tracker.observe(Client, &syn(100, None));
    assert_eq!(tracker.observe(Client, &rst(101, None)), TcpSignal::Entered(TcpPhase::Closed));
}

#[test]
fn connection_whose_sender_goes_on_after_a_forged_reset_lives() {
    let mut tracker = established();
    tracker.observe(Server, &rst(600, None));
    assert_eq!(tracker.phase(), TcpPhase::Closed);
    // Data sent before the reset and overtaken by it proves nothing.
    assert_eq!(tracker.observe(Server, &data(501, 101, 99)), TcpSignal::Unchanged);
    assert_eq!(tracker.observe(Server, &data(501, 101, 200)), TcpSignal::Entered(TcpPhase::Established));
}

#[test]
fn fin_outside_the_window_is_not_believed() {
    let mut tracker = established();
    assert_eq!(tracker.observe(Client, &fin(1_000_000, 501)), TcpSignal::Unchanged);
    assert_eq!(tracker.phase(), TcpPhase::Established);
}

#[test]
fn recovered_connection_is_established_and_learns_from_what_it_sees() {
    let mut tracker = TcpTracker::mid_stream();
    assert_eq!(tracker.timeout(IDLE), IDLE);
    tracker.observe(Client, &data(5_000, 9_000, 10));
    tracker.observe(Server, &data(9_000, 5_010, 10));
    assert_eq!(tracker.observe(Server, &rst(77, None)), TcpSignal::ImplausibleReset);
    assert_eq!(tracker.observe(Client, &fin(5_010, 9_010)), TcpSignal::Entered(TcpPhase::Closing));
    assert_eq!(tracker.observe(Server, &fin(9_010, 5_011)), TcpSignal::Unchanged);
    assert_eq!(tracker.observe(Client, &data(5_011, 9_011, 0)), TcpSignal::Entered(TcpPhase::Closed));
}

fn segments() -> impl Strategy<Value = Vec<(bool, TcpSegment)>> {
    let number = prop_oneof![0u32..300, any::<u32>()];
    let segment =
        (any::<[bool; 5]>(), number.clone(), number, 0u32..200).prop_map(|(bits, seq, ack, len)| {
            let [from_client, is_syn, is_fin, is_rst, has_ack] = bits;
            let segment = TcpSegment {
                syn: is_syn,
                fin: is_fin,
                rst: is_rst && is_fin,
                seq,
                ack: has_ack.then_some(ack),
                payload_len: len,
            };
            (from_client, segment)
        });
    prop::collection::vec(segment, 0..60)
}

proptest! {
    #[test]
    fn initial_sequence_numbers_do_not_matter(segments in segments(), client_offset: u32, server_offset: u32) {
        // Wrap-around included: the same exchange elsewhere in the sequence space goes through the same phases.
        let mut plain = TcpTracker::new();
        let mut shifted = TcpTracker::new();
        for (from_client, segment) in segments {
            let (own, other) = if from_client { (client_offset, server_offset) } else { (server_offset, client_offset) };
            let moved = TcpSegment {
                seq: segment.seq.wrapping_add(own),
                ack: segment.ack.map(|ack| ack.wrapping_add(other)),
                ..segment
            };
            let from = if from_client { Client } else { Server };
            prop_assert_eq!(plain.observe(from, &segment), shifted.observe(from, &moved));
            prop_assert_eq!(plain.timeout(IDLE), shifted.timeout(IDLE));
        }
    }

    #[test]
    fn transfer_of_any_length_with_repeated_segments_ends_closed(
        lengths in prop::collection::vec((any::<bool>(), 0u32..60_000, 1usize..3), 0..100),
        client_isn: u32,
        server_isn: u32,
    ) {
        let mut tracker = TcpTracker::new();
        let (mut client, mut server) = (client_isn.wrapping_add(1), server_isn.wrapping_add(1));
        tracker.observe(Client, &syn(client_isn, None));
        tracker.observe(Server, &syn(server_isn, Some(client)));
        tracker.observe(Client, &data(client, server, 0));
        for (from_client, len, times) in lengths {
            for _ in 0..times {
                let (from, segment) =
                    if from_client { (Client, data(client, server, len)) } else { (Server, data(server, client, len)) };
                tracker.observe(from, &segment);
            }
            let sender = if from_client { &mut client } else { &mut server };
            *sender = sender.wrapping_add(len);
            prop_assert_eq!(tracker.phase(), TcpPhase::Established);
        }
        tracker.observe(Server, &fin(server, client));
        tracker.observe(Client, &fin(client, server.wrapping_add(1)));
        prop_assert_eq!(tracker.phase(), TcpPhase::Closing);
        tracker.observe(Server, &data(server.wrapping_add(1), client.wrapping_add(1), 0));
        prop_assert_eq!(tracker.phase(), TcpPhase::Closed);
    }
}
