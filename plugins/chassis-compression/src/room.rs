//! How many encoders are open: each takes memory for as long as its client reads.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A count of what is open. Over a reload it goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Room(Arc<AtomicUsize>);

/// A place in it, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Room);

impl Room {
    /// None if there are as many already.
    pub(crate) fn enter(&self, most: usize) -> Option<Seat> {
        let more = |open| (open < most).then_some(open + 1);
        self.0.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Seat(self.clone()))
    }

    pub(crate) fn taken(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Self(Room(open)) = self;
        open.fetch_sub(1, Relaxed);
    }
}
