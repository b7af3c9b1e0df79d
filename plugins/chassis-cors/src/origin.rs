//! Origins: which are allowed, and whether somebody's is one of them.

use chassis::axum::http::HeaderValue;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// An origin that is allowed: `https://app.example.com`, all below `https://*.example.com`, the word `null`, or `*` for all.
///
/// Case does not matter, and neither does a port that goes without saying. What a browser sends is compared part by part, so that
/// nothing else can look like it:
///
/// ```
/// use chassis_cors::AllowedOrigin;
///
/// let ours: AllowedOrigin = "https://*.example.com".parse()?;
/// assert!(ours.allows("https://app.example.com"));
/// assert!(!ours.allows("https://evilexample.com"));
/// assert!(!ours.allows("https://app.example.com.evil.org"));
/// assert!(!ours.allows("http://app.example.com"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigin(Allowed);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// `*`.
    All,
    /// That of pages which have none: sandboxed ones, files, and what was redirected from elsewhere.
    Null,
    Place {
        scheme: String,
        host: String,
        /// Whether it is what stands below the host, and not the host itself.
        is_below: bool,
        /// None is the one of the scheme.
        port: Option<u16>,
    },
}

impl AllowedOrigin {
    /// Whether it is `*`.
    pub(crate) fn is_all(&self) -> bool {
        self.0 == Allowed::All
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.0 == Allowed::Null
    }

    /// Whether this origin, as a browser has sent it, is allowed.
    pub fn allows(&self, origin: &str) -> bool {
        self.allows_parts(origin, parts(origin).as_ref())
    }

    /// The same, if it was taken apart already: `parts` are None if it is none.
    fn allows_parts(&self, origin: &str, parts: Option<&Parts<'_>>) -> bool {
        match &self.0 {
            Allowed::All => true,
            Allowed::Null => origin == "null",
            Allowed::Place {
                scheme,
                host,
                is_below,
                port,
            } => parts.is_some_and(|sent| {
                let is_host = match is_below {
                    false => sent.host.eq_ignore_ascii_case(host),
                    true => is_below_host(sent.host, host),
                };
                is_host && sent.scheme.eq_ignore_ascii_case(scheme) && sent.port == *port
            }),
        }
    }

    /// What a browser sends of it, letter by letter. None if it is more than one.
    fn as_sent(&self) -> Option<String> {
        match self.0 {
            Allowed::All | Allowed::Place { is_below: true, .. } => None,
            Allowed::Null | Allowed::Place { .. } => Some(self.to_string()),
        }
    }
}

/// The origins that are allowed.
#[derive(Debug)]
pub(crate) struct Origins {
    /// Those that are one each, as browsers send them, sorted: nearly all that come are found here without being taken apart.
    as_sent: Vec<Box<[u8]>>,
    all: Vec<AllowedOrigin>,
}

impl Origins {
    pub(crate) fn new(all: Vec<AllowedOrigin>) -> Self {
        let as_sent = all.iter().filter_map(AllowedOrigin::as_sent);
        let mut as_sent: Vec<_> = as_sent.map(|text| text.into_bytes().into()).collect();
        as_sent.sort_unstable();
        Self { as_sent, all }
    }

    /// Whether this one, as it was sent, is one of them.
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        let sent = origin.as_bytes();
        let found = self.as_sent.binary_search_by(|one| (**one).cmp(sent));
        found.is_ok() || self.allow_otherwise(origin)
    }

    /// Whether it is below one of them, or written in another way. It is taken apart once, however many there are.
    fn allow_otherwise(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| {
            let parts = parts(origin);
            let mut all = self.all.iter();
            all.any(|one| one.allows_parts(origin, parts.as_ref()))
        })
    }
}

/// Whether something stands below a host: `app.example.com`, but neither `example.com` nor `evilexample.com`.
fn is_below_host(host: &str, above: &str) -> bool {
    // What is not ASCII is no host.
    let Some((front, end)) = host.split_at_checked(host.len().saturating_sub(above.len())) else {
        return false;
    };
    end.eq_ignore_ascii_case(above) && front.len() > 1 && front.ends_with('.')
}

/// What an origin is made of.
struct Parts<'o> {
    scheme: &'o str,
    host: &'o str,
    port: Option<u16>,
}

