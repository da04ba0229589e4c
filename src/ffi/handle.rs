//! What a `SternaClient *` is: not an address but a number, the place of a slot and its generation.
//!
//! So nothing that C passes is ever followed: a stale, damaged or foreign pointer is told from a live one
//! and refused, also when another client has taken the slot since. Slots are never given back to the
//! allocator while the library is loaded, which is what makes the look-up safe without any lock.
//!
//! Each slot has one atomic word: generation, two flags, and how many calls are inside ("pins"). A call
//! pins on entry and unpins on exit. `destroy` raises the flag `DEAD`, which bars new calls; whoever
//! brings the pins to zero then takes the client apart. That is how `destroy` may come at any time, from
//! any thread and inside a callback. The flag `UPDATING` gives one caller at a time the dispatcher.

use crate::client::Client;
use crate::client::room::View;
use crate::client::status::{Error, Status};
use crate::ffi::callbacks::Callbacks;
use crate::ffi::dispatch::Dispatch;
use parking_lot::Mutex;
use std::cell::UnsafeCell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A client: one user's connection to a cluster. Only the library knows what is inside; the pointer is
/// to be passed on, never followed or compared for order.
pub struct SternaClient {
    _private: [u8; 0],
}

/// What belongs to one client on this side of the border.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) callbacks: Mutex<Callbacks>,
    /// The room as of the events that were handed out.
    pub(super) room: Mutex<View>,
    /// Set once, by the first panic: the text that every later call gets to see.
    pub(super) poison: OnceLock<String>,
    dispatch: UnsafeCell<Dispatch>,
}

// SAFETY: everything is `Sync` but `dispatch`, which is only reached through `Exclusive`, of which the
// flag `UPDATING` lets exist one at a time. (The pointers in its last event point into itself.)
unsafe impl Sync for Shared {}
// SAFETY: as above; nothing in it is bound to a thread.
unsafe impl Send for Shared {}

/// The number's parts: three zero bits, so that it is aligned like a pointer; the index; the generation.
/// 47 bits in all, so that script engines that keep tags in the upper bits can hold it.
const ALIGN_BITS: u32 = 3;
#[cfg(target_pointer_width = "64")]
const INDEX_BITS: u32 = 18;
#[cfg(target_pointer_width = "64")]
const GENERATION_BITS: u32 = 26;
#[cfg(target_pointer_width = "32")]
const INDEX_BITS: u32 = 12;
#[cfg(target_pointer_width = "32")]
const GENERATION_BITS: u32 = 17;
const GENERATION_MAX: u32 = (1 << GENERATION_BITS) - 1;

/// The word's parts.
const DEAD: u64 = 1 << 31;
const UPDATING: u64 = 1 << 30;
const PINS: u64 = UPDATING - 1;
const GENERATION_SHIFT: u32 = 32;

struct Slot {
    word: AtomicU64,
    /// Changed only where no pin can be: in `insert` and `reclaim`.
    shared: UnsafeCell<Option<Box<Shared>>>,
    /// The next free slot + 1, while this one is free. Guarded by the lock on `FREE`.
    next_free: AtomicU32,
}

impl Slot {
    const fn new() -> Self {
        Self { word: AtomicU64::new(DEAD), shared: UnsafeCell::new(None), next_free: AtomicU32::new(0) }
    }
}

// SAFETY: `shared` is read only while pinned and written only while no pin can exist, see `Slot`.
unsafe impl Sync for Slot {}

/// Slots come in chunks of doubling size. The first is part of the library's image: a game, which has a
/// handful of clients, never makes a table on the heap, and unloading the library leaves nothing behind.
const FIRST_LEN: usize = 64;
static FIRST: [Slot; FIRST_LEN] = [const { Slot::new() }; FIRST_LEN];
const CHUNKS: usize = INDEX_BITS as usize - FIRST_LEN.ilog2() as usize;
const SLOTS_MAX: usize = FIRST_LEN * ((1 << CHUNKS) - 1);
static FURTHER: [OnceLock<Box<[Slot]>>; CHUNKS - 1] = [const { OnceLock::new() }; CHUNKS - 1];

const _: () = assert!(SLOTS_MAX <= 1 << INDEX_BITS);

struct Free {
    /// First of the list of slots used before + 1; 0 if there is none.
    head: u32,
    /// Slots that were ever used.
    used: u32,
    /// Clients that exist, those under destruction included.
    live: u32,
}

static FREE: Mutex<Free> = Mutex::new(Free { head: 0, used: 0, live: 0 });

fn chunk_of(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST_LEN + 1).ilog2() as usize;
    (chunk, index - FIRST_LEN * ((1 << chunk) - 1))
}

fn slot(index: usize) -> Option<&'static Slot> {
    match chunk_of(index) {
        (0, offset) => FIRST.get(offset),
        (chunk, offset) => FURTHER.get(chunk - 1)?.get()?.get(offset),
    }
}

