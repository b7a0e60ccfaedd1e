//! One view of a node out of those of its workers.

use crate::proto::{Counters, DropCount, Dump, PathReport, ServiceCount, TargetCount};

/// Adds the counts of one worker to those of the node. `boot_id`, `workers` and `max_sessions` are the node's: left alone.
pub fn add_counters(sum: &mut Counters, worker: Counters) {
    sum.sessions += worker.sessions;
    sum.sessions_opened += worker.sessions_opened;
    sum.sessions_closed += worker.sessions_closed;
    sum.lan_packets_in += worker.lan_packets_in;
    sum.lan_bytes_in += worker.lan_bytes_in;
    sum.lan_packets_out += worker.lan_packets_out;
    sum.lan_bytes_out += worker.lan_bytes_out;
    sum.wan_packets_in += worker.wan_packets_in;
    sum.wan_bytes_in += worker.wan_bytes_in;
    sum.wan_packets_out += worker.wan_packets_out;
    sum.wan_bytes_out += worker.wan_bytes_out;
    sum.metadata_packets_in += worker.metadata_packets_in;
    sum.metadata_packets_out += worker.metadata_packets_out;
    each(
        &mut sum.drops,
        worker.drops,
        |a, b| a.number == b.number,
        |a: &mut DropCount, b| a.packets += b.packets,
    );
    each(&mut sum.paths, worker.paths, same_path, add_path);
    each(&mut sum.services, worker.services, |a, b| a.service == b.service, |a, b| add_service(a, &b));
    each(
        &mut sum.targets,
        worker.targets,
        |a, b| (&a.route, &a.address, a.port) == (&b.route, &b.address, b.port),
        |a: &mut TargetCount, b| a.sessions += b.sessions,
    );
}

/// Adds the sessions of one worker; more than `limit` (0 = none) are only counted.
pub fn add_dump(sum: &mut Dump, worker: Dump, limit: u32) {
    sum.omitted += worker.omitted;
    let limit = if limit == 0 { usize::MAX } else { limit as usize };
    for session in worker.sessions {
        if sum.sessions.len() < limit {
            sum.sessions.push(session);
        } else {
            sum.omitted += 1;
        }
    }
}

fn each<T>(sum: &mut Vec<T>, more: Vec<T>, same: impl Fn(&T, &T) -> bool, add: impl Fn(&mut T, T)) {
    for item in more {
        match sum.iter_mut().find(|known| same(known, &item)) {
            Some(known) => add(known, item),
            None => sum.push(item),
        }
    }
}

fn same_path(a: &PathReport, b: &PathReport) -> bool {
    (&a.router, &a.node, &a.local_address, &a.remote_address)
        == (&b.router, &b.node, &b.local_address, &b.remote_address)
}

/// One worker that heard from a peer knows more than another that never sent anything; one in doubt is a warning.
fn add_path(sum: &mut PathReport, worker: PathReport) {
    const ORDER: [&str; 3] = ["Unknown", "Up", "Suspect"];
    let rank = |state: &str| ORDER.iter().position(|known| *known == state);
    sum.sessions += worker.sessions;
    if sum.clock_offset_ms == 0 {
        sum.clock_offset_ms = worker.clock_offset_ms;
    }
    if rank(&worker.state) > rank(&sum.state) {
        sum.state = worker.state;
    }
}

fn add_service(sum: &mut ServiceCount, worker: &ServiceCount) {
    sum.sessions += worker.sessions;
    sum.packets_forward += worker.packets_forward;
    sum.bytes_forward += worker.bytes_forward;
    sum.packets_reverse += worker.packets_reverse;
    sum.bytes_reverse += worker.bytes_reverse;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Session;

    fn drops(number: u32, packets: u64) -> DropCount {
        DropCount { number, packets, ..DropCount::default() }
    }

    fn path(state: &str, sessions: u64) -> PathReport {
        PathReport { router: "b".into(), state: state.into(), sessions, ..PathReport::default() }
    }

    #[test]
    fn counts_of_workers_add_up_by_their_names() {
        let mut sum = Counters { sessions: 1, drops: vec![drops(1, 5)], ..Counters::default() };
        let worker = Counters { sessions: 2, drops: vec![drops(1, 2), drops(2, 1)], ..Counters::default() };
        add_counters(&mut sum, worker);
        assert_eq!(sum.sessions, 3);
        assert_eq!(sum.drops, [drops(1, 7), drops(2, 1)]);
    }

    #[test]
    fn path_that_one_worker_suspects_is_suspect() {
        let mut sum = Counters { paths: vec![path("Up", 1)], ..Counters::default() };
        add_counters(&mut sum, Counters { paths: vec![path("Suspect", 2)], ..Counters::default() });
        add_counters(&mut sum, Counters { paths: vec![path("Unknown", 0)], ..Counters::default() });
        assert_eq!(sum.paths, [path("Suspect", 3)]);
    }

    #[test]
    fn sessions_beyond_the_limit_are_counted_as_omitted() {
        let mut sum = Dump { sessions: vec![Session::default()], omitted: 1 };
        let worker = Dump { sessions: vec![Session::default(); 3], omitted: 10 };
        add_dump(&mut sum, worker, 2);
        assert_eq!((sum.sessions.len(), sum.omitted), (2, 13));
    }
}
