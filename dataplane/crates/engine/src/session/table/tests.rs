use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn full_table_gives_the_session_back() {
    let mut table = SessionTable::new(2);
    assert!(table.insert("a").is_ok());
    assert!(table.insert("b").is_ok());
    assert_eq!(table.insert("c"), Err("c"));
    assert_eq!((table.len(), table.is_full()), (2, true));
}

#[test]
fn handle_of_a_removed_session_finds_nothing_after_its_slot_is_used_again() {
    let mut table = SessionTable::new(1);
    let old = table.insert(1).unwrap();
    assert_eq!(table.remove(old), Some(1));
    let new = table.insert(2).unwrap();
    assert_eq!(old.index(), new.index());
    assert_eq!((table.get(old), table.get(new)), (None, Some(&2)));
    assert_eq!(table.remove(old), None);
    assert_eq!(table.len(), 1);
}

#[test]
fn generation_wraps_without_becoming_zero() {
    let mut table = SessionTable::new(1);
    let first = table.insert(()).unwrap();
    table.chunks[0][0].generation = NonZeroU32::MAX;
    let last = SessionId { generation: NonZeroU32::MAX, ..first };
    assert_eq!(table.remove(last), Some(()));
    assert_eq!(table.insert(()).unwrap().generation(), 1);
}

#[test]
fn sessions_stay_in_place_while_the_table_grows() {
    let mut table = SessionTable::new(10_000);
    let first = table.insert([0u8; 64]).unwrap();
    let before = core::ptr::from_ref(table.get(first).unwrap());
    while table.insert([1; 64]).is_ok() {}
    assert_eq!(table.len(), 10_000);
    assert!(core::ptr::eq(before, table.get(first).unwrap()));
}

#[test]
fn lowered_maximum_keeps_the_sessions_there_are() {
    let mut table = SessionTable::new(3);
    let ids: Vec<_> = (0..3).map(|n| table.insert(n).unwrap()).collect();
    table.set_capacity(1);
    assert!(ids.iter().all(|&id| table.get(id).is_some()));
    table.remove(ids[0]);
    assert_eq!(table.insert(9), Err(9));
    table.remove(ids[1]);
    table.remove(ids[2]);
    assert!(table.insert(9).is_ok());
}

#[test]
fn optional_handle_costs_no_more_than_a_handle() {
    assert_eq!(size_of::<Option<SessionId>>(), 8);
    assert_eq!(size_of::<Slot<core::num::NonZeroU64>>(), 16, "8 bytes beside the session");
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u16),
    Remove(usize),
    Change(usize, u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<u16>().prop_map(Step::Insert),
        2 => any::<usize>().prop_map(Step::Remove),
        1 => (any::<usize>(), any::<u16>()).prop_map(|(i, v)| Step::Change(i, v)),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn table_behaves_like_a_map_of_handles(steps in steps(), capacity in 1u32..40) {
        let mut table = SessionTable::new(capacity);
        let mut model = BTreeMap::new();
        let mut handed_out = Vec::new();
        for step in steps {
            match step {
                Step::Insert(value) => match table.insert(value) {
                    Ok(id) => {
                        prop_assert!(model.insert(id, value).is_none(), "a handle is never given twice");
                        handed_out.push(id);
                    }
                    Err(back) => prop_assert_eq!((back, model.len() as u32), (value, capacity)),
                },
                Step::Remove(i) if !handed_out.is_empty() => {
                    let id = handed_out[i % handed_out.len()];
                    prop_assert_eq!(table.remove(id), model.remove(&id));
                }
                Step::Change(i, value) if !handed_out.is_empty() => {
                    let id = handed_out[i % handed_out.len()];
                    prop_assert_eq!(table.get_mut(id).is_some(), model.contains_key(&id));
                    if let (Some(a), Some(b)) = (table.get_mut(id), model.get_mut(&id)) {
                        *a = value;
                        *b = value;
                    }
                }
                Step::Remove(_) | Step::Change(..) => {}
            }
            prop_assert_eq!(table.len() as usize, model.len());
        }
        let mut seen: Vec<_> = table.iter().map(|(id, &value)| (id, value)).collect();
        prop_assert!(seen.is_sorted_by_key(|(id, _)| id.index()));
        seen.sort_unstable();
        prop_assert_eq!(seen, model.into_iter().collect::<Vec<_>>());
        let walked = (0..table.end()).filter_map(|i| table.id_at(i)).count();
        prop_assert_eq!(walked, table.len() as usize);
    }
}
