//! Hands events to the game, on the game's thread: callbacks in `update`, the others by `poll_event`.

use crate::client::event::{Batch, Event};
use crate::client::room::{RoomEvent, View};
use crate::ffi::callbacks::Callback;
use crate::ffi::error::with_dispatch;
use crate::ffi::event::{SternaEvent, SternaEventType, event_type};
use crate::ffi::handle::SternaClient;
use crate::ffi::result::SternaResult;
use parking_lot::Mutex;

/// So many events may wait for `poll_event`; past it those that are not messages are dropped. Messages
/// are bounded by what the server may send ahead, and never dropped; of the others nobody who polls has
/// more than a handful waiting, and a game that never polls must not pay for them with memory.
const KEPT_MAX: usize = 4096;

/// What of the events is under way to the game.
#[derive(Default)]
pub(super) struct Dispatch {
    /// Taken from the client, being handed out by `update`. Empty between two calls.
    incoming: Batch,
    /// Had no callback: they wait for `poll_event`, from `read` on.
    kept: Batch,
    read: usize,
    /// Up to here the room's view has followed `kept`.
    viewed: usize,
    /// What `poll_event` gave last.
    polled: Option<SternaEvent>,
}

impl Dispatch {
    /// Hands out `incoming`. Returns the cost of what the game need not be waited for any more.
    ///
    /// `view` follows the events as they are handed out: if one gets to a callback past others that wait to be
    /// polled, it has come after them, and they count as well.
    ///
    /// `call` gets the events that have a callback and says whether to go on.
    fn hand_out(
        &mut self,
        view: &Mutex<View>,
        callback_of: impl Fn(SternaEventType) -> Option<Callback>,
        mut call: impl FnMut(Callback, &SternaEvent) -> bool,
    ) -> u64 {
        self.polled = None; // it pointed into `kept`, which may move now
        self.forget_read();
        let mut cost = 0;
        for index in 0..self.incoming.len() {
            let Some((event, bytes)) = self.incoming.get_with_nul(index) else { break };
            let length = bytes.len() - 1;
            let callback = callback_of(event_type(event));
            let keep = callback.is_none() && (self.kept.len() - self.read < KEPT_MAX || is_message(event));
            if !keep && View::concerns(event) {
                let mut view = view.lock();
                follow(&mut view, &self.kept, &mut self.viewed, self.kept.len());
                view.apply(event, &bytes[..length]);
            }
            if let Some(callback) = callback {
                cost += Batch::cost(length);
                if !call(callback, &SternaEvent::new(event, bytes)) {
                    break;
                }
            } else if keep {
                self.kept.push(event, &bytes[..length]);
            } else {
                cost += Batch::cost(length);
            }
        }
        self.incoming.clear();
        cost
    }

    /// Gives the memory of polled events back, at a cost that is spread over them.
    fn forget_read(&mut self) {
        if self.read * 2 < self.kept.len() || self.read == 0 {
            return;
        }
        let mut rest = Batch::default();
        for index in self.read..self.kept.len() {
            if let Some((event, bytes)) = self.kept.get(index) {
                rest.push(event, bytes);
            }
        }
        if rest.is_empty() {
            self.kept.clear();
        } else {
            self.kept = rest;
        }
        self.viewed = self.viewed.saturating_sub(self.read);
        self.read = 0;
    }

    /// The next event that had no callback, and its cost.
    fn poll(&mut self, view: &Mutex<View>) -> Option<(&SternaEvent, u64)> {
        let Some((event, bytes)) = self.kept.get_with_nul(self.read) else {
            self.forget_read();
            self.polled = None;
            return None;
        };
        self.read += 1;
        if View::concerns(event) {
            follow(&mut view.lock(), &self.kept, &mut self.viewed, self.read);
        }
        let cost = Batch::cost(bytes.len() - 1);
        Some((self.polled.insert(SternaEvent::new(event, bytes)), cost))
    }
}

/// Has the view follow the kept events before `until`.
fn follow(view: &mut View, kept: &Batch, viewed: &mut usize, until: usize) {
    for index in *viewed..until {
        if let Some((event, bytes)) = kept.get(index)
            && View::concerns(event)
        {
            view.apply(event, bytes);
        }
    }
    *viewed = until.max(*viewed);
}

