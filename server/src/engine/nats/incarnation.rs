//! The life of the bucket: which incarnation of the data counts, and what happens when the data are gone.
//!
//! The stream's own description says which incarnation it holds. Who finds no stream makes one, in a higher
//! incarnation than any it knows of; JetStream sees to it that one of several wins. A stream that gives away a number
//! for the second time has lost data: it begins a new life as well. What is left of an earlier life lies under names
//! that nobody asks for any more ([`Keys`]).

use super::OpenError;
use super::keys::Keys;
use super::store::Store;
use crate::config::NatsConfig;
use crate::seal::unix_ms;
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::time::{Duration, Instant};
use sterna::protocol::ids::Bucket;

/// Where the stream's description holds its incarnation.
const INCARNATION: &str = "sterna-incarnation";
/// ... and whether there was one before.
const SUCCEEDS: &str = "sterna-succeeds";

/// To make a stream with several replicas takes an election.
const MANAGE_MAX: Duration = Duration::from_secs(5);

/// Others may be about to make the stream as well.
const TRIES: u32 = 8;

/// One life of the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// Which.
    pub(super) bucket: Bucket,
    /// What is called what in it.
    pub(super) keys: Keys,
    /// Until then, that nothing is found means nothing: who owns it may still be about to publish it again.
    pub(super) empty_until: Option<Instant>,
}

impl Life {
    /// Whether that nothing is found means that there is nothing.
    pub(super) fn is_complete(&self) -> bool {
        self.empty_until.is_none_or(|until| Instant::now() >= until)
    }
}

/// What a process wants of its bucket.
pub(super) struct Wanted<'a> {
    pub(super) cluster: &'a str,
    pub(super) config: &'a NatsConfig,
    /// How long nobody takes anything over when the data are gone.
    pub(super) take_over: Duration,
    /// The life that this process has known so far.
    pub(super) known: Option<Bucket>,
    /// That life has lost data.
    pub(super) has_lost_data: bool,
}

/// The stream's name.
pub(super) fn stream_name(cluster: &str) -> String {
    format!("STERNA_{cluster}")
}

impl Wanted<'_> {
    /// Finds the life that counts, or begins it.
    pub(super) async fn settle(&self, store: &Store) -> Result<Life, OpenError> {
        let mut context = jetstream::new(store.connection().client());
        context.set_timeout(MANAGE_MAX);
        let mut cause = String::new();
        for _ in 0..TRIES {
            match context.get_stream(store.stream()).await {
                Ok(stream) => {
                    let info = stream.cached_info();
                    let found = self.bucket_of(info)?;
                    if !self.is_past(found) {
                        let life = self.life(found, succeeds(info));
                        if store.anchor(&life.keys).await {
                            return Ok(life);
                        }
                        cause = "it takes no writes".into();
                        continue;
                    }
                    // Not a compare-and-set, and it need not be: of two that do so the later counts, for both.
                    let next =
                        Config { storage: info.config.storage, ..self.describe(self.next_bucket(found)) };
                    if let Err(error) = context.update_stream(next).await {
                        cause = error.to_string();
                    }
                }
                Err(error) => match error.kind() {
                    GetStreamErrorKind::JetStream(error)
                        if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                    {
                        let begun = context.create_stream(self.describe(self.next_bucket(Bucket(0)))).await;
                        match begun.map_err(|error| error.kind()) {
                            Ok(_) => {}
                            Err(CreateStreamErrorKind::JetStream(error))
                                if error.error_code() == ErrorCode::STREAM_NAME_EXIST => {}
                            Err(error) => cause = error.to_string(),
                        }
                    }
                    GetStreamErrorKind::JetStream(error)
                        if error.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED
                            || error.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT =>
                    {
                        return Err(OpenError::NoJetStream(error.to_string()));
                    }
                    GetStreamErrorKind::JetStream(_)
                    | GetStreamErrorKind::EmptyName
                    | GetStreamErrorKind::InvalidStreamName
                    | GetStreamErrorKind::Request => cause = error.to_string(),
                },
            }
        }
        Err(OpenError::NoBucket { stream: store.stream().to_owned(), cause })
    }

    /// Whether a life is over.
    fn is_past(&self, found: Bucket) -> bool {
        match self.known {
            Some(known) => found < known || (found == known && self.has_lost_data),
            None => false,
        }
    }

    fn bucket_of(&self, info: &Info) -> Result<Bucket, OpenError> {
        let number = info.config.metadata.get(INCARNATION).and_then(|number| number.parse().ok());
        number.map(Bucket).ok_or_else(|| OpenError::Foreign(info.config.name.clone()))
    }

    /// Higher than any that anybody knew of, whether this process has known it or not: as far as clocks agree.
    fn next_bucket(&self, found: Bucket) -> Bucket {
        let mut chance = [0; 2];
        // Only tells apart what two nodes begin in the same millisecond; without it the later one counts all the same.
        let _ = SystemRandom::new().fill(&mut chance);
        let by_time = Bucket((unix_ms() << 16) | u64::from(u16::from_be_bytes(chance)));
        by_time.max(found.next()).max(self.known.unwrap_or_default().next())
    }

    fn describe(&self, bucket: Bucket) -> Config {
        let metadata = [
            (INCARNATION.to_owned(), bucket.to_string()),
            (SUCCEEDS.to_owned(), self.known.unwrap_or_default().to_string()),
        ];
        Config {
            name: stream_name(self.cluster),
            description: Some("Sterna: nodes, ownership and snapshots".into()),
            subjects: vec![Keys::new(self.cluster, bucket).all()],
            max_messages_per_subject: 1,
            // A full bucket refuses writes. Anything else would forget who owns what.
            discard: DiscardPolicy::New,
            storage: StorageType::File,
            num_replicas: usize::from(self.config.replicas),
            // Answers of replicas may be old.
            allow_direct: false,
            allow_message_ttl: true,
            metadata: metadata.into(),
            ..Config::default()
        }
    }

    fn life(&self, bucket: Bucket, succeeds: bool) -> Life {
        let is_new = self.known != Some(bucket);
        let empty_until = (is_new && (succeeds || self.known.is_some()))
            // Who was fenced publishes only after one take-over time.
            .then(|| Instant::now() + self.take_over * 2);
        Life { bucket, keys: Keys::new(self.cluster, bucket), empty_until }
    }
}

/// Whether who made the stream knew of an earlier life.
fn succeeds(info: &Info) -> bool {
    info.config.metadata.get(SUCCEEDS).is_some_and(|before| before != "0")
}
