//! The life of the bucket: which incarnation of the data counts, and what happens when the data are gone.
//!
//! The stream's own description says which incarnation it holds. Who finds no stream makes one, in a higher
//! incarnation than any it knows of; JetStream sees to it that one of several wins. A stream that gives away a number
//! for the second time has lost data: it begins a new life as well. What is left of an earlier life lies under names
//! that nobody asks for any more ([`Keys`]).

use super::OpenError;
use super::connection::NoAnswer;
use super::keys::Keys;
use super::store::{Failed, Store};
use crate::config::NatsConfig;
use crate::seal::unix_ms;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType};
use bytes::Bytes;
use ring::rand::{SecureRandom as _, SystemRandom};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use sterna::protocol::ids::Bucket;

/// Where the stream's description holds its incarnation.
const INCARNATION: &str = "sterna-incarnation";
/// ... and whether that is the first one of all.
const FIRST: &str = "sterna-first";

/// Who asks about a stream without a leader is not answered, also not when there is one again.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// To make a stream with several replicas takes an election.
const MANAGE_MAX: Duration = Duration::from_secs(5);

/// Longer than an election takes.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// Pause before the bucket is looked at again. Others may be about to make it as well.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
    /// There has been no such cluster before.
    pub(super) is_new: bool,
}

/// The stream's name.
pub(super) fn stream_name(cluster: &str) -> String {
    format!("STERNA_{cluster}")
}

/// Why there is no life yet.
enum Trouble {
    /// It does not pass by waiting.
    Lasting(OpenError),
    /// It may: what to say if it does not.
    Passing(String),
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Self {
        Self::Lasting(error)
    }
}

impl Trouble {
    fn passing(cause: impl Into<String>) -> Self {
        Self::Passing(cause.into())
    }
}

impl Wanted<'_> {
    /// Finds the life that counts, or begins it.
    pub(super) async fn settle(&self, store: &Store) -> Result<Life, OpenError> {
        let deadline = Instant::now() + SETTLE_MAX;
        loop {
            let cause = match self.find_or_begin(store).await {
                Ok(life) => return Ok(life),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(cause)) => cause,
            };
            if Instant::now() >= deadline {
                return Err(OpenError::NoBucket { stream: store.stream().to_owned(), cause });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn find_or_begin(&self, store: &Store) -> Result<Life, Trouble> {
        let info = match manage(store, "INFO", Bytes::new(), LOOK_MAX).await? {
            Response::Ok(info) => info,
            Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                begin(store, "CREATE", &self.describe(self.next_bucket(Bucket(0)))).await?
            }
            Response::Err { error } => return Err(Trouble::passing(error.to_string())),
        };
        let found = bucket_of(&info)?;
        if !self.is_past(found) {
            let keys = Keys::new(self.cluster, found);
            let is_anchored = store.has_anchor(&keys).await.map_err(|Failed| cannot("read"))?;
            if is_anchored || !self.has_lost_anchor(found, &info) {
                if !is_anchored {
                    store.anchor(&keys).await.map_err(|Failed| cannot("written"))?;
                }
                return Ok(self.life(found, is_first(&info.config)));
            }
        }
        self.begin_after(store, found, info.config).await
    }

    /// Begins a life after this one, in the same stream, whose settings are the operator's.
    async fn begin_after(&self, store: &Store, past: Bucket, config: Config) -> Result<Life, Trouble> {
        let next = self.next_bucket(past);
        let keys = Keys::new(self.cluster, next);
        let mut metadata = config.metadata;
        metadata.insert(INCARNATION.to_owned(), next.to_string());
        metadata.remove(FIRST);
        // Not a compare-and-set, and it need not be: of two that do so the later counts, for both.
        let config = Config { subjects: vec![keys.all()], metadata, ..config };
        begin(store, "UPDATE", &config).await?;
        let anchor = store.anchor(&keys).await.map_err(|Failed| cannot("written"))?;
        // Nobody writes into a life before its anchor is there: what has a lower number is of earlier ones, and nobody
        // asks for it any more. What stays for all that takes room, and does no harm.
        let _ = store.purge(Keys::of_all_lives(self.cluster), Some(anchor)).await;
        Ok(self.life(next, false))
    }

    /// Whether a life is over.
    fn is_past(&self, found: Bucket) -> bool {
        match self.known {
            Some(known) => found < known || (found == known && self.has_lost_data),
            None => false,
        }
    }

    /// Whether the anchor, which is not there, has been: then the stream was purged, or has lost its beginning. To
    /// write it again would say of everything that has been lost with it that it never was.
    fn has_lost_anchor(&self, found: Bucket, info: &Info) -> bool {
        match self.known {
            Some(known) => found == known,
            // What was purged keeps its numbers. Who has begun this life just now, and is about to drop its anchor,
            // has no more trouble from a second new life than from the first.
            None => info.state.last_sequence > 0,
        }
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
        let mut metadata = HashMap::from([(INCARNATION.to_owned(), bucket.to_string())]);
        if self.is_new && self.known.is_none() {
            metadata.insert(FIRST.to_owned(), "true".to_owned());
        }
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
            metadata,
            ..Config::default()
        }
    }

    fn life(&self, bucket: Bucket, is_first: bool) -> Life {
        let wait = match self.known {
            Some(known) if known == bucket => Duration::ZERO,
            Some(_) => self.wait(),
            None if is_first => Duration::ZERO,
            // It may have been made because one was lost: its maker need not have known.
            None => self.wait().saturating_sub(age(bucket, unix_ms())),
        };
        let empty_until = (!wait.is_zero()).then(|| Instant::now() + wait);
        Life { bucket, keys: Keys::new(self.cluster, bucket), empty_until }
    }

    /// Who was fenced publishes only after one take-over time.
    fn wait(&self) -> Duration {
        self.take_over * 2
    }
}

