//! Which routes a limit is for.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{borrow::Cow, fmt};

/// Which routes a limit is for: `/orders/{id}` itself, or all below `/orders/**`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutePattern(String);

impl RoutePattern {
    /// Every request there is.
    pub(crate) fn all() -> Self {
        Self("/**".to_owned())
    }

    /// Whether the route of this path, as it was declared, is one of them.
    pub(crate) fn is_route(&self, declared: &str) -> bool {
        match self.0.strip_suffix("/**") {
            None => self.0 == declared,
            Some(prefix) => declared
                .strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// The same for a request that no declared route has matched: below a mounted router, or where there is nothing.
    /// A parameter stands for any segment.
    pub(crate) fn is_path(&self, path: &str) -> bool {
        // Also `OPTIONS *`.
        if self.0 == "/**" {
            return true;
        }
        let mut segments = path.split('/');
        for wanted in self.0.split('/') {
            if wanted == "**" || wanted.starts_with("{*") {
                return true;
            }
            match segments.next() {
                Some(segment) if wanted == segment => {}
                Some(segment) if wanted.starts_with('{') && !segment.is_empty() => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

fn read(text: &str) -> Result<RoutePattern, String> {
    let help = "write `/orders/{id}` for one route, `/orders/**` for all below";
    if !text.starts_with('/') {
        return Err(format!("`{text}` does not begin with `/`; {help}"));
    }
    let path = text.strip_suffix("/**").unwrap_or(text);
    if path
        .split('/')
        .any(|segment| segment.starts_with([':', '*']))
    {
        return Err(format!("`{text}` is not the path of a route; {help}"));
    }
    Ok(RoutePattern(text.to_owned()))
}

impl<'de> Deserialize<'de> for RoutePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = RoutePattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a route, as `/orders/{id}` or `/orders/**`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<RoutePattern, E> {
        read(text).map_err(E::custom)
    }
}

impl JsonSchema for RoutePattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "route-pattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^/" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_route_or_all_below_one() {
        let is = |pattern: &str, route: &str| read(pattern).unwrap().is_route(route);
        assert!(is("/orders/{id}", "/orders/{id}") && !is("/orders/{id}", "/orders"));
        assert!(is("/orders/**", "/orders") && is("/orders/**", "/orders/{id}/pay"));
        assert!(!is("/orders/**", "/orders-old") && is("/**", "/anything") && is("/**", "/"));
    }

    #[test]
    fn where_no_route_has_matched_the_path_is_compared() {
        let is = |pattern: &str, path: &str| read(pattern).unwrap().is_path(path);
        assert!(is("/orders/{id}", "/orders/7") && !is("/orders/{id}", "/orders/7/pay"));
        assert!(!is("/orders/{id}", "/orders/") && !is("/orders/{id}", "/orders"));
        assert!(is("/orders/**", "/orders") && is("/orders/**", "/orders/7/pay"));
        assert!(!is("/orders/**", "/orders-old") && is("/**", "*") && is("/**", "/nowhere"));
        assert!(is("/files/{*path}", "/files/a/b") && !is("/orders", "/orders/7"));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for text in ["orders", "", "/orders/*", "/orders/:id", "/**/pay"] {
            assert!(read(text).unwrap_err().contains("/orders/**"), "{text}");
        }
    }
}
