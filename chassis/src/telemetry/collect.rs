//! What is in a line of the log: message, fields, and the spans around it, as values.

use crate::lines::{LogSpan, LogValue};
use std::fmt;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{layer::Context, registry::LookupSpan};

/// Where those lines seem to come from that libraries log with the crate `log`.
const OF_LOG: &str = "log";

/// What is in a line.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, LogValue)>,
    /// Where it comes from, if it was logged with the crate `log`.
    pub(super) target: Option<String>,
}

pub(super) fn message_and_fields(event: &Event<'_>) -> Collected {
    let mut fields = Fields(Vec::with_capacity(event.metadata().fields().len()));
    event.record(&mut fields);
    let mut all = Collected::default();
    let is_of_log = event.metadata().target() == OF_LOG;
    for (name, value) in fields.0 {
        match (name, value) {
            ("message", LogValue::Text(text) | LogValue::Shown(text)) => all.message = text,
            ("log.target", LogValue::Text(text)) if is_of_log => all.target = Some(text),
            ("log.module_path" | "log.file" | "log.line", _) if is_of_log => {}
            (name, value) => all.fields.push((name, value)),
        }
    }
    all
}

/// The spans that a line is in, the outermost first.
pub(super) fn spans<S>(event: &Event<'_>, cx: &Context<'_, S>) -> Vec<LogSpan>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(scope) = cx.event_scope(event) else {
        return Vec::new();
    };
    let spans = scope.from_root().map(|span| LogSpan {
        name: span.metadata().name(),
        fields: span
            .extensions()
            .get::<SpanFields>()
            .map_or_else(Vec::new, |fields| fields.0.0.clone()),
    });
    spans.collect()
}

/// The fields of a span, kept with it.
pub(super) struct SpanFields(Fields);

impl SpanFields {
    pub(super) fn of(values: &span::Attributes<'_>) -> Self {
        let mut fields = Fields::default();
        values.record(&mut fields);
        Self(fields)
    }

    pub(super) fn changed(values: &span::Record<'_>) -> Self {
        let mut fields = Fields::default();
        values.record(&mut fields);
        Self(fields)
    }

    pub(super) fn merge(&mut self, changed: Self) {
        for (name, value) in changed.0.0 {
            self.0.put(name, value);
        }
    }
}

fn name(field: &Field) -> &'static str {
    let name = field.name();
    // One that is called as a keyword: `r#type`.
    name.strip_prefix("r#").unwrap_or(name)
}

#[derive(Default)]
struct Fields(Vec<(&'static str, LogValue)>);

impl Fields {
    /// What is recorded again has its last value.
    fn put(&mut self, name: &'static str, value: LogValue) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(name(field), LogValue::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(name(field), LogValue::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(name(field), LogValue::Uint(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let int = i64::try_from(value).map(LogValue::Int);
        self.put(
            name(field),
            int.unwrap_or_else(|_| LogValue::Shown(value.to_string())),
        );
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let uint = u64::try_from(value).map(LogValue::Uint);
        self.put(
            name(field),
            uint.unwrap_or_else(|_| LogValue::Shown(value.to_string())),
        );
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(name(field), LogValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(name(field), LogValue::Text(value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(name(field), LogValue::Shown(format!("{value:?}")));
    }
}
