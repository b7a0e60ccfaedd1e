use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn piece(offset: usize, content: &[u8], is_last: bool) -> Piece<'_> {
    Piece { header: if offset == 0 { b"head" } else { b"other" }, offset, is_last, content }
}

struct Bench {
    reassembler: Reassembler<u32>,
    out: Packet,
}

impl Bench {
    fn new(limits: ReassemblyLimits) -> Self {
        Self { reassembler: Reassembler::new(limits), out: Packet::allocate() }
    }

    fn insert(&mut self, key: u32, piece: &Piece<'_>) -> Result<Option<Reassembled>, ReassemblyError> {
        self.reassembler.insert(key, piece, at(0), &mut self.out)
    }
}

#[test]
fn pieces_in_any_order_become_the_whole_packet() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    assert_eq!(bench.insert(1, &piece(24, b"end", true)), Ok(None));
    assert_eq!(bench.insert(1, &piece(0, b"01234567", false)), Ok(None));
    let done = bench.insert(1, &piece(8, b"89abcdefghijklmn", false));
    assert_eq!(done, Ok(Some(Reassembled { header_len: 4, largest_piece: 16 })));
    assert_eq!(bench.out.bytes(), b"head0123456789abcdefghijklmnend");
    assert!(bench.reassembler.is_empty());
    assert_eq!(bench.reassembler.memory, 0);
}

#[test]
fn packets_with_different_keys_do_not_mix() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    bench.insert(1, &piece(0, b"aaaaaaaa", false)).unwrap();
    bench.insert(2, &piece(0, b"bbbbbbbb", false)).unwrap();
    assert!(bench.insert(2, &piece(8, b"B", true)).unwrap().is_some());
    assert_eq!(bench.out.bytes(), b"headbbbbbbbbB");
    assert!(bench.insert(1, &piece(8, b"A", true)).unwrap().is_some());
    assert_eq!(bench.out.bytes(), b"headaaaaaaaaA");
}

#[test]
fn exact_duplicate_is_ignored() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    bench.insert(1, &piece(0, b"aaaaaaaa", false)).unwrap();
    assert_eq!(bench.insert(1, &piece(0, b"aaaaaaaa", false)), Ok(None));
    assert!(bench.insert(1, &piece(8, b"A", true)).unwrap().is_some());
}

#[test]
fn teardrop_overlap_refuses_the_whole_packet_for_its_whole_time() {
    // The second fragment lies inside the first, and ends before it.
    let mut bench = Bench::new(ReassemblyLimits::IP);
    bench.insert(1, &piece(0, &[1; 32], false)).unwrap();
    assert_eq!(bench.insert(1, &piece(24, &[2; 4], true)), Err(ReassemblyError::TooLong));
    assert_eq!(bench.insert(1, &piece(32, &[2; 4], true)), Err(ReassemblyError::RefusedBefore));
    assert_eq!(bench.insert(1, &piece(0, &[1; 32], false)), Err(ReassemblyError::RefusedBefore));
    assert_eq!(bench.reassembler.memory, 0);
    let later = bench.reassembler.insert(1, &piece(0, &[1; 32], false), at(5_000), &mut bench.out);
    assert_eq!(later, Ok(None), "the identification is used again");
}

#[test]
fn partial_overlap_from_either_side_is_refused() {
    for (offset, len) in [(0, 16), (8, 24), (16, 8), (16, 16), (8, 8)] {
        let mut bench = Bench::new(ReassemblyLimits::IP);
        bench.insert(1, &piece(8, &[1; 16], false)).unwrap();
        assert_eq!(
            bench.insert(1, &piece(offset, &vec![2; len], false)),
            Err(ReassemblyError::Overlap),
            "{offset}"
        );
    }
}

#[test]
fn ping_of_death_beyond_the_largest_packet_is_refused() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    assert_eq!(bench.insert(1, &piece(65_528, &[0; 1000], true)), Err(ReassemblyError::TooLong));
    assert_eq!(bench.insert(2, &piece(usize::MAX, &[0; 8], true)), Err(ReassemblyError::TooLong));
    // The content alone would fit, but not behind the header.
    bench.insert(3, &piece(0, &[0; 8], false)).unwrap();
    assert_eq!(bench.insert(3, &piece(65_528, &[0; 7], true)), Err(ReassemblyError::TooLong));
    bench.insert(4, &piece(65_528, &[0; 7], true)).unwrap();
    assert_eq!(bench.insert(4, &piece(0, &vec![0; 65_528], false)), Err(ReassemblyError::TooLong));
}

#[test]
fn two_different_ends_are_refused() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    bench.insert(1, &piece(16, b"end", true)).unwrap();
    assert_eq!(bench.insert(1, &piece(8, b"end", true)), Err(ReassemblyError::TooLong));
    bench.insert(2, &piece(16, b"end", true)).unwrap();
    assert_eq!(bench.insert(2, &piece(24, b"beyond!!", false)), Err(ReassemblyError::TooLong));
}

#[test]
fn tiny_or_empty_pieces_in_the_middle_are_refused() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    assert_eq!(bench.insert(1, &piece(0, b"1234567", false)), Err(ReassemblyError::Misaligned));
    assert_eq!(bench.insert(2, &piece(8, b"", true)), Err(ReassemblyError::Empty));
    let mut between_routers = Bench::new(ReassemblyLimits::SVR);
    assert_eq!(between_routers.insert(1, &piece(0, b"1234567", false)), Ok(None));
}