/// How long ago a life began, by the clock of the machine that began it. What this machine's clock is behind of that is
/// waited for besides, up to the whole wait; what it is ahead is taken from the wait, half of which is to spare.
fn age(bucket: Bucket, now_ms: u64) -> Duration {
    Duration::from_millis(now_ms.saturating_sub(bucket.0 >> 16))
}

fn is_first(config: &Config) -> bool {
    config.metadata.contains_key(FIRST)
}

fn bucket_of(info: &Info) -> Result<Bucket, OpenError> {
    let number = info.config.metadata.get(INCARNATION).and_then(|number| number.parse().ok());
    number.map(Bucket).ok_or_else(|| OpenError::Foreign(info.config.name.clone()))
}

fn cannot(what: &str) -> Trouble {
    Trouble::passing(format!("it cannot be {what}"))
}

/// Asks something about the stream.
async fn manage(
    store: &Store,
    what: &str,
    payload: Bytes,
    time: Duration,
) -> Result<Response<Info>, Trouble> {
    let api = format!("$JS.API.STREAM.{what}.{}", store.stream());
    let answer = match store.connection().request_within(time, api, None, payload).await {
        Ok(message) => serde_json::from_slice(&message.payload)
            .map_err(|error| Trouble::passing(format!("cannot read what NATS answers: {error}")))?,
        Err(NoAnswer::Silent) => return Err(Trouble::passing("NATS does not answer")),
        Err(NoAnswer::Nobody) => {
            let server = store.connection().client().server_info();
            // Others in a cluster may have it.
            if !server.jetstream && server.cluster.is_none() {
                return Err(OpenError::NoJetStream(format!("the server {}", server.server_name)).into());
            }
            return Err(Trouble::passing("nobody answers for JetStream"));
        }
    };
    match answer {
        Response::Err { error }
            if error.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED
                || error.error_code() == ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT =>
        {
            Err(OpenError::NoJetStream(error.to_string()).into())
        }
        answer => Ok(answer),
    }
}

/// Makes the stream, or changes it.
async fn begin(store: &Store, what: &str, config: &Config) -> Result<Info, Trouble> {
    let config = serde_json::to_vec(config).map_err(|error| Trouble::passing(error.to_string()))?;
    match manage(store, what, config.into(), MANAGE_MAX).await? {
        Response::Ok(info) => Ok(info),
        // Also that another process was faster.
        Response::Err { error } => Err(Trouble::passing(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_nothing_is_found_counts_once_a_life_is_old_enough() {
        let config = NatsConfig::default();
        let take_over = Duration::from_secs(15);
        let fresh = Wanted {
            cluster: "dev",
            config: &config,
            take_over,
            known: None,
            has_lost_data: false,
            is_new: false,
        };
        let begun = |before_ms: u64| Bucket((unix_ms() - before_ms) << 16);
        let left = |life: Life| life.empty_until.map(|until| until.saturating_duration_since(Instant::now()));
        // Whoever has made it.
        assert!(left(fresh.life(begun(0), false)).is_some_and(|left| left > Duration::from_secs(25)));
        assert!(left(fresh.life(begun(20_000), false)).is_some_and(|left| left < Duration::from_secs(11)));
        assert_eq!(left(fresh.life(begun(30_001), false)), None);
        // By a clock that goes ahead, or that is of no use.
        let ahead = left(fresh.life(Bucket(u64::MAX), false));
        assert!(ahead.is_some_and(|left| left <= take_over * 2), "{ahead:?}");
        let known = Wanted { known: Some(Bucket(7)), ..fresh };
        assert_eq!(left(known.life(Bucket(7), false)), None);
        assert!(
            left(known.life(Bucket(8), false)).is_some(),
            "whatever its age: this process hears of it now"
        );
        assert_eq!(left(fresh.life(begun(0), true)), None, "nothing was ever there");
        assert!(is_first(&Wanted { is_new: true, ..fresh }.describe(Bucket(1))));
        assert!(!is_first(&Wanted { is_new: true, ..known }.describe(Bucket(1))), "one has been lost since");
    }
}
