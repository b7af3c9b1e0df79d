//! What an instance gets to build itself with, and to act with once it lives.

use crate::{
    contributions::Contributions,
    error::{Error, Result, code},
    event::{Events, Way},
    generation::{Current, Exporters, find_export},
    info::PluginInfo,
    instance::Tasks,
    metrics::Meter,
    scope::{Found, Scope},
    services::{Desk, Holder, Services},
    text,
};
use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    fmt,
    ops::{Deref, DerefMut},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

mod meter;
mod previous;

pub(crate) use previous::{HandedSlot, Previous};

/// What an instance gets to build itself with, in [`Plugin::init`](crate::Plugin::init).
///
/// It is also the place to contribute for plugins that are functions: it derefs to [`Contributions`].
pub struct PluginContext {
    info: Arc<PluginInfo>,
    background: Background,
    pub(crate) contributions: Contributions,
    pub(crate) exports: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// What this one requires directly.
    required: Vec<Arc<str>>,
    /// Whose exports it may see: of these, and of what they require.
    seen: Exporters,
    /// Of the instance that it is built in place of.
    previous: Option<Previous>,
}

impl PluginContext {
    pub(crate) fn new(
        info: Arc<PluginInfo>,
        background: Background,
        required: Vec<Arc<str>>,
        seen: Exporters,
        previous: Option<Previous>,
    ) -> Self {
        let contributions = Contributions::new(Arc::clone(&background.name));
        Self {
            info,
            background,
            contributions,
            exports: HashMap::new(),
            required,
            seen,
            previous,
        }
    }

    /// The name of the instance: that of the plugin, unless the configuration makes more than one of it.
    pub fn name(&self) -> &str {
        &self.background.name
    }

    /// What is known of the plugin.
    pub fn info(&self) -> &PluginInfo {
        &self.info
    }

    /// Gives a value to the plugins that require this one: they get it with [`require`](Self::require), and their
    /// handlers with [`Shared`](crate::Shared). One of each type; a second replaces the first.
    pub fn export<T: Send + Sync + 'static>(&mut self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        self.exports
            .insert(TypeId::of::<T>(), Arc::clone(&value) as _);
        value
    }

    /// The value of this type that a plugin exported which this one requires, directly or not.
    ///
    /// # Errors
    ///
    /// If none of them exported one, or several did: the result must not depend on their order.
    pub fn require<T: Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        match find_export(self.name(), &self.seen, TypeId::of::<T>()) {
            Found::One(value) => value.downcast().map_err(|_| self.no_export::<T>()),
            Found::Nothing => Err(self.no_export::<T>()),
            Found::Several(owners) => {
                let owners = text::quoted(owners.iter().map(|name| &**name));
                let message = format!(
                    "a `{}` is exported by more than one: {owners}",
                    type_name::<T>()
                );
                Err(Error::new(code::NO_EXPORT, message)
                    .with_help("give them types of their own, or require only one of them"))
            }
        }
    }

    fn no_export<T>(&self) -> Error {
        let of = type_name::<T>();
        let name = self.name();
        let (message, help) = if self.required.is_empty() {
            let message =
                format!("`{name}` asks for a `{of}`, but requires no plugin that could export one");
            (
                message,
                "name the plugin that exports it: `#[plugin(requires = [\"..\"])]`",
            )
        } else {
            let owners = text::quoted(self.required.iter().map(|name| &**name));
            let message = format!(
                "`{name}` asks for a `{of}`, but neither {owners} nor what it requires exports one"
            );
            (
                message,
                "call `cx.export(..)` in their `init`, or require the plugin that does",
            )
        };
        Error::new(code::NO_EXPORT, message).with_help(help)
    }

    /// The registry of services. What the instance registers there goes with it.
    pub fn services(&self) -> Services {
        self.background.services()
    }

    /// What the instance acts with once it lives; it may keep it.
    pub fn background(&self) -> &Background {
        &self.background
    }
}

impl Deref for PluginContext {
    type Target = Contributions;

    fn deref(&self) -> &Contributions {
        &self.contributions
    }
}

