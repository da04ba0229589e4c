//! Every judge can say no: histories made by hand in which one promise is broken.

use super::{Entry, History, Lineage, Restarted};
use crate::client::event::Event;
use crate::client::status::Status;
use crate::protocol::ids::{Bucket, CohortId, Epoch, Fence, NodeId, SessionId};
use crate::protocol::record::{OwnerPhase, Record};
use crate::protocol::time::Time;
use crate::testing::PlayerId;

const ANN: PlayerId = PlayerId(0);
const SESSION: SessionId = SessionId(7);
const COHORT: CohortId = CohortId(7);
const S: NodeId = NodeId(1);
const T: NodeId = NodeId(2);
const FIRST: Lineage = Lineage(0);
const SECOND: Lineage = Lineage(1);

fn fence(epoch: u64) -> Fence {
    Fence { epoch: Epoch(epoch), ..Fence::default() }
}

fn record(owner: NodeId, epoch: u64, phase: OwnerPhase) -> Entry {
    let record = Record {
        bucket: Bucket(0),
        binding: Default::default(),
        epoch: Epoch(epoch),
        owner,
        phase,
        room: None,
    };
    Entry::Recorded(COHORT, Some(record))
}

fn serving(owner: NodeId, epoch: u64) -> Entry {
    record(owner, epoch, OwnerPhase::Serving)
}

fn sent(count: u64) -> Vec<Entry> {
    (0..count).map(|number| Entry::Sent(ANN, number)).collect()
}

fn processed(node: NodeId, lineage: Lineage, number: u64) -> Entry {
    Entry::Processed(ANN, node, SESSION, lineage, number)
}

fn pushed(lineage: Lineage, number: u64) -> Entry {
    Entry::Pushed(ANN, S, SESSION, lineage, None, number)
}

fn received(lineage: Lineage, number: u64) -> Entry {
    Entry::Received(ANN, lineage, number)
}

fn restarted(up_next: u64, pushed: u64) -> Entry {
    Entry::Restarted(Restarted {
        player: ANN,
        node: S,
        lineage: SECOND,
        parent: FIRST,
        pushed,
        up_next,
        known: true,
    })
}

fn told(event: Event) -> Entry {
    Entry::Told(ANN, event)
}

fn took_over(lost_from: u64, lost_to: u64) -> Entry {
    told(Event::TookOver { epoch: Epoch(2), lost_from, lost_to })
}

/// One entry each second.
fn history(entries: impl IntoIterator<Item = Entry>) -> History {
    let mut history = History::default();
    for (second, entry) in entries.into_iter().enumerate() {
        history.now = Time::from_micros(second as u64 * 1_000_000);
        history.push(entry);
    }
    history
}

/// Which promise a judge finds broken, at rest or not; the text has to name `word`.
#[track_caller]
fn breaks(promise: u8, word: &str, entries: impl IntoIterator<Item = Entry>) {
    let violation = history(entries).verdict_at_rest(&[ANN]).expect_err("a promise is broken");
    assert_eq!(violation.promise, promise, "{violation}");
    assert!(violation.to_string().contains(word), "{violation}");
}

#[track_caller]
fn is_fine(entries: impl IntoIterator<Item = Entry>) {
    assert_eq!(history(entries).verdict_at_rest(&[ANN]), Ok(()));
}

#[test]
fn two_nodes_that_serve_at_once_break_promise_1() {
    is_fine([
        Entry::Serves(S, COHORT, fence(1)),
        Entry::Stops(S, COHORT),
        Entry::Serves(T, COHORT, fence(2)),
    ]);
    breaks(1, "and so does", [Entry::Serves(S, COHORT, fence(1)), Entry::Serves(T, COHORT, fence(2))]);
}

#[test]
fn two_owners_of_one_epoch_break_promise_1_even_one_after_the_other() {
    let stop = || Entry::Stops(S, COHORT);
    let entries =
        |epoch| [Entry::Serves(S, COHORT, fence(2)), stop(), Entry::Serves(T, COHORT, fence(epoch))];
    breaks(1, "already", entries(2));
    breaks(1, "already", entries(1));
}

#[test]
fn what_goes_back_to_a_lower_epoch_breaks_promise_1() {
    breaks(1, "the record", [serving(S, 2), serving(T, 1)]);
    breaks(1, "landed over", [Entry::Stored(COHORT, fence(2)), Entry::Stored(COHORT, fence(1))]);
    breaks(1, "went back from epoch", [Entry::Follows(ANN, Epoch(2)), Entry::Follows(ANN, Epoch(1))]);
}

