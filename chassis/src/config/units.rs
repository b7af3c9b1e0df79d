//! `30s`, `2MiB`, `50%` and `10.0.0.0/8` in settings. A bare number is an error, because nobody can see its
//! unit.
//!
//! ```
//! use chassis::units;
//! use schemars::JsonSchema;
//! use serde::Deserialize;
//! use std::time::Duration;
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct CacheConfig {
//!     /// How long an entry is kept.
//!     #[serde(with = "units::Time")]
//!     ttl: Duration,
//!     /// How much it may take.
//!     #[serde(with = "units::Size")]
//!     max_size: usize,
//! }
//! ```

use std::{borrow::Cow, fmt, marker::PhantomData, net::IpAddr, time::Duration};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Serialize,
    de::{self, Deserializer, Visitor},
    ser::Serializer,
};

use crate::text::{parse_duration, parse_size, show_duration, show_size};

/// `#[serde(with = "units::Time")]` for a [`Duration`], or an `Option` of one: `250ms`, `30s`, `5m`, `2h`.
#[derive(Clone, Copy, Debug)]
pub struct Time(());

/// `#[serde(with = "units::Size")]` for a number of bytes, a `usize` or `u64` or an `Option` of one: `512B`, `16KiB`,
/// `2MiB`, `1GiB`.
#[derive(Clone, Copy, Debug)]
pub struct Size(());

/// `#[serde(with = "units::Percent")]` for a `u8`, or an `Option` of one: `0%` to `100%`.
#[derive(Clone, Copy, Debug)]
pub struct Percent(());

/// `#[serde(with = "units::Networks")]` for a list of [`IpNet`]: `[10.0.0.0/8, "fd00::/8"]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Networks(());

/// A text with a unit, and the value that it means.
#[doc(hidden)]
pub trait Unit<T>: Sized {
    /// For "expected ..".
    const EXPECTED: &'static str;
    /// What it is called where only its name is told.
    const NAME: &'static str;
    /// The regular expression of the texts.
    const PATTERN: &'static str;
    fn parse(text: &str) -> Result<T, String>;
    fn show(value: &T) -> String;
}

impl Unit<Duration> for Time {
    const EXPECTED: &'static str = "a time with its unit, as `30s`";
    // Not `duration`: to JSON Schema that is one of ISO 8601.
    const NAME: &'static str = "time-span";
    const PATTERN: &'static str = "^[0-9]+(ms|s|m|h)$";

    fn parse(text: &str) -> Result<Duration, String> {
        parse_duration(text)
    }

    fn show(value: &Duration) -> String {
        show_duration(*value)
    }
}

impl Unit<usize> for Size {
    const EXPECTED: &'static str = "a size with its unit, as `2MiB`";
    const NAME: &'static str = "byte-size";
    const PATTERN: &'static str = "^[0-9]+(B|KiB|MiB|GiB)$";

    fn parse(text: &str) -> Result<usize, String> {
        parse_size(text)
    }

    fn show(value: &usize) -> String {
        show_size(*value as u64)
    }
}

impl Unit<u64> for Size {
    const EXPECTED: &'static str = <Self as Unit<usize>>::EXPECTED;
    const NAME: &'static str = <Self as Unit<usize>>::NAME;
    const PATTERN: &'static str = <Self as Unit<usize>>::PATTERN;

    fn parse(text: &str) -> Result<u64, String> {
        parse_size(text).map(|size| size as u64)
    }

    fn show(value: &u64) -> String {
        show_size(*value)
    }
}

impl Unit<u8> for Percent {
    const EXPECTED: &'static str = "a percentage, as `50%`";
    const NAME: &'static str = "percentage";
    const PATTERN: &'static str = "^(100|[1-9]?[0-9])%$";

    fn parse(text: &str) -> Result<u8, String> {
        let number = text.strip_suffix('%');
        let percent = number.and_then(|number| number.parse().ok());
        // `+5` is a number to Rust.
        let is_plain = text.starts_with(|c: char| c.is_ascii_digit());
        match percent.filter(|percent| is_plain && *percent <= 100) {
            Some(percent) => Ok(percent),
            None if text.parse::<u8>().is_ok_and(|percent| percent <= 100) => {
                Err(format!("`{text}` has no unit; write `{text}%`"))
            }
            None => Err(format!("`{text}` is not a percentage; write `50%`")),
        }
    }

