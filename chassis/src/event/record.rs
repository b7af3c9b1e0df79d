//! An event on its way: what happened, with who told it, when, and on whose behalf.

use super::{OF_CHASSIS, topic::check_topic, transport::WireEvent};
use crate::{
    error::{Error, Result, code},
    request_id::RequestId,
    scope::Scope,
    text::{millis_since_1970, unix_millis},
    trace_context::TraceContext,
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
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
    /// Its own step in the trace of whoever published it.
    pub(super) trace: Option<Arc<TraceContext>>,
    payload: Payload,
}

/// What happened: as the type it was published as, and as JSON, made once if somebody wants it.
struct Payload {
    typed: Option<Typed>,
    json: OnceLock<std::result::Result<Arc<Value>, String>>,
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
    pub(super) trace: Option<Arc<TraceContext>>,
}

impl Behalf {
    /// On behalf of the request or event that a scope belongs to.
    pub(super) fn of(scope: &Scope) -> Self {
        Self {
            request_id: scope.request_id().cloned(),
            correlation_id: None,
            trace: scope.cause().trace().cloned(),
        }
    }
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
        Self::new(
            topic,
            source,
            behalf,
            None,
            OnceLock::from(Ok(Arc::new(event))),
        )
    }

    fn new(
        topic: &str,
        source: &Arc<str>,
        behalf: &Behalf,
        typed: Option<Typed>,
        json: OnceLock<std::result::Result<Arc<Value>, String>>,
    ) -> Self {
        let id = RequestId::new();
        let Behalf {
            request_id,
            correlation_id,
            trace,
        } = behalf;
        let correlation_id = correlation_id.as_ref().or(request_id.as_ref());
        Self {
            topic: topic.into(),
            source: Arc::clone(source),
            time: SystemTime::now(),
            request_id: request_id.clone(),
            correlation_id: correlation_id.unwrap_or(&id).clone(),
            id,
            trace: trace.as_ref().map(|trace| Arc::new(trace.child())),
            payload: Payload {
                typed,
                json,
                read: Mutex::default(),
            },
        }
    }

    /// As it travels.
    pub(super) fn wire(&self) -> Result<WireEvent> {
        let text = |id: &RequestId| id.as_str().to_owned();
        let trace = self.trace.as_deref();
        let state = trace.map(TraceContext::state);
        let state = state.filter(|state| !state.is_empty());
        let wire = WireEvent::new(self.id(), self.topic(), &*self.source, Value::Null);
        Ok(WireEvent {
            time: millis_since_1970(self.time),
            request_id: self.request_id.as_ref().map(text),
            correlation_id: text(&self.correlation_id),
            traceparent: trace.map(ToString::to_string),
            tracestate: state.map(ToOwned::to_owned),
            event: Arc::clone(self.json_form()?),
            ..wire
        })
    }

    /// One that has come from elsewhere.
    pub(super) fn from_wire(wire: &WireEvent) -> Result<Self> {
        check_topic(&wire.topic)?;
        if OF_CHASSIS.contains(&&*wire.topic) {
            let message = format!("only the chassis itself publishes `{}`", wire.topic);
            return Err(Error::new(code::EVENT_TOPIC, message));
        }
        let id = |text: &str| {
            RequestId::parse(text).ok_or_else(|| {
                let message = format!("`{}` is no id of an event", crate::text::visible(text));
                Error::new(code::EVENT_MALFORMED, message)
                    .with_help("ids are 1 to 64 letters, digits, `-`, `_` or `.`")
            })
        };
        // A trace that can't be read is none, as in a header.
        let trace = wire.traceparent.as_deref().and_then(|parent| {
            TraceContext::of_texts(parent, wire.tracestate.as_deref().unwrap_or_default())
        });
        Ok(Self {
            id: id(&wire.id)?,
            topic: wire.topic.as_str().into(),
            source: wire.source.as_str().into(),
            time: SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_millis(wire.time))
                .unwrap_or(SystemTime::UNIX_EPOCH),
            request_id: wire.request_id.as_deref().map(id).transpose()?,
            correlation_id: id(&wire.correlation_id)?,
            trace: trace.map(Arc::new),
            payload: Payload {
                typed: None,
                json: OnceLock::from(Ok(Arc::clone(&wire.event))),
                read: Mutex::default(),
            },
        })
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_str()
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// What happened, as JSON.
    pub(super) fn value(&self) -> Result<&Value> {
        self.json_form().map(|value| &**value)
    }

    fn json_form(&self) -> Result<&Arc<Value>> {
        let Payload { typed, json, .. } = &self.payload;
        let made = json.get_or_init(|| match typed {
            Some(typed) => (typed.to_json)(&*typed.value).map(Arc::new),
            None => Ok(Arc::default()),
        });
        made.as_ref().map_err(|error| {
            let message = format!("`{}` has no JSON form: {error}", self.topic);
            Error::new(code::EVENT_MALFORMED, message)
        })
    }

    /// As a type that it fits, read once for all who want that.
    pub(super) fn read<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>> {
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
    /// Its own step in the trace of whoever published it, as W3C Trace Context writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    /// What others have added to that trace.
    #[serde(skip_serializing_if = "str::is_empty")]
    tracestate: &'a str,
    /// What happened; none if it has no JSON form.
    event: Option<&'a Value>,
}

impl Serialize for EventRecord {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let trace = self.trace.as_deref();
        let shown = Shown {
            id: self.id.as_str(),
            topic: &self.topic,
            source: &self.source,
            at: self.time,
            request_id: self.request_id.as_ref().map(RequestId::as_str),
            correlation_id: self.correlation_id.as_str(),
            traceparent: trace.map(ToString::to_string),
            tracestate: trace.map_or("", TraceContext::state),
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
