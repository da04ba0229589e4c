//! Lets Rust programs play through the very C functions that games use, without `unsafe` of their own.
//!
//! Behind the feature `harness`; no part of the header. The demo and the tests use it, so that what they
//! show is what the shipped library does.

mod room;

use super::*;
use crate::client::Stats;
use crate::client::config::Config;
use crate::client::event::Event;
use crate::client::status::{Error, Status};
use crate::ffi::event::EVENT_TYPES;
use crate::protocol::ids::{Epoch, SessionId};
use crate::protocol::reasons::OfflineReason;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

type Sink<'a> = dyn FnMut(&CClient, Event, &[u8]) + 'a;

/// A client behind its C pointer.
#[derive(Debug)]
pub struct CClient {
    client: *mut SternaClient,
}

// SAFETY: the pointer is a number, and the C functions may be called from any thread.
unsafe impl Send for CClient {}
// SAFETY: as above.
unsafe impl Sync for CClient {}

type Register = extern "C" fn(*mut SternaClient, SternaEventCallback, *mut c_void) -> SternaResult;

/// All registration functions, in the order of the events' numbers.
pub const REGISTER: [(SternaEventType, Register); EVENT_TYPES] = [
    (SternaEventType::STERNA_EVENT_CONNECTED, sterna_client_on_connected),
    (SternaEventType::STERNA_EVENT_CONNECT_FAILED, sterna_client_on_connect_failed),
    (SternaEventType::STERNA_EVENT_DISCONNECTED, sterna_client_on_disconnected),
    (SternaEventType::STERNA_EVENT_RECONNECTING, sterna_client_on_reconnecting),
    (SternaEventType::STERNA_EVENT_RECONNECTED, sterna_client_on_reconnected),
    (SternaEventType::STERNA_EVENT_OFFLINE, sterna_client_on_offline),
    (SternaEventType::STERNA_EVENT_MIGRATING, sterna_client_on_migrating),
    (SternaEventType::STERNA_EVENT_MIGRATED, sterna_client_on_migrated),
    (SternaEventType::STERNA_EVENT_MIGRATE_FAILED, sterna_client_on_migrate_failed),
    (SternaEventType::STERNA_EVENT_TOOK_OVER, sterna_client_on_took_over),
    (SternaEventType::STERNA_EVENT_RESPONSE, sterna_client_on_response),
    (SternaEventType::STERNA_EVENT_PUSH, sterna_client_on_push),
    (SternaEventType::STERNA_EVENT_LOG, sterna_client_on_log),
    (SternaEventType::STERNA_EVENT_ROOM_ENTERED, sterna_client_on_room_entered),
    (SternaEventType::STERNA_EVENT_ROOM_EXITED, sterna_client_on_room_exited),
    (SternaEventType::STERNA_EVENT_ROOM_MEMBER_JOINED, sterna_client_on_room_member_joined),
    (SternaEventType::STERNA_EVENT_ROOM_MEMBER_LEFT, sterna_client_on_room_member_left),
    (SternaEventType::STERNA_EVENT_ROOM_MESSAGE, sterna_client_on_room_message),
    (SternaEventType::STERNA_EVENT_ROOM_OWNER_CHANGED, sterna_client_on_room_owner_changed),
    (SternaEventType::STERNA_EVENT_ROOM_PROPERTY, sterna_client_on_room_property),
    (SternaEventType::STERNA_EVENT_ROOM_SYNC, sterna_client_on_room_sync),
    (SternaEventType::STERNA_EVENT_ROOM_RESULT, sterna_client_on_room_result),
    (SternaEventType::STERNA_EVENT_ROOM_MIGRATED, sterna_client_on_room_migrated),
    (SternaEventType::STERNA_EVENT_ROOM_REFRESHED, sterna_client_on_room_refreshed),
];

