//! How many in which time: `10/s`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// How many requests in which time: `10/s`, `100/min`, `1000/h`.
///
/// ```
/// use chassis_rate_limit::{Per, Rate};
///
/// let rate: Rate = "100/min".parse().unwrap();
/// assert_eq!((rate.count(), rate.per()), (100, Per::Minute));
/// assert!("10/parsec".parse::<Rate>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Per,
}

/// The time that a rate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// `s`
    Second,
    /// `min`
    Minute,
    /// `h`
    Hour,
}

/// The highest count: with more, the time between two would no longer be exact.
const MAX_COUNT: u32 = 1_000_000;

impl Rate {
    /// What is allowed to a client by default.
    pub(crate) const PER_CLIENT: Self = Self {
        count: 1_000,
        per: Per::Second,
    };

    /// A rate; none if the count is 0, or above a million.
    pub fn new(count: u32, per: Per) -> Option<Self> {
        (1..=MAX_COUNT)
            .contains(&count)
            .then_some(Self { count, per })
    }

    /// How many.
    pub fn count(self) -> u32 {
        self.count
    }

    /// In which time.
    pub fn per(self) -> Per {
        self.per
    }

    /// After how many nanoseconds a token comes back. Rounded up: never more than the rate.
    pub(crate) fn interval(self) -> u64 {
        self.per.nanos().div_ceil(u64::from(self.count))
    }
}

impl Per {
    pub(crate) fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }

    fn nanos(self) -> u64 {
        self.seconds() * 1_000_000_000
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            Err(format!(
                "`{text}` {why}; write `10/s`, `100/min` or `1000/h`"
            ))
        };
        let Some((number, unit)) = text.split_once('/') else {
            return wrong("does not say in which time");
        };
        let per = match unit {
            "s" => Per::Second,
            "min" => Per::Minute,
            "h" => Per::Hour,
            _ => return wrong("has no known time"),
        };
        // `+5` is a number to Rust.
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong("does not begin with a whole number");
        }
        match number.parse().ok().and_then(|count| Self::new(count, per)) {
            Some(rate) => Ok(rate),
            None => Err(format!(
                "`{text}` is out of range; the number is 1 to {MAX_COUNT}"
            )),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
            Per::Hour => "h",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rate, as `10/s`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        text.parse().map_err(E::custom)
    }

    // A bare number goes to the same parser, which says what is missing.
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Rate, E> {
        self.visit_str(&number.to_string())
    }
}

impl JsonSchema for Rate {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+/(s|min|h)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_rate() -> impl Strategy<Value = Rate> {
        let per = prop_oneof![Just(Per::Second), Just(Per::Minute), Just(Per::Hour)];
        (1..=MAX_COUNT, per).prop_map(|(count, per)| Rate { count, per })
    }

    proptest! {
        #[test]
        fn a_rate_is_read_as_it_is_written(rate in any_rate()) {
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[0-9+ -]{0,12}/?(s|min|h|m|parsec)?") {
            if let Ok(rate) = text.parse::<Rate>() {
                prop_assert!(rate.count() >= 1 && rate.count() <= MAX_COUNT);
            }
        }

        #[test]
        fn tokens_never_come_back_sooner_than_the_rate_says(rate in any_rate()) {
            let interval = u128::from(rate.interval());
            let in_time = u128::from(rate.per.nanos());
            prop_assert!(interval * u128::from(rate.count) >= in_time);
            // And not a thousandth later.
            prop_assert!((interval - 1) * u128::from(rate.count) < in_time);
        }
    }

    #[test]
    fn a_mistake_says_what_can_be_written() {
        for (text, why) in [
            ("10/parsec", "has no known time"),
            ("10/m", "has no known time"),
            ("10", "does not say in which time"),
            ("+10/s", "does not begin with a whole number"),
            ("/s", "does not begin with a whole number"),
            ("0.5/s", "does not begin with a whole number"),
        ] {
            let told = text.parse::<Rate>().unwrap_err();
            assert!(
                told.contains(why) && told.contains("write `10/s`, `100/min`"),
                "{told}"
            );
        }
        for text in ["0/s", "1000001/s", "99999999999999999999/h"] {
            let told = text.parse::<Rate>().unwrap_err();
            assert!(told.contains("1 to 1000000"), "{told}");
        }
    }
}
