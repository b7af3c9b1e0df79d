//! An event on its way: what happened, with who told it, when, and on whose behalf.

use super::{bus::Bus, handle::Events};
use crate::{
    error::{Error, Result, code},
    request_id::RequestId,
    scope::Scope,
    text::unix_millis,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::SystemTime,
};

/// An event with all that is known of it, the same for all who are told.
pub(crate) struct EventRecord {
    pub(super) id: RequestId,
    pub(super) topic: Arc<str>,
    /// The plugin that published it.
    pub(super) source: Arc<str>,
    pub(super) time: SystemTime,
    pub(super) request_id: Option<RequestId>,
    /// That of the event that this one follows from, or of the request, or its own.
    pub(super) correlation_id: RequestId,
    payload: Payload,
}

/// What happened: as the type it was published as, and as JSON, made once if somebody wants it.
struct Payload {
    typed: Option<Typed>,
    json: OnceLock<std::result::Result<Value, String>>,
    /// As the types that others read it as.
    read: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
}

struct Typed {
    value: Arc<dyn Any + Send + Sync>,
    to_json: fn(&dyn Any) -> std::result::Result<Value, String>,
}

/// On whose behalf an event is published.
#[derive(Clone, Debug, Default)]
pub(super) struct Behalf {
    pub(super) request_id: Option<RequestId>,
    pub(super) correlation_id: Option<RequestId>,
}

impl EventRecord {
    pub(super) fn typed<E: Serialize + Send + Sync + 'static>(
        topic: &str,
        source: &Arc<str>,
        behalf: &Behalf,
        event: E,
    ) -> Self {
        let to_json = |any: &dyn Any| {
            let event = any.downcast_ref::<E>();
            event.map_or(Ok(Value::Null), |event| {
                serde_json::to_value(event).map_err(|error| error.to_string())
            })
        };
        let typed = Typed {
            value: Arc::new(event),
            to_json,
        };
        Self::new(topic, source, behalf, Some(typed), OnceLock::new())
    }

    pub(super) fn json(topic: &str, source: &Arc<str>, behalf: &Behalf, event: Value) -> Self {
        Self::new(topic, source, behalf, None, OnceLock::from(Ok(event)))
    }

    fn new(
        topic: &str,
        source: &Arc<str>,
        behalf: &Behalf,
        typed: Option<Typed>,
        json: OnceLock<std::result::Result<Value, String>>,
    ) -> Self {
        let id = RequestId::new();
        let Behalf {
            request_id,
            correlation_id,
        } = behalf;
        let correlation_id = correlation_id.as_ref().or(request_id.as_ref());
        Self {
            topic: topic.into(),
            source: Arc::clone(source),
            time: SystemTime::now(),
            request_id: request_id.clone(),
            correlation_id: correlation_id.unwrap_or(&id).clone(),
            id,
            payload: Payload {
                typed,
                json,
                read: Mutex::default(),
            },
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// What happened, as JSON.
    pub(super) fn value(&self) -> Result<&Value> {
        let Payload { typed, json, .. } = &self.payload;
        let made = json.get_or_init(|| match typed {
            Some(typed) => (typed.to_json)(&*typed.value),
            None => Ok(Value::Null),
        });
        made.as_ref().map_err(|error| {
            let message = format!("`{}` has no JSON form: {error}", self.topic);
            Error::new(code::EVENT_MALFORMED, message)
        })
    }

    fn read<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        let as_published = self.payload.typed.as_ref();
        if let Some(Ok(value)) = as_published.map(|typed| Arc::clone(&typed.value).downcast()) {
            return Ok(value);
        }
        let mut read = self
            .payload
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = read.iter().find(|value| value.is::<T>());
        if let Some(Ok(value)) = found.map(|value| Arc::clone(value).downcast()) {
            return Ok(value);
        }
        let value = T::deserialize(self.value()?).map_err(|error| {
            let of = std::any::type_name::<T>();
            let message = format!("`{}` can't be read as `{of}`: {error}", self.topic);
            Error::new(code::EVENT_MALFORMED, message)
        })?;
        let value = Arc::new(value);
        read.push(Arc::clone(&value) as _);
        Ok(value)
    }
}

/// An event, as operators see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct Shown<'a> {
    /// What tells it from all others.
    id: &'a str,
    /// What it was published under.
    topic: &'a str,
    /// The plugin that published it.
    source: &'a str,
    /// When it was published, in milliseconds since 1970.
    #[serde(serialize_with = "unix_millis")]
    #[schemars(with = "u64")]
    at: SystemTime,
    /// The request that it was published in, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// That of the event that it follows from, or of the request, or its own.
    correlation_id: &'a str,
    /// What happened; none if it has no JSON form.
    event: Option<&'a Value>,
}

impl Serialize for EventRecord {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let shown = Shown {
            id: self.id.as_str(),
            topic: &self.topic,
            source: &self.source,
            at: self.time,
            request_id: self.request_id.as_ref().map(RequestId::as_str),
            correlation_id: self.correlation_id.as_str(),
            event: self.value().ok(),
        };
        shown.serialize(to)
    }
}

impl fmt::Debug for EventRecord {
    // Without what happened: there may be a secret in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("topic", &self.topic)
            .field("id", &self.id.as_str())
            .finish_non_exhaustive()
    }
}

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
    pub(super) bus: Weak<Bus>,
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

    /// The generation that the subscriber is part of, for extension points; with the id of the request, if there was one.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// To publish what follows from this one: with its correlation id, and that of its request.
    pub fn events(&self) -> Events {
        let behalf = Behalf {
            request_id: self.record.request_id.clone(),
            correlation_id: Some(self.record.correlation_id.clone()),
        };
        Events::new(self.bus.clone(), Arc::clone(&self.subscriber), behalf)
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
