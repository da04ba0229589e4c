//! Snapshots: one name for each cohort, written by compare-and-set, so that who comes late replaces nothing
//! (promise 1). What is too large for a message lies in pieces under names that only this attempt to write it has,
//! and the compare-and-set is about the head that names them.

use super::codec::{Head, decode_head, encode_head};
use super::incarnation::Life;
use super::pace::{Complaints, Pace};
use super::store::{Failed, Found, Put, Store};
use bytes::Bytes;
use futures_util::future::try_join_all;
use parking_lot::Mutex;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::HashSet;
use std::time::Instant;
use sterna::protocol::ids::CohortId;
use sterna::protocol::record::Revision;
use sterna::protocol::snapshot::{Snapshot, SnapshotAnswer, Stored};

/// Larger ones go in pieces of this size, so that heartbeats get through between two of them.
const PIECE_BYTES_MAX: usize = 256 * 1024;

/// So many pieces are on their way at once.
const PIECES_AT_ONCE: usize = 8;

/// The snapshots that this process writes.
pub(super) struct Snapshots {
    pace: Pace,
    complaints: Complaints,
    /// Cohorts whose last snapshot, as far as this process has seen, lies in pieces.
    in_pieces: Mutex<HashSet<CohortId>>,
}

impl Snapshots {
    pub(super) fn new(bytes_per_second: u64) -> Self {
        Self {
            pace: Pace::new(bytes_per_second),
            complaints: Complaints::default(),
            in_pieces: Mutex::default(),
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
        if let Head::Pieces { .. } = head {
            self.in_pieces.lock().insert(cohort);
        }
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
            if let Some(sent_away) = self.complaints.complain(Instant::now()) {
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
                self.tidy(store, life, cohort, first_piece.unwrap_or(revision), first_piece.is_some()).await;
                SnapshotAnswer::Written(Revision(revision))
            }
            Put::Conflict => SnapshotAnswer::Conflict,
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
    async fn tidy(&self, store: &Store, life: &Life, cohort: CohortId, below: u64, in_pieces: bool) {
        let had_pieces = match in_pieces {
            true => !self.in_pieces.lock().insert(cohort),
            false => self.in_pieces.lock().contains(&cohort),
        };
        if had_pieces && store.purge(life.keys.pieces(cohort), Some(below)).await.is_ok() && !in_pieces {
            self.in_pieces.lock().remove(&cohort);
        }
    }

    /// The cohort is no more.
    pub(super) async fn forget(&self, store: &Store, life: &Life, cohort: CohortId) -> Result<(), Failed> {
        while let Some((found, head)) = self.head(store, life, cohort).await? {
            match store.delete(life.keys.snapshot(cohort), found.revision).await {
                Put::Written(_) => {
                    let known = self.in_pieces.lock().remove(&cohort);
                    if known || matches!(head, Head::Pieces { .. }) {
                        store.purge(life.keys.pieces(cohort), None).await?;
                    }
                    return Ok(());
                }
                Put::Conflict => {} // a late write of the same owner: it goes as well
                Put::Unknown => return Err(Failed),
            }
        }
        Ok(())
    }
}

fn attempt() -> Result<u64, Failed> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Failed)?;
    Ok(u64::from_be_bytes(bytes))
}
