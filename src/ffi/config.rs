//! A client's configuration as C passes it.

use crate::client::config::{Config, LogLevel, Simulator, Transport};
use crate::client::status::{Error, Status};
use crate::ffi::error::{Failure, check_pointer, guard};
use crate::ffi::result::SternaResult;
use crate::protocol::wire::MoveMode;
use std::time::Duration;

/// How a client reaches its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaTransport {
    /// TCP with TLS 1.3. Every message is reliable and ordered.
    STERNA_TRANSPORT_TCP = 0,
    /// QUIC over UDP: reliable messages on a stream, unreliable ones in datagrams.
    STERNA_TRANSPORT_UDP = 1,
}

/// How a client is moved to another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaMoveMode {
    /// Make before break: it attaches to the next node while the present one still serves.
    STERNA_MOVE_SEAMLESS = 0,
    /// Break before make: disconnect, move, reconnect. Nothing is lost, but play stands still for some round trips;
    /// what is sent meanwhile waits. For networks that allow one connection at a time, and to see the difference.
    STERNA_MOVE_CLASSIC = 1,
}

/// How important a log line is, and how much a client logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(non_camel_case_types)]
pub enum SternaLogLevel {
    /// Nothing.
    STERNA_LOG_OFF = 0,
    /// A promise is broken.
    STERNA_LOG_ERROR = 1,
    /// Somebody should look.
    STERNA_LOG_WARN = 2,
    /// Connections come and go.
    STERNA_LOG_INFO = 3,
    /// Each step of a move.
    STERNA_LOG_DEBUG = 4,
}

/// Configuration of one client. Fill it with `sterna_client_config_init`, then change what you like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SternaClientConfig {
    /// Set by `sterna_client_config_init`: the size of this struct as the program knows it.
    pub struct_size: u32,
    /// A `SternaTransport`. Initially TCP.
    pub transport: u32,
    /// A `SternaMoveMode`. Initially seamless. A room moves as one, and always seamlessly.
    pub move_mode: u32,
    /// A `SternaLogLevel`. Initially warnings and errors.
    pub log_level: u32,
    /// How long `connect` may take, over all addresses of the token. Initially 10,000.
    pub connect_timeout_ms: u32,
    /// How long a broken link may take to be restored; the server's own limit holds as well. Initially
    /// 60,000.
    pub resume_timeout_ms: u32,
    /// How long a request waits for its reply unless it says otherwise. Initially 5,000.
    pub request_timeout_ms: u32,
    /// Pause between pings on a quiet link. Initially 1,000.
    pub ping_every_ms: u32,
    /// A link that is silent for so long is given up, and restored. Initially 5,000.
    pub silence_max_ms: u32,
    /// Bytes of messages that may wait to be sent or acknowledged; past it sending gives
    /// `STERNA_ERROR_QUEUE_FULL`. Initially 1 MiB.
    pub send_bytes_max: u32,
    /// Bytes of received messages that may wait for `update` and `poll_event`; past it the server holds
    /// back what it sends to this client. Initially 256 KiB.
    pub event_bytes_max: u32,
    /// Largest payload of a reliable message. Initially 64 KiB.
    pub message_bytes_max: u32,
    /// A bad network, to try a game under: added to every packet, each way. Initially 0, like the others.
    pub simulator_delay_ms: u32,
    /// Up to so much more delay, at random.
    pub simulator_jitter_ms: u32,
    /// Out of 100 packets, how many are lost.
    pub simulator_loss_percent: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Begins the random choices, so that they can be repeated.
    pub simulator_seed: u64,
}

/// No header ever had a smaller struct: up to and including `log_level`.
const SMALLEST: usize = 16;

impl From<&Config> for SternaClientConfig {
    fn from(config: &Config) -> Self {
        let ms = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
        Self {
            struct_size: size_of::<Self>() as u32,
            transport: config.transport as u32,
            move_mode: config.move_mode as u32,
            log_level: config.log_level as u32,
            connect_timeout_ms: ms(config.connect_timeout),
            resume_timeout_ms: ms(config.resume_timeout),
            request_timeout_ms: ms(config.request_timeout),
            ping_every_ms: ms(config.ping_every),
            silence_max_ms: ms(config.silence_max),
            send_bytes_max: config.send_bytes_max,
            event_bytes_max: config.event_bytes_max,
            message_bytes_max: config.message_bytes_max,
            simulator_delay_ms: ms(config.simulator.delay),
            simulator_jitter_ms: ms(config.simulator.jitter),
            simulator_loss_percent: config.simulator.loss_percent,
            reserved: 0,
            simulator_seed: config.simulator.seed,
        }
    }
}

impl TryFrom<&SternaClientConfig> for Config {
    type Error = Error;