impl DerefMut for PluginContext {
    fn deref_mut(&mut self) -> &mut Contributions {
        &mut self.contributions
    }
}

impl fmt::Debug for PluginContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PluginContext")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// What an instance acts with once it lives: tasks of its own, and the way into a generation. Cheap to clone, and
/// the one thing of the chassis that a plugin may keep.
///
/// ```
/// use chassis::prelude::*;
/// use std::time::Duration;
///
/// /// Says every minute that it is still there.
/// #[plugin]
/// async fn heartbeat(cx: &mut PluginContext) -> Result<()> {
///     cx.background().every("heartbeat", Duration::from_secs(60), || async { Ok(println!("still here")) });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Background {
    name: Arc<str>,
    /// Each instance has a greater one than those before it.
    number: u64,
    tasks: Tasks,
    current: Weak<Current>,
    bus: Way,
    desk: Weak<Desk>,
    /// Cancelled when the generation serves that the instance was built for.
    serves: CancellationToken,
    meter: Meter,
}

impl Background {
    pub(crate) fn new(
        name: Arc<str>,
        tasks: Tasks,
        current: Weak<Current>,
        bus: Way,
        desk: Weak<Desk>,
        serves: CancellationToken,
        meter: Meter,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            name,
            number: NEXT.fetch_add(1, Relaxed),
            tasks,
            current,
            bus,
            desk,
            serves,
            meter,
        }
    }

    /// The name of the instance.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Enters the generation that serves now, for one unit of work. Drop the scope when the work is done: a
    /// generation that is still held can't end.
    ///
    /// # Errors
    ///
    /// In `init` and `start`, at the first start as in a reload: the generation that the instance is built for does not
    /// serve yet, and another one is not its business. A task waits with [`serving`](Self::serving). Also when nothing
    /// serves any more.
    pub fn enter(&self) -> Result<Scope> {
        let current = self
            .current
            .upgrade()
            .filter(|_| self.serves.is_cancelled());
        current.and_then(|current| current.scope()).ok_or_else(|| {
            Error::new(
                code::CLOSED,
                "the service does not run yet, or not any more",
            )
            .in_plugin(Arc::clone(&self.name))
            .with_help(
                "in `init` and `start` points can't be used; a task waits with `serving().await`",
            )
        })
    }

    /// What the instance publishes events with, outside of requests; it may keep it.
    pub fn events(&self) -> Events {
        let serves = Some(self.serves.clone());
        Events::outside(self.bus.clone(), Arc::clone(&self.name), serves)
    }

    /// The registry of services. What the instance registers there goes with it.
    pub fn services(&self) -> Services {
        let holder = Holder::Instance {
            plugin: Arc::clone(&self.name),
            number: self.number,
            serves: self.serves.clone(),
            stopping: self.stopping().clone(),
        };
        Services::new(Weak::clone(&self.desk), holder)
    }

    /// Waits until the generation serves that the instance was built for: from then on [`enter`](Self::enter) works.
    pub async fn serving(&self) {
        self.serves.cancelled().await;
    }

    /// Runs a task that belongs to the instance: spawned in `init`, it begins together with `start`; it is dropped after
    /// the instance has stopped. A panic or an error in it is logged, and ends only the task.
    pub fn spawn(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        self.tasks.spawn(name, work);
    }

    /// Runs something that blocks, on a thread of its own. It can't be dropped: it should look at
    /// [`stopping`](Self::stopping) now and then.
    pub fn blocking(&self, name: &'static str, work: impl FnOnce() -> Result<()> + Send + 'static) {
        self.tasks.blocking(name, work);
    }

    /// Runs something again and again, until the instance stops: first after `period`, and then `period` after it
    /// has ended, each time up to a tenth longer. It never overlaps with itself; an error or a panic is logged, and
    /// the next run comes all the same.
    pub fn every<F, Fut>(&self, name: &'static str, period: Duration, work: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        self.tasks.every(name, period, work);
    }

    /// Cancelled when the instance begins to stop.
    pub fn stopping(&self) -> &CancellationToken {
        self.tasks.stopping()
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
