//! An event as a subscriber is told of it, and what can be taken of it.

use super::{
    handle::{Events, Way},
    record::{Behalf, EventRecord},
};
use crate::{error::Result, request_id::RequestId, scope::Scope, trace_context::TraceContext};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{fmt, sync::Arc, time::SystemTime};

/// An event as a subscriber is told of it. It holds the generation of the subscriber, as a [`Scope`] does: keep it for the
/// work at hand, and no longer.
///
/// ```
/// use chassis::prelude::*;
///
/// /// Writes down all that happens to users.
/// #[plugin]
/// async fn audit(cx: &mut PluginContext) -> Result<()> {
///     cx.on("user.**", async |message: Message| -> Result<()> {
///         println!("{} from {}: {}", message.topic(), message.source(), message.json()?);
///         Ok(())
///     });
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Message {
    pub(super) record: Arc<EventRecord>,
    pub(super) scope: Scope,
    pub(super) attempt: u32,
    pub(super) subscriber: Arc<str>,
    pub(super) way: Way,
}

impl Message {
    /// The id of the event, the same for all who are told: 16 hexadecimal digits.
    pub fn id(&self) -> &str {
        self.record.id.as_str()
    }

    /// What it was published under.
    pub fn topic(&self) -> &str {
        &self.record.topic
    }

    /// The plugin that published it, or `chassis`.
    pub fn source(&self) -> &str {
        &self.record.source
    }

    /// When it was published.
    pub fn time(&self) -> SystemTime {
        self.record.time
    }

    /// The request on whose behalf it was published, if there was one.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.record.request_id.as_ref()
    }

    /// What all events have in common that follow from one request, or from one event: the id of that.
    pub fn correlation_id(&self) -> &str {
        self.record.correlation_id.as_str()
    }

    /// The trace that it belongs to, with a step of its own: if it was published in a request or another event that belongs to
    /// one.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.record.trace.as_deref()
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What happened, as JSON.
    ///
    /// # Errors
    ///
    /// If it was published as a type that has no JSON form.
    pub fn json(&self) -> Result<&Value> {
        self.record.value()
    }

    /// What happened, as a type: the one it was published as, or any that its JSON fits.
    ///
    /// # Errors
    ///
    /// If it does not fit.
    pub fn event<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        self.record.read()
    }

    /// The generation that the subscriber is part of, for extension points; with the id of the request and the trace, if there
    /// are any.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// To publish what follows from this one: with its correlation id, that of its request, and its trace.
    pub fn events(&self) -> Events {
        let behalf = Behalf {
            request_id: self.record.request_id.clone(),
            correlation_id: Some(self.record.correlation_id.clone()),
            trace: self.record.trace.clone(),
        };
        Events::new(self.way.clone(), Arc::clone(&self.subscriber), behalf)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("record", &self.record)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be taken from an event",
    label = "take `Arc<T>` of a type that can be deserialised, or a `Message`"
)]
/// What a subscriber can take: an `Arc` of a type that the event fits, the [`Message`], or both as a tuple.
pub trait FromMessage: Sized {
    /// Takes it.
    ///
    /// # Errors
    ///
    /// If the event does not fit.
    fn from_message(message: &Message) -> Result<Self>;
}

impl FromMessage for Message {
    fn from_message(message: &Message) -> Result<Self> {
        Ok(message.clone())
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> FromMessage for Arc<T> {
    fn from_message(message: &Message) -> Result<Self> {
        message.event()
    }
}

impl<A: FromMessage, B: FromMessage> FromMessage for (A, B) {
    fn from_message(message: &Message) -> Result<Self> {
        Ok((A::from_message(message)?, B::from_message(message)?))
    }
}