/// Whether it came under the server's credit, or answers a call of the game.
fn is_message(event: Event) -> bool {
    match event {
        Event::Push { .. } | Event::Response { .. } => true,
        Event::Room(event) => !matches!(event, RoomEvent::Migrated { .. }),
        _ => false,
    }
}

/// Hands what has happened to the callbacks, in order, on this thread, and sends what is queued. Call it
/// once per frame. With nothing to do it costs some nanoseconds.
///
/// `STERNA_ERROR_BUSY` if another thread, or a callback of this very client, calls it meanwhile.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_update(client: *mut SternaClient) -> SternaResult {
    with_dispatch(client, |exclusive| {
        let (pin, dispatch) = exclusive.parts();
        if pin.client.take_events(&mut dispatch.incoming) {
            pin.room.lock().let_go();
            let cost = dispatch.hand_out(
                &pin.room,
                |event_type| pin.callbacks.lock().get(event_type),
                |callback, event| {
                    callback.call(client, event);
                    !pin.is_dead()
                },
            );
            if pin.is_dead() {
                return Ok(());
            }
            pin.client.consumed(cost);
        }
        pin.client.flush();
        Ok(())
    })
}

/// The next event that had no callback when `update` came across it; NULL if there is none. Call `update`
/// first, then this until it returns NULL. Valid until the next `sterna_client_poll_event`,
/// `sterna_client_update` or `sterna_client_destroy` of this client.
///
/// Also NULL on an error; then `sterna_client_last_error` tells which. As with `update`, one thread at a
/// time.
#[unsafe(no_mangle)]
pub extern "C" fn sterna_client_poll_event(client: *mut SternaClient) -> *const SternaEvent {
    let mut found = std::ptr::null();
    with_dispatch(client, |exclusive| {
        let (pin, dispatch) = exclusive.parts();
        if let Some((event, cost)) = dispatch.poll(&pin.room) {
            found = event;
            pin.client.consumed(cost);
        }
        Ok(())
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::config::LogLevel;
    use crate::client::status::Status;
    use crate::protocol::ids::{CohortId, MemberId, SessionId};
    use crate::protocol::room::wire::{MemberInfo, RoomNews, only_frame};
    use SternaEventType::*;

    const CONNECTED: Event = Event::Connected { session: SessionId(1) };
    const LOG: Event = Event::Log { level: LogLevel::Warn };

    fn no_room() -> Mutex<View> {
        Mutex::default()
    }

    fn push(number: u16) -> Event {
        Event::Push { ver: 2, cmd: number, reliable: true }
    }

    /// Hands out with callbacks for these types, and tells which events came.
    fn update(dispatch: &mut Dispatch, events: &[Event], types: &[SternaEventType]) -> (Vec<u16>, u64) {
        for &event in events {
            dispatch.incoming.push(event, b"x");
        }
        let mut called = Vec::new();
        let cost = dispatch.hand_out(
            &no_room(),
            |event_type| types.contains(&event_type).then(Callback::nothing),
            |_, event| {
                called.push(event.cmd);
                true
            },
        );
        (called, cost)
    }

    #[test]
    fn events_without_a_callback_wait_in_order_and_cost_until_they_are_polled() {
        let mut dispatch = Dispatch::default();
        let events = [push(1), CONNECTED, push(2), LOG];
        let (called, cost) = update(&mut dispatch, &events, &[STERNA_EVENT_PUSH]);
        assert_eq!((called, cost), (vec![1, 2], 2 * Batch::cost(1)));

        assert_eq!(
            dispatch.poll(&no_room()).map(|(event, _)| event.event_type),
            Some(STERNA_EVENT_CONNECTED)
        );
        update(&mut dispatch, &[push(3)], &[]);
        assert_eq!(dispatch.poll(&no_room()).map(|(event, _)| event.event_type), Some(STERNA_EVENT_LOG));
        let polled = dispatch.poll(&no_room()).map(|(event, cost)| (event.cmd, cost));
        assert_eq!(polled, Some((3, Batch::cost(1))));
        assert!(dispatch.poll(&no_room()).is_none());
    }

    #[test]
    fn a_game_that_never_polls_loses_log_lines_but_no_message() {
        let mut dispatch = Dispatch::default();
        for number in 0..KEPT_MAX as u16 {
            update(&mut dispatch, &[push(number)], &[]);
        }
        let (_, cost) = update(&mut dispatch, &[LOG, push(9)], &[]);
        assert_eq!(cost, Batch::cost(1), "the log line is not waited for");
        assert_eq!(dispatch.kept.len(), KEPT_MAX + 1);
    }

    #[test]
    fn a_game_that_is_always_a_few_events_behind_does_not_grow() {
        let mut dispatch = Dispatch::default();
        update(&mut dispatch, &[push(0), push(1), push(2)], &[]);
        for number in 3..1000 {
            update(&mut dispatch, &[push(number)], &[]);
            assert_eq!(dispatch.poll(&no_room()).map(|(event, _)| event.cmd), Some(number - 3));
            assert!(dispatch.kept.len() <= 8, "{} are kept", dispatch.kept.len());
        }
    }

    #[test]
    fn nothing_is_handed_out_after_destroy() {
        let mut dispatch = Dispatch::default();
        dispatch.incoming.push(push(1), b"");
        dispatch.incoming.push(push(2), b"");
        let mut called = 0;
        dispatch.hand_out(
            &no_room(),
            |_| Some(Callback::nothing()),
            |_, _| {
                called += 1;
                false
            },
        );
        assert_eq!(called, 1);
    }

    /// Hands out an event about members with this callback or without; tells how many the view has then.
    fn hand_out(dispatch: &mut Dispatch, view: &Mutex<View>, member: u64, called: bool) -> usize {
        let event = RoomEvent::MemberJoined { member: MemberId(member) };
        dispatch.incoming.push(Event::Room(event), b"somebody");
        let mut seen = None;
        dispatch.hand_out(
            view,
            |_| called.then(Callback::nothing),
            |_, _| {
                seen = Some(view.lock().count());
                true
            },
        );
        seen.unwrap_or_else(|| view.lock().count())
    }

    #[test]
    fn the_room_is_seen_as_of_the_latest_event_that_was_handed_out() {
        let (mut dispatch, view) = (Dispatch::default(), no_room());
        let entered = RoomNews::Entered {
            room: CohortId(9),
            me: MemberId(1),
            owner: None,
            members_max: 8,
            members: vec![MemberInfo { member: MemberId(1), user: "ann".into() }],
        };
        let mut frame = Vec::new();
        entered.encode(&mut frame);
        let event = RoomEvent::Entered { room: CohortId(9), me: MemberId(1) };
        dispatch.incoming.push(Event::Room(event), only_frame(&frame).unwrap());
        dispatch.hand_out(&view, |_| None, |_, _| true);
        assert_eq!(view.lock().count(), 0, "it has not been polled");
        assert_eq!(hand_out(&mut dispatch, &view, 2, false), 0);
        assert!(dispatch.poll(&view).is_some());
        assert_eq!(view.lock().count(), 1, "nobody but the first");
        assert_eq!(hand_out(&mut dispatch, &view, 3, true), 3, "what waits has come before");
        assert_eq!(hand_out(&mut dispatch, &view, 4, false), 3);
        assert!(dispatch.poll(&view).is_some());
        assert_eq!(view.lock().count(), 3, "it counts once");
        assert!(dispatch.poll(&view).is_some());
        assert_eq!(view.lock().count(), 4);
        assert!(dispatch.poll(&view).is_none());
    }

    #[test]
    fn the_end_of_a_session_that_nobody_polls_is_seen_all_the_same() {
        let (mut dispatch, view) = (Dispatch::default(), no_room());
        for _ in 0..KEPT_MAX {
            dispatch.incoming.push(LOG, b"line");
        }
        let event = RoomEvent::Exited { room: CohortId(9), status: Status::Kicked };
        dispatch.incoming.push(Event::Room(event), b"kicked");
        dispatch.incoming.push(Event::Disconnected { status: Status::Ok }, b"over");
        dispatch.hand_out(&view, |_| None, |_, _| true);
        assert_eq!(dispatch.kept.len(), KEPT_MAX + 1, "that the room is over is never dropped");
        assert_eq!(
            dispatch.viewed,
            KEPT_MAX + 1,
            "the end of the session was handed to nobody, and came last"
        );
    }
}
