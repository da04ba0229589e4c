//! Which session a user has: the newest claim counts.

use super::codec::{decode_session, encode_session};
use super::incarnation::Life;
use super::store::{Failed, Found, Put, Store};
use crate::engine::Unavailable;
use sterna::protocol::ids::SessionId;

/// A user who connects from many places at once is one user all the same; more than so many at once is no user.
const CLAIM_TRIES: u32 = 8;

/// The session that `user` has.
pub(super) async fn session_of(
    store: &Store,
    life: &Life,
    user: &str,
) -> Result<Option<SessionId>, Unavailable> {
    Ok(find(store, life, user).await?.and_then(|found| read(&found)))
}

/// Makes `session` the user's one, and gives the one it replaces.
pub(super) async fn claim(
    store: &Store,
    life: &Life,
    user: &str,
    session: SessionId,
) -> Result<Option<SessionId>, Unavailable> {
    for _ in 0..CLAIM_TRIES {
        let found = find(store, life, user).await?;
        let expected = found.as_ref().map_or(0, |found| found.revision);
        match store.put(life.keys.user(user), Some(expected), None, encode_session(session)).await {
            Put::Written(_) => {
                let replaced = found.and_then(|found| read(&found));
                return Ok(replaced.filter(|replaced| *replaced != session));
            }
            Put::Conflict => {}
            Put::Unknown => return Err(Unavailable),
        }
    }
    Err(Unavailable)
}

/// The user's session has ended, if it is still this one.
pub(super) async fn release(store: &Store, life: &Life, user: &str, session: SessionId) {
    if let Ok(Some(found)) = find(store, life, user).await
        && read(&found) == Some(session)
    {
        // Whoever has claimed the user meanwhile keeps it; a trace that stays names a session that has ended.
        store.delete(life.keys.user(user), found.revision).await;
    }
}

async fn find(store: &Store, life: &Life, user: &str) -> Result<Option<Found>, Unavailable> {
    store.get(&life.keys, life.keys.user(user)).await.map_err(|Failed| Unavailable)
}

fn read(found: &Found) -> Option<SessionId> {
    if found.bytes.is_empty() {
        return None;
    }
    decode_session(&found.bytes).inspect_err(|error| tracing::error!("a user's session: {error}")).ok()
}
