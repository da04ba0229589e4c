//! Snapshots: one name for each cohort, written by compare-and-set, so that who comes late replaces nothing
//! (promise 1). What is too large for a message lies in pieces under names that only this attempt to write it has,
//! and the compare-and-set is about the head that names them. Pieces that no head names any more are removed by who
//! has written the next head, and all of them with the cohort.

use super::codec::{Head, decode_head, encode_head};
use super::complaints::Complaints;
use super::incarnation::Life;
use super::pace::Pace;
use super::store::{Failed, Found, Put, Store};
use bytes::Bytes;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use sterna::protocol::ids::CohortId;
use sterna::protocol::record::Revision;
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, Stored};

/// Larger ones go in pieces of this size, so that heartbeats get through between two of them.
const PIECE_BYTES_MAX: usize = 256 * 1024;

/// So many pieces are on their way at once.
const PIECES_AT_ONCE: usize = 8;

/// What is known of a cohort's pieces is forgotten when this process has written none of its snapshots for so long: it
/// may have gone elsewhere. Who does not know looks.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// Pause between two looks at what may be forgotten.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// The snapshots that this process writes.
pub(super) struct Snapshots {
    pace: Pace,
    complaints: Complaints<()>,
    past: Mutex<Past>,
}

/// What this process knows of the pieces of earlier snapshots.
struct Past {
    left: HashMap<CohortId, Left>,
    swept_at: Instant,
}

/// What the last attempt to write a snapshot has left behind.
#[derive(Clone, Copy)]
struct Left {
    at: Instant,
    /// The number of the head, which is all that there is. `None`: there may be pieces.
    whole: Option<u64>,
}

impl Past {
    fn new(now: Instant) -> Self {
        Self { left: HashMap::new(), swept_at: now }
    }

    fn note(&mut self, cohort: CohortId, whole: Option<u64>, now: Instant) {
        if now.saturating_duration_since(self.swept_at) >= SWEEP_EVERY {
            self.swept_at = now;
            self.left.retain(|_, left| now.saturating_duration_since(left.at) < KNOWN_FOR);
        }
        self.left.insert(cohort, Left { at: now, whole });
    }

    /// Whether there is nothing to be removed behind a head that has replaced the one with this number (0: none).
    fn is_clean(&self, cohort: CohortId, replaced: u64) -> bool {
        match self.left.get(&cohort) {
            Some(left) => left.whole == Some(replaced),
            // The first one of all. Who has failed to write it elsewhere has left what goes with the cohort.
            None => replaced == 0,
        }
    }
}

