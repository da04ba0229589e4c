//! Histories made by hand: a good one, and for each judgement one that must fail it.

use super::*;
use sterna::client::Status;
use sterna::client::config::Transport;

/// Ann says four numbers on red, is moved to green, and says four more.
struct Scene {
    history: History,
    lines: Vec<Line>,
    allowed: Allowed,
}

fn served(node: &str, epoch: u64, how: How) -> What {
    What::Served { node: node.into(), epoch, how }
}

fn number(number: u64) -> What {
    What::Counted { number, count: number }
}

fn line(at: usize, node: &str, deed: Deed) -> Line {
    Line { at: format!("{at:04}"), node: node.into(), session: "00ab".into(), deed }
}

impl Scene {
    fn new(what: Vec<What>, deeds: &[(&str, Deed)], sent: u64, allowed: Allowed) -> Self {
        let began = Instant::now();
        let seen =
            (0..).zip(what).map(|(index, what)| Seen { at: began + Duration::from_millis(index), what });
        let history = History {
            user: "ann".into(),
            transport: Transport::Tcp,
            session: "00ab".into(),
            sent,
            seen: seen.collect(),
        };
        let lines = deeds.iter().enumerate().map(|(at, (node, deed))| line(at, node, *deed)).collect();
        Self { history, lines, allowed }
    }

    fn moved() -> Self {
        let mut what = vec![served("red", 1, How::Connected)];
        what.extend((0..4).map(number));
        what.extend([What::Pushed(0), What::Offline, served("green", 2, How::Moved), What::Pushed(1)]);
        what.extend((4..8).map(number));
        let mut deeds: Vec<_> = (0..4).map(|count| ("red", Deed::Counted(count))).collect();
        deeds.push(("green", Deed::Began));
        deeds.extend((4..8).map(|count| ("green", Deed::Counted(count))));
        Self::new(what, &deeds, 8, MOVES)
    }

    /// Red dies behind number 5, of which the snapshot knows 2: 2 to 4 were acknowledged, 5 comes again.
    fn lost() -> Self {
        let mut what = vec![served("red", 1, How::Connected)];
        what.extend((0..6).map(number));
        what.push(What::Reconnecting(Status::TransportBroken));
        what.push(served("green", 2, How::TookOver { lost: 3..6 }));
        what.extend((5..8).map(|number| What::Counted { number, count: number - 3 }));
        let mut deeds: Vec<_> = (0..6).map(|count| ("red", Deed::Counted(count))).collect();
        deeds.push(("green", Deed::Began));
        deeds.extend((2..5).map(|count| ("green", Deed::Counted(count))));
        Self::new(what, &deeds, 8, LOSSES)
    }

    fn judge(&self) -> Verdict {
        let began = self.history.seen[0].at;
        judge(began, std::slice::from_ref(&self.history), &self.lines, self.allowed)
    }

    fn is_good(&self) {
        assert_eq!(self.judge().wrongs, Vec::<String>::new());
    }

    /// Is not good, for this reason.
    fn is_wrong(&self, why: &str) {
        let wrongs = self.judge().wrongs;
        assert!(wrongs.iter().any(|wrong| wrong.contains(why)), "not `{why}`: {wrongs:?}");
    }

    fn index_of(&self, what: &What) -> usize {
        self.history.seen.iter().position(|seen| seen.what == *what).expect("it is in the scene")
    }

    fn at(&mut self, what: &What) -> &mut What {
        let index = self.index_of(what);
        &mut self.history.seen[index].what
    }
}

#[test]
fn a_move_in_good_order_is_good() {
    let verdict = Scene::moved().judge();
    assert_eq!((verdict.messages, verdict.lost, verdict.doubled, verdict.reordered), (18, 0, 0, 0));
    assert!(!verdict.longest_pause.is_zero());
    Scene::moved().is_good();
}

#[test]
fn a_lost_message_is_found() {
    let mut scene = Scene::moved();
    scene.history.seen.remove(scene.index_of(&number(5)));
    scene.is_wrong("1 messages were lost");
    let mut scene = Scene::moved();
    scene.history.sent = 9;
    scene.is_wrong("1 messages were lost");
    let mut scene = Scene::moved();
    *scene.at(&What::Pushed(1)) = What::Pushed(2);
    scene.is_wrong("1 messages were lost");
}

#[test]
fn a_doubled_message_is_found() {
    for double in [number(5), What::Pushed(1)] {
        let mut scene = Scene::moved();
        let index = scene.index_of(&double);
        scene.history.seen.insert(index, scene.history.seen[index].clone());
        scene.is_wrong("1 messages were doubled");
    }
}

