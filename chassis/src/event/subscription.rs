//! Who wants to be told of what: the handlers at `events.deliver`.

use super::{
    message::{FromMessage, Message},
    topic::TopicPattern,
};
use crate::{
    call::{BoxFuture, Call, Site},
    error::{Error, Result, code},
    point::{Contributed, DeclaredPoint, Index, IntoDone, PointInfo, PointKind, Tell},
    scope::Scope,
};
use std::{
    any::Any,
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    sync::Arc,
    time::Duration,
};

/// What is called with an event.
pub(crate) type EventFn = Arc<dyn Tell<Message>>;

/// Whether an event is wanted.
pub(crate) type Condition = Arc<dyn Fn(&Message) -> bool + Send + Sync>;

/// One handler, with the topics that it wants.
pub(crate) struct Subscription {
    /// A pattern, as it was written.
    topic: Arc<str>,
    pub(crate) handler: EventFn,
    /// How often it is tried again when it fails.
    pub(crate) retries: u32,
    /// How long until the first time; twice as long before each further one.
    pub(crate) backoff: Duration,
    pub(crate) when: Option<Condition>,
    /// Where it is written.
    place: Box<str>,
    /// The type of the events, if it is that of the topic.
    of: Option<&'static str>,
    /// Whether its plugin is away, and the events wait until it is back.
    pub(super) waits: bool,
}

impl Subscription {
    pub(crate) fn new(
        topic: &str,
        place: &str,
        of: Option<&'static str>,
        handler: EventFn,
    ) -> Self {
        Self {
            place: place.into(),
            topic: topic.into(),
            handler,
            retries: 0,
            backoff: Duration::from_secs(1),
            when: None,
            of,
            waits: false,
        }
    }

    /// The same without anybody who is told: its events wait.
    pub(crate) fn waiting(&self) -> Self {
        Self {
            topic: Arc::clone(&self.topic),
            handler: Arc::new(Nobody),
            retries: self.retries,
            backoff: self.backoff,
            when: None,
            place: self.place.clone(),
            of: self.of,
            waits: true,
        }
    }
}

/// In the place of a handler whose plugin is away.
struct Nobody;

impl Tell<Message> for Nobody {
    fn call<'a>(&'a self, _: &'a Message, _: &'a Call<'a>) -> BoxFuture<'a, Result<()>> {
        let away = || Error::new(code::AWAY, "the plugin is being replaced").retryable();
        Box::pin(std::future::ready(Err(away())))
    }
}

/// A closure or function that is told of events.
pub(crate) struct OnClosure<M, F> {
    pub(crate) handler: F,
    pub(crate) takes: PhantomData<fn(M)>,
}

impl<M, F, Fut> Tell<Message> for OnClosure<M, F>
where
    M: FromMessage + Send + 'static,
    F: FnOnce(M) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output: IntoDone> + Send + 'static,
{
    fn call<'a>(&'a self, message: &'a Message, _: &'a Call<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let taken = M::from_message(message)?;
            self.handler.clone()(taken).await.into_done()
        })
    }
}

/// The point where events are delivered.
#[derive(Debug)]
pub struct EventPoint {
    pub(crate) name: &'static str,
    index: Index,
}

impl EventPoint {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            index: Index::new(),
        }
    }

    /// Who wants to be told of what, in that generation.
    pub(super) fn subscribers<'s>(&self, scope: &'s Scope) -> Option<&'s Subscribers> {
        self.index.handlers(self.name, scope).ok()
    }
}

impl DeclaredPoint for EventPoint {
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: PointKind::Action,
            description: String::new(),
            payload: "Message",
            answer: "()",
            schema: None,
            on_failure: "dead letter",
            sealed: false,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        Some(&self.index)
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        Ok(Box::new(Subscribers::new(handlers)?))
    }
}

/// All subscriptions of a generation.
#[derive(Default)]
pub(super) struct Subscribers {
    by_plugin: BTreeMap<Arc<str>, Vec<Subscriber>>,
    /// The plugins that want a topic, by it.
    exact: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// The plugins that want topics with stars.
    starred: Vec<(TopicPattern, Arc<str>)>,
    /// Whether somebody wants to know of each request.
    pub(super) want_requests: bool,
}

/// A subscription that takes part.
#[derive(Clone)]
pub(super) struct Subscriber {
    /// Finds it again after a reload: what it wants, and where it is written.
    pub(super) key: Arc<str>,
    pub(super) pattern: TopicPattern,
    pub(super) subscription: Arc<Subscription>,
    pub(super) site: Arc<Site>,
}