/// Takes an origin apart. None if it is not one: all that may be written in an address beside it (users, paths) is no part of it.
fn parts(origin: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = origin.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
        return None;
    }
    // The colons of an IPv6 address stand in brackets.
    let end = rest.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match rest[end..].find(':') {
        Some(colon) => (&rest[..end + colon], Some(&rest[end + colon + 1..])),
        None => (rest, None),
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => {
            let address = address.strip_suffix(']')?;
            address.parse::<std::net::Ipv6Addr>().is_ok()
        }
        None => host.split('.').all(is_label),
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok()?)
        }
        Some(_) => return None,
    };
    is_host.then_some(Parts {
        scheme,
        host,
        port: port.filter(|port| usual_port(scheme) != Some(*port)),
    })
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    !label.is_empty() && label.bytes().all(is_plain)
}

/// The port that is not written.
fn usual_port(scheme: &str) -> Option<u16> {
    match () {
        () if scheme.eq_ignore_ascii_case("http") => Some(80),
        () if scheme.eq_ignore_ascii_case("https") => Some(443),
        () => None,
    }
}

impl FromStr for AllowedOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "*" => return Ok(Self(Allowed::All)),
            "null" => return Ok(Self(Allowed::Null)),
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!(
                "`{text}` is no origin: it has no scheme; write `https://{}`",
                example(text)
            ));
        };
        if let Some(end) = rest.find(['/', '?', '#']) {
            let origin = format!("{scheme}://{}", &rest[..end]);
            return Err(format!(
                "`{text}` is no origin: it has a path; write `{origin}`"
            ));
        }
        if !text.is_ascii() {
            return Err(format!(
                "`{text}` is no origin: browsers send its host in ASCII; write it so, as `https://xn--bcher-kva.example`"
            ));
        }
        let (is_below, place) = match rest.strip_prefix("*.") {
            Some(place) => (true, place),
            None => (false, rest),
        };
        if place.contains('*') {
            return Err(format!(
                "`{text}` is no origin: a `*` can only stand for all subdomains; write `https://*.example.com`"
            ));
        }
        let place = format!("{scheme}://{place}");
        let Some(Parts { scheme, host, port }) = parts(&place) else {
            return Err(format!(
                "`{text}` is no origin; write a scheme, a host and perhaps a port: `https://app.example.com`, `http://localhost:3000`"
            ));
        };
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let top = host.rsplit('.').next().unwrap_or_default();
        if is_below && (host.starts_with('[') || is_number(top)) {
            return Err(format!(
                "`{text}` is no origin: addresses have no subdomains"
            ));
        }
        if is_below && top == host && !host.eq_ignore_ascii_case("localhost") {
            return Err(format!(
                "`{text}` would allow whoever has a name below `{host}`; write `{scheme}://*.example.{host}`"
            ));
        }
        Ok(Self(Allowed::Place {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_ascii_lowercase(),
            is_below,
            port,
        }))
    }
}

/// What a host without a scheme may have been.
fn example(text: &str) -> &str {
    let host = text.split('/').next().unwrap_or_default();
    match host.is_empty() || host.contains(char::is_whitespace) {
        true => "app.example.com",
        false => host,
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Allowed::All => f.write_str("*"),
            Allowed::Null => f.write_str("null"),
            Allowed::Place {
                scheme,
                host,
                is_below,
                port,
            } => {
                let below = if *is_below { "*." } else { "" };
                write!(f, "{scheme}://{below}{host}")?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

impl Serialize for AllowedOrigin {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AllowedOrigin {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = AllowedOrigin;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin, as `https://app.example.com`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<AllowedOrigin, E> {
        text.parse().map_err(E::custom)
    }

    // An entry that was forgotten must not let in pages without an origin.
    fn visit_unit<E: de::Error>(self) -> Result<AllowedOrigin, E> {
        Err(E::custom(
            "there is nothing here; the origin of pages that have none is the word `\"null\"`, in quotes",
        ))
    }
}

impl JsonSchema for AllowedOrigin {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "allowed-origin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]+)$",
            "examples": ["https://app.example.com"],
        })
    }
}

#[cfg(test)]
mod tests;
