//! The registry of services: who is there, and how to find them.

use crate::{
    entry::{Service, ServiceEntry, ServiceHealth, ServiceQuestion},
    error::{Error, Result},
    points,
};
use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Weak},
};

mod own;
mod desk;
mod book;

pub(crate) use book::Holder;
use book::closed;
pub(crate) use desk::Desk;

/// The registry of services: what is registered here, and what plugins know of elsewhere.
///
/// The service registers itself when it is ready, as `service:` says, and leaves as the first thing of its shutdown. What
/// a plugin registers beside it (a second port, a sidecar) is removed with the plugin.
///
/// [`Background::services`](crate::Background::services) and [`ChassisHandle::services`](crate::ChassisHandle::services)
/// give one. It is cheap to clone and keeps nothing alive; when nothing serves, it answers with the error `closed`.
///
/// ```
/// use chassis::{Service, ServiceQuestion, prelude::*};
///
/// /// Registers a second port, and finds a neighbour.
/// #[plugin]
/// async fn neighbours(cx: &mut PluginContext) -> Result<()> {
///     let background = cx.background().clone();
///     cx.background().spawn("neighbours", async move {
///         background.serving().await;
///         let services = background.services();
///         services.register(Service::new("orders-grpc", "10.0.0.5", 50_051).tag("grpc")).await?;
///         let found = services.discover(ServiceQuestion::new("payments").passing()).await?;
///         for entry in found.entries {
///             println!("{} is at {}:{}", entry.id, entry.address, entry.port);
///         }
///         Ok(())
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Services {
    desk: Weak<Desk>,
    holder: Holder,
}

/// What was found, and the failures beside it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovered {
    /// Those that are registered here, and then those that the plugins at `service.discover` know, in their order; each
    /// id once.
    pub entries: Vec<ServiceEntry>,
    /// The errors of plugins that could not answer, each with its plugin. They are logged already.
    pub failed: Vec<Error>,
}

impl Services {
    pub(crate) fn new(desk: Weak<Desk>, holder: Holder) -> Self {
        Self { desk, holder }
    }

    fn desk(&self) -> Result<Arc<Desk>> {
        self.desk.upgrade().ok_or_else(closed)
    }

    /// Registers a service, after the handlers of `service.pre_register` have seen it; the entry as they have left it. A
    /// plugin that registers an id again replaces what it has registered before, also what its instance before a reload
    /// has; that one can't change it any more from then on.
    ///
    /// # Errors
    ///
    /// In `init` and `start`, and when nothing serves any more (`closed`); if a plugin denies it or fails over it; if
    /// somebody else has the id; if `discovery.max_entries` are registered; if a text of it is too long.
    pub async fn register(&self, service: Service) -> Result<ServiceEntry> {
        let desk = self.desk()?;
        desk.register(service.into(), self.holder.clone(), false)
            .await
    }

    /// Deregisters a service, after the handlers of `service.pre_unregister` were told. A plugin only may with its own;
    /// the handle of the service with all.
    ///
    /// # Errors
    ///
    /// If there is none of this id, if it is somebody else's, and when nothing serves.
    pub async fn deregister(&self, id: &str) -> Result<ServiceEntry> {
        self.desk()?.deregister(id, &self.holder).await
    }

    /// Says how a service is that was registered here. That of the service itself follows `/health/ready`.
    ///
    /// # Errors
    ///
    /// As [`deregister`](Self::deregister).
    pub fn set_health(&self, id: &str, health: ServiceHealth) -> Result<()> {
        self.desk()?.set_health(id, health, &self.holder)
    }

    /// All services that are registered here, by name. No plugin is asked.
    ///
    /// # Errors
    ///
    /// When nothing serves.
    pub fn list(&self) -> Result<Vec<ServiceEntry>> {
        self.desk()?.list()
    }

    /// The services that are registered here and asked for: of a name, or as a [`ServiceQuestion`] says. No plugin is
    /// asked.
    ///
    /// # Errors
    ///
    /// When nothing serves.
    pub fn find(&self, question: impl Into<ServiceQuestion>) -> Result<Vec<ServiceEntry>> {
        self.desk()?.find(&question.into())
    }

    /// The services that are asked for: those that are registered here, and those that the plugins at `service.discover`
    /// know. All plugins are asked at once, and each has its deadline; who fails is told of beside the others' answers.
    ///
    /// # Errors
    ///
    /// In `init` and `start`, and when nothing serves.
    pub async fn discover(&self, question: impl Into<ServiceQuestion>) -> Result<Discovered> {
        let question = question.into();
        let desk = self.desk()?;
        let scope = desk.scope(&self.holder)?;
        let mut entries = desk.find(&question)?;
        let provided = points::SERVICE_DISCOVER.ask(&scope, &question).await;
        let most = desk.most();
        let mut known: HashSet<String> = entries.iter().map(|entry| entry.id.clone()).collect();
        let answers = provided.answers.into_iter();
        // A plugin need not know of tags, and may know of this service too.
        let new = answers
            .flat_map(|answer| answer.value)
            .filter(|entry| question.takes(entry) && known.insert(entry.id.clone()));
        let room = most.saturating_sub(entries.len());
        entries.extend(new.take(room));
        Ok(Discovered {
            entries,
            failed: provided.failed,
        })
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("plugin", &self.holder.plugin())
            .finish_non_exhaustive()
    }
}
