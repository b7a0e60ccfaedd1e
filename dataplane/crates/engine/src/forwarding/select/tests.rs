//! Behaviour of the choice of the next step.

use std::collections::BTreeMap;

use crate::config::{Config, Peer, Spread, Target};
use crate::drop_reason::DropReason;
use crate::forwarding::fixture::{
    RouteBuilder, config, peer, route, service, tables, target as target_with_port,
};
use crate::forwarding::path::PathId;
use crate::forwarding::route::RouteId;
use crate::forwarding::select::{Choice, Load, Next};
use crate::forwarding::tables::Tables;

/// Sessions per service route, and the remote waypoints under suspicion.
#[derive(Default)]
struct Seen {
    sessions: BTreeMap<RouteId, u32>,
    suspects: Vec<PathId>,
}

impl Load for Seen {
    fn has_room(&self, route: RouteId, max_sessions: u32) -> bool {
        self.sessions.get(&route).copied().unwrap_or(0) < max_sessions
    }

    fn is_suspect(&self, path: PathId) -> bool {
        self.suspects.contains(&path)
    }
}

fn target(address: &str) -> Target {
    target_with_port(address, Some(80))
}

fn with(spread: Spread, peers: Vec<Peer>, routes: Vec<RouteBuilder>) -> Tables {
    let built = routes
        .into_iter()
        .fold(service("s").spread(spread), crate::forwarding::fixture::ServiceBuilder::route);
    tables(&Config { peers, services: vec![built.build()], ..config() })
}

fn choice(tables: &Tables) -> Choice<'static> {
    Choice { service: tables.service_named("s").unwrap(), ipv6: false, hash: 1, previous: None }
}

fn describe(tables: &Tables, next: Next) -> String {
    match next {
        Next::Target { target, .. } => tables.target(target).unwrap().server.address.to_string(),
        Next::Path { path, .. } => tables.path(path).unwrap().remote.to_string(),
    }
}

fn order(tables: &Tables, choice: Choice<'_>, seen: &Seen) -> Vec<String> {
    tables.candidates(choice, seen).map(|next| describe(tables, next)).collect()
}

fn path_to(tables: &Tables, remote: &str) -> PathId {
    tables.path_ids().find(|(_, path)| path.remote.to_string() == remote).unwrap().0
}

fn two_peers() -> Vec<Peer> {
    vec![
        peer("b", &[("b1", "203.0.113.21", 10), ("b2", "203.0.113.22", 0)]),
        peer("c", &[("c1", "203.0.113.31", 0)]),
    ]
}

#[test]
fn targets_come_before_peers_and_peers_by_cost_then_waypoint_cost() {
    let tables = with(
        Spread::Hunt,
        two_peers(),
        vec![
            route("far").peer("c", 100).peer("b", 5),
            route("near").target(target("10.0.0.2")).target(target("10.0.0.1")),
        ],
    );
    let found = order(&tables, choice(&tables), &Seen::default());
    assert_eq!(found, ["10.0.0.2", "10.0.0.1", "203.0.113.22", "203.0.113.21", "203.0.113.31"]);
}

#[test]
fn unhealthy_target_gets_no_new_session() {
    let sick = Target { healthy: false, ..target("10.0.0.1") };
    let tables = with(Spread::Hunt, vec![], vec![route("r").target(sick).target(target("10.0.0.2"))]);
    assert_eq!(order(&tables, choice(&tables), &Seen::default()), ["10.0.0.2"]);
    let tables = with(Spread::Hunt, vec![], vec![route("r").target(sick)]);
    assert_eq!(tables.select(choice(&tables), &Seen::default()), Err(DropReason::NoHealthyTarget));
}

#[test]
fn target_of_the_other_family_is_left_out() {
    let tables =
        with(Spread::Hunt, vec![], vec![route("r").target(target("fd00::1")).target(target("10.0.0.1"))]);
    assert_eq!(order(&tables, choice(&tables), &Seen::default()), ["10.0.0.1"]);
    let six = Choice { ipv6: true, ..choice(&tables) };
    assert_eq!(order(&tables, six, &Seen::default()), ["fd00::1"]);
}

#[test]
fn suspect_paths_come_last_but_are_not_lost() {
    let tables = with(Spread::Hunt, two_peers(), vec![route("r").peer("b", 1).peer("c", 100)]);
    let suspects = vec![path_to(&tables, "203.0.113.22"), path_to(&tables, "203.0.113.21")];
    let seen = Seen { suspects, ..Seen::default() };
    assert_eq!(order(&tables, choice(&tables), &seen), ["203.0.113.31", "203.0.113.22", "203.0.113.21"]);
}

