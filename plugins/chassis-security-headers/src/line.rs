//! What a header says, or that it is not there.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt};

/// The value of a header. `off`, or nothing, is that it is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Option<String>);

impl Line {
    /// The header is not written.
    pub const OFF: Self = Self(None);

    /// What it says, if it is written.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self((text != OFF).then(|| text.to_owned()))
    }
}

const OFF: &str = "off";

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.text().unwrap_or(OFF))
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string: the value of the header, or `off`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Line, E> {
        Ok(text.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Line, E> {
        Ok(Line::OFF)
    }
}

impl JsonSchema for Line {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "header-line".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