impl Snapshots {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self {
            pace: Pace::new(bytes_per_second),
            complaints: Complaints::default(),
            past: Mutex::new(Past::new(Instant::now())),
        }
    }

    /// A leader's read.
    pub(super) async fn read(&self, store: &Store, life: &Life, cohort: CohortId) -> SnapshotAnswer {
        match self.find(store, life, cohort).await {
            Ok(found) => SnapshotAnswer::Read(found.map(Box::new)),
            Err(Failed) => SnapshotAnswer::Unknown,
        }
    }

    async fn find(&self, store: &Store, life: &Life, cohort: CohortId) -> Result<Option<Stored>, Failed> {
        let Some((found, head)) = self.head(store, life, cohort).await? else { return Ok(None) };
        let bytes = match head {
            Head::Whole(bytes) => bytes,
            // A piece that is not there any more was replaced meanwhile: whoever asks reads again.
            Head::Pieces { attempt, count } => self.collect(store, life, cohort, attempt, count).await?,
        };
        let snapshot = Snapshot::decode(&bytes).map_err(|error| {
            tracing::error!(%cohort, "its snapshot cannot be read: {error}");
            Failed
        })?;
        Ok(Some(Stored { revision: Revision(found.revision), snapshot }))
    }

    async fn head(
        &self,
        store: &Store,
        life: &Life,
        cohort: CohortId,
    ) -> Result<Option<(Found, Head)>, Failed> {
        let found =
            store.get(&life.keys, life.keys.snapshot(cohort)).await?.filter(|found| !found.bytes.is_empty());
        let Some(found) = found else { return Ok(None) };
        let head = decode_head(&found.bytes).map_err(|error| {
            tracing::error!(%cohort, "its snapshot: {error}");
            Failed
        })?;
        Ok(Some((found, head)))
    }

    async fn collect(
        &self,
        store: &Store,
        life: &Life,
        cohort: CohortId,
        attempt: u64,
        count: u32,
    ) -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        let indices: Vec<u32> = (0..count).collect();
        for some in indices.chunks(PIECES_AT_ONCE) {
            let reads =
                some.iter().map(|index| store.get(&life.keys, life.keys.piece(cohort, attempt, *index)));
            for piece in try_join_all(reads).await? {
                bytes.extend_from_slice(&piece.ok_or(Failed)?.bytes);
            }
        }
        Ok(bytes)
    }

    /// A compare-and-set; `expected` `None`: there must be none.
    pub(super) async fn write(
        &self,
        store: &Store,
        life: &Life,
        cohort: CohortId,
        expected: Option<Revision>,
        snapshot: &Snapshot,
    ) -> SnapshotAnswer {
        // Of an earlier life: nothing of it may come into this one before its owner has published it again.
        if snapshot.fence.bucket != life.bucket {
            store.doubt();
            return SnapshotAnswer::Unknown;
        }
        let bytes = snapshot.encode();
        if !self.pace.wait(bytes.len() as u64).await {
            if let Some(sent_away) = self.complaints.complain((), Instant::now()) {
                tracing::warn!(
                    sent_away,
                    "snapshots come faster than `engine.snapshot_bytes_per_second`: they wait"
                );
            }
            return SnapshotAnswer::NotNow;
        }
        let (head, first_piece) = match self.spread(store, life, cohort, bytes).await {
            Ok(spread) => spread,
            Err(Failed) => return SnapshotAnswer::Unknown,
        };
        let expected = expected.unwrap_or_default().0;
        let put = store.put(life.keys.snapshot(cohort), Some(expected), None, encode_head(&head)).await;
        match put {
            Put::Written(revision) => {
                match first_piece {
                    Some(first) => drop(self.tidy(store, life, cohort, first).await),
                    None => self.tidy_whole(store, life, cohort, expected, revision).await,
                }
                SnapshotAnswer::Written(Revision(revision))
            }
            Put::Conflict => {
                // Its head comes too late for ever, and who owns the cohort does not know of these pieces.
                if let Head::Pieces { attempt, .. } = head {
                    let _ = store.purge(life.keys.attempt(cohort, attempt), None).await;
                }
                SnapshotAnswer::Conflict
            }
            Put::Unknown => SnapshotAnswer::Unknown,
        }
    }

    /// Stores what does not fit into a head. Gives the head, and the number of the first piece.
    async fn spread(
        &self,
        store: &Store,
        life: &Life,
        cohort: CohortId,
        bytes: Vec<u8>,
    ) -> Result<(Head, Option<u64>), Failed> {
        let size = PIECE_BYTES_MAX.min(store.message_bytes_max());
        if bytes.len() < size {
            return Ok((Head::Whole(bytes), None));
        }
        let attempt = attempt()?;
        // Also if it fails midway.
        self.past.lock().note(cohort, None, Instant::now());
        let mut bytes = Bytes::from(bytes);
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            pieces.push(bytes.split_to(size.min(bytes.len())));
        }
        let count = u32::try_from(pieces.len()).map_err(|_| Failed)?;
        let mut first = u64::MAX;
        let numbered: Vec<(u32, Bytes)> = (0..).zip(pieces).collect();
        for some in numbered.chunks(PIECES_AT_ONCE) {
            let writes = some.iter().map(|(index, piece)| async move {
                match store.put(life.keys.piece(cohort, attempt, *index), Some(0), None, piece.clone()).await
                {
                    Put::Written(number) => Ok(number),
                    Put::Conflict | Put::Unknown => Err(Failed),
                }
            });
            first = try_join_all(writes).await?.into_iter().fold(first, u64::min);
        }
        Ok((Head::Pieces { attempt, count }, Some(first)))
    }

    /// Removes the pieces of earlier writes. What fails here is made good by the next write.
    async fn tidy(&self, store: &Store, life: &Life, cohort: CohortId, below: u64) -> bool {
        store.purge(life.keys.pieces(cohort), Some(below)).await.is_ok()
    }

    /// The same behind a head that is all that there is, and has replaced the one with the number `replaced`. As long as
    /// this process writes nothing else there is nothing to do.
    async fn tidy_whole(&self, store: &Store, life: &Life, cohort: CohortId, replaced: u64, revision: u64) {
        let is_clean = self.past.lock().is_clean(cohort, replaced);
        let is_clean = is_clean || self.tidy(store, life, cohort, revision).await;
        self.past.lock().note(cohort, is_clean.then_some(revision), Instant::now());
    }

    /// The cohort is no more. An earlier attempt may have come to any point of this.
    pub(super) async fn forget(&self, store: &Store, life: &Life, cohort: CohortId) -> Result<(), Failed> {
        while let Some(revision) = self.revision(store, life, cohort).await? {
            match store.delete(life.keys.snapshot(cohort), revision).await {
                Put::Written(_) => break,
                Put::Conflict => {} // a late write of the same owner: it goes as well
                Put::Unknown => return Err(Failed),
            }
        }
        let pieces = life.keys.pieces(cohort);
        // To look costs the leader a look into its index; to remove is a write, for each session that ends.
        if !store.names(&life.keys, pieces.clone()).await?.is_empty() {
            store.purge(pieces, None).await?;
        }
        self.past.lock().left.remove(&cohort);
        Ok(())
    }

    /// The number of the head, if there is one, whatever is in it.
    async fn revision(&self, store: &Store, life: &Life, cohort: CohortId) -> Result<Option<u64>, Failed> {
        let found = store.get(&life.keys, life.keys.snapshot(cohort)).await?;
        Ok(found.filter(|found| !found.bytes.is_empty()).map(|found| found.revision))
    }
}

fn attempt() -> Result<u64, Failed> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failed)?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COHORT: CohortId = CohortId(7);

    #[test]
    fn there_is_nothing_to_remove_as_long_as_one_process_writes_heads_only() {
        let now = Instant::now();
        let mut past = Past::new(now);
        assert!(past.is_clean(COHORT, 0), "the first one");
        assert!(!past.is_clean(COHORT, 5), "who wrote that one is not known");
        past.note(COHORT, Some(6), now);
        assert!(past.is_clean(COHORT, 6) && !past.is_clean(COHORT, 9), "the cohort has been elsewhere");
        past.note(COHORT, None, now);
        assert!(!past.is_clean(COHORT, 6) && !past.is_clean(COHORT, 0), "an attempt may have left pieces");
    }

    #[test]
    fn of_cohorts_that_have_gone_elsewhere_nothing_is_kept() {
        let began = Instant::now();
        let mut past = Past::new(began);
        for cohort in 0..100 {
            past.note(CohortId(cohort), Some(1), began);
        }
        past.note(COHORT, Some(2), began + KNOWN_FOR - Duration::from_secs(1));
        assert_eq!(past.left.len(), 100);
        past.note(CohortId(100), Some(3), began + KNOWN_FOR + SWEEP_EVERY);
        assert_eq!(past.left.len(), 2);
        assert!(past.is_clean(COHORT, 2));
    }
}