impl Subscribers {
    fn new(handlers: Vec<Contributed>) -> Result<Self> {
        let mut all = Self::default();
        let mut errors = Vec::new();
        let mut typed: HashMap<Arc<str>, Subscriber> = HashMap::new();
        for Contributed { handler, site, .. } in handlers {
            let Ok(subscription) = handler.downcast::<Subscription>() else {
                let message =
                    "the handler does not fit the point: events are subscribed to with `cx.on(..)`";
                errors.push(
                    Error::new(code::POINT_MISMATCH, message).in_plugin(Arc::clone(&site.plugin)),
                );
                continue;
            };
            let pattern = match TopicPattern::parse(&subscription.topic) {
                Ok(pattern) => pattern,
                Err(error) => {
                    let error = error.in_plugin(Arc::clone(&site.plugin));
                    errors.push(error.from_origin(&*subscription.place));
                    continue;
                }
            };
            let of_plugin = all.by_plugin.get(&site.plugin);
            let subscriber = Subscriber {
                key: key(&subscription, of_plugin),
                pattern,
                subscription,
                site,
            };
            let Subscriber { pattern, site, .. } = &subscriber;
            match pattern.exact() {
                Some(topic) => {
                    let plugins = all.exact.entry(Arc::clone(topic)).or_default();
                    plugins.push(Arc::clone(&site.plugin));
                }
                None => all
                    .starred
                    .push((pattern.clone(), Arc::clone(&site.plugin))),
            }
            if let Some(topic) = pattern.exact()
                && subscriber.subscription.of.is_some()
            {
                let first = typed.entry(Arc::clone(topic));
                let first = first.or_insert_with(|| subscriber.clone());
                if first.subscription.of != subscriber.subscription.of {
                    errors.push(two_types(first, &subscriber));
                }
            }
            let of_plugin = all.by_plugin.entry(Arc::clone(&site.plugin)).or_default();
            of_plugin.push(subscriber);
        }
        all.want_requests = super::OF_REQUESTS.iter().any(|topic| all.want(topic));
        Error::all(errors).map_or(Ok(all), Err)
    }

    pub(super) fn plugins(&self) -> impl Iterator<Item = (&Arc<str>, &[Subscriber])> {
        let all = self.by_plugin.iter();
        all.map(|(plugin, subscribers)| (plugin, &**subscribers))
    }

    /// The handlers of a plugin, if it has some.
    pub(super) fn of_plugin(&self, plugin: &str) -> Option<&[Subscriber]> {
        self.by_plugin.get(plugin).map(Vec::as_slice)
    }

    /// The handlers of a plugin that want this topic, in order.
    pub(super) fn of<'s>(
        &'s self,
        plugin: &str,
        topic: &'s str,
    ) -> impl Iterator<Item = &'s Subscriber> {
        let all = self.by_plugin.get(plugin).into_iter().flatten();
        all.filter(move |subscriber| subscriber.pattern.matches(topic))
    }

    /// The handler of a plugin with this key.
    pub(super) fn find(&self, plugin: &str, key: &str) -> Option<&Subscriber> {
        let mut all = self.by_plugin.get(plugin).into_iter().flatten();
        all.find(|subscriber| *subscriber.key == *key)
    }

    /// Whether somebody wants this topic.
    pub(super) fn want(&self, topic: &str) -> bool {
        self.exact.contains_key(topic)
            || self
                .starred
                .iter()
                .any(|(pattern, _)| pattern.matches(topic))
    }

    /// The plugins that want this topic, each once.
    pub(super) fn wanting(&self, topic: &str) -> Vec<&Arc<str>> {
        let exact = self.exact.get(topic).into_iter().flatten();
        let starred = self.starred.iter();
        let starred =
            starred.filter_map(|(pattern, plugin)| pattern.matches(topic).then_some(plugin));
        let mut plugins: Vec<&Arc<str>> = exact.chain(starred).collect();
        plugins.sort();
        plugins.dedup();
        plugins
    }
}

/// The key of a subscription among those that its plugin has already: several may be written at one place.
fn key(subscription: &Subscription, others: Option<&Vec<Subscriber>>) -> Arc<str> {
    let Subscription { topic, place, .. } = subscription;
    let is_same = |other: &&Subscriber| {
        let other = &other.subscription;
        other.topic == *topic && other.place == *place
    };
    let same = others.into_iter().flatten().filter(is_same).count();
    match same {
        0 => format!("{topic} at {place}"),
        same => format!("{topic} at {place}, {}", same + 1),
    }
    .into()
}

fn two_types(first: &Subscriber, second: &Subscriber) -> Error {
    let show = |subscriber: &Subscriber| {
        let of = subscriber.subscription.of.unwrap_or_default();
        let (plugin, key) = (&subscriber.site.plugin, &subscriber.key);
        format!("`{of}` by `{plugin}` ({key})")
    };
    let topic = second.pattern.text();
    let (first, second) = (show(first), show(second));
    let message = format!("two types claim the topic `{topic}`: {first}, and {second}");
    Error::new(code::DUPLICATE, message)
        .with_help("share the type, or subscribe with `cx.on(..)`, which takes any that fits")
}
