//! What a client can be told at its creation.

use crate::client::status::{Error, Status};
use crate::protocol::limits;
use crate::protocol::wire::MoveMode;
use std::time::Duration;

/// How a client reaches its nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP with TLS 1.3. Every message is reliable and ordered.
    #[default]
    Tcp,
    /// QUIC over UDP: reliable messages on a stream, unreliable ones in datagrams.
    Udp,
}

/// How much a client logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum LogLevel {
    /// Nothing.
    Off = 0,
    /// A promise is broken.
    Error = 1,
    /// Somebody should look.
    #[default]
    Warn = 2,
    /// Connections come and go.
    Info = 3,
    /// Each step of a move.
    Debug = 4,
}

/// Conditions of a bad network, made up on the client's own side to try a game under them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Simulator {
    /// Added to every packet, each way.
    pub delay: Duration,
    /// Up to so much more, at random.
    pub jitter: Duration,
    /// Out of 100 packets, how many are lost.
    pub loss_percent: u32,
    /// Begins the random choices, so that they can be repeated.
    pub seed: u64,
}

impl Simulator {
    /// Whether it changes anything.
    pub fn is_on(&self) -> bool {
        !self.delay.is_zero() || !self.jitter.is_zero() || self.loss_percent > 0
    }
}

/// Configuration of one client.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How nodes are reached.
    pub transport: Transport,
    /// How the client is moved.
    pub move_mode: MoveMode,
    /// How long `connect` may take over all addresses.
    pub connect_timeout: Duration,
    /// How long a broken link may take to be restored; the server's own limit holds as well.
    pub resume_timeout: Duration,
    /// How long a request waits for its reply unless it says otherwise.
    pub request_timeout: Duration,
    /// Pause between pings on a quiet link.
    pub ping_every: Duration,
    /// A link silent for so long is given up.
    pub silence_max: Duration,
    /// Bytes of messages that may wait to be sent or acknowledged; past it `send` says `QueueFull`.
    pub send_bytes_max: u32,
    /// Bytes of received messages that may wait for `update`; past it the server stops sending.
    pub event_bytes_max: u32,
    /// Largest reliable payload.
    pub message_bytes_max: u32,
    /// What is logged.
    pub log_level: LogLevel,
    /// A bad network, for trying a game.
    pub simulator: Simulator,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            transport: Transport::Tcp,
            move_mode: MoveMode::Seamless,
            connect_timeout: Duration::from_secs(10),
            resume_timeout: limits::RESUME_MAX,
            request_timeout: Duration::from_secs(5),
            ping_every: limits::PING_EVERY,
            silence_max: limits::SILENCE_MAX,
            send_bytes_max: limits::REPLAY_BYTES_MAX as u32,
            event_bytes_max: limits::CREDIT_BYTES as u32,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            log_level: LogLevel::Warn,
            simulator: Simulator::default(),
        }
    }
}

impl Config {
    /// Checks what cannot work, and says what would.
    pub fn validate(&self) -> Result<(), Error> {
        let bad = |text: &str| Err(Error::new(Status::InvalidArgument, text));
        if self.simulator.loss_percent > 99 {
            return bad("simulator_loss_percent is above 99: nothing would get through");
        }
        if self.silence_max <= self.ping_every {
            return bad("silence_max_ms is not above ping_every_ms: a healthy link would be given up");
        }
        if self.message_bytes_max as usize + 1024 > limits::FRAME_BYTES_MAX {
            return bad("message_bytes_max is above 1 MiB, the most that the protocol carries");
        }
        if self.send_bytes_max < self.message_bytes_max + 64 {
            return bad("send_bytes_max is too small to hold one message of message_bytes_max");
        }
        if self.event_bytes_max < self.message_bytes_max + 64 {
            return bad("event_bytes_max is too small to hold one message of message_bytes_max");
        }
        if [self.connect_timeout, self.resume_timeout, self.request_timeout, self.ping_every]
            .contains(&Duration::ZERO)
        {
            return bad("a time-out is zero: leave the field at its initial value for the default");
        }
        Ok(())
    }
}