#[test]
fn messages_out_of_order_are_found() {
    let mut scene = Scene::moved();
    let index = scene.index_of(&number(5));
    scene.history.seen.swap(index, index + 1);
    scene.is_wrong("1 messages were out of order");
}

#[test]
fn that_a_node_counted_what_the_client_has_not_sent_so_is_found() {
    let mut scene = Scene::moved();
    *scene.at(&number(7)) = What::Counted { number: 7, count: 8 };
    scene.is_wrong("number 7 was counted as 8");
}

#[test]
fn two_servers_at_a_time_are_found() {
    // Red counts what green has counted, too, and the client is spared it.
    let mut scene = Scene::moved();
    scene.lines.insert(6, line(5, "red", Deed::Counted(4)));
    scene.is_wrong("served 2 times while others did between, and may 1 times");
    // Green begins, and nobody has moved the session there.
    let mut scene = Scene::moved();
    scene.lines.retain(|line| line.deed != Deed::Began);
    scene.is_wrong("green served 1 times while others did between, and may 0 times");
}

#[test]
fn that_a_node_counts_twice_or_not_at_all_is_found() {
    let mut scene = Scene::moved();
    scene.lines.remove(2);
    scene.is_wrong("red counted 3, and 2 was to come");
    let mut scene = Scene::moved();
    let again = scene.lines[2].clone();
    scene.lines.insert(3, again);
    scene.is_wrong("red counted 2, and 3 was to come");
    let mut scene = Scene::moved();
    scene.lines.pop();
    scene.is_wrong("7 of 8 messages were counted at last");
}

#[test]
fn an_older_epoch_is_found() {
    let mut scene = Scene::moved();
    *scene.at(&served("red", 1, How::Connected)) = served("red", 3, How::Connected);
    scene.is_wrong("served at epoch 2 after 3");
}

#[test]
fn what_must_not_happen_is_found() {
    let unwanted = [
        What::Reconnecting(Status::TransportBroken),
        What::Ended(Status::SessionUnknown),
        served("green", 2, How::Resumed),
        served("green", 2, How::TookOver { lost: 0..0 }),
    ];
    for what in unwanted {
        let mut scene = Scene::moved();
        let at = scene.history.seen[0].at;
        scene.history.seen.push(Seen { at, what });
        scene.is_wrong("must not happen here");
    }
    Scene { allowed: NOTHING, ..Scene::moved() }.is_wrong("must not happen here");
}

#[test]
fn a_take_over_that_says_what_is_lost_is_good() {
    let scene = Scene::lost();
    scene.is_good();
    assert_eq!((scene.judge().told_lost, scene.judge().lost), (3, 0));
    // Where nothing may be lost it is not.
    Scene { allowed: TAKE_OVERS, ..Scene::lost() }.is_wrong("must not happen here");
}

#[test]
fn a_take_over_that_lies_about_what_is_lost_is_found() {
    for lie in [3..5, 3..7, 4..6, 0..0] {
        let mut scene = Scene::lost();
        *scene.at(&served("green", 2, How::TookOver { lost: 3..6 })) =
            served("green", 2, How::TookOver { lost: lie });
        assert!(!scene.judge().wrongs.is_empty());
    }
    // One more than was said.
    let mut scene = Scene::lost();
    let last = scene.history.seen.len() - 2;
    scene.history.seen.remove(last);
    scene.is_wrong("1 messages were lost");
}

#[test]
fn a_take_over_that_loses_nothing_is_good_and_one_that_counts_on_from_too_far_is_not() {
    let mut scene = Scene::moved();
    *scene.at(&served("green", 2, How::Moved)) = served("green", 2, How::TookOver { lost: 0..0 });
    scene.allowed = TAKE_OVERS;
    scene.is_good();
    // Green counts once more what red had not stored.
    scene.lines.insert(5, line(4, "green", Deed::Counted(3)));
    scene.is_good();
    // Green does not know of number 4.
    scene.lines.remove(6);
    scene.is_wrong("green counted 5, and 4 was to come");
}

#[test]
fn a_node_that_wakes_may_end_what_it_was_about_and_nothing_else() {
    let woken = || {
        let mut scene = Scene::moved();
        *scene.at(&served("green", 2, How::Moved)) = served("green", 2, How::TookOver { lost: 0..0 });
        scene.allowed = TAKE_OVERS_ASLEEP;
        scene.lines.insert(7, line(6, "red", Deed::Counted(4)));
        scene
    };
    woken().is_good();
    // Where no node slept it is a second server.
    Scene { allowed: TAKE_OVERS, ..woken() }.is_wrong("served 2 times while others did between");
    // It is one more than the node was about.
    let mut scene = woken();
    scene.lines.insert(8, line(6, "red", Deed::Counted(5)));
    scene.is_wrong("served 2 times while others did between");
}
