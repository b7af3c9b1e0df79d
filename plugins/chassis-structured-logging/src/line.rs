//! A line: for people, or for machines.

use crate::{redact::Redaction, stamp::Stamp};
use chassis::{LogLine, LogSpan, LogSubject, LogValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use std::{
    fmt::{self, Write as _},
    io::Write as _,
};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    Pretty,
    /// For machines: one JSON object.
    Json,
}

/// Puts a line at the end of `to`: exactly one, whatever is in it.
pub(crate) fn write(
    line: &LogLine<'_>,
    format: Format,
    redact: &Redaction,
    is_colourful: bool,
    to: &mut Vec<u8>,
) {
    let shown = Line {
        line,
        redact,
        is_colourful,
    };
    // A vector takes all there is.
    _ = match format {
        Format::Pretty => writeln!(to, "{shown}"),
        Format::Json => {
            _ = serde_json::to_writer(&mut *to, &shown);
            writeln!(to)
        }
    };
}

struct Line<'a> {
    line: &'a LogLine<'a>,
    redact: &'a Redaction,
    is_colourful: bool,
}

impl Line<'_> {
    /// What is known of a line beside what is in it: names and values.
    fn known(&self) -> impl Iterator<Item = (&'static str, Known<'_>)> {
        let line = self.line;
        let (method, route, topic, event) = match line.subject {
            Some(LogSubject::Request { method, route, .. }) => (Some(method), route, None, None),
            Some(LogSubject::Event { topic, id, .. }) => (None, None, Some(topic), Some(id)),
            _ => (None, None, None, None),
        };
        let request = line.request_id.map(|id| id.as_str());
        let texts = [
            ("plugin", line.plugin),
            ("method", method),
            ("route", route),
            ("topic", topic),
            ("event_id", event),
            ("request_id", request),
        ];
        let texts = texts.into_iter();
        let texts = texts.filter_map(|(name, text)| Some((name, Known::Text(text?))));
        let trace = line.trace_id.map(|id| ("trace_id", Known::Trace(id)));
        texts.chain(trace)
    }
}

enum Known<'a> {
    Text(&'a str),
    Trace(chassis::TraceId),
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { line, redact, .. } = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("timestamp", &Text(Stamp(line.time)))?;
        map.serialize_entry("level", line.level.as_str())?;
        map.serialize_entry("target", line.target)?;
        map.serialize_entry("message", &*redact.text(line.message))?;
        map.serialize_entry("service", line.service)?;
        map.serialize_entry("version", line.version)?;
        for (name, known) in self.known() {
            match known {
                Known::Text(text) => map.serialize_entry(name, text)?,
                Known::Trace(id) => map.serialize_entry(name, &Text(id))?,
            }
        }
        let fields = |fields| Fields { fields, redact };
        map.serialize_entry("fields", &fields(line.fields))?;
        if !line.spans.is_empty() {
            let spans = line.spans.iter();
            let spans = spans.map(|LogSpan { name, fields, .. }| Span {
                name,
                fields: Fields { fields, redact },
            });
            map.serialize_entry("spans", &spans.collect::<Vec<_>>())?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Span<'a> {
    name: &'a str,
    fields: Fields<'a>,
}

struct Fields<'a> {
    fields: &'a [(&'static str, LogValue)],
    redact: &'a Redaction,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, value) in self.fields {
            map.serialize_key(name)?;
            match &*self.redact.value(name, value) {
                LogValue::Bool(value) => map.serialize_value(value)?,
                LogValue::Int(value) => map.serialize_value(value)?,
                LogValue::Uint(value) => map.serialize_value(value)?,
                LogValue::Float(value) if value.is_finite() => map.serialize_value(value)?,
                // JSON has no such numbers.
                LogValue::Float(value) => map.serialize_value(&Text(value))?,
                LogValue::Text(text) | LogValue::Shown(text) => map.serialize_value(text)?,
                other => map.serialize_value(&format!("{other:?}"))?,
            }
        }
        map.end()
    }
}

/// Something as a text.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

const DIM: &str = "\x1b[2m";
const ITALIC: &str = "\x1b[3m";
const PLAIN: &str = "\x1b[0m";

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, redact, .. } = self;
        let stamp = Stamp(line.time);
        self.dim(f, &stamp)?;
        let level = line.level.as_str();
        match self.is_colourful {
            true => write!(f, " \x1b[{}m{level:>5}{PLAIN} ", colour(line.level))?,
            false => write!(f, " {level:>5} ")?,
        }
        for LogSpan { name, fields, .. } in line.spans {
            f.write_str(name)?;
            if !fields.is_empty() {
                f.write_char('{')?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { " " })?;
                    self.field(f, name, &redact.value(name, value))?;
                }
                f.write_char('}')?;
            }
            f.write_str(": ")?;
        }
        self.dim(f, &format_args!("{}:", Plain(line.target)))?;
        if !line.message.is_empty() {
            write!(f, " {}", Plain(&redact.text(line.message)))?;
        }
        for (name, value) in line.fields {
            f.write_char(' ')?;
            self.field(f, name, &redact.value(name, value))?;
        }
        f.write_char(' ')?;
        let service = format_args!("{}@{}", Plain(line.service), Plain(line.version));
        self.named(f, "service", &service)?;
        // What the line says itself is not said twice.
        let says = |name: &str| line.fields.iter().any(|(field, _)| *field == name);
        for (name, known) in self.known().filter(|(name, _)| !says(name)) {
            f.write_char(' ')?;
            match known {
                Known::Text(text) if name == "method" => self.named(f, name, &Plain(text))?,
                Known::Text(text) => self.named(f, name, &format_args!("{text:?}"))?,
                Known::Trace(id) => self.named(f, name, &id)?,
            }
        }
        Ok(())
    }
}

impl Line<'_> {
    fn dim(&self, f: &mut fmt::Formatter<'_>, what: &dyn fmt::Display) -> fmt::Result {
        match self.is_colourful {
            true => write!(f, "{DIM}{what}{PLAIN}"),
            false => write!(f, "{what}"),
        }
    }

    fn field(&self, f: &mut fmt::Formatter<'_>, name: &str, value: &LogValue) -> fmt::Result {
        match value {
            LogValue::Bool(value) => self.named(f, name, value),
            LogValue::Int(value) => self.named(f, name, value),
            LogValue::Uint(value) => self.named(f, name, value),
            LogValue::Float(value) => self.named(f, name, value),
            LogValue::Text(text) => self.named(f, name, &format_args!("{text:?}")),
            LogValue::Shown(text) => self.named(f, name, &Plain(text)),
            other => self.named(f, name, &format_args!("{other:?}")),
        }
    }

    fn named(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        value: &dyn fmt::Display,
    ) -> fmt::Result {
        let name = Plain(name);
        match self.is_colourful {
            true => write!(f, "{ITALIC}{name}{PLAIN}{DIM}={PLAIN}{value}"),
            false => write!(f, "{name}={value}"),
        }
    }
}

fn colour(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 31,
        tracing::Level::WARN => 33,
        tracing::Level::INFO => 32,
        tracing::Level::DEBUG => 34,
        tracing::Level::TRACE => 35,
    }
}

/// A text without what would end the line, move the cursor or turn the text round: a request must not write lines of its own.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(place) = rest.find(is_harmful) {
            let (before, from) = rest.split_at(place);
            f.write_str(before)?;
            let mut chars = from.chars();
            for harmful in chars.by_ref().take(1) {
                write!(f, "{}", harmful.escape_default())?;
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