impl CClient {
    /// `sterna_client_create`. Events are left to [`poll`](Self::poll) until [`update`](Self::update) is
    /// called.
    pub fn create(config: &Config) -> Result<Self, Error> {
        let config = SternaClientConfig::from(config);
        let mut client = std::ptr::null_mut();
        // SAFETY: both pointers are to live objects of their types.
        check(unsafe { sterna_client_create(&config, &mut client) })?;
        let client = Self { client };
        for (_, register) in REGISTER {
            check(register(client.client, Some(deliver), std::ptr::null_mut()))?;
        }
        Ok(client)
    }

    /// `sterna_client_connect`.
    pub fn connect(&self, token: &str) -> Result<(), Error> {
        let token = CString::new(token).map_err(|_| Error::from(Status::TokenMalformed))?;
        // SAFETY: the string ends in a NUL and lives through the call.
        check(unsafe { sterna_client_connect(self.client, token.as_ptr()) })
    }

    /// `sterna_client_disconnect`.
    pub fn disconnect(&self) -> Result<(), Error> {
        check(sterna_client_disconnect(self.client))
    }

    /// `sterna_client_update`: each event goes through its C callback to `sink`.
    pub fn update(&self, mut sink: impl FnMut(&Self, Event, &[u8])) -> Result<(), Error> {
        let sink: &mut Sink<'_> = &mut sink;
        // SAFETY: only the lifetime is changed; `SINK` is put back before this function, and with it the
        // borrow, is over, and callbacks are called on this thread only.
        let sink = unsafe { std::mem::transmute::<*mut Sink<'_>, *mut Sink<'static>>(sink) };
        let outer = SINK.replace(Receiver { client: self.client, sink: Some(sink), panic: None });
        let result = sterna_client_update(self.client);
        let receiver = SINK.replace(outer);
        if let Some(panic) = receiver.panic {
            resume_unwind(panic);
        }
        check(result)
    }

    /// `sterna_client_poll_event`: the next event that had no callback.
    pub fn poll(&self) -> Option<(Event, Vec<u8>)> {
        let event = sterna_client_poll_event(self.client);
        // SAFETY: NULL or valid until the next poll; the copy is made before.
        let event = unsafe { event.as_ref() }?;
        let (event, bytes) = to_rust(event);
        Some((event, bytes.to_vec()))
    }

    /// Takes this type's callback away, so that its events are left to [`poll`](Self::poll).
    pub fn leave_to_poll(&self, event_type: SternaEventType) -> Result<(), Error> {
        let (_, register) = REGISTER[event_type as usize - 1];
        check(register(self.client, None, std::ptr::null_mut()))
    }

    /// `sterna_client_send`.
    pub fn send(&self, ver: u8, cmd: u16, payload: &[u8]) -> Result<(), Error> {
        // SAFETY: pointer and length are those of a live slice.
        check(unsafe { sterna_client_send(self.client, ver, cmd, payload.as_ptr(), payload.len() as u32) })
    }

    /// `sterna_client_rsend`.
    pub fn rsend(&self, ver: u8, cmd: u16, payload: &[u8]) -> Result<(), Error> {
        // SAFETY: pointer and length are those of a live slice.
        check(unsafe { sterna_client_rsend(self.client, ver, cmd, payload.as_ptr(), payload.len() as u32) })
    }

