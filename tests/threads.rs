//! The rule on threads (`include/sterna.h`): everything but `update` and `poll_event` may be called from any thread
//! at any time, also while another one destroys the client. `scripts/threads.sh` runs this under ThreadSanitizer.

mod native;

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{scope, yield_now};
use sterna::client::config::Config;
use sterna::client::event::Event;
use sterna::client::room::Audience;
use sterna::client::status::{Error, Status};
use sterna::ffi::harness::{CClient, shutdown};
use sterna::protocol::room::wire::RoomRequest;

/// Lives of a client.
const ROUNDS: usize = 10;

/// Wants an answer that the rule allows for. False: the client is gone.
fn lives(answer: Result<(), Error>) -> bool {
    match answer.map_err(|error| error.status) {
        Ok(()) | Err(Status::NotConnected | Status::Busy | Status::NotOffline) => true,
        Err(Status::InvalidHandle) => false,
        Err(status) => panic!("{status:?}: {status}"),
    }
}

/// One life: six threads call whatever they may, two of them `update`, until the client is destroyed.
fn live(failed: &AtomicUsize) {
    let client = CClient::create(&Config::default()).expect("the default is sound");
    let (begun, heard) = (Barrier::new(7), AtomicBool::new(false));
    let until_destroyed = |call: &dyn Fn() -> Result<(), Error>| {
        begun.wait();
        while lives(call()) {
            yield_now();
        }
    };
    let update = || {
        client.update(|_, event, _| {
            if let Event::ConnectFailed { .. } = event {
                failed.fetch_add(1, Ordering::Relaxed);
                heard.store(true, Ordering::Release);
            }
        })
    };
    scope(|scope| {
        scope.spawn(|| until_destroyed(&update));
        scope.spawn(|| until_destroyed(&update));
        scope.spawn(|| until_destroyed(&|| client.send(2, 1, b"hello").and(client.flush())));
        scope.spawn(|| until_destroyed(&|| client.send_migrate()));
        scope.spawn(|| {
            until_destroyed(&|| {
                let _ = (client.room(), client.me_in_room(), client.room_owner());
                let said = client.send_to_room(Audience::Members(&[1, 2]), 2, 1, b"hello");
                said.and(client.ask_of_rooms(&RoomRequest::Leave, None).map(drop))
            })
        });
        scope.spawn(|| {
            until_destroyed(&|| client.stats().map(|_| drop((client.state(), client.last_error()))))
        });
        begun.wait();
        client.connect(native::dead_token()).expect("it has just been created");
        // Nobody listens there: by now the network thread has had its part in this.
        while !heard.load(Ordering::Acquire) {
            yield_now();
        }
        client.destroy();
    });
}

#[test]
fn everything_may_be_called_from_any_thread_while_the_client_is_destroyed() {
    let failed = AtomicUsize::new(0);
    // Two clients at a time share the network thread.
    scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..ROUNDS).for_each(|_| live(&failed)));
        }
    });
    assert_eq!(failed.into_inner(), 2 * ROUNDS, "every attempt to connect was answered once");
    shutdown().expect("no client is left");
}
