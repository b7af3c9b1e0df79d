//! What an instance hands over to the one that a reload builds in its place.

use super::Contributions;
use crate::{call::BoxFuture, error::Result};
use std::{
    any::{Any, type_name},
    sync::Arc,
};

/// Makes a snapshot of an instance.
#[derive(Clone)]
pub(crate) struct HandOver(Arc<dyn Fn() -> BoxFuture<'static, Result<Handed>> + Send + Sync>);

/// A snapshot, of a type that only its plugin knows.
pub(crate) struct Handed {
    value: Box<dyn Any + Send>,
    of: &'static str,
}

impl HandOver {
    /// To be called, and awaited, under guard: it is the plugin's own code.
    pub(crate) fn take(&self) -> BoxFuture<'static, Result<Handed>> {
        (self.0)()
    }
}

impl Handed {
    /// The snapshot; the name of its type if that is another one.
    pub(crate) fn downcast<T: 'static>(self) -> Result<T, &'static str> {
        let value = self.value.downcast::<T>();
        value.map(|value| *value).map_err(|_| self.of)
    }
}

impl Contributions {
    /// Says what the next instance gets of this one, when a reload builds it anew: the snapshot is made then, right before the
    /// new one's `init`, which takes it with [`handed_over`](crate::PluginContext::handed_over). One for each instance; a
    /// second replaces the first.
    ///
    /// This one still serves at that time, and goes on until the new one takes its place, or for good if the reload fails. So
    /// the snapshot only looks: it is a copy, and what happens afterwards is not in it; or it is something that both can
    /// share, such as an `Arc` of a cache.
    ///
    /// It has the deadline of `init`. If it fails, panics or takes longer, the reload fails in the phase `hand_over`, and
    /// this instance serves on: nothing is lost. (Who wants to start from nothing all the same disables it, and enables it.)
    ///
    /// ```
    /// use chassis::prelude::*;
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering::Relaxed}};
    ///
    /// /// Counts visits at `GET /visits`, over reloads too.
    /// #[plugin]
    /// async fn visits(cx: &mut PluginContext) -> Result<()> {
    ///     let visits = Arc::new(AtomicU64::new(cx.handed_over::<u64>().unwrap_or(0)));
    ///     let count = Arc::clone(&visits);
    ///     cx.get("/visits", async move || (count.fetch_add(1, Relaxed) + 1).to_string());
    ///     cx.hand_over(async move || Ok(visits.load(Relaxed)));
    ///     Ok(())
    /// }
    ///
    /// # use chassis::testing::TestChassis;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// let app = TestChassis::with::<visits>().start().await?;
    /// assert_eq!(app.get("/visits").await.text(), "1");
    /// app.reload_all().await?;
    /// assert_eq!(app.get("/visits").await.text(), "2");
    /// # Ok(())
    /// # }
    /// ```
    pub fn hand_over<T, F, Fut>(&mut self, snapshot: F)
    where
        T: Send + 'static,
        F: FnOnce() -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        self.hand_over = Some(HandOver(Arc::new(move || {
            let snapshot = snapshot.clone();
            Box::pin(async move {
                let value: Box<dyn Any + Send> = Box::new(snapshot().await?);
                let of = type_name::<T>();
                Ok(Handed { value, of })
            })
        })));
    }
}
