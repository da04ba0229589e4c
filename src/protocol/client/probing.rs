//! The client's side of a dry run: opens a link to the target beside all others, says whether that worked, and closes
//! it when it is told to. Nothing is sent on it, and the game hears nothing.

use super::link::{LinkId, Purpose};
use super::{Client, Phase};
use crate::protocol::ids::MoveId;
use crate::protocol::time::Time;
use crate::protocol::wire::Uplink;
use std::net::SocketAddr;

/// A target that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Probing {
    pub(super) id: MoveId,
    pub(super) ticket: Vec<u8>,
    /// Addresses of the target that have not been tried.
    addresses: Vec<SocketAddr>,
    /// A link to it is open, or being opened.
    dialled: bool,
    /// The node has been told.
    answered: bool,
}

impl Client {
    /// A node asks whether this target could be attached to. A move goes before.
    pub(super) fn on_probe(
        &mut self,
        id: MoveId,
        mut addresses: Vec<SocketAddr>,
        ticket: Vec<u8>,
        now: Time,
    ) {
        let known = self.probing.as_ref().is_some_and(|probing| probing.id >= id);
        if self.moving.is_some() || known || self.session.is_none() {
            return;
        }
        self.end_probe();
        addresses.reverse();
        self.probing = Some(Probing { id, ticket, addresses, dialled: false, answered: false });
        self.go_on_probing(now);
    }

    /// Opens a link to the target, if that has to be done and a node serves: control frames may have overtaken its
    /// `Switch`.
    pub(super) fn go_on_probing(&mut self, now: Time) {
        let Phase::Connected = self.phase else { return };
        let Some(probing) = self.probing.as_mut().filter(|probing| !probing.dialled) else { return };
        let id = probing.id;
        match probing.addresses.pop() {
            Some(address) => {
                probing.dialled = true;
                self.dial(Purpose::Probe(id), address, now);
            }
            None => self.answer_probe(false),
        }
    }

    /// The target holds a link of this client.
    pub(super) fn on_probe_attached(&mut self, from: LinkId, id: MoveId) {
        let of_probe = self.links.iter().any(|link| link.id == from && link.purpose == Purpose::Probe(id));
        if of_probe && self.probing.as_ref().is_some_and(|probing| probing.id == id) {
            self.answer_probe(true);
        }
    }

    pub(super) fn is_probe_link(&self, id: LinkId) -> bool {
        self.links.iter().any(|link| link.id == id && matches!(link.purpose, Purpose::Probe(_)))
    }

    pub(super) fn on_probe_link_lost(&mut self, id: MoveId, now: Time) {
        if let Some(probing) = self.probing.as_mut().filter(|probing| probing.id == id) {
            probing.dialled = false;
            self.go_on_probing(now);
        }
    }

    fn answer_probe(&mut self, could: bool) {
        let Some(probing) = self.probing.as_mut().filter(|probing| !probing.answered) else { return };
        probing.answered = true;
        // Whatever becomes of that link, there is nothing more to find out.
        probing.addresses.clear();
        let id = probing.id;
        for link in self.links.iter_mut().filter(|link| link.serving) {
            link.control(&if could { Uplink::CanAttach { id } } else { Uplink::CannotAttach { id } });
        }
    }

    /// It is over. A node that wants to know more asks again.
    pub(super) fn end_probe(&mut self) {
        self.probing = None;
        let probes = |link: &&mut super::Link| matches!(link.purpose, Purpose::Probe(_)) && !link.serving;
        for link in self.links.iter_mut().filter(probes) {
            link.close();
        }
    }
}
