//! Rules about rooms, broken on purpose: by what the real cohorts are told, and by what is kept from them.

use super::ROOM;
use crate::store::{Reply, Request};
use sterna::protocol::cohort::{Asker, Cohort};
use sterna::protocol::ids::Bucket;
use sterna::protocol::record::{Answer, Ask, CasAnswer, OwnerPhase, ReadAnswer, Record, Revision, Versioned};
use sterna::protocol::session::Session;
use sterna::protocol::snapshot::{SnapshotAnswer, SnapshotAsk};

/// A rule that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// A session is bound to the room before the room's snapshot holds it.
    BindsBeforeStoring,
    /// A session is alone before it has a snapshot of its own.
    LeavesBeforeStoring,
    /// Whoever takes the room over reads its members' entries, and does not write them.
    OnlyReadsMembers,
    /// Whoever takes the room over does not look at its members' entries.
    TakesMembersForGranted,
    /// A session joins a room at a lower epoch than its own.
    JoinsWithoutRaising,
    /// The room moves while somebody joins it.
    MovesWhileJoining,
    /// Who joins is served while its entry is being written.
    ServesJoiner,
    /// A write of an entry that was not answered is given up, and the session goes on alone.
    GivesUpBinding,
}

impl Variant {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::BindsBeforeStoring,
        Self::LeavesBeforeStoring,
        Self::OnlyReadsMembers,
        Self::TakesMembersForGranted,
        Self::JoinsWithoutRaising,
        Self::MovesWhileJoining,
        Self::ServesJoiner,
        Self::GivesUpBinding,
    ];
}

/// Whether this question binds a session that was alone: what is asked while the room is not served confirms.
pub(super) fn binds(cohort: &Cohort, asker: Asker, request: &Request) -> bool {
    let bound = matches!(request, Request::Directory(Ask::Cas { record, .. }) if record.room == Some(ROOM));
    matches!(asker, Asker::Member(_)) && bound && cohort.is_served()
}

/// What a cohort is told at once, though nothing is done; and whether the write is under way all the same.
pub(super) fn answered_at_once(
    variant: Variant,
    cohort: &Cohort,
    asker: Asker,
    request: &Request,
) -> Option<(Reply, bool)> {
    let won = |revision| Reply::Directory(Answer::Cas(CasAnswer::Won(revision)));
    let written = Reply::Snapshot(SnapshotAnswer::Written(Revision(u64::MAX)));
    match (variant, asker, request) {
        (Variant::BindsBeforeStoring, Asker::Keeper, Request::Snapshot(SnapshotAsk::Write { .. }))
            if cohort.sessions().any(|session| cohort.asks(Asker::Member(session.id()))) =>
        {
            Some((written, true))
        }
        (Variant::LeavesBeforeStoring, Asker::Member(_), Request::Snapshot(_)) => match request {
            Request::Snapshot(SnapshotAsk::Write { .. }) => Some((written, true)),
            _ => None,
        },
        (
            Variant::OnlyReadsMembers | Variant::TakesMembersForGranted,
            Asker::Member(_),
            Request::Directory(Ask::Cas { expected, .. }),
        ) if !cohort.is_served() => Some((won(*expected), false)),
        (Variant::TakesMembersForGranted, Asker::Member(session), Request::Directory(Ask::Read))
            if !cohort.is_served() =>
        {
            let found = cohort.sessions().find(|held| held.id() == session).map(as_bound);
            Some((Reply::Directory(Answer::Read(ReadAnswer::Read(found))), false))
        }
        (Variant::JoinsWithoutRaising, Asker::Owner, Request::Directory(Ask::Cas { expected, .. })) => {
            Some((won(*expected), false))
        }
        (Variant::ServesJoiner, _, Request::Directory(Ask::Cas { expected, .. }))
            if binds(cohort, asker, request) =>
        {
            Some((won(Revision(expected.0 + 1)), true))
        }
        _ => None,
    }
}

/// The entry as it would be if the session were a member, as its copy says.
fn as_bound(session: &Session) -> Versioned {
    let fence = session.fence();
    let record = Record {
        bucket: Bucket(1),
        binding: fence.binding,
        epoch: fence.epoch,
        owner: Default::default(),
        phase: OwnerPhase::Serving,
        room: Some(ROOM),
    };
    Versioned { revision: Revision(0), record }
}

/// What it hears whose write was not answered and is given up.
pub(super) fn given_up() -> Reply {
    Reply::Directory(Answer::Cas(CasAnswer::Lost(None)))
}