    fn show(value: &u8) -> String {
        format!("{value}%")
    }
}

impl Unit<IpNet> for Networks {
    const EXPECTED: &'static str = "a network, as `10.0.0.0/8`";
    const NAME: &'static str = "network";
    const PATTERN: &'static str = "/[0-9]+$";

    fn parse(text: &str) -> Result<IpNet, String> {
        text.parse().map_err(|_| match text.parse() {
            // Whether one host or a network was meant, nobody knows: the answer decides who is believed.
            Ok::<IpAddr, _>(address) => format!(
                "`{text}` has no prefix length; write `{}`",
                IpNet::from(address)
            ),
            Err(_) => format!("`{text}` is not a network; write `10.0.0.0/8`"),
        })
    }

    fn show(value: &IpNet) -> String {
        value.to_string()
    }
}

/// What a schema with the pattern of a unit expects: people need not read that.
pub(super) fn of_pattern(pattern: &str) -> Option<&'static str> {
    fn of<T, U: Unit<T>>() -> (&'static str, &'static str) {
        (U::PATTERN, U::EXPECTED)
    }
    let units = [
        of::<Duration, Time>(),
        of::<usize, Size>(),
        of::<u8, Percent>(),
        of::<IpNet, Networks>(),
    ];
    let mut found = units.into_iter().filter(|(of, _)| *of == pattern);
    found.next().map(|(_, expected)| expected)
}

/// The types whose values a unit is for.
#[doc(hidden)]
pub trait Measured<U>: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

macro_rules! measured {
    ($($unit:ty: $type:ty,)*) => {$(
        impl Measured<$unit> for $type {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Read::<$unit, $type>::deserialize(deserializer).map(|read| read.0)
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&<$unit as Unit<$type>>::show(self))
            }
        }

        impl Measured<$unit> for Option<$type> {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let read = Option::<Read<$unit, $type>>::deserialize(deserializer)?;
                Ok(read.map(|read| read.0))
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let text = self.as_ref().map(<$unit as Unit<$type>>::show);
                text.serialize(serializer)
            }
        }
    )*};
}

measured! {
    Time: Duration,
    Size: usize,
    Size: u64,
    Percent: u8,
}

macro_rules! with {
    ($($unit:ident as $type:ty),*) => {$(
        impl $unit {
            /// What `#[serde(with = ..)]` calls.
            ///
            /// # Errors
            ///
            /// If the text is not one, or has no unit.
            pub fn deserialize<'de, D: Deserializer<'de>, T: Measured<Self>>(
                deserializer: D,
            ) -> Result<T, D::Error> {
                T::read(deserializer)
            }

            /// What `#[serde(with = ..)]` calls.
            ///
            /// # Errors
            ///
            /// Those of the serializer.
            pub fn serialize<S: Serializer, T: Measured<Self>>(
                value: &T,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                value.write(serializer)
            }
        }

        impl JsonSchema for $unit {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                <$unit as Unit<$type>>::NAME.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": <$unit as Unit<$type>>::PATTERN,
                    "format": <$unit as Unit<$type>>::NAME,
                })
            }
        }
    )*};
}

with!(Time as Duration, Size as usize, Percent as u8);

impl Networks {
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<IpNet>, D::Error> {
        let networks = Vec::<Read<Self, IpNet>>::deserialize(deserializer)?;
        Ok(networks.into_iter().map(|network| network.0).collect())
    }

    pub(super) fn serialize<S: Serializer>(
        value: &[IpNet],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(value.iter().map(Self::show))
    }
}

impl JsonSchema for Networks {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "networks".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": { "type": "string", "pattern": Self::PATTERN, "format": Self::NAME },
        })
    }
}

/// A value that is read from a text with its unit. A type of its own, so that an error is that of the item and not that
/// of the list around it.
struct Read<U, T>(T, PhantomData<U>);

impl<'de, U: Unit<T>, T> Deserialize<'de> for Read<U, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text(PhantomData))
    }
}

struct Text<U, T>(PhantomData<(U, T)>);

impl<U: Unit<T>, T> Visitor<'_> for Text<U, T> {
    type Value = Read<U, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(U::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Read<U, T>, E> {
        let parsed = U::parse(value).map_err(E::custom)?;
        Ok(Read(parsed, PhantomData))
    }

    // A bare number goes to the same parser, which says what to write instead.
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Read<U, T>, E> {
        self.visit_str(&value.to_string())
    }
}