#[test]
fn packet_in_too_many_pieces_is_refused() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    for n in 0..64 {
        assert_eq!(bench.insert(1, &piece(n * 8, &[0; 8], false)), Ok(None));
    }
    assert_eq!(bench.insert(1, &piece(512, &[0; 8], true)), Err(ReassemblyError::TooManyPieces));
}

#[test]
fn packet_in_one_piece_does_not_touch_others_of_its_key() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    bench.insert(1, &piece(8, b"waiting", true)).unwrap();
    assert!(bench.insert(1, &piece(0, b"atom", true)).unwrap().is_some());
    assert_eq!((bench.out.bytes(), bench.reassembler.len()), (&b"headatom"[..], 1));
}

#[test]
fn incomplete_packet_is_given_up_after_its_time() {
    let mut bench = Bench::new(ReassemblyLimits::SVR);
    bench.insert(1, &piece(0, b"a", false)).unwrap();
    bench.reassembler.insert(2, &piece(0, b"b", false), at(500), &mut bench.out).unwrap();
    assert_eq!(bench.reassembler.next_deadline(), Some(at(1_000)));
    assert_eq!(bench.reassembler.expire(at(999)), 0);
    assert_eq!(bench.reassembler.expire(at(1_000)), 1);
    assert_eq!(bench.reassembler.next_deadline(), Some(at(1_500)));
    // The late rest begins a packet that never completes.
    assert_eq!(bench.reassembler.insert(1, &piece(1, b"b", true), at(1_001), &mut bench.out), Ok(None));
    assert_eq!(bench.reassembler.expire(at(9_999)), 2);
    assert_eq!((bench.reassembler.memory, bench.reassembler.len()), (0, 0));
}

#[test]
fn flood_of_first_pieces_makes_the_oldest_give_way() {
    let mut bench = Bench::new(ReassemblyLimits::IP);
    for key in 0..1_000 {
        bench.insert(key, &piece(0, &[0; 1400], false)).unwrap();
        assert!(bench.reassembler.len() <= 64);
    }
    assert_eq!(bench.reassembler.evicted(), 1_000 - 64);
    assert!(bench.insert(999, &piece(1400, b"rest", true)).unwrap().is_some(), "the latest is still there");
}

#[test]
fn memory_stays_within_its_bound() {
    let limits = ReassemblyLimits { memory: 100_000, ..ReassemblyLimits::IP };
    let mut bench = Bench::new(limits);
    for key in 0..200 {
        bench.insert(key, &piece(0, &[0; 8000], false)).unwrap();
        bench.insert(key, &piece(8000, &[0; 8000], false)).unwrap();
        assert!(bench.reassembler.memory <= limits.memory);
    }
    let mut tiny = Bench::new(ReassemblyLimits { memory: 1_000, ..ReassemblyLimits::IP });
    assert_eq!(tiny.insert(1, &piece(0, &[0; 8000], false)), Err(ReassemblyError::NoSpace));
}

#[derive(Clone, Debug)]
struct Cut {
    content: Vec<u8>,
    /// Piece boundaries in units of 8 bytes.
    cuts: Vec<usize>,
    order: Vec<usize>,
}

fn cut() -> impl Strategy<Value = Cut> {
    (prop::collection::vec(any::<u8>(), 9..2_000), prop::collection::btree_set(1usize..249, 0..20))
        .prop_flat_map(|(content, cuts)| {
            let cuts: Vec<_> =
                cuts.into_iter().map(|cut| cut * 8).filter(|cut| *cut < content.len()).collect();
            let order = Just((0..=cuts.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(content), Just(cuts), order).prop_map(|(content, cuts, order)| Cut { content, cuts, order })
        })
}

proptest! {
    #[test]
    fn any_cut_in_any_order_with_duplicates_gives_the_packet_back(cut in cut(), doubled: bool) {
        let mut bench = Bench::new(ReassemblyLimits::IP);
        let mut bounds = vec![0];
        bounds.extend(&cut.cuts);
        bounds.push(cut.content.len());
        let mut completed = 0;
        for (n, &i) in cut.order.iter().enumerate() {
            let part = piece(bounds[i], &cut.content[bounds[i]..bounds[i + 1]], i + 2 == bounds.len());
            for _ in 0..=usize::from(doubled && n + 1 < cut.order.len()) {
                completed += usize::from(bench.insert(1, &part).unwrap().is_some());
            }
        }
        prop_assert_eq!(completed, 1);
        prop_assert_eq!(&bench.out.bytes()[4..], &cut.content[..]);
        prop_assert_eq!(bench.reassembler.memory, 0);
    }

    #[test]
    fn no_sequence_of_pieces_breaks_the_bounds(
        pieces in prop::collection::vec((0u32..6, 0usize..9_000, 0usize..3_000, any::<bool>(), 0u64..2_000), 0..200),
    ) {
        let limits = ReassemblyLimits { packets: 4, pieces: 8, memory: 20_000, ..ReassemblyLimits::IP };
        let mut bench = Bench::new(limits);
        let mut now = 0;
        for (key, offset, len, is_last, wait) in pieces {
            now += wait;
            let content = vec![key as u8; len];
            let part = piece(offset * 8, &content, is_last);
            if let Ok(Some(_)) = bench.reassembler.insert(key, &part, at(now), &mut bench.out) {
                prop_assert!(bench.out.bytes()[4..].iter().all(|byte| *byte == key as u8), "every byte was received");
            }
            let held: usize = bench.reassembler.packets.iter().map(Incomplete::memory).sum();
            prop_assert_eq!(held, bench.reassembler.memory);
            prop_assert!(held <= limits.memory && bench.reassembler.len() <= 4);
        }
    }
}
