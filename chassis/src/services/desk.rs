//! Where services are registered and deregistered: one change of an entry at a time, and plugins told of each.

use super::{
    book::{Book, Holder, closed},
    own::Own,
};
use crate::{
    entry::{ServiceEntry, ServiceHealth, ServiceQuestion},
    error::{Error, Result, code},
    event::Bus,
    generation::Current,
    point::Flow,
    points::{self, Denied},
    scope::Scope,
};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// How long all of `service.pre_unregister` may take when the service leaves.
const LEAVE: Duration = Duration::from_secs(10);

/// How many entries leave at a time.
const AT_ONCE: usize = 16;

/// The registry of services. It belongs to the chassis, and outlives generations.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) current: Arc<Current>,
    book: Mutex<Book>,
    /// One change of an entry at a time: plugins hear of them in the order in which they happen.
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    pub(super) own: Mutex<Own>,
    /// Held while the service itself is registered or deregistered.
    pub(super) refreshing: tokio::sync::Mutex<()>,
    pub(super) workers: Handle,
    /// Cancelled when the service begins to stop.
    pub(super) closing: CancellationToken,
}

/// The topics that those are told under who subscribe.
const REGISTERED: &str = "service.registered";
const DEREGISTERED: &str = "service.deregistered";

fn publish(scope: &Scope, topic: &str, entry: &ServiceEntry) {
    if let Some(bus) = Bus::of(scope) {
        bus.tell(scope, topic, || json!(entry));
    }
}

impl Desk {
    pub(crate) fn new(current: Arc<Current>, workers: Handle, closing: CancellationToken) -> Self {
        Self {
            current,
            book: Mutex::default(),
            turns: Mutex::default(),
            own: Mutex::default(),
            refreshing: tokio::sync::Mutex::default(),
            workers,
            closing,
        }
    }

