//! A broker in memory, for services of one test: texts in queues of groups, and faults that a transport should not have.

use chassis::{
    BoxFuture, EventDeliveries, EventDelivery, EventSubscription, EventTransport, Settled,
    WireEvent, prelude::*,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};
use tokio::sync::Notify;

/// What may be wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Loses,
    LastFirst,
    TellsEverything,
    TellsAllMembers,
    ForgetsTraces,
    NeverCloses,
}

/// What all ends share.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    more: Notify,
    fault: Option<Fault>,
}

#[derive(Debug, Default)]
struct Inner {
    /// They stay when their last member leaves, as with a broker that keeps what it has.
    groups: BTreeMap<Arc<str>, Group>,
    published: Vec<String>,
    /// What is said to the next who publish, in place of taking it.
    refuses: VecDeque<Error>,
    members: u64,
    closed: u64,
}

#[derive(Debug)]
struct Group {
    subscription: EventSubscription,
    /// For the member of that number alone, where the hub has that fault.
    waiting: VecDeque<(Option<u64>, String)>,
    members: Vec<u64>,
}

impl Hub {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn with(fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            fault: Some(fault),
            ..Self::default()
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new end, as each service has one.
    pub(crate) fn end(self: &Arc<Self>) -> End {
        End {
            hub: Arc::clone(self),
            closed: Arc::default(),
        }
    }

    /// The next who publish are told these.
    pub(crate) fn refuse(&self, errors: impl IntoIterator<Item = Error>) {
        self.lock().refuses.extend(errors);
    }

    /// What was published, as text.
    pub(crate) fn published(&self) -> Vec<String> {
        self.lock().published.clone()
    }

    /// How many ends were closed.
    pub(crate) fn closed(&self) -> u64 {
        self.lock().closed
    }

    /// How many events wait for a group.
    pub(crate) fn waiting(&self, group: &str) -> usize {
        self.lock().groups[group].waiting.len()
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn publish(&self, event: &WireEvent) -> Result<()> {
        let mut event = event.clone();
        if self.has(Fault::ForgetsTraces) {
            event.traceparent = None;
        }
        let text = serde_json::to_string(&event)?;
        let mut inner = self.lock();
        if let Some(refused) = inner.refuses.pop_front() {
            return Err(refused);
        }
        inner.published.push(text.clone());
        for group in inner.groups.values_mut() {
            if !self.has(Fault::TellsEverything) && !group.subscription.wants(&event.topic) {
                continue;
            }
            let for_all = [None];
            let members: Vec<_> = group.members.iter().copied().map(Some).collect();
            let to = match self.has(Fault::TellsAllMembers) {
                true => &members[..],
                false => &for_all,
            };
            for member in to {
                let entry = (*member, text.clone());
                match self.has(Fault::LastFirst) {
                    true => group.waiting.push_front(entry),
                    false => group.waiting.push_back(entry),
                }
            }
        }
        drop(inner);
        self.more.notify_waiters();
        Ok(())
    }

    fn take(&self, group: &str, member: u64) -> Option<String> {
        let mut inner = self.lock();
        let waiting = &mut inner.groups.get_mut(group)?.waiting;
        let is_for = |(to, _): &(Option<u64>, String)| to.is_none_or(|to| to == member);
        let index = waiting.iter().position(is_for)?;
        Some(waiting.remove(index)?.1)
    }

    fn take_back(&self, group: &str, text: String) {
        if self.has(Fault::Loses) {
            return;
        }
        if let Some(group) = self.lock().groups.get_mut(group) {
            group.waiting.push_front((None, text));
        }
        self.more.notify_waiters();
    }
}

/// What one service has of it.
#[derive(Debug)]
pub(crate) struct End {
    hub: Arc<Hub>,
    closed: Arc<AtomicBool>,
}

impl End {
    fn open(&self) -> Result<&Arc<Hub>> {
        match self.closed.load(SeqCst) && !self.hub.has(Fault::NeverCloses) {
            true => Err(Error::new(chassis::code::CLOSED, "this end is closed")),
            false => Ok(&self.hub),
        }
    }
}

impl EventTransport for End {
    fn publish<'a>(&'a self, event: &'a WireEvent) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.open()?.publish(event) })
    }

    fn subscribe<'a>(
        &'a self,
        subscription: &'a EventSubscription,
    ) -> BoxFuture<'a, Result<Box<dyn EventDeliveries>>> {
        Box::pin(async move {
            let hub = self.open()?;
            let mut inner = hub.lock();
            inner.members += 1;
            let number = inner.members;
            let group = inner.groups.entry(Arc::clone(&subscription.group));
            let group = group.or_insert_with(|| Group {
                subscription: subscription.clone(),
                waiting: VecDeque::new(),
                members: Vec::new(),
            });
            group.subscription = subscription.clone();
            group.members.push(number);
            Ok(Box::new(Member {
                hub: Arc::clone(hub),
                closed: Arc::clone(&self.closed),
                group: Arc::clone(&subscription.group),
                number,
            }) as _)
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            if !self.closed.swap(true, SeqCst) {
                self.hub.lock().closed += 1;
                self.hub.more.notify_waiters();
            }
            Ok(())
        })
    }
}

struct Member {
    hub: Arc<Hub>,
    closed: Arc<AtomicBool>,
    group: Arc<str>,
    number: u64,
}

impl EventDeliveries for Member {
    fn next(&mut self) -> BoxFuture<'_, Option<EventDelivery>> {
        Box::pin(async {
            loop {
                let mut more = std::pin::pin!(self.hub.more.notified());
                more.as_mut().enable();
                if self.closed.load(SeqCst) && !self.hub.has(Fault::NeverCloses) {
                    return None;
                }
                if let Some(text) = self.hub.take(&self.group, self.number) {
                    let event = serde_json::from_str(&text).expect("it was written as JSON");
                    let (hub, group) = (Arc::clone(&self.hub), Arc::clone(&self.group));
                    return Some(EventDelivery::new(event, move |settled| {
                        if settled == Settled::Again {
                            hub.take_back(&group, text);
                        }
                    }));
                }
                more.await;
            }
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(group) = self.hub.lock().groups.get_mut(&self.group) {
            group.members.retain(|number| *number != self.number);
        }
    }
}