    /// `sterna_client_request`.
    pub fn request(
        &self,
        ver: u8,
        cmd: u16,
        payload: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, Error> {
        let timeout_ms = timeout.map_or(0, |timeout| timeout.as_millis().clamp(1, u32::MAX.into()) as u32);
        let (data, length) = (payload.as_ptr(), payload.len() as u32);
        let mut request = 0;
        // SAFETY: pointer and length are those of a live slice, `request` is a live number.
        check(unsafe {
            sterna_client_request(self.client, ver, cmd, data, length, timeout_ms, &mut request)
        })?;
        Ok(request)
    }

    /// `sterna_client_send_migrate`.
    pub fn send_migrate(&self) -> Result<(), Error> {
        check(sterna_client_send_migrate(self.client))
    }

    /// `sterna_client_flush`.
    pub fn flush(&self) -> Result<(), Error> {
        check(sterna_client_flush(self.client))
    }

    /// `sterna_client_stats`.
    pub fn stats(&self) -> Result<Stats, Error> {
        let mut c = SternaStats::default();
        // SAFETY: `c` is a live struct of that size.
        check(unsafe { sterna_client_stats(self.client, &mut c, size_of::<SternaStats>() as u32) })?;
        Ok(Stats {
            rtt_us: c.rtt_us,
            rtt_min_us: c.rtt_min_us,
            bytes_sent: c.bytes_sent,
            bytes_received: c.bytes_received,
            messages_sent: c.messages_sent,
            messages_received: c.messages_received,
            moves: c.moves,
            moves_failed: c.moves_failed,
            reconnects: c.reconnects,
            last_move_gap_us: c.last_move_gap_us,
            send_queue_bytes: c.send_queue_bytes,
            event_queue_bytes: c.event_queue_bytes,
            epoch: c.epoch,
        })
    }

    /// `sterna_client_state`.
    pub fn state(&self) -> SternaState {
        sterna_client_state(self.client)
    }

    /// `sterna_client_last_error`.
    pub fn last_error(&self) -> String {
        text(sterna_client_last_error(self.client))
    }

    /// `sterna_client_destroy`, also done by dropping.
    pub fn destroy(&self) {
        sterna_client_destroy(self.client);
    }

    /// Makes a call that panics inside the library, to see that it is contained.
    pub fn panic_inside(&self, message: &str) -> Result<(), Error> {
        check(error::with_client(self.client, |_| panic!("{message}")))
    }
}

impl Drop for CClient {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// `sterna_shutdown`.
pub fn shutdown() -> Result<(), Error> {
    check(sterna_shutdown())
}

/// Where the callbacks deliver while `update` runs on this thread.
struct Receiver {
    client: *mut SternaClient,
    sink: Option<*mut Sink<'static>>,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

thread_local! {
    static SINK: RefCell<Receiver> =
        const { RefCell::new(Receiver { client: std::ptr::null_mut(), sink: None, panic: None }) };
}

/// The callback of every event.
unsafe extern "C" fn deliver(client: *mut SternaClient, event: *const SternaEvent, _: *mut c_void) {
    let sink = SINK.with_borrow(|receiver| (receiver.client == client).then_some(receiver.sink)).flatten();
    let Some(sink) = sink else { return };
    // SAFETY: the library passes a valid event; it is not used after this function.
    let (event, bytes) = to_rust(unsafe { &*event });
    // Borrowed, not owned: it must not be destroyed here.
    let borrowed = std::mem::ManuallyDrop::new(CClient { client });
    let delivered = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `update` is under way on this thread, so the sink is alive; no other reference to it is in
        // use, since `update` of the same client cannot run inside itself.
        unsafe { (*sink)(&borrowed, event, bytes) }
    }));
    if let Err(panic) = delivered {
        // A panic must not run through C: a failed assertion of a test goes on in `update`.
        SINK.with_borrow_mut(|receiver| {
            receiver.sink = None;
            receiver.panic = Some(panic);
        });
    }
}