    fn try_from(c: &SternaClientConfig) -> Result<Self, Error> {
        let bad = |text: &str| Error::new(Status::InvalidArgument, text);
        let ms = |ms: u32| Duration::from_millis(ms.into());
        if c.reserved != 0 {
            return Err(bad("reserved is not 0: fill the struct with sterna_client_config_init first"));
        }
        let config = Config {
            transport: match c.transport {
                0 => Transport::Tcp,
                1 => Transport::Udp,
                _ => return Err(bad("transport is no SternaTransport")),
            },
            move_mode: match c.move_mode {
                0 => MoveMode::Seamless,
                1 => MoveMode::Classic,
                _ => return Err(bad("move_mode is no SternaMoveMode")),
            },
            log_level: log_level(c.log_level).ok_or_else(|| bad("log_level is no SternaLogLevel"))?,
            connect_timeout: ms(c.connect_timeout_ms),
            resume_timeout: ms(c.resume_timeout_ms),
            request_timeout: ms(c.request_timeout_ms),
            ping_every: ms(c.ping_every_ms),
            silence_max: ms(c.silence_max_ms),
            send_bytes_max: c.send_bytes_max,
            event_bytes_max: c.event_bytes_max,
            message_bytes_max: c.message_bytes_max,
            simulator: Simulator {
                delay: ms(c.simulator_delay_ms),
                jitter: ms(c.simulator_jitter_ms),
                loss_percent: c.simulator_loss_percent,
                seed: c.simulator_seed,
            },
        };
        config.validate()?;
        Ok(config)
    }
}

/// The level with this number.
pub(super) fn log_level(number: u32) -> Option<LogLevel> {
    [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug]
        .get(number as usize)
        .copied()
}

/// Fills a configuration with the initial values. Pass `sizeof(SternaClientConfig)` as `struct_size`: it
/// tells a newer library how much the program's struct holds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sterna_client_config_init(
    config: *mut SternaClientConfig,
    struct_size: u32,
) -> SternaResult {
    guard(|| {
        check_pointer(config)?;
        let caller_size = struct_size as usize;
        if caller_size < SMALLEST {
            return Err(Error::new(
                Status::StructSize,
                "struct_size is too small: pass sizeof(SternaClientConfig)",
            )
            .into());
        }
        let mut initial = SternaClientConfig::from(&Config::default());
        initial.struct_size = struct_size;
        let known = caller_size.min(size_of::<SternaClientConfig>());
        // SAFETY: the caller vouches for `struct_size` writable bytes; `known` is no more than these nor
        // than the source, and the rest is zeroed within them. The struct has no padding.
        unsafe {
            let out = config.cast::<u8>();
            std::ptr::copy_nonoverlapping((&raw const initial).cast::<u8>(), out, known);
            out.add(known).write_bytes(0, caller_size - known);
        }
        Ok(())
    })
}

/// Reads a configuration of whichever version of the struct; NULL gives the initial values.
///
/// # Safety
/// `config` is NULL or points to as many readable bytes as its first field says.
pub(super) unsafe fn read(config: *const SternaClientConfig) -> Result<Config, Failure> {
    if config.is_null() {
        return Ok(Config::default());
    }
    check_pointer(config)?;
    // SAFETY: not NULL, aligned, and every version of the struct begins with this field.
    let caller_size = unsafe { (&raw const (*config).struct_size).read() } as usize;
    if caller_size < SMALLEST {
        return Err(Status::StructSize.into());
    }
    let mut full = SternaClientConfig::from(&Config::default());
    let known = caller_size.min(size_of::<SternaClientConfig>());
    // SAFETY: the caller vouches for `caller_size` readable bytes; every bit pattern is a valid
    // `SternaClientConfig`, and `known` is no more than its size.
    let tail = unsafe {
        std::ptr::copy_nonoverlapping(config.cast::<u8>(), (&raw mut full).cast::<u8>(), known);
        std::slice::from_raw_parts(config.cast::<u8>().add(known), caller_size - known)
    };
    if tail.iter().any(|&byte| byte != 0) {
        return Err(Error::new(
            Status::StructSize,
            "the configuration uses fields of a newer version: update the library, or leave them 0",
        )
        .into());
    }
    Ok(Config::try_from(&full)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_values_come_back_as_the_defaults() {
        let config = Config::default();
        assert_eq!(Config::try_from(&SternaClientConfig::from(&config)), Ok(config));
    }

    #[test]
    fn constants_have_the_numbers_of_what_they_stand_for() {
        assert_eq!(SternaTransport::STERNA_TRANSPORT_TCP as u32, Transport::Tcp as u32);
        assert_eq!(SternaTransport::STERNA_TRANSPORT_UDP as u32, Transport::Udp as u32);
        assert_eq!(SternaMoveMode::STERNA_MOVE_SEAMLESS as u32, MoveMode::Seamless as u32);
        assert_eq!(SternaMoveMode::STERNA_MOVE_CLASSIC as u32, MoveMode::Classic as u32);
        use SternaLogLevel::*;
        for level in [STERNA_LOG_OFF, STERNA_LOG_ERROR, STERNA_LOG_WARN, STERNA_LOG_INFO, STERNA_LOG_DEBUG] {
            let meant = log_level(level as u32).expect("each constant has a level");
            assert_eq!(meant as u32, level as u32);
            assert_eq!(format!("STERNA_LOG_{meant:?}").to_uppercase(), format!("{level:?}"));
        }
        assert_eq!(log_level(5), None);
    }
}