#[test]
fn session_is_not_sent_back_to_the_router_it_came_from() {
    let tables = with(Spread::Hunt, two_peers(), vec![route("r").peer("b", 1).peer("c", 100)]);
    let from_b = Choice { previous: Some("b"), ..choice(&tables) };
    assert_eq!(order(&tables, from_b, &Seen::default()), ["203.0.113.31"]);
    let tables = with(Spread::Hunt, two_peers(), vec![route("r").peer("b", 1)]);
    let from_b = Choice { previous: Some("b"), ..choice(&tables) };
    assert_eq!(tables.select(from_b, &Seen::default()), Err(DropReason::NoPath));
}

#[test]
fn full_route_hands_new_sessions_to_the_next_one() {
    let routes = || {
        vec![
            route("small").target(target("10.0.0.1")).max_sessions(2),
            route("spare").peer("c", 1).max_sessions(1),
        ]
    };
    let tables = with(Spread::Hunt, two_peers(), routes());
    let (small, spare) = (tables.route_named("small").unwrap(), tables.route_named("spare").unwrap());
    let mut seen = Seen::default();
    seen.sessions.insert(small, 1);
    assert_eq!(tables.select(choice(&tables), &seen).map(Next::route), Ok(small));
    seen.sessions.insert(small, 2);
    assert_eq!(tables.select(choice(&tables), &seen).map(Next::route), Ok(spare));
    seen.sessions.insert(spare, 1);
    assert_eq!(tables.select(choice(&tables), &seen), Err(DropReason::RouteFull));
}

#[test]
fn service_that_leads_nowhere_says_why() {
    let seen = Seen::default();
    let nothing = with(Spread::Hunt, vec![], vec![]);
    assert_eq!(nothing.select(choice(&nothing), &seen), Err(DropReason::NoRoute));
    let empty = with(Spread::Hunt, vec![], vec![route("r")]);
    assert_eq!(empty.select(choice(&empty), &seen), Err(DropReason::NoHealthyTarget));
    let unreachable = with(Spread::Hunt, vec![peer("b", &[])], vec![route("r").peer("b", 1)]);
    assert_eq!(unreachable.select(choice(&unreachable), &seen), Err(DropReason::NoPath));
}

#[test]
fn every_candidate_comes_exactly_once_under_proportional_spread() {
    let near = (1..=9).fold(route("r"), |built, n| built.target(target(&format!("10.0.0.{n}"))));
    let tables = with(Spread::Proportional, two_peers(), vec![near, route("far").peer("b", 1).peer("c", 1)]);
    for hash in 0..50 {
        let mut found = order(&tables, Choice { hash, ..choice(&tables) }, &Seen::default());
        let paths = found.split_off(9);
        assert_eq!(paths[2], "203.0.113.21", "the costlier waypoint comes behind the equal ones");
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 9);
    }
}

#[test]
fn proportional_spread_follows_the_weights() {
    let weighted = |address: &str, weight| Target { weight, ..target(address) };
    let all = route("r")
        .target(weighted("10.0.0.1", 1))
        .target(weighted("10.0.0.2", 3))
        .target(weighted("10.0.0.3", 0));
    let tables = with(Spread::Proportional, vec![], vec![all]);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for hash in 0..8000 {
        let next = tables.select(Choice { hash, ..choice(&tables) }, &Seen::default()).unwrap();
        *counts.entry(describe(&tables, next)).or_default() += 1;
    }
    assert!((1850..2150).contains(&counts["10.0.0.1"]), "{counts:?}");
    assert!((5850..6150).contains(&counts["10.0.0.2"]), "{counts:?}");
    assert!(!counts.contains_key("10.0.0.3"));
}

#[test]
fn equal_peers_share_sessions_under_proportional_spread_only() {
    let routes = || vec![route("r").peer("b", 1).peer("c", 1)];
    let first = |tables: &Tables, hash| {
        let next = tables.select(Choice { hash, ..choice(tables) }, &Seen::default()).unwrap();
        describe(tables, next)
    };
    let (hunt, shared) =
        (with(Spread::Hunt, two_peers(), routes()), with(Spread::Proportional, two_peers(), routes()));
    assert!((0..200).all(|hash| first(&hunt, hash) == "203.0.113.22"));
    let to_c = (0..1000).filter(|hash| first(&shared, *hash) == "203.0.113.31").count();
    assert!((430..570).contains(&to_c), "{to_c}");
}

#[test]
fn target_that_goes_away_moves_only_its_own_sessions() {
    let all = |numbers: &[u8]| {
        let built = numbers.iter().fold(route("r"), |built, n| built.target(target(&format!("10.0.0.{n}"))));
        with(Spread::Proportional, vec![], vec![built])
    };
    let (before, after) = (all(&[1, 2, 3, 4]), all(&[4, 3, 1]));
    for hash in 0..500 {
        let pick = |tables: &Tables| {
            describe(tables, tables.select(Choice { hash, ..choice(tables) }, &Seen::default()).unwrap())
        };
        let former = pick(&before);
        if former != "10.0.0.2" {
            assert_eq!(pick(&after), former);
        }
    }
}
