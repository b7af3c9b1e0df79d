//! One limit: who is counted, where, and how much is allowed.

use crate::{
    EXCEEDED, Rate, seconds,
    store::{Ask, Bucket, Store},
};
use chassis::{Meter, RoutePattern, axum::http::HeaderName, prelude::*};
use metrics::Counter;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, net::IpAddr};

/// One of `plugins.rate-limit.config.limits`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitConfig {
    /// What it is called in headers and metrics, and by what its counters are found again after a reload. Without, it is called
    /// what it is by, with a number from the second one on: `client`, `client-2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Which routes it is for: `/orders/{id}`, or all below `/orders/**`. `/**` is every request, also those for which there is no
    /// route.
    #[serde(default = "everywhere")]
    #[schemars(length(min = 1, max = 256))]
    pub routes: Vec<RoutePattern>,
    /// Who is counted: each `client` (its address), each value of a header (`header:X-Api-Key`), or each `principal`. Where the
    /// header is not there once, or nobody is known, the client is counted.
    #[serde(default)]
    pub by: By,
    /// How many requests are allowed in the long run: `10/s`, `100/min`, `1000/h`.
    pub rate: Rate,
    /// How many are allowed at once, after a pause. Without, it is the number in `rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: Option<u32>,
}

impl LimitConfig {
    /// No one client asks that often by itself.
    pub(crate) fn generous() -> Self {
        Self {
            name: None,
            routes: everywhere(),
            by: By::Client,
            rate: Rate::PER_CLIENT,
            burst: Some(2_000),
        }
    }
}

fn everywhere() -> Vec<RoutePattern> {
    vec![RoutePattern::all()]
}

/// Who is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Each address, as the chassis has found it.
    #[default]
    Client,
    /// Each value of a header.
    Header(HeaderName),
    /// Each caller that was authenticated.
    Principal,
}

/// What a limit is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of all limits, those included that nobody has given.
pub(crate) fn names(limits: &[LimitConfig]) -> Vec<String> {
    let mut names = Vec::new();
    for (index, limit) in limits.iter().enumerate() {
        let same = limits[..index].iter();
        let same = same.filter(|other| other.name.is_none() && other.by == limit.by);
        names.push(match (&limit.name, same.count()) {
            (Some(Name(name)), _) => name.clone(),
            (None, 0) => limit.by.to_string(),
            (None, before) => format!("{}-{}", limit.by, before + 1),
        });
    }
    names
}

/// What two numbers have room in, and what is between them.
const NUMBERS: usize = 2 * 20 + 3;

/// A limit, ready to be asked.
#[derive(Debug)]
pub(crate) struct Limit {
    name: String,
    pub(crate) routes: Vec<RoutePattern>,
    by: By,
    rate: Rate,
    burst: u32,
    pub(crate) bucket: Bucket,
    /// `"client";q=20;w=2`.
    pub(crate) policy: HeaderValue,
    /// What each state of it begins with: `"client";r=`.
    begin: String,
    /// The `w` of the policy.
    window: u64,
    allowed: Counter,
    refused: Counter,
}

impl Limit {
    pub(crate) fn new(config: LimitConfig, name: String, meter: &Meter) -> Result<Self> {
        let burst = config.burst.unwrap_or(config.rate.count());
        let bucket = Bucket::new(&name, config.rate.interval(), burst);
        let (quota, window) = policy(config.rate, burst);
        let meter = meter.with("limit", &name);
        let counter = |outcome: &str| {
            let meter = meter.with("outcome", outcome);
            meter.counter(
                "rate_limit.requests",
                "Requests that a limit has looked at, by what it said.",
            )
        };
        Ok(Self {
            policy: HeaderValue::from_str(&format!("\"{name}\";q={quota};w={window}"))?,
            allowed: counter("allowed"),
            refused: counter("refused"),
            begin: format!("\"{name}\";r="),
            name,
            routes: config.routes,
            by: config.by,
            rate: config.rate,
            burst,
            bucket,
            window,
        })
    }

    /// Says, for the document of the service, what is answered to whom it refuses.
    pub(crate) fn describe(&self, to: &mut Contributions) {
        for routes in &self.routes {
            to.may_answer(routes.clone(), EXCEEDED)
                .header(
                    "RateLimit",
                    "What is left of each limit, and the seconds until all of it is back.",
                )
                .header(
                    "RateLimit-Policy",
                    "How many requests each limit allows, in how many seconds.",
                )
                .header("Retry-After", "The seconds to wait.");
        }
    }

