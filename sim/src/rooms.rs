//! What players of a story do about rooms.

use crate::play::Stage;
use crate::story::Happening;
use sterna::protocol::room::wire::{RoomOptions, RoomRequest};
use sterna::testing::Cluster;

impl Stage {
    /// False: there was nothing to do it to.
    pub(crate) fn begin_in_room(&mut self, happening: &Happening) -> bool {
        match *happening {
            Happening::Chat { player, moves } => self.on_player(player, |cluster, player| {
                cluster.chat(player);
                cluster.moves_room(player, moves);
            }),
            Happening::RoomOpen { player, interval_ms } => {
                let options = RoomOptions { interval_ms, ..Cluster::room_options() };
                self.ask(player, RoomRequest::Create { options })
            }
            Happening::RoomJoin { player, host } => {
                let room = self.player(host).and_then(|host| self.cluster.room_of(host));
                room.is_some_and(|room| self.ask(player, RoomRequest::Join { room }))
            }
            Happening::RoomAny { player } => {
                let otherwise = Some(Cluster::room_options());
                self.ask(player, RoomRequest::JoinRandom { filter: Vec::new(), otherwise })
            }
            Happening::RoomLeave { player } => self.ask(player, RoomRequest::Leave),
            Happening::RoomKick { player, whom } => {
                let member = self.player(whom).and_then(|whom| self.cluster.member_of(whom));
                member.is_some_and(|member| self.ask(player, RoomRequest::Kick { member }))
            }
            Happening::RoomClose { player } => self.ask(player, RoomRequest::Close),
            Happening::RoomMigrate { player } => self.ask(player, RoomRequest::Migrate),
            Happening::RoomSet { player, key, bytes } => {
                let Some(player) = self.player(player) else { return false };
                let key = format!("property {key}");
                self.cluster.set_property(player, &key, bytes as usize).is_some()
            }
            _ => false,
        }
    }

    fn ask(&mut self, player: u64, request: RoomRequest) -> bool {
        let player = self.player(player);
        player.and_then(|player| self.cluster.ask_room(player, request)).is_some()
    }
}
