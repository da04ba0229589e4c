//! Compares what all members of a room heard with each other, and with what was said.

use super::super::history::{History, Tally};
use super::super::log::Log;
use super::member::Heard;
use super::table::RoomSeen;
use std::collections::BTreeMap;

/// Differences, of all rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct RoomCounts {
    pub(in super::super) rooms: u64,
    pub(in super::super) members: u64,
    pub(in super::super) moved: u64,
    pub(in super::super) members_moved: u64,
    /// Broadcasts that were sent, and that should have been heard, by all members together.
    pub(in super::super) sent: u64,
    pub(in super::super) heard: u64,
    pub(in super::super) lost: u64,
    pub(in super::super) duplicated: u64,
    pub(in super::super) reordered: u64,
    /// Rooms whose members all heard the same, in the same order.
    pub(in super::super) order_equal: u64,
    pub(in super::super) news: u64,
    pub(in super::super) renamed: u64,
    pub(in super::super) properties_damaged: u64,
    pub(in super::super) state_damaged: u64,
    invented: u64,
    took_over: u64,
    stranded: u64,
}

impl RoomCounts {
    /// Counts over all rooms that somebody sat in.
    pub(in super::super) fn of(logs: &[Log], history: &History) -> Self {
        let mut rooms: BTreeMap<usize, Vec<(&Log, &Heard)>> = BTreeMap::new();
        for log in logs {
            if let Some(heard) = &log.heard {
                rooms.entry(heard.room).or_default().push((log, heard));
            }
        }
        rooms.values().fold(Self::default(), |counts, members| {
            let id = members.iter().find_map(|(_, heard)| heard.id);
            let seen = id.and_then(|id| history.rooms().get(&id).cloned()).unwrap_or_default();
            counts.and(members, &seen)
        })
    }

    fn and(mut self, members: &[(&Log, &Heard)], seen: &RoomSeen) -> Self {
        let moved = seen.arrivals > 0;
        let told = members.iter().any(|(log, _)| log.offline > 0);
        self.rooms += 1;
        self.members += members.len() as u64;
        self.moved += u64::from(moved);
        self.stranded += u64::from(told && !moved);
        self.properties_damaged += seen.properties_damaged;
        self.state_damaged += seen.state_damaged;
        self.renamed += seen.renamed;
        self.took_over += seen.took_over;
        let first = members.first().map(|(_, heard)| &heard.said);
        self.order_equal += u64::from(members.iter().all(|(_, heard)| Some(&heard.said) == first));
        let sent: BTreeMap<u32, u64> =
            members.iter().map(|(log, heard)| (log.player as u32, heard.sent)).collect();
        self.sent += sent.values().sum::<u64>();
        members.iter().fold(self, |counts, (_, heard)| counts.and_member(heard, &sent))
    }

    fn and_member(mut self, heard: &Heard, sent: &BTreeMap<u32, u64>) -> Self {
        let mut tallies: BTreeMap<u32, Tally> =
            sent.keys().map(|player| (*player, Tally::default())).collect();
        for said in &heard.said {
            match tallies.get_mut(&said.player) {
                Some(tally) if u64::from(said.number) < sent[&said.player] => tally.count(said.number.into()),
                Some(_) | None => self.invented += 1,
            }
        }
        for (player, tally) in &tallies {
            self.lost += tally.lost(sent[player]);
            self.duplicated += tally.duplicated;
            self.reordered += tally.reordered;
        }
        self.heard += heard.said.len() as u64;
        self.members_moved += u64::from(heard.moves > 0);
        self.news += heard.news;
        self.renamed += heard.renamed;
        self.properties_damaged += u64::from(!heard.properties_intact);
        self
    }

    /// Which promises these counts break, with what shows it.
    pub(in super::super) fn broken_promises(&self) -> Vec<String> {
        const ORDER: &str = "promise 2 (exactly once, in order)";
        const DATA: &str = "promise 3 (a move changes nothing the game stored)";
        const ROOM: &str = "a room moves as one, and its members see no leave and no join";
        const ENDS: &str = "promise 5 (a move ends)";
        const CRASH: &str = "promise 7 (a take-over only after a crash)";
        let findings = [
            (ORDER, self.lost, "broadcasts lost"),
            (ORDER, self.duplicated, "broadcasts duplicated"),
            (ORDER, self.reordered, "broadcasts reordered"),
            (ORDER, self.invented, "broadcasts heard that nobody sent"),
            (ORDER, self.rooms - self.order_equal, "rooms whose members heard different orders"),
            (DATA, self.renamed, "rooms or members got another id"),
            (DATA, self.properties_damaged, "times a room's properties had changed"),
            (DATA, self.state_damaged, "times the application's state of a room had changed"),
            (ROOM, self.news, "members seen to come, leave or become the owner"),
            (ENDS, self.stranded, "rooms were told to move and did not arrive"),
            (CRASH, self.took_over, "rooms restarted without a crash"),
        ];
        let broken = findings.iter().filter(|(_, count, _)| *count > 0);
        broken.map(|(promise, count, what)| format!("{promise}: {count} {what}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::member::Said;
    use super::*;
    use sterna::protocol::ids::CohortId;

    /// What members 0 and 1 heard, who both said 0 and 1: pairs of speaker and number.
    fn counts(heard: [&[(u32, u32)]; 2]) -> RoomCounts {
        let logs = [0, 1].map(|player| {
            let said = heard[player].iter().map(|&(player, number)| Said { player, number }).collect();
            let heard =
                Heard { id: Some(CohortId(1)), sent: 2, said, properties_intact: true, ..Heard::default() };
            Log { player, heard: Some(heard), ..Log::default() }
        });
        RoomCounts::of(&logs, &History::new(2))
    }

    const ALL: [(u32, u32); 4] = [(0, 0), (1, 0), (1, 1), (0, 1)];

    fn assert_broken(counts: &RoomCounts, what: &str) {
        let broken = counts.broken_promises();
        assert!(broken.iter().any(|text| text.contains(what)), "{what} in {broken:?}");
    }

    #[test]
    fn one_order_for_all_is_as_it_should_be() {
        let counts = counts([&ALL, &ALL]);
        assert_eq!((counts.rooms, counts.order_equal, counts.sent, counts.heard), (1, 1, 4, 8));
        assert_eq!(counts.broken_promises(), Vec::<String>::new());
    }

    #[test]
    fn two_orders_are_noticed_even_if_each_speaker_is_heard_in_order() {
        let counts = counts([&ALL, &[(1, 0), (0, 0), (1, 1), (0, 1)]]);
        assert_eq!((counts.lost, counts.duplicated, counts.reordered), (0, 0, 0));
        assert_broken(&counts, "1 rooms whose members heard different orders");
    }

    #[test]
    fn what_all_members_miss_is_lost_all_the_same() {
        let counts = counts([&ALL[..3], &ALL[..3]]);
        assert_eq!((counts.order_equal, counts.lost), (1, 2));
        assert_broken(&counts, "2 broadcasts lost");
    }

    #[test]
    fn what_all_members_hear_twice_or_late_is_noticed() {
        let twice = [&ALL[..], &[(0, 1)]].concat();
        assert_broken(&counts([&twice, &twice]), "2 broadcasts duplicated");
        let late = [(0, 1), (0, 0), (1, 0), (1, 1)];
        assert_broken(&counts([&late, &late]), "2 broadcasts reordered");
    }

    #[test]
    fn what_nobody_said_is_noticed() {
        let invented = [&ALL[..], &[(7, 0)]].concat();
        assert_broken(&counts([&invented, &invented]), "2 broadcasts heard that nobody sent");
    }
}