fn slot_or_new(index: usize) -> &'static Slot {
    if let (chunk @ 1.., _) = chunk_of(index) {
        FURTHER[chunk - 1].get_or_init(|| (0..FIRST_LEN << chunk).map(|_| Slot::new()).collect());
    }
    slot(index).expect("its chunk was made just now")
}

fn handle(index: usize, generation: u32) -> *mut SternaClient {
    std::ptr::without_provenance_mut(
        ((generation as usize) << (INDEX_BITS + ALIGN_BITS)) | (index << ALIGN_BITS),
    )
}

/// The slot that a pointer names, and the generation it was made for.
fn locate(handle: *mut SternaClient) -> Result<(usize, &'static Slot, u32), Status> {
    let number = handle.addr();
    if number == 0 {
        return Err(Status::NullArgument);
    }
    if number & ((1 << ALIGN_BITS) - 1) != 0 {
        return Err(Status::Misaligned);
    }
    let index = (number >> ALIGN_BITS) & ((1 << INDEX_BITS) - 1);
    let generation = u32::try_from(number >> (INDEX_BITS + ALIGN_BITS)).map_err(|_| Status::InvalidHandle)?;
    Ok((index, slot(index).ok_or(Status::InvalidHandle)?, generation))
}

/// Gives a client its pointer.
pub(super) fn insert(client: Client) -> Result<*mut SternaClient, Error> {
    let mut free = FREE.lock();
    let index = match free.head.checked_sub(1) {
        Some(index) => index as usize,
        None if (free.used as usize) < SLOTS_MAX => free.used as usize,
        None => {
            let text = format!("there are {SLOTS_MAX} clients already: destroy some first");
            return Err(Error::new(Status::System, text));
        }
    };
    let slot = slot_or_new(index);
    if free.head != 0 {
        free.head = slot.next_free.load(Ordering::Relaxed);
    } else {
        free.used += 1;
    }
    free.live += 1;
    drop(free);

    let before = (slot.word.load(Ordering::Relaxed) >> GENERATION_SHIFT) as u32;
    // Generation 0 stays unused, so that no pointer is NULL.
    let generation = if before == GENERATION_MAX { 1 } else { before + 1 };
    let shared = Shared {
        client,
        callbacks: Mutex::default(),
        room: Mutex::default(),
        poison: OnceLock::new(),
        dispatch: UnsafeCell::default(),
    };
    // SAFETY: the slot was free, so it is `DEAD` without pins, and no other `insert` can have taken it.
    unsafe { *slot.shared.get() = Some(Box::new(shared)) };
    slot.word.store(u64::from(generation) << GENERATION_SHIFT, Ordering::Release);
    Ok(handle(index, generation))
}

/// A call that is inside: while it lives, the client is not taken apart.
pub(super) struct Pin {
    slot: &'static Slot,
    index: usize,
    weight: u64,
}

/// Enters a call on the client.
pub(super) fn pin(handle: *mut SternaClient) -> Result<Pin, Status> {
    enter(handle, 1)
}

fn enter(handle: *mut SternaClient, weight: u64) -> Result<Pin, Status> {
    let (index, slot, generation) = locate(handle)?;
    let mut word = slot.word.load(Ordering::Relaxed);
    loop {
        if word >> GENERATION_SHIFT != u64::from(generation) || word & DEAD != 0 {
            return Err(Status::InvalidHandle);
        }
        if word & weight & UPDATING != 0 {
            return Err(Status::Busy);
        }
        match slot.word.compare_exchange_weak(word, word + weight, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Ok(Pin { slot, index, weight }),
            Err(seen) => word = seen,
        }
    }
}

impl Pin {
    /// Bars new calls; the last one inside takes the client apart.
    pub(super) fn kill(self) {
        self.slot.word.fetch_or(DEAD, Ordering::Relaxed);
    }

    /// Whether `destroy` was called meanwhile.
    pub(super) fn is_dead(&self) -> bool {
        self.slot.word.load(Ordering::Relaxed) & DEAD != 0
    }
}

impl Deref for Pin {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        // SAFETY: the pin keeps `shared` filled and unchanged.
        unsafe { (*self.slot.shared.get()).as_ref() }.expect("a slot that can be pinned is filled")
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let after = self.slot.word.fetch_sub(self.weight, Ordering::AcqRel) - self.weight;
        if after & DEAD != 0 && after & PINS == 0 {
            reclaim(self.index, self.slot);
        }
    }
}

