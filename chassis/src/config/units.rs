//! `30s`, `2MiB` and `10.0.0.0/8` in settings. A bare number is an error, because nobody can see its
//! unit.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

/// `#[serde(with = "units::duration")]` for a [`std::time::Duration`].
pub(super) mod duration {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    use crate::text::{parse_duration, show_duration};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show_duration(*value))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        super::read(
            deserializer,
            "a time with its unit, as `30s`",
            parse_duration,
        )
    }
}

/// `#[serde(with = "units::size")]` for a number of bytes.
pub(super) mod size {
    use serde::{Deserializer, Serializer};

    use crate::text::parse_size;

    pub(in super::super) fn serialize<S: Serializer>(
        value: &usize,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&show(*value))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<usize, D::Error> {
        super::read(deserializer, "a size with its unit, as `2MiB`", parse_size)
    }

    /// In the largest unit that shows it whole.
    fn show(bytes: usize) -> String {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match units
            .into_iter()
            .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        {
            Some((unit, factor)) => format!("{}{unit}", bytes / factor),
            None => format!("{bytes}B"),
        }
    }
}

/// `#[serde(with = "units::networks")]` for a list of [`ipnet::IpNet`].
pub(super) mod networks {
    use std::net::IpAddr;

    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        value: &[IpNet],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(value.iter().map(ToString::to_string))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<IpNet>, D::Error> {
        let networks = Vec::<Network>::deserialize(deserializer)?;
        Ok(networks.into_iter().map(|network| network.0).collect())
    }

    /// A type of its own, so that an error is that of the item and not that of the list.
    struct Network(IpNet);

    impl<'de> Deserialize<'de> for Network {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            super::read(deserializer, "a network, as `10.0.0.0/8`", parse).map(Self)
        }
    }

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
}

fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Unit { expected, parse })
}

struct Unit<T> {
    expected: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Visitor<'_> for Unit<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<T, E> {
        (self.parse)(value).map_err(E::custom)
    }

    // A bare number goes to the same parser, which says what to write instead.
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }
}
