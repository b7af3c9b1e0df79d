//! Every order in which threads may enter, swap and end, of the very files that do it: `loom` tries them all, with what the
//! memory model of Rust allows.
//!
//! In place of `arc_swap` there is a cell behind a lock: that its load and store are each one step is its own promise.

#![forbid(unsafe_code)]

mod primitives {
    use loom::sync::Mutex as Lock;
    pub(super) use loom::sync::{Arc, Mutex, MutexGuard};
    pub(super) use std::sync::PoisonError;

    #[derive(Debug)]
    pub(super) struct Swap<T>(Lock<Option<Arc<T>>>);

    impl<T> Default for Swap<T> {
        fn default() -> Self {
            Self(Lock::new(None))
        }
    }

    impl<T> Swap<T> {
        pub(super) fn load(&self) -> Option<Arc<T>> {
            self.0.lock().unwrap().clone()
        }

        pub(super) fn store(&self, new: Option<Arc<T>>) {
            let old = std::mem::replace(&mut *self.0.lock().unwrap(), new);
            // Not under the lock: what ends there may look here.
            drop(old);
        }
    }
}

#[path = "../../chassis/src/generation/cell.rs"]
mod cell;
#[path = "../../chassis/src/generation/list.rs"]
mod list;

use cell::Cell;
use list::{List, Passing};
use loom::{
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
};

/// What serves: it tells when nobody holds it any more, as a generation does.
struct Serving {
    number: u64,
    has_stopped: Arc<AtomicBool>,
    is_gone: Arc<AtomicBool>,
}

impl Serving {
    fn new(number: u64) -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self {
            number,
            has_stopped: Arc::new(AtomicBool::new(false)),
            is_gone: Arc::new(AtomicBool::new(false)),
        })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.is_gone.store(true, Release);
    }
}

/// One of several holds, as a lease is.
struct Hold(std::sync::Arc<Serving>);

/// A reload while as many threads as there are numbers enter so many times.
fn reload(entering: &'static [u32]) {
    let cell = Arc::new(Cell::<Hold, 2>::default());
    let first = Serving::new(1);
    let (has_stopped, is_gone) = (Arc::clone(&first.has_stopped), Arc::clone(&first.is_gone));
    cell.publish(|| Hold(std::sync::Arc::clone(&first)));
    drop(first);
    let requests = entering.iter().enumerate().map(|(shard, &times)| {
        let cell = Arc::clone(&cell);
        thread::spawn(move || {
            let mut last = 0;
            for _ in 0..times {
                let hold = cell.enter(shard).expect("there is always one that serves");
                let Serving {
                    number,
                    has_stopped,
                    ..
                } = &*hold.0;
                assert!(*number >= last, "back from {last}");
                last = *number;
                assert!(
                    !has_stopped.load(Relaxed),
                    "it has stopped, and somebody is in it"
                );
            }
        })
    });
    let requests: Vec<_> = requests.collect();
    let second = Serving::new(2);
    cell.publish(|| Hold(std::sync::Arc::clone(&second)));
    drop(second);
    // As a reload does: nothing stops before it is gone.
    if is_gone.load(Acquire) {
        has_stopped.store(true, Relaxed);
    }
    assert_eq!(cell.enter(0).map(|hold| hold.0.number), Some(2));
    for request in requests {
        request.join().expect("no assertion of it fails");
    }
    assert!(is_gone.load(Acquire), "the last who was in it has left it");
    cell.close();
    assert!(cell.enter(0).is_none());
}

#[test]
fn nobody_is_in_what_has_stopped_and_nobody_goes_back() {
    loom::model(|| reload(&[2]));
}

#[test]
fn nor_are_several() {
    // Of three threads all orders are too many: those with two interruptions, beside the waits.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| reload(&[1, 1]));
}

/// Something that passes through one plugin.
struct Stream {
    plugin_is_gone: Arc<AtomicBool>,
    is_cut: AtomicBool,
}

impl Passing for Stream {
    fn is_late(&self) -> bool {
        self.plugin_is_gone.load(Relaxed)
    }

    fn cut(&self) {
        self.is_cut.store(true, Relaxed);
    }
}

#[test]
fn a_stream_of_a_plugin_that_stops_meanwhile_is_always_cut_off() {
    loom::model(|| {
        let list = Arc::new(List::default());
        let gone = Arc::new(AtomicBool::new(false));
        let opening = {
            let (list, gone) = (Arc::clone(&list), Arc::clone(&gone));
            thread::spawn(move || {
                let stream = Arc::new(Stream {
                    plugin_is_gone: gone,
                    is_cut: AtomicBool::new(false),
                });
                let number = list.open(&stream);
                (number, stream)
            })
        };
        // As who stops it does.
        gone.store(true, Relaxed);
        list.cut_late();
        let (number, stream) = opening.join().unwrap();
        assert!(stream.is_cut.load(Relaxed), "nobody would ever end it");
        list.close(number);
        assert!(list.all().is_empty());
    });
}
