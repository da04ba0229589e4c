//! The law that the product is for: with any number of planned moves, at any moments, the application ends in the
//! same state, and the player gets to see the same, as with none. Dry runs do not even change the epoch.

use super::ms;
use crate::protocol::client::Standing;
use crate::protocol::ids::NodeId;
use crate::protocol::limits;
use crate::protocol::wire::{Field, MoveMode};
use crate::testing::{Cluster, Output, PlayerId};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use std::time::Duration;

/// What a game does, or what happens to it.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Enters this into the ledger, in a message of so many bytes.
    Book(u64, usize),
    /// The same, as a request.
    Ask(u64),
    /// Stores a value of each kind.
    Store,
    /// Has the timer called, later than the story takes: once, at whichever node the session is then.
    Remind,
    /// Takes no events for a while, or takes them again.
    Consume(bool),
    /// The node goes offline, and the game asks to be moved.
    Drain,
    /// The node goes offline, and moves everybody without asking.
    Force,
    /// The node tries whether it could be drained.
    DryRun,
}

impl Deed {
    const fn moves(self) -> bool {
        matches!(self, Self::Drain | Self::Force)
    }
}

/// A story: a pause in milliseconds, and what comes after it.
type Story = Vec<(u64, Deed)>;

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => (any::<u64>(), 16usize..3_000).prop_map(|(what, bytes)| Deed::Book(what, bytes)),
        1 => (any::<u64>(), 20_000usize..60_000).prop_map(|(what, bytes)| Deed::Book(what, bytes)),
        3 => any::<u64>().prop_map(Deed::Ask),
        1 => Just(Deed::Store),
        1 => Just(Deed::Remind),
        1 => any::<bool>().prop_map(Deed::Consume),
        2 => Just(Deed::Drain),
        1 => Just(Deed::Force),
        2 => Just(Deed::DryRun),
    ]
}

fn story() -> impl Strategy<Value = Story> {
    vec((0u64..60, deed()), 1..80)
}

/// What is compared.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    /// The application's state, as bytes: of floats that are no numbers, equality could not tell.
    state: Vec<u8>,
    output: Output,
}

fn owner(cluster: &Cluster, player: PlayerId) -> NodeId {
    cluster.record(player).expect("the session lives").record.owner
}

/// The story, with or without its moves. Gives how often the session changed its node as well.
fn tell(seed: u64, mode: MoveMode, story: &Story, with_moves: bool) -> (Ending, u64) {
    let mut cluster = Cluster::new(seed, 3);
    let nodes: [NodeId; 3] = cluster.nodes();
    let player = cluster.connect_as(nodes[0], mode);
    for (pause, deed) in story {
        cluster.run_for(ms(*pause));
        match *deed {
            Deed::Book(what, bytes) => cluster.book(player, what, bytes, false),
            Deed::Ask(what) => cluster.book(player, what, 0, true),
            Deed::Store => cluster.store(player),
            Deed::Remind => cluster.remind(player, Duration::from_secs(10)),
            Deed::Consume(does) => cluster.consumes(player, does),
            Deed::Drain | Deed::Force | Deed::DryRun if !with_moves => {}
            Deed::DryRun => {
                let node = owner(&cluster, player);
                cluster.dry_run(node);
            }
            Deed::Drain | Deed::Force => {
                nodes.iter().for_each(|node| cluster.online(*node));
                let source = owner(&cluster, player);
                cluster.drain(source);
                if let Deed::Force = deed {
                    cluster.force(source);
                }
            }
        }
    }
    cluster.consumes(player, true);
    // Moves end, at the latest with their tickets, and the timer is called.
    cluster.run_for(limits::TICKET_LIFE + Duration::from_secs(1));
    cluster.run_until(|cluster| cluster.standing(player) == Standing::Connected);
    cluster.finish();
    cluster.history().check();
    let mut state = Vec::new();
    for (key, value) in cluster.data(owner(&cluster, player), player) {
        key.put(&mut state);
        value.put(&mut state);
    }
    let moves = cluster.epoch(player).0 - 1;
    (Ending { state, output: cluster.output(player) }, moves)
}

/// A quarter of the usual number: every case is two whole stories.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.div_ceil(4), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_number_of_moves_leaves_the_same_state_and_output_as_none(
        seed in any::<u64>(),
        classic in any::<bool>(),
        story in story(),
    ) {
        let mode = if classic { MoveMode::Classic } else { MoveMode::Seamless };
        let (without, _) = tell(seed, mode, &story, false);
        let (with, moves) = tell(seed, mode, &story, true);
        // A law about moves proves nothing where there are none.
        prop_assert_eq!(moves > 0, story.iter().any(|(_, deed)| deed.moves()));
        prop_assert_eq!(with, without);
    }
}

/// Found by chance: the judge took what the game heard late for what was so at that time.
#[test]
fn a_game_that_hears_of_its_moves_when_they_are_long_over_has_missed_nothing() {
    let (book, force) = (Deed::Book(0, 16), Deed::Force);
    let first = [(0, Deed::Drain), (28, book), (34, book), (9, force), (11, book)];
    let deaf =
        [(45, Deed::Consume(false)), (43, book), (8, force), (0, book), (0, book), (1, book), (11, book)];
    let last = [(52, Deed::Drain), (11, book)];
    let story: Story = first.into_iter().chain(deaf).chain(last).collect();
    let seed = 7_293_010_058_548_850_028;
    let (without, _) = tell(seed, MoveMode::Classic, &story, false);
    let (with, moves) = tell(seed, MoveMode::Classic, &story, true);
    assert_eq!(with, without);
    assert!(moves >= 3, "{moves}");
}