#[test]
fn a_game_that_runs_where_the_record_does_not_say_so_breaks_promise_1() {
    let run = |node, record| [Entry::Sent(ANN, 0), record, processed(node, FIRST, 0)];
    is_fine(run(S, serving(S, 1)));
    is_fine(run(S, record(T, 2, OwnerPhase::Handing { from: S, attempt: 1 })));
    breaks(1, "but the record says", run(S, serving(T, 2)));
    breaks(1, "no record", [Entry::Sent(ANN, 0), processed(S, FIRST, 0)]);
    let handing = record(T, 2, OwnerPhase::Handing { from: S, attempt: 1 });
    let both = [handing, processed(T, FIRST, 0), processed(S, FIRST, 1)];
    breaks(1, "but the record says", sent(2).into_iter().chain(both));
}

#[test]
fn uplink_that_is_lost_doubled_or_out_of_order_breaks_promise_2() {
    let run = |numbers: &[u64]| {
        let processed = numbers.iter().map(|number| processed(S, FIRST, *number));
        sent(3).into_iter().chain([serving(S, 1)]).chain(processed).collect::<Vec<_>>()
    };
    is_fine(run(&[0, 1, 2]));
    breaks(2, "never arrived", run(&[0, 1]));
    breaks(2, "twice", run(&[0, 1, 1, 2]));
    breaks(2, "twice", run(&[0, 1, 0, 2]));
    breaks(2, "never sent", run(&[0, 1, 2, 3]));
    breaks(7, "nobody was told", run(&[0, 2]));
}

#[test]
fn downlink_that_is_lost_doubled_or_out_of_order_breaks_promise_2() {
    let run = |numbers: &[u64]| {
        let pushes = (0..3).map(|number| pushed(FIRST, number));
        let received = numbers.iter().map(|number| received(FIRST, *number));
        [serving(S, 1)].into_iter().chain(pushes).chain(received).collect::<Vec<_>>()
    };
    is_fine(run(&[0, 1, 2]));
    breaks(2, "never arrived", run(&[0, 1]));
    breaks(2, "left out", run(&[0, 2]));
    breaks(2, "twice", run(&[0, 1, 1]));
    breaks(2, "never sent", run(&[0, 1, 2, 3]));
}

#[test]
fn requests_are_answered_once() {
    let asked = || [Entry::Sent(ANN, 0), Entry::Requested(ANN, 1, 0), serving(S, 1), processed(S, FIRST, 0)];
    let answer = || Entry::Answered(ANN, 1, Status::Ok);
    is_fine(asked().into_iter().chain([answer()]));
    breaks(2, "never answered", asked());
    breaks(2, "too often", asked().into_iter().chain([answer(), answer()]));
}

#[test]
fn unreliable_messages_come_once_and_never_from_the_past() {
    let up = |epoch, number| Entry::CaughtUp(ANN, SESSION, Epoch(epoch), number);
    is_fine([up(1, 4), up(1, 2), up(2, 5)]);
    breaks(2, "too late", [up(2, 5), up(1, 4)]);
    breaks(2, "twice", [up(1, 4), up(1, 4)]);
    let down = |stay, number| Entry::Caught(ANN, stay, number);
    is_fine([down(1, 4), down(1, 2), down(2, 5)]);
    breaks(2, "earlier owner", [down(2, 5), down(1, 4)]);
    breaks(2, "second time", [down(1, 4), down(1, 4)]);
}

#[test]
fn ends_that_call_each_other_broken_break_promise_2() {
    breaks(2, "call each other broken", [Entry::Fault(ANN, "a gap".into())]);
}

#[test]
fn data_that_a_move_changes_break_promise_3() {
    is_fine([Entry::Arrived(SESSION, T, 5, 5)]);
    breaks(3, "has changed", [Entry::Arrived(SESSION, T, 5, 6)]);
    let Entry::Restarted(copy) = restarted(0, 0) else { unreachable!() };
    breaks(3, "never were", [Entry::Restarted(Restarted { known: false, ..copy })]);
    breaks(3, "instead of", [serving(S, 1), pushed(FIRST, 1)]);
}

#[test]
fn a_failed_move_that_moved_the_player_or_gives_no_reason_breaks_promise_4() {
    let run = |node: NodeId, status| {
        let begin =
            [told(Event::Connected { session: SESSION }), serving(S, 1), Entry::Follows(ANN, Epoch(1))];
        let moving = told(Event::Migrating { epoch: Epoch(2) });
        let end = [serving(node, 2), Entry::Follows(ANN, Epoch(2)), told(Event::MigrateFailed { status })];
        begin.into_iter().chain([moving]).chain(end).collect::<Vec<_>>()
    };
    is_fine(run(S, Status::NoTarget));
    breaks(4, "has served it", run(T, Status::NoTarget));
    breaks(4, "without a reason", run(S, Status::Ok));
}