/// Takes a dead client apart. Nobody is inside and nobody can enter.
fn reclaim(index: usize, slot: &'static Slot) {
    // SAFETY: the slot is `DEAD` and its pins have just gone to zero, which happens once in a client's
    // life, so nobody else looks at `shared`.
    if let Some(shared) = unsafe { (*slot.shared.get()).take() } {
        // Whatever goes wrong in there, the slot must come back, and no panic may leave a destructor.
        let _ = catch_unwind(AssertUnwindSafe(move || shared.client.destroy()));
    }
    let mut free = FREE.lock();
    slot.next_free.store(free.head, Ordering::Relaxed);
    free.head = index as u32 + 1;
    free.live -= 1;
}

/// A pin that owns the client's dispatcher as well: one thread at a time is in `update` or `poll_event`.
pub(super) struct Exclusive(Pin);

/// Enters `update` or `poll_event`; [`Status::Busy`] if somebody is inside.
pub(super) fn pin_exclusive(handle: *mut SternaClient) -> Result<Exclusive, Status> {
    enter(handle, UPDATING | 1).map(Exclusive)
}

impl Exclusive {
    /// The client, and its dispatcher.
    pub(super) fn parts(&mut self) -> (&Pin, &mut Dispatch) {
        // SAFETY: `UPDATING` is set by this value alone and until it is dropped, and `&mut self` lends the
        // dispatcher once at a time.
        let dispatch = unsafe { &mut *self.0.dispatch.get() };
        (&self.0, dispatch)
    }
}

/// Destroys whatever clients are left. Tells how many are still there, because a call is inside them.
pub(super) fn destroy_all() -> u32 {
    let used = FREE.lock().used as usize;
    for index in 0..used {
        let Some(slot) = slot(index) else { continue };
        let generation = (slot.word.load(Ordering::Relaxed) >> GENERATION_SHIFT) as u32;
        if let Ok(pin) = pin(handle(index, generation)) {
            pin.kill();
        }
    }
    FREE.lock().live
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::config::Config;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;

    fn new_handle() -> *mut SternaClient {
        insert(Client::create(Config::default()).unwrap()).unwrap()
    }

    #[test]
    fn chunks_follow_each_other_without_gap() {
        let mut expected = (0, 0);
        let chunks = if cfg!(miri) { 4 } else { CHUNKS }; // interpreted, all of them would take minutes
        for index in 0..FIRST_LEN * ((1 << chunks) - 1) {
            assert_eq!(chunk_of(index), expected, "index {index}");
            expected.1 += 1;
            if expected.1 == FIRST_LEN << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(expected.0, chunks);
    }

    #[test]
    fn a_destroyed_client_is_refused_also_when_its_slot_is_used_again() {
        let first = new_handle();
        pin(first).unwrap().kill();
        assert_eq!(pin(first).err(), Some(Status::InvalidHandle));
        let more_than_one_chunk = FIRST_LEN + 6;
        let others: Vec<_> = (0..more_than_one_chunk).map(|_| new_handle()).collect();
        assert_eq!(pin(first).err(), Some(Status::InvalidHandle));
        for other in others {
            assert!(pin(other).is_ok());
            pin(other).unwrap().kill();
        }
    }

    #[test]
    fn numbers_that_are_no_handles_are_refused() {
        let refused = |number: usize| pin(std::ptr::without_provenance_mut(number)).err();
        assert_eq!(refused(0), Some(Status::NullArgument));
        assert_eq!(refused(1), Some(Status::Misaligned));
        assert_eq!(refused(8), Some(Status::InvalidHandle));
        assert_eq!(refused(usize::MAX - 7), Some(Status::InvalidHandle));
        assert_eq!(refused((&raw const FREE).addr() & !7), Some(Status::InvalidHandle));
    }

    #[test]
    fn a_client_destroyed_from_within_lives_until_the_call_is_over() {
        let handle = new_handle();
        let mut update = pin_exclusive(handle).unwrap();
        assert_eq!(pin_exclusive(handle).err(), Some(Status::Busy));
        pin(handle).unwrap().kill();
        assert_eq!(pin(handle).err(), Some(Status::InvalidHandle));
        let (pin, _) = update.parts();
        assert!(pin.is_dead());
        assert!(pin.poison.get().is_none(), "still there to be looked at");
    }

    #[test]
    fn calls_and_destroy_race_without_harm() {
        let rounds = if cfg!(miri) { 2 } else { 50 };
        for _ in 0..rounds {
            let handle = new_handle().addr();
            let over = AtomicBool::new(false);
            let started = Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        started.wait();
                        while !over.load(Ordering::Relaxed) {
                            match pin(std::ptr::without_provenance_mut(handle)) {
                                Ok(pin) => assert!(pin.poison.get().is_none()),
                                Err(status) => assert_eq!(status, Status::InvalidHandle),
                            }
                        }
                    });
                }
                started.wait();
                pin(std::ptr::without_provenance_mut(handle)).unwrap().kill();
                over.store(true, Ordering::Relaxed);
            });
        }
    }
}