/// The event that came as `c`, by the fields that the header calls valid, and its bytes.
fn to_rust(c: &SternaEvent) -> (Event, &[u8]) {
    use SternaEventType::*;
    let status = Status::from_number(c.status as u32).expect("the library sends numbers it knows");
    let epoch = Epoch(c.epoch);
    let event = match c.event_type {
        STERNA_EVENT_CONNECTED => Event::Connected { session: SessionId(c.session_id) },
        STERNA_EVENT_CONNECT_FAILED => Event::ConnectFailed { status },
        STERNA_EVENT_DISCONNECTED => Event::Disconnected { status },
        STERNA_EVENT_RECONNECTING => Event::Reconnecting { status },
        STERNA_EVENT_RECONNECTED => Event::Reconnected { epoch },
        STERNA_EVENT_OFFLINE => Event::Offline {
            epoch,
            deadline_ms: c.deadline_ms,
            reason: OfflineReason::from_number(c.reason as u8).expect("an offline event has a reason"),
            in_room: c.in_room != 0,
        },
        STERNA_EVENT_MIGRATING => Event::Migrating { epoch },
        STERNA_EVENT_MIGRATED => Event::Migrated { epoch, gap_us: c.gap_us },
        STERNA_EVENT_MIGRATE_FAILED => Event::MigrateFailed { status },
        STERNA_EVENT_TOOK_OVER => Event::TookOver { epoch, lost_from: c.lost_from, lost_to: c.lost_to },
        STERNA_EVENT_RESPONSE => Event::Response { request: c.request_id, status, ver: c.ver, cmd: c.cmd },
        STERNA_EVENT_PUSH => Event::Push { ver: c.ver, cmd: c.cmd, reliable: c.reliable != 0 },
        STERNA_EVENT_LOG => {
            Event::Log { level: config::log_level(c.log_level).expect("the library sends levels it knows") }
        }
        STERNA_EVENT_ROOM_ENTERED
        | STERNA_EVENT_ROOM_EXITED
        | STERNA_EVENT_ROOM_MEMBER_JOINED
        | STERNA_EVENT_ROOM_MEMBER_LEFT
        | STERNA_EVENT_ROOM_MESSAGE
        | STERNA_EVENT_ROOM_OWNER_CHANGED
        | STERNA_EVENT_ROOM_PROPERTY
        | STERNA_EVENT_ROOM_SYNC
        | STERNA_EVENT_ROOM_RESULT
        | STERNA_EVENT_ROOM_MIGRATED
        | STERNA_EVENT_ROOM_REFRESHED => return room::to_rust(c, status),
    };
    // SAFETY: `data` is never NULL and has `length` bytes; `text` is never NULL and ends in a NUL. Both live
    // as long as the event.
    let bytes = unsafe {
        match c.event_type {
            STERNA_EVENT_RESPONSE | STERNA_EVENT_PUSH => {
                std::slice::from_raw_parts(c.data, c.length as usize)
            }
            _ => CStr::from_ptr(c.text).to_bytes(),
        }
    };
    (event, bytes)
}

/// The error that a result stands for, with the text that C would read.
fn check(result: SternaResult) -> Result<(), Error> {
    match Status::from_number(result as u32) {
        Some(Status::Ok) => Ok(()),
        Some(status) => Err(Error::new(status, text(sterna_last_error()))),
        None => unreachable!("the library returns numbers it knows"),
    }
}

fn text(text: *const c_char) -> String {
    // SAFETY: the library's texts are never NULL, end in a NUL and outlive this copy.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::config::LogLevel;

    #[test]
    fn every_event_comes_back_from_c_as_it_was() {
        let (epoch, status) = (Epoch(7), Status::NoTarget);
        let events = [
            Event::Connected { session: SessionId(9) },
            Event::ConnectFailed { status },
            Event::Disconnected { status: Status::Ok },
            Event::Reconnecting { status },
            Event::Reconnected { epoch },
            Event::Offline { epoch, deadline_ms: 5, reason: OfflineReason::Deploy, in_room: true },
            Event::Migrating { epoch },
            Event::Migrated { epoch, gap_us: 4 },
            Event::MigrateFailed { status },
            Event::TookOver { epoch, lost_from: 1, lost_to: 3 },
            Event::Response { request: 11, status, ver: 2, cmd: 500 },
            Event::Push { ver: 255, cmd: u16::MAX, reliable: true },
            Event::Log { level: LogLevel::Debug },
        ];
        let without_rooms = REGISTER.len() - room::EVENTS;
        assert_eq!(events.len(), without_rooms);
        for (event, (event_type, _)) in events.into_iter().zip(REGISTER) {
            let c = SternaEvent::new(event, b"bytes\0");
            assert_eq!(c.event_type, event_type);
            assert_eq!(to_rust(&c), (event, b"bytes".as_slice()));
        }
    }
}
