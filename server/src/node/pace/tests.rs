use super::*;
use sterna::protocol::limits::ARRIVALS_MAX;

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);
const C: NodeId = NodeId(3);
const D: NodeId = NodeId(4);

fn at(ms: u64) -> Time {
    Time::from_micros(10_000_000 + ms * 1000)
}

fn candidate(id: NodeId, room: u32, load: u64) -> Candidate {
    of_version(7, id, room, load)
}

/// A source of version 7 looks at it.
fn of_version(version: u32, id: NodeId, room: u32, load: u64) -> Candidate {
    Candidate { id, room, load, rank: Rank::new(version, 7) }
}

#[test]
fn of_nodes_with_room_the_less_loaded_of_two_is_taken() {
    let mut two = [candidate(A, 1000, 500), candidate(B, 1000, 0)];
    for _ in 0..500 {
        assert_eq!(
            pick(&mut two, &[], Choosy::Usual),
            Pick::Target(B),
            "one is always compared with the other"
        );
    }
    let mut taken = BTreeMap::new();
    let mut three = [candidate(A, 1000, 0), candidate(B, 1000, 0), candidate(C, 1000, 0)];
    for _ in 0..300 {
        let Pick::Target(target) = pick(&mut three, &[], Choosy::Usual) else { panic!("all have room") };
        *taken.entry(target).or_insert(0) += 1;
    }
    // Each choice counts as load for the next, so that they stay close together.
    assert!(taken.len() == 3 && taken.values().all(|count| (80..=120).contains(count)), "{taken:?}");
}

#[test]
fn a_move_waits_for_room_but_not_for_a_node_that_it_has_tried() {
    let mut nodes = [candidate(A, 2, 0), candidate(B, 0, 0)];
    assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Target(A));
    assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Target(A));
    assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Wait);
    assert_eq!(pick(&mut nodes, &[A], Choosy::Usual), Pick::Wait);
    assert_eq!(pick(&mut nodes, &[A, B], Choosy::Usual), Pick::Nobody);
    assert_eq!(pick(&mut [], &[], Choosy::Urgent), Pick::Nobody);
}

#[test]
fn near_the_deadline_no_move_waits() {
    let mut nodes = [candidate(A, 0, 0)];
    assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Wait);
    assert_eq!(pick(&mut nodes, &[], Choosy::Urgent), Pick::Target(A));
    assert_eq!(pick(&mut nodes, &[A], Choosy::Urgent), Pick::Nobody);
}

#[test]
fn the_newest_version_is_taken_however_loaded_it_is() {
    let mut nodes = [
        of_version(7, A, 1000, 0),
        of_version(8, B, 1000, 500),
        of_version(9, C, 1000, 900),
        of_version(6, D, 1000, 0),
    ];
    for _ in 0..100 {
        assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Target(C));
    }
    assert_eq!(pick(&mut nodes, &[C], Choosy::Usual), Pick::Target(B), "one that has refused counts no more");
    assert_eq!(
        pick(&mut nodes, &[B, C], Choosy::Usual),
        Pick::Target(D),
        "a roll-back, or it would be no candidate"
    );
    assert_eq!(pick(&mut nodes, &[B, C, D], Choosy::Usual), Pick::Target(A));
}

#[test]
fn a_move_waits_for_the_newest_version_until_it_is_urgent() {
    let mut nodes = [of_version(7, A, 1000, 0), of_version(8, B, 1, 0), of_version(8, C, 0, 0)];
    assert!(!is_full(&nodes, false));
    assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Target(B));
    assert!(is_full(&nodes, false), "those that have tried nothing need not look");
    assert_eq!(pick(&mut nodes, &[], Choosy::Usual), Pick::Wait);
    assert_eq!(pick(&mut nodes, &[B], Choosy::Usual), Pick::Wait, "for the other one of that version");
    assert_eq!(pick(&mut nodes, &[B, C], Choosy::Usual), Pick::Target(A));
    assert!(!is_full(&nodes, true));
    let mut taken = BTreeMap::new();
    for _ in 0..300 {
        let Pick::Target(target) = pick(&mut nodes, &[], Choosy::Urgent) else {
            panic!("nothing waits any more")
        };
        *taken.entry(target).or_insert(0) += 1;
    }
    assert_eq!(taken.len(), 3, "{taken:?}");
}

