//! Media types, and which of them are worth compressing.

use chassis::axum::http::{HeaderMap, header::CONTENT_TYPE};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr};

/// Which media types are meant: `text/html`, all of `text/*`, `application/*+json`, or `*/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPattern {
    text: Box<str>,
    /// Where the `/` is.
    slash: usize,
}

impl MediaPattern {
    /// Whether a media type is one of them; it is written without parameters.
    pub(crate) fn matches(&self, media: &str) -> bool {
        let (kind, subtype) = (&self.text[..self.slash], &self.text[self.slash + 1..]);
        let Some((its_kind, its_subtype)) = media.split_once('/') else {
            return false;
        };
        let is_kind = kind == "*" || kind.eq_ignore_ascii_case(its_kind);
        is_kind
            && match subtype.strip_prefix('*') {
                None => subtype.eq_ignore_ascii_case(its_subtype),
                // `*+json` is `geo+json`, and not `+json`.
                Some(suffix) => its_subtype
                    .len()
                    .checked_sub(suffix.len())
                    .filter(|rest| *rest > 0)
                    .and_then(|rest| its_subtype.get(rest..))
                    .is_some_and(|its| its.eq_ignore_ascii_case(suffix)),
            }
    }
}

/// The media type of an answer, without its parameters. None if it has none, or may not be changed whatever anybody says:
/// messages of gRPC have a way of their own.
pub(crate) fn of(headers: &HeaderMap) -> Option<&str> {
    const GRPC: &str = "application/grpc";
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media = value.split(';').next().unwrap_or_default().trim();
    let is_grpc = media
        .get(..GRPC.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(GRPC));
    (!is_grpc).then_some(media)
}

/// What is text, or nearly: it becomes a fraction of what it was.
pub(crate) fn texts() -> Vec<MediaPattern> {
    [
        "application/json",
        "text/*",
        "application/*+json",
        "application/*+xml",
        "application/xml",
        "application/javascript",
        "application/wasm",
        "application/x-ndjson",
        "application/yaml",
        "application/graphql",
        "image/svg+xml",
        "font/otf",
        "font/ttf",
    ]
    .iter()
    .filter_map(|text| text.parse().ok())
    .collect()
}

/// What is read as it comes.
pub(crate) fn events() -> Vec<MediaPattern> {
    "text/event-stream".parse().into_iter().collect()
}

impl FromStr for MediaPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_token = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
            !part.is_empty() && part.bytes().all(is_plain)
        };
        let parts = text.split_once('/').filter(|(kind, subtype)| {
            let suffix = subtype.strip_prefix('*');
            let is_subtype = match suffix {
                Some(suffix) => suffix.is_empty() || suffix.starts_with('+') && is_token(suffix),
                None => is_token(subtype),
            };
            (*kind == "*" || is_token(kind)) && is_subtype
        });
        let Some((kind, _)) = parts else {
            return Err(format!(
                "`{text}` is no media type; write `text/html`, `text/*` or `application/*+json`"
            ));
        };
        Ok(Self {
            slash: kind.len(),
            text: text.into(),
        })
    }
}

impl Serialize for MediaPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for MediaPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = MediaPattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a media type, as `text/html` or `text/*`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<MediaPattern, E> {
        text.parse().map_err(E::custom)
    }
}

impl JsonSchema for MediaPattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "media-pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[^/ ]+/[^/ ]+$", "examples": ["text/*"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_one_media_type_or_many() {
        let is = |pattern: &str, media: &str| {
            let pattern: MediaPattern = pattern.parse().unwrap();
            pattern.matches(media)
        };
        assert!(is("text/html", "text/html") && is("text/html", "Text/HTML"));
        assert!(is("text/*", "text/css") && !is("text/*", "application/css"));
        assert!(is("application/*+json", "application/geo+json"));
        assert!(is("application/*+json", "application/problem+JSON"));
        assert!(!is("application/*+json", "application/json"));
        assert!(!is("application/*+json", "application/+json"));
        assert!(!is("application/json", "application/json5"));
        assert!(is("*/*", "image/png") && is("*/*+xml", "image/svg+xml"));
        assert!(!is("*/*", "nonsense") && !is("application/*+json", "application/\u{e9}json"));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for text in [
            "",
            "json",
            "text/",
            "/html",
            "te*t/html",
            "text/h*l",
            "text/*json",
            "a/b/c",
            "a/b; q=1",
        ] {
            let told = text.parse::<MediaPattern>().unwrap_err();
            assert!(told.contains("`text/*`"), "{text}: {told}");
        }
    }

    #[test]
    fn all_that_is_compressed_by_default_is_a_pattern() {
        assert_eq!((texts().len(), events().len()), (13, 1));
    }
}
