//! How long browsers keep to something: in days, as it is usually said.

use chassis::units;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::StrDeserializer},
};
use std::{borrow::Cow, fmt, time::Duration};

/// A time that may be given in days: `365d`, or `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MaxAge(Duration);

impl MaxAge {
    /// A number of days.
    pub const fn days(days: u32) -> Self {
        Self(Duration::from_secs(days as u64 * DAY))
    }

    /// The same in seconds.
    pub fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

/// In seconds.
const DAY: u64 = 24 * 60 * 60;

impl Serialize for MaxAge {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.seconds() {
            days if days >= DAY && days.is_multiple_of(DAY) => {
                to.collect_str(&format_args!("{}d", days / DAY))
            }
            _ => units::Time::serialize(&self.0, to),
        }
    }
}

impl<'de> Deserialize<'de> for MaxAge {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = MaxAge;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time with its unit, as `365d`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<MaxAge, E> {
        let days = text.strip_suffix('d');
        if let Some(Ok(days)) = days.map(str::parse) {
            return Ok(MaxAge::days(days));
        }
        units::Time::deserialize(StrDeserializer::new(text)).map(MaxAge)
    }
}

impl JsonSchema for MaxAge {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "max-age".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$", "examples": ["365d"] })
    }
}