    /// Who asks, as a number that nobody outside can choose.
    pub(crate) fn key(&self, exchange: &Exchange, ipv6_prefix: u8, store: &Store) -> u64 {
        // What it is by is a part of the key: the principal `10.0.0.1` is not the client of that address.
        let by = |kind: u8, value: &[u8]| store.key(self.bucket.limit, kind, value);
        match &self.by {
            By::Client => {}
            By::Header(name) => {
                let mut all = exchange.headers().get_all(name).iter();
                // Of two, nobody knows which one is meant by others.
                if let (Some(value), None) = (all.next(), all.next()) {
                    return by(1, value.as_bytes());
                }
            }
            By::Principal => {
                if let Some(principal) = exchange.principal() {
                    return by(2, principal.subject.as_bytes());
                }
            }
        }
        match exchange.client_addr().0 {
            IpAddr::V4(address) => by(4, &address.octets()),
            IpAddr::V6(address) => {
                let mask = u128::MAX << (128 - u32::from(ipv6_prefix.clamp(1, 128)));
                by(6, &(address.to_bits() & mask).to_be_bytes())
            }
        }
    }

    /// What is left: `"client";r=19;t=1`.
    pub(crate) fn state(&self, ask: &Ask) -> HeaderValue {
        // The interval is rounded up to whole nanoseconds.
        let until_full = seconds(ask.until_full).min(self.window);
        // Each answer has it: put together of its parts, it takes less time.
        let (mut left, mut seconds) = (itoa::Buffer::new(), itoa::Buffer::new());
        let mut text = String::with_capacity(self.begin.len() + NUMBERS);
        text.push_str(&self.begin);
        text.push_str(left.format(ask.left));
        text.push_str(";t=");
        text.push_str(seconds.format(until_full));
        // The name is plain: `new` has made a header of it already.
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }

    /// What becomes of the request is counted where it was decided.
    pub(crate) fn count(&self, ask: &Ask, is_allowed: bool) {
        match (is_allowed, ask.is_refused()) {
            (true, _) => self.allowed.increment(1),
            (false, true) => self.refused.increment(1),
            (false, false) => {}
        }
    }

    pub(crate) fn error(&self, ask: &Ask) -> Error {
        let Self {
            name, rate, burst, ..
        } = self;
        let wait = seconds(ask.wait);
        let message = format!(
            "too many requests: the limit `{name}` allows {rate}, and {burst} at once; come back in {wait} s"
        );
        Error::new(EXCEEDED, message)
    }
}

/// What is allowed in which time, in whole numbers: the shortest time in which a whole burst comes back, and what the rate gives
/// in it. So `q` is never less than what is left, and `q/w` is the rate.
fn policy(rate: Rate, burst: u32) -> (u64, u64) {
    let (count, per) = (u64::from(rate.count()), rate.per().seconds());
    let window = (u64::from(burst) * per).div_ceil(count);
    (window * count / per, window)
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Principal => f.write_str("principal"),
        }
    }
}

fn read_by(text: &str) -> Result<By, String> {
    match text {
        "client" => return Ok(By::Client),
        "principal" => return Ok(By::Principal),
        _ => {}
    }
    let Some(name) = text.strip_prefix("header:") else {
        return Err(format!(
            "`{text}` is nobody who can be counted; write `client`, `principal` or `header:X-Api-Key`"
        ));
    };
    let name: HeaderName = name
        .parse()
        .map_err(|_| format!("`{name}` is no header name; write `header:X-Api-Key`"))?;
    Ok(By::Header(name))
}

fn read_name(text: &str) -> Result<Name, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    match (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        true => Ok(Name(text.to_owned())),
        false => Err(format!(
            "`{text}` can't be the name of a limit; write 1 to 64 letters, digits, `-`, `_`, `.` and `:`"
        )),
    }
}

macro_rules! read_from_text {
    ($($type:ident, $name:literal, $expected:literal, $pattern:literal, $read:ident;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;

                impl de::Visitor<'_> for Visitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        $read(text).map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Visitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

read_from_text! {
    By, "by", "`client`, `principal` or `header:NAME`", "^(client|principal|header:.+)$", read_by;
    Name, "limit-name", "the name of a limit", "^[A-Za-z0-9_.:-]{1,64}$", read_name;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_the_rate_in_whole_numbers() {
        let told = |rate: &str, burst: u32| {
            let rate: Rate = rate.parse().unwrap();
            policy(rate, burst)
        };
        assert_eq!(told("10/s", 20), (20, 2));
        assert_eq!(told("10/s", 1), (10, 1));
        assert_eq!(told("1000/h", 1000), (1000, 3600));
        assert_eq!(told("100/min", 10), (10, 6));
        assert_eq!(told("4/s", 10), (12, 3));
        assert_eq!(told("3/s", 3), (3, 1));
    }
}