#[test]
fn a_move_that_does_not_end_in_time_breaks_promise_5() {
    let migrating = || told(Event::Migrating { epoch: Epoch(2) });
    let migrated = || told(Event::Migrated { epoch: Epoch(2), gap_us: 0 });
    is_fine([Entry::Wished(ANN), migrating(), migrated()]);
    breaks(5, "never ended", [Entry::Wished(ANN)]);
    breaks(5, "never ended", [migrating()]);
    breaks(5, "twice", [migrating(), migrating()]);
    let idle = (0..200).map(|_| told(Event::Reconnecting { status: Status::TransportBroken }));
    breaks(5, "took", [migrating()].into_iter().chain(idle).chain([migrated()]));
}

#[test]
fn a_queue_over_its_limit_breaks_promise_6() {
    breaks(6, "inbox", [Entry::Overflowed("the inbox is too long".into())]);
}

#[test]
fn a_loss_that_is_not_told_or_told_without_being_one_breaks_promise_7() {
    // Three of five messages are processed, the copy has two of them, and the client keeps none of the three.
    let run = |told: Option<Entry>, then: &[u64]| {
        let game = then.first().map(|first| Entry::GameTold(ANN, SECOND, 2..*first));
        let before = (0..3).map(|number| processed(S, FIRST, number));
        let after = then.iter().map(|number| processed(S, SECOND, *number));
        let before = sent(5).into_iter().chain([serving(S, 1)]).chain(before);
        before.chain([restarted(2, 0)]).chain(told).chain(game).chain(after).collect::<Vec<_>>()
    };
    is_fine(run(Some(took_over(2, 3)), &[3, 4]));
    is_fine(run(Some(took_over(2, 2)), &[2, 3, 4]));
    breaks(7, "nobody was told", run(None, &[3, 4]));
    breaks(7, "nobody was told", run(Some(took_over(2, 4)), &[3, 4]));
    breaks(7, "and was not", run(Some(took_over(2, 3)), &[2, 3, 4]));
}

#[test]
fn a_copy_that_is_ahead_or_not_told_of_breaks_promise_7() {
    let run = |then: Vec<Entry>| {
        let before = [serving(S, 1), pushed(FIRST, 0), pushed(FIRST, 1), received(FIRST, 0)];
        before.into_iter().chain(then).collect::<Vec<_>>()
    };
    let copy = |pushed| restarted(0, pushed);
    is_fine(run(vec![copy(1), pushed(SECOND, 1), took_over(0, 0), received(SECOND, 1)]));
    breaks(7, "not told", run(vec![copy(1), pushed(SECOND, 1), received(SECOND, 1)]));
    breaks(7, "ahead", run(vec![copy(3)]));
    // The copy held message 1, which the client had not got.
    breaks(2, "the copy held", run(vec![copy(2), pushed(SECOND, 2), took_over(0, 0), received(SECOND, 2)]));
    breaks(
        1,
        "came after",
        run(vec![copy(1), pushed(SECOND, 1), took_over(0, 0), received(SECOND, 1), received(FIRST, 1)]),
    );
}

#[test]
fn a_loss_that_the_game_is_not_told_of_breaks_promise_7() {
    let before = sent(3).into_iter().chain([serving(S, 1), processed(S, FIRST, 0), processed(S, FIRST, 1)]);
    let after = [restarted(1, 0), took_over(1, 2), processed(S, SECOND, 2)];
    breaks(7, "the game was not told", before.chain(after));
}

#[test]
fn a_crash_that_costs_anything_breaks_promise_7_where_snapshots_come_first() {
    let durable = |entries: Vec<Entry>| {
        let mut history = history(entries);
        assert_eq!(history.verdict(), Ok(()));
        history.durable = true;
        history.verdict().expect_err("a promise is broken").to_string()
    };
    let up =
        sent(2).into_iter().chain([serving(S, 1), processed(S, FIRST, 0), restarted(0, 0), took_over(0, 1)]);
    assert!(durable(up.collect()).contains("stored before it counted"));
    let down = [serving(S, 1), pushed(FIRST, 0), received(FIRST, 0), restarted(0, 0), pushed(SECOND, 0)];
    let down = down.into_iter().chain([took_over(0, 0), received(SECOND, 0)]);
    assert!(durable(down.collect()).contains("undone"));
}
