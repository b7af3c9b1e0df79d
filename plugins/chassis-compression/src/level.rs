//! Algorithms, and how much work they may be.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt};

/// What answers are compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Algorithm {
    /// Zstandard, RFC 8878.
    Zstd,
    /// Brotli, RFC 7932.
    Br,
    /// gzip, RFC 1952.
    Gzip,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 3] = [Self::Zstd, Self::Br, Self::Gzip];

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Br => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// How much work compressing may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 1.
    Fastest,
    /// What is usual for answers that are compressed as they are sent: 3 for zstd, 4 for br, 6 for gzip.
    Default,
    /// 9.
    Best,
    /// From 1 to 9. What algorithms have beyond that takes a hundred times as long, and hundreds of megabytes for each answer.
    Number(u8),
}

impl Level {
    /// The number, as the algorithm counts.
    pub(crate) fn of(self, algorithm: Algorithm) -> i32 {
        match (self, algorithm) {
            (Self::Fastest, _) => 1,
            (Self::Default, Algorithm::Zstd) => 3,
            (Self::Default, Algorithm::Br) => 4,
            (Self::Default, Algorithm::Gzip) => 6,
            (Self::Best, _) => 9,
            (Self::Number(number), _) => i32::from(number),
        }
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fastest => serializer.serialize_str("fastest"),
            Self::Default => serializer.serialize_str("default"),
            Self::Best => serializer.serialize_str("best"),
            Self::Number(number) => serializer.serialize_u8(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Level;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`fastest`, `default`, `best`, or a number from 1 to 9")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Level, E> {
        match text {
            "fastest" => Ok(Level::Fastest),
            "default" => Ok(Level::Default),
            "best" => Ok(Level::Best),
            // The environment has texts only.
            _ => match text.parse() {
                Ok(number) => self.visit_u64(number),
                Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
            },
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Level, E> {
        match u8::try_from(number) {
            Ok(level @ 1..=9) => Ok(Level::Number(level)),
            _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Level, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }
}

impl JsonSchema for Level {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "compression-level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "string", "enum": ["fastest", "default", "best"] },
                { "type": "integer", "minimum": 1, "maximum": 9 },
            ],
        })
    }
}
