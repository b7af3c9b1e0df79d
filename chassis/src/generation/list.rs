//! The list of what is open and passes through plugins. Who stops a plugin finds it there; and what is listed too late to be
//! found, finds that out itself.

use super::primitives::{Arc, Mutex, MutexGuard, PoisonError};
use std::collections::BTreeMap;

/// Something that is open.
pub(crate) trait Passing {
    /// Whether something that it passes through has stopped.
    fn is_late(&self) -> bool;
    /// Ends it; also twice.
    fn cut(&self);
}

/// What is open.
#[derive(Debug)]
pub(crate) struct List<T>(Mutex<Book<T>>);

#[derive(Debug)]
struct Book<T> {
    last: u64,
    open: BTreeMap<u64, Arc<T>>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Mutex::new(Book {
            last: 0,
            open: BTreeMap::new(),
        }))
    }
}

impl<T> List<T> {
    fn book(&self) -> MutexGuard<'_, Book<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It has ended.
    pub(crate) fn close(&self, number: u64) {
        self.book().open.remove(&number);
    }

    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.book().open.values().cloned().collect()
    }
}

impl<T: Passing> List<T> {
    /// It is open from now on, under this number.
    pub(crate) fn open(&self, new: &Arc<T>) -> u64 {
        let mut book = self.book();
        book.last += 1;
        let number = book.last;
        book.open.insert(number, Arc::clone(new));
        drop(book);
        // Only now: before, what stops meanwhile would neither find it in the list nor be found by it.
        if new.is_late() {
            new.cut();
        }
        number
    }

    /// Ends what passes through something that has stopped. To be called when it has: what opens later finds that out itself.
    pub(crate) fn cut_late(&self) {
        let all = self.all();
        let late = all.iter().filter(|one| one.is_late());
        late.for_each(|one| one.cut());
    }
}