    /// The book, in which the service itself is as it is now.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.set_own_health(self.own_health());
        book
    }

    /// The generation that serves now, for who may use it.
    pub(super) fn scope(&self, holder: &Holder) -> Result<Scope> {
        let is_early = matches!(holder, Holder::Instance { serves, .. } if !serves.is_cancelled());
        let scope = self.current.scope().filter(|_| !is_early);
        scope.ok_or_else(|| match holder.plugin() {
            Some(plugin) => closed().in_plugin(Arc::clone(plugin)),
            None => closed(),
        })
    }

    /// How many entries there may be.
    pub(super) fn most(&self) -> usize {
        let lease = self.current.enter(0);
        lease.map_or(0, |lease| lease.0.config.settings().discovery.max_entries)
    }

    /// Registers a service, unless a plugin denies it. With `only_news`, nothing is told of what is registered so already.
    pub(super) async fn register(
        &self,
        mut entry: ServiceEntry,
        holder: Holder,
        only_news: bool,
    ) -> Result<ServiceEntry> {
        let scope = self.scope(&holder)?;
        entry.check()?;
        let id = entry.id.clone();
        self.book().check(&id, &holder, self.most())?;
        let turn = self.turn(&id);
        let _turn = turn.lock().await;

        let registered_at = SystemTime::now();
        let owner = holder.plugin().cloned();
        entry.owner.clone_from(&owner);
        match points::SERVICE_PRE_REGISTER
            .apply_flow(&scope, &mut entry)
            .await?
        {
            Flow::Continue => {}
            Flow::Answer(Denied(reason)) => {
                let message = format!("`{id}` may not be registered: {reason}");
                return Err(Error::new(code::SERVICE_DENIED, message));
            }
        }
        // What it is known by is not for others to change.
        (entry.id, entry.owner, entry.registered_at) = (id, owner, registered_at);
        entry.check()?;
        {
            let mut book = self.book();
            let before = book.get(&entry.id).map(|slot| &slot.entry);
            if let Some(before) = before.filter(|before| only_news && before.says_the_same(&entry))
            {
                return Ok(before.clone());
            }
            if matches!(holder, Holder::Chassis) {
                // The handlers may have taken a while.
                entry.health = self.own_health();
            }
            book.put(entry.clone(), holder, self.most())?;
        }
        tracing::debug!(id = entry.id, name = entry.name, "service registered");
        points::SERVICE_POST_REGISTER.run(&scope, &entry).await;
        publish(&scope, REGISTERED, &entry);
        Ok(entry)
    }

    pub(super) async fn deregister(&self, id: &str, holder: &Holder) -> Result<ServiceEntry> {
        let scope = self.scope(holder)?;
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        let entry = self.book().held(id, holder)?.clone();
        self.remove(&scope, &entry).await;
        Ok(entry)
    }

    /// Tells that an entry goes, and lets it go.
    async fn remove(&self, scope: &Scope, entry: &ServiceEntry) {
        points::SERVICE_PRE_UNREGISTER.run(scope, entry).await;
        self.book().remove(&entry.id);
        tracing::debug!(id = entry.id, name = entry.name, "service deregistered");
        publish(scope, DEREGISTERED, entry);
    }

    /// Deregisters what instances have registered that go, or have gone.
    pub(crate) async fn sweep(&self) {
        let Some(scope) = self.current.scope() else {
            return;
        };
        let gone = self.book().of_gone();
        self.remove_all(&scope, gone, Holder::is_gone).await;
    }

    /// Forgets all of it if nobody wants to be told; whether that was so. From now on nothing is registered.
    pub(crate) fn leave_untold(&self) -> bool {
        let scope = self.current.scope();
        let is_told = |scope: &Scope| {
            let bus = Bus::of(scope);
            !points::SERVICE_PRE_UNREGISTER.is_idle(scope)
                || bus.is_some_and(|bus| bus.is_wanted(scope, DEREGISTERED))
        };
        let is_untold = !scope.as_ref().is_some_and(is_told);
        if is_untold {
            self.close();
        }
        is_untold
    }

    /// Deregisters the service itself and then all that its plugins have registered. From now on nothing is registered.
    pub(crate) async fn leave(&self) {
        if !self.book().begin_closing() {
            return;
        }
        if let Some(scope) = self.current.scope() {
            let ids = self.book().ids();
            let all = self.remove_all(&scope, ids, |_| true);
            _ = tokio::time::timeout(LEAVE, all).await;
        }
        let left = self.book().clear();
        if left > 0 {
            tracing::warn!(
                left,
                "`service.pre_unregister` took too long; these services leave without it"
            );
        }
    }

    /// Forgets all of it at once.
    pub(crate) fn close(&self) {
        let mut book = self.book();
        book.begin_closing();
        book.clear();
    }

    async fn remove_all(&self, scope: &Scope, ids: Vec<String>, is_to_go: fn(&Holder) -> bool) {
        let remove = |id: String| async move {
            let turn = self.turn(&id);
            let _turn = turn.lock().await;
            // Somebody may have registered it anew meanwhile.
            let entry = {
                let book = self.book();
                let slot = book.get(&id).filter(|slot| is_to_go(&slot.holder));
                slot.map(|slot| slot.entry.clone())
            };
            if let Some(entry) = entry {
                self.remove(scope, &entry).await;
            }
        };
        // One after the other they begin, so the service itself is the first.
        stream::iter(ids)
            .map(remove)
            .buffered(AT_ONCE)
            .collect::<()>()
            .await;
    }

    pub(super) fn set_health(
        &self,
        id: &str,
        health: ServiceHealth,
        holder: &Holder,
    ) -> Result<()> {
        self.scope(holder)?;
        self.book().held(id, holder)?.health = health;
        Ok(())
    }

    /// What is registered here, by name.
    pub(super) fn list(&self) -> Result<Vec<ServiceEntry>> {
        self.check_open()?;
        Ok(self.book().list())
    }

    /// What is registered here and asked for.
    pub(super) fn find(&self, question: &ServiceQuestion) -> Result<Vec<ServiceEntry>> {
        self.check_open()?;
        Ok(self.book().find(question))
    }

    fn check_open(&self) -> Result<()> {
        match self.current.enter(0) {
            Some(_) => Ok(()),
            None => Err(closed()),
        }
    }

    /// Where changes of this entry wait for each other.
    fn turn(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody has or waits for.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(id.to_owned()).or_default())
    }
}
