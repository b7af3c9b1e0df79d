//! What each thread is in the middle of, as far as it is the code of plugins: for whoever looks on from another thread.
//!
//! Two stores when a call begins and one when it ends (of calls in a row the first is made once), without a clock: this is on the
//! path of each hook of each request.
//! Which threads a process has is no state of one service, so their list is that of the process. Whose code it is that runs,
//! only the service knows that has given out the number.

use std::{
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

/// The place of calls that nobody looks after.
pub(super) const NOBODYS: u64 = 1;

/// What one thread does. Never given back: one for each thread that there was at one time.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct Slot {
    /// How many calls were begun here, or rows of them.
    turn: AtomicU64,
    /// The number of the place whose code runs; 0 if none does.
    place: AtomicU64,
    /// The name of the thread; none while no thread has it.
    thread: Mutex<Option<Box<str>>>,
}

static SLOTS: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// For threads that are at their end, where nobody looks.
static NOWHERE: Slot = Slot::new(None);

thread_local! {
    /// The slot of this thread, once it has called a plugin.
    static SLOT: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Gives it to another thread when this one ends.
    static HELD: Held = Held(Slot::claim());
}

struct Held(&'static Slot);

impl Drop for Held {
    fn drop(&mut self) {
        SLOT.set(Some(&NOWHERE));
        self.0.place.store(0, Relaxed);
        *self.0.name() = None;
    }
}

impl Slot {
    const fn new(thread: Option<Box<str>>) -> Self {
        Self {
            turn: AtomicU64::new(0),
            place: AtomicU64::new(0),
            thread: Mutex::new(thread),
        }
    }

    fn name(&self) -> MutexGuard<'_, Option<Box<str>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// That of the thread that this is called on.
    #[inline]
    fn here() -> &'static Self {
        match SLOT.get() {
            Some(slot) => slot,
            None => Self::found(),
        }
    }

    #[cold]
    fn found() -> &'static Self {
        let slot = HELD.try_with(|held| held.0).unwrap_or(&NOWHERE);
        SLOT.set(Some(slot));
        slot
    }

    /// One that nobody has.
    fn claim() -> &'static Self {
        let name = thread::current().name().unwrap_or("unnamed").into();
        let mut all = SLOTS.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in &*all {
            let mut taken = slot.name();
            if taken.is_none() {
                *taken = Some(name);
                return slot;
            }
        }
        let slot: &'static Self = Box::leak(Box::new(Self::new(Some(name))));
        all.push(slot);
        slot
    }

    /// How many calls were begun, and the number of the place whose code runs.
    pub(super) fn read(&self) -> (u64, u64) {
        (self.turn.load(Relaxed), self.place.load(Relaxed))
    }

    pub(super) fn thread(&self) -> Box<str> {
        self.name().clone().unwrap_or_else(|| "ended".into())
    }
}

/// Those of all threads. They keep their places.
pub(super) fn all() -> Vec<&'static Slot> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The thread that this is called on, for one call or a row of them.
pub(super) struct Thread {
    slot: &'static Slot,
    /// A call within a call: the inner one is what the thread does, and then the outer one again.
    outer: u64,
}

impl Thread {
    #[inline]
    pub(super) fn begin() -> Self {
        let slot = Slot::here();
        // Nobody else writes here: no need to add in one step.
        slot.turn
            .store(slot.turn.load(Relaxed).wrapping_add(1), Relaxed);
        Self {
            slot,
            outer: slot.place.load(Relaxed),
        }
    }

    /// Calls something at the place with this number. If it unwinds, whoever catches that has to say that it is at its
    /// [`end`](Self::end).
    #[inline]
    pub(super) fn at<R>(&self, place: u64, call: impl FnOnce() -> R) -> R {
        self.slot.place.store(place, Relaxed);
        let done = call();
        self.end();
        done
    }

    #[inline]
    pub(super) fn end(&self) {
        self.slot.place.store(self.outer, Relaxed);
    }
}

/// Calls something that does not unwind, at the place with this number.
#[inline]
pub(super) fn at<R>(place: u64, call: impl FnOnce() -> R) -> R {
    Thread::begin().at(place, call)
}

/// The number of the place whose code runs on this thread; 0 if none does.
pub(super) fn place() -> u64 {
    SLOT.get().map_or(0, |slot| slot.read().1)
}

/// Whether this thread is in the middle of a call.
pub(super) fn is_at_a_place() -> bool {
    place() != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_seen_where_it_is() {
        let here = || Slot::here().read();
        let (before, none) = here();
        assert_eq!(none, 0);
        at(7, || {
            assert_eq!(here(), (before + 1, 7));
            at(8, || assert_eq!(here(), (before + 2, 8)));
            assert_eq!(
                here(),
                (before + 2, 7),
                "in the outer one, and not as before"
            );
        });
        assert_eq!(here(), (before + 2, 0));
    }

    #[test]
    fn a_thread_that_ends_leaves_its_slot_to_others() {
        let run = |name: &str| {
            let slot = || std::ptr::from_ref(at(1, Slot::here)).addr();
            let thread = thread::Builder::new().name(name.to_owned()).spawn(slot);
            thread.unwrap().join().unwrap()
        };
        let slots: std::collections::HashSet<usize> =
            (0..64).map(|number| run(&format!("t{number}"))).collect();
        assert!(slots.len() < 64, "{}", slots.len());
    }
}