#[test]
fn the_last_try_is_not_for_those_who_have_refused() {
    assert_eq!(
        Choosy::new(0, 1, false),
        Choosy::Usual,
        "the first is for the best version, though it is the last"
    );
    assert_eq!(Choosy::new(0, 3, false), Choosy::Usual);
    assert_eq!(Choosy::new(1, 3, false), Choosy::Usual);
    assert_eq!(Choosy::new(2, 3, false), Choosy::LastTry);
    assert_eq!(Choosy::new(2, 3, true), Choosy::Urgent);
    // All of the new version are full, and say so.
    let mut nodes =
        [of_version(8, A, 9, 0), of_version(8, B, 9, 0), of_version(8, C, 9, 0), of_version(7, D, 9, 99)];
    for _ in 0..9 {
        assert_eq!(pick(&mut nodes, &[A, B], Choosy::LastTry), Pick::Target(D));
    }
    assert_eq!(pick(&mut nodes, &[A, B], Choosy::LastTry), Pick::Wait);
    assert_eq!(pick(&mut nodes[..3], &[A, B], Choosy::LastTry), Pick::Target(C), "there is no other version");
}

#[test]
fn a_word_counts_for_a_second_and_then_a_few_moves_are_allowed() {
    let granted = |moves, under_way| Granted { moves, said_at: Some(at(0)), under_way };
    assert_eq!(granted(64, 0).room(at(999)), 64);
    assert_eq!(granted(64, 60).room(at(999)), 4);
    assert_eq!(granted(0, 3).room(at(999)), 0);
    assert_eq!(granted(64, 0).room(at(1000)), MOVES_UNTOLD);
    assert_eq!(granted(0, 3).room(at(1000)), MOVES_UNTOLD - 3, "nobody waits for a word that was lost");
    assert_eq!(Granted::default().room(at(0)), MOVES_UNTOLD);
}

#[test]
fn a_source_is_told_its_share_once_and_again_before_the_word_is_stale() {
    let mut arrivals = Arrivals::default();
    assert_eq!(arrivals.on_prepare(A, ARRIVALS_MAX, at(0)), Some(ARRIVALS_MAX));
    assert_eq!(arrivals.on_prepare(A, ARRIVALS_MAX, at(1)), None);
    assert_eq!(arrivals.on_prepare(A, ARRIVALS_MAX, at(500)), Some(ARRIVALS_MAX));
    assert_eq!(arrivals.on_prepare(A, ARRIVALS_MAX, at(999)), None);
}

#[test]
fn sources_share_and_one_that_has_stopped_has_no_share() {
    let mut arrivals = Arrivals::default();
    arrivals.on_prepare(A, 64, at(0));
    assert_eq!(arrivals.on_prepare(B, 64, at(1)), Some(32));
    assert_eq!(arrivals.on_prepare(A, 64, at(2)), Some(32));
    assert_eq!(arrivals.on_prepare(C, 64, at(3)), Some(21));
    assert_eq!(arrivals.on_prepare(A, 64, at(1100)), Some(64));
}

#[test]
fn whoever_has_arrived_before_its_client_counts_until_the_client_comes_or_stays_away() {
    let mut arrivals = Arrivals::default();
    arrivals.on_prepare(A, 4, at(0));
    for cohort in 0..4 {
        arrivals.ahead.insert(CohortId(cohort), at(10));
    }
    assert_eq!(arrivals.on_prepare(A, 4, at(20)), Some(0), "as many handshakes are to come as it takes");
    assert_eq!(arrivals.on_client(CohortId(0), 4, at(30)), [(A, 1)]);
    assert_eq!(arrivals.on_client(CohortId(1), 4, at(40)), [(A, 2)]);
    let later = at(10) + ATTACH_MAX;
    assert_eq!(arrivals.on_prepare(A, 4, later), Some(4));
    assert!(arrivals.ahead.is_empty(), "what is counted is bounded");
}

#[test]
fn only_nodes_that_are_online_and_no_older_take_arrivals() {
    let address = "127.0.0.1:1".parse().unwrap();
    let info = |standing, app_version| NodeInfo {
        id: A,
        name: "node".into(),
        standing,
        tcp: address,
        quic: address,
        peer: address,
        app_version,
        sessions: 0,
    };
    assert!(takes_arrivals(&info(Standing::Online, 7), 7));
    assert!(takes_arrivals(&info(Standing::Online, 8), 7));
    assert!(!takes_arrivals(&info(Standing::Online, 6), 7));
    assert!(takes_arrivals(&info(Standing::Online, 6), 0), "a roll-back");
    for standing in [Standing::Cordoned, Standing::Offline] {
        assert!(!takes_arrivals(&info(standing, 7), 7));
    }
}
