//! The cell that a reload swaps: what is in it serves, and whoever is in it keeps it.

use super::primitives::{Arc, Swap};

/// What serves now, by `N` holds to it: they stand apart in memory, so that threads that count themselves in and out do not
/// fight for one cache line.
#[derive(Debug)]
pub(crate) struct Cell<H, const N: usize>(Swap<[Arc<H>; N]>);

impl<H, const N: usize> Default for Cell<H, N> {
    fn default() -> Self {
        Self(Swap::default())
    }
}

impl<H, const N: usize> Cell<H, N> {
    /// Enters what serves now, by one of its holds. There is no moment between finding it and being counted in it: the count
    /// is that of the reference itself.
    #[inline]
    pub(crate) fn enter(&self, hold: usize) -> Option<Arc<H>> {
        let serving = self.0.load();
        let holds: &[Arc<H>; N] = serving.as_ref()?;
        Some(Arc::clone(&holds[hold % N]))
    }

    /// From now on whoever enters, enters this; nobody enters what was there before it any more.
    pub(crate) fn publish(&self, hold: impl Fn() -> H) {
        let holds = std::array::from_fn(|_| Arc::new(hold()));
        self.0.store(Some(Arc::new(holds)));
    }

    /// From now on nobody enters anything.
    pub(crate) fn close(&self) {
        self.0.store(None);
    }
}
