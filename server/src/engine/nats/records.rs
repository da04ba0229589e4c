//! The directory: each cohort's record under a name of its own, changed by compare-and-set (rules a to h).

use super::codec::{decode_record, encode_record};
use super::incarnation::Life;
use super::store::{Failed, Found, Put, Store};
use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use futures_util::StreamExt as _;
use std::collections::BTreeSet;
use sterna::protocol::ids::{CohortId, NodeId};
use sterna::protocol::record::{CasAnswer, ReadAnswer, Record, Revision, Versioned};

/// What the leader holds of a cohort.
pub(super) async fn read(store: &Store, life: &Life, cohort: CohortId) -> ReadAnswer {
    match store.get(&life.keys, life.keys.record(cohort)).await {
        Ok(found) => match found.filter(|found| !found.bytes.is_empty()) {
            Some(found) => {
                versioned(cohort, &found).map_or(ReadAnswer::Failed, |found| ReadAnswer::Read(Some(found)))
            }
            // Who owns it may be about to publish it again.
            None if !life.is_complete() => ReadAnswer::Failed,
            None => ReadAnswer::Read(None),
        },
        Err(Failed) => ReadAnswer::Failed,
    }
}

fn versioned(cohort: CohortId, found: &Found) -> Option<Versioned> {
    let record = decode_record(&found.bytes);
    let record = record.inspect_err(|error| tracing::error!(%cohort, "its record: {error}")).ok()?;
    Some(Versioned { revision: Revision(found.revision), record })
}

/// A compare-and-set; `expected` 0: there must be none.
pub(super) async fn write(
    store: &Store,
    life: &Life,
    cohort: CohortId,
    expected: Revision,
    record: &Record,
) -> CasAnswer {
    // A record of an earlier life is published again first, by its owner.
    if record.bucket != life.bucket {
        store.doubt();
        return CasAnswer::Unknown;
    }
    let subject = life.keys.record(cohort);
    match store.put(subject, Some(expected.0), None, encode_record(record)).await {
        Put::Written(revision) => CasAnswer::Won(Revision(revision)),
        Put::Conflict => match read(store, life, cohort).await {
            ReadAnswer::Read(found) => CasAnswer::Lost(found),
            ReadAnswer::Failed => CasAnswer::Unknown,
        },
        Put::Unknown => CasAnswer::Unknown,
    }
}

/// The cohorts whose record names this node, as the owner or as the source of a move.
pub(super) async fn naming(store: &Store, life: &Life, node: NodeId) -> Result<Vec<CohortId>, Failed> {
    let mut found = Vec::new();
    pass(store, life, |cohort, record| {
        if record.nodes().any(|named| named == node) {
            found.push(cohort);
        }
    })
    .await?;
    Ok(found)
}

/// The nodes that records name.
pub(super) async fn nodes_named(store: &Store, life: &Life) -> Result<BTreeSet<NodeId>, Failed> {
    let mut named = BTreeSet::new();
    pass(store, life, |_, record| named.extend(record.nodes())).await?;
    Ok(named)
}

/// One pass over all records, which another write may overtake; it is made when a node starts, or is gone.
async fn pass(store: &Store, life: &Life, mut see: impl FnMut(CohortId, Record)) -> Result<(), Failed> {
    let client = store.connection().client();
    let config = push::OrderedConfig {
        deliver_subject: client.new_inbox(),
        filter_subject: life.keys.records(),
        deliver_policy: DeliverPolicy::LastPerSubject,
        ..Default::default()
    };
    let context = jetstream::new(client);
    let consumer = context.create_consumer_on_stream(config, store.stream()).await.map_err(|_| Failed)?;
    if consumer.cached_info().num_pending == 0 {
        return store.is_anchored(&life.keys).await;
    }
    let mut messages = consumer.messages().await.map_err(|_| Failed)?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|_| Failed)?;
        if let Some(cohort) = life.keys.cohort_of(&message.subject)
            && let Ok(record) = decode_record(&message.payload)
        {
            see(cohort, record);
        }
        if message.info().map_err(|_| Failed)?.pending == 0 {
            return Ok(());
        }
    }
    Err(Failed)
}
