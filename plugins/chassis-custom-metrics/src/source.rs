//! Where values and labels are found: in what happened, or in an answer.

use crate::text::texts;
use chassis::{axum::http::HeaderName, prelude::*};
use serde_json::Value;
use std::fmt;

/// Where the value of a metric is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// In the JSON of the event, or of the answer.
    Json(Pointer),
    /// In a header of the answer.
    Header(HeaderName),
    /// How large the answer is, in bytes.
    Size,
    /// How long the answer took, in seconds.
    Duration,
}

/// Where the value of a label is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// In the JSON of the event, or of the answer.
    Json(Pointer),
    /// It is always this text.
    Fixed(String),
    /// In a header of the answer.
    Header(HeaderName),
    /// The method of the request.
    Method,
    /// The route, as it was declared.
    Route,
    /// The status of the answer.
    Status,
    /// The topic of the event.
    Topic,
    /// The plugin that has published the event.
    Source,
}

/// A JSON pointer, as in RFC 6901.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.split('~').skip(1);
        match rest.all(|rest| rest.starts_with(['0', '1'])) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "`{text}` is no JSON pointer: after `~` comes `0` (for a `~` in a key) or `1` (for a `/`)"
            )),
        }
    }

    /// What it points at.
    pub(crate) fn find<'v>(&self, json: &'v Value) -> Option<&'v Value> {
        json.pointer(&self.0)
    }
}

impl Field {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "size" => Ok(Self::Size),
            "duration" => Ok(Self::Duration),
            _ if is_pointer(text) => Pointer::parse(text).map(Self::Json),
            _ => match header(text) {
                Some(header) => header.map(Self::Header),
                None => Err(format!(
                    "nobody finds a value at `{text}`; write a JSON pointer, `/total_cents`, or `header:x-items`, `size` or `duration`"
                )),
            },
        }
    }
}

impl Label {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "method" => Self::Method,
            "route" => Self::Route,
            "status" => Self::Status,
            "topic" => Self::Topic,
            "source" => Self::Source,
            _ if is_pointer(text) => Self::Json(Pointer::parse(text)?),
            _ => match (header(text), text.strip_prefix('=')) {
                (Some(header), _) => Self::Header(header?),
                (None, Some("")) => return Err("a label without a text is none".to_owned()),
                (None, Some(fixed)) => Self::Fixed(tidy(fixed)),
                (None, None) => {
                    return Err(format!(
                        "nobody finds a label at `{text}`; write a JSON pointer, `/state`, a fixed text, `=eu`, or `method`, `route`, `status`, `header:x-plan`, `topic` or `source`"
                    ));
                }
            },
        })
    }

    /// Whether it says something of events, and of answers.
    pub(crate) fn is_of(&self) -> (bool, bool) {
        match self {
            Self::Json(_) | Self::Fixed(_) => (true, true),
            Self::Topic | Self::Source => (true, false),
            Self::Header(_) | Self::Method | Self::Route | Self::Status => (false, true),
        }
    }
}

/// The whole JSON is the empty pointer.
fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

fn header(text: &str) -> Option<Result<HeaderName, String>> {
    let name = text.strip_prefix("header:")?;
    let name = name.parse();
    Some(name.map_err(|_| format!("`{text}` names no header; write `header:x-items`")))
}

/// How many characters of the value of a label are kept.
const MOST_CHARS: usize = 64;

/// The value of a label: what is too long is cut, and what nobody sees is made visible.
pub(crate) fn tidy(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let text: String = text.chars().take(MOST_CHARS).map(visible).collect();
    match text.is_empty() {
        true => NONE.to_owned(),
        false => text,
    }
}

/// The value of a label that is not there: Prometheus takes an empty one for no label at all.
pub(crate) const NONE: &str = "none";

/// A number in JSON: of a list it is how many there are in it.
pub(crate) fn number(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::Bool(is) => Some(f64::from(u8::from(*is))),
        #[expect(clippy::cast_precision_loss, reason = "no list is that long")]
        Value::Array(list) => Some(list.len() as f64),
        _ => None,
    }
}

/// A label in JSON.
pub(crate) fn word(json: Option<&Value>) -> String {
    match json {
        Some(Value::String(text)) => tidy(text),
        Some(Value::Number(number)) => tidy(&number.to_string()),
        Some(Value::Bool(is)) => is.to_string(),
        _ => NONE.to_owned(),
    }
}

texts! {
    Field "field" "where a value is, as `/total_cents`, `header:x-items`, `size` or `duration`" "^(|/.*|header:.+|size|duration)$";
    Label "label" "where a label is, as `/state`, `=eu` or `status`" "^(|/.*|=.+|header:.+|method|route|status|topic|source)$";
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(Pointer(pointer)) => f.write_str(pointer),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Size => f.write_str("size"),
            Self::Duration => f.write_str("duration"),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(Pointer(pointer)) => f.write_str(pointer),
            Self::Fixed(text) => write!(f, "={text}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Method => f.write_str("method"),
            Self::Route => f.write_str("route"),
            Self::Status => f.write_str("status"),
            Self::Topic => f.write_str("topic"),
            Self::Source => f.write_str("source"),
        }
    }
}
