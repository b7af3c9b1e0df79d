//! Which routes something is for, as settings and code say it.

use super::Exchange;
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

/// Which routes something is for: `/orders/{id}` itself, all below `/orders/**` and `/orders` itself, or of one method
/// only: `POST /orders`. What a parameter is called does not matter.
///
/// It is read from settings, where one that can't be right is an error with its place:
///
/// ```
/// use chassis::{RoutePattern, prelude::*};
///
/// #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
/// #[serde(default, deny_unknown_fields)]
/// struct SlowConfig {
///     /// The routes that are announced to be slow.
///     routes: Vec<RoutePattern>,
/// }
///
/// /// Says which routes are slow.
/// #[plugin]
/// struct Slow(Vec<RoutePattern>);
///
/// impl Plugin for Slow {
///     type Config = SlowConfig;
///
///     async fn init(config: SlowConfig, _: &mut PluginContext) -> Result<Self> {
///         Ok(Self(config.routes))
///     }
/// }
///
/// #[contributes]
/// impl Slow {
///     #[filter(points::POST_RESPONSE)]
///     fn say(&self, exchange: &mut Exchange) {
///         if self.0.iter().any(|routes| routes.is_for(exchange)) {
///             exchange.response_headers_mut().insert("x-slow", HeaderValue::from_static("yes"));
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutePattern {
    /// None is any.
    method: Option<Method>,
    /// Without the `/**` at its end.
    path: Arc<str>,
    /// Whether all below is meant as well.
    is_below: bool,
}

impl RoutePattern {
    /// Every request there is.
    pub fn all() -> Self {
        Self {
            method: None,
            path: "".into(),
            is_below: true,
        }
    }

    /// The same routes, of one method only.
    #[must_use]
    pub fn of(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Whether a request is for one of them. One that no route has matched (404, 405, below a mounted router) is compared by
    /// its path: there a parameter stands for any segment.
    pub fn is_for(&self, exchange: &Exchange) -> bool {
        match exchange.route() {
            Some(route) => self.is_route(&route.method, &route.path),
            None => self.is_path(exchange.method(), exchange.uri().path()),
        }
    }

    /// Whether the route of this method and path, as it was declared, is one of them. `HEAD` is what `GET` is.
    pub fn is_route(&self, method: &Method, declared: &str) -> bool {
        self.is_method(method)
            && self.fits(declared, |wanted, segment| match kind(wanted) {
                Segment::Literal => wanted == segment,
                parameter => parameter == kind(segment),
            })
    }

    /// Whether a request with this path is for one of them, as far as that can be told without its route: a parameter stands for
    /// any segment.
    pub fn is_path(&self, method: &Method, path: &str) -> bool {
        self.is_method(method)
            && self.fits(path, |wanted, segment| match kind(wanted) {
                Segment::Literal => wanted == segment,
                Segment::Parameter | Segment::Rest => !segment.is_empty(),
            })
    }

    /// Whether only one method is meant.
    pub(crate) fn has_method(&self) -> bool {
        self.method.is_some()
    }

    /// The path that it is about, without what is below.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn is_method(&self, method: &Method) -> bool {
        // The service sends the head only.
        let is = |only: &Method| only == method || only == Method::GET && method == Method::HEAD;
        self.method.as_ref().is_none_or(is)
    }

    fn fits(&self, path: &str, is_same: impl Fn(&str, &str) -> bool) -> bool {
        // Also `OPTIONS *`.
        if self.path.is_empty() {
            return true;
        }
        let mut segments = path.split('/');
        for wanted in self.path.split('/') {
            match segments.next() {
                Some(segment) if is_same(wanted, segment) => {}
                _ => return false,
            }
            if kind(wanted) == Segment::Rest {
                return true;
            }
        }
        self.is_below || segments.next().is_none()
    }
}

/// What stands between two slashes.
#[derive(PartialEq, Eq)]
enum Segment {
    Literal,
    Parameter,
    Rest,
}

fn kind(segment: &str) -> Segment {
    match segment.strip_prefix('{') {
        Some(rest) if rest.starts_with('*') => Segment::Rest,
        // A doubled brace is a brace.
        Some(rest) if !rest.starts_with('{') => Segment::Parameter,
        _ => Segment::Literal,
    }
}

impl FromStr for RoutePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write `/orders/{id}` for one route, `/orders/**` for all below, `POST /orders` for one method";
        let (method, path) = match text.trim().split_once(' ') {
            Some((method, path)) => (Some(method), path.trim()),
            None => (None, text.trim()),
        };
        let method = match method {
            None => None,
            Some(name) if name.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                Some(Method::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?)
            }
            Some(name) => return Err(format!("`{name}` is no method; {help}")),
        };
        if !path.starts_with('/') {
            return Err(format!("`{path}` does not begin with `/`; {help}"));
        }
        let (path, is_below) = match path.strip_suffix("/**") {
            Some(path) => (path, true),
            None => (path, false),
        };
        let is_wrong = |segment: &str| segment.starts_with([':', '*']) || segment.contains(' ');
        if path.split('/').any(is_wrong) {
            return Err(format!("`{text}` is not the path of a route; {help}"));
        }
        Ok(Self {
            method,
            path: path.into(),
            is_below,
        })
    }
}

impl fmt::Display for RoutePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = &self.method {
            write!(f, "{method} ")?;
        }
        f.write_str(&self.path)?;
        f.write_str(if self.is_below { "/**" } else { "" })
    }
}

impl Serialize for RoutePattern {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoutePattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = RoutePattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the path of a route, as `/orders/{id}`, `/orders/**` or `POST /orders`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<RoutePattern, E> {
        text.parse().map_err(E::custom)
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
        json_schema!({ "type": "string", "pattern": "^([A-Z]+ +)?/" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RoutePattern {
        text.parse().expect(text)
    }

    fn is_route(pattern: &str, route: &str) -> bool {
        read(pattern).is_route(&Method::GET, route)
    }

    fn is_path(pattern: &str, path: &str) -> bool {
        read(pattern).is_path(&Method::GET, path)
    }

    #[test]
    fn a_pattern_is_a_route_or_all_below_one() {
        assert!(is_route("/orders/{id}", "/orders/{id}") && !is_route("/orders/{id}", "/orders"));
        assert!(is_route("/orders/**", "/orders") && is_route("/orders/**", "/orders/{id}/pay"));
        assert!(!is_route("/orders/**", "/orders-old") && is_route("/**", "/anything"));
        assert!(is_route("/**", "/") && is_route("/", "/") && !is_route("/", "/orders"));
        assert!(is_route("/{shop}/orders/**", "/{shop}/orders/{id}"));
    }

    #[test]
    fn parameters_are_alike_whatever_they_are_called() {
        assert!(is_route("/orders/{id}", "/orders/{order}"));
        assert!(
            !is_route("/orders/{id}", "/orders/all") && !is_route("/orders/all", "/orders/{id}")
        );
        assert!(!is_route("/files/{name}", "/files/{*path}"));
        assert!(is_route("/files/{*rest}", "/files/{*path}"));
        assert!(is_route("/{{a}}", "/{{a}}") && !is_route("/{{a}}", "/{a}"));
    }

    #[test]
    fn where_no_route_has_matched_the_path_is_compared() {
        assert!(is_path("/orders/{id}", "/orders/7") && !is_path("/orders/{id}", "/orders/7/pay"));
        assert!(!is_path("/orders/{id}", "/orders/") && !is_path("/orders/{id}", "/orders"));
        assert!(is_path("/orders/**", "/orders") && is_path("/orders/**", "/orders/7/pay"));
        assert!(is_path("/{shop}/orders/**", "/mine/orders/7"));
        assert!(
            !is_path("/orders/**", "/orders-old")
                && is_path("/**", "*")
                && is_path("/**", "/nowhere")
        );
        assert!(is_path("/files/{*path}", "/files/a/b") && !is_path("/orders", "/orders/7"));
    }

    #[test]
    fn a_pattern_may_say_the_method() {
        let is = |pattern: &str, method: Method| read(pattern).is_route(&method, "/orders");
        assert!(is("/orders", Method::POST) && is("POST /orders", Method::POST));
        assert!(is("GET /orders", Method::HEAD) && !is("HEAD /orders", Method::GET));
        assert!(!is("GET /orders", Method::POST) && is(" GET  /orders ", Method::GET));
        assert_eq!(RoutePattern::all().of(Method::PUT).to_string(), "PUT /**");
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for text in [
            "orders",
            "",
            "/orders/*",
            "/orders/:id",
            "/**/pay",
            "get /a",
            "GET orders",
            "/a b",
        ] {
            let told = text.parse::<RoutePattern>().unwrap_err();
            assert!(told.contains("/orders/**"), "{text}: {told}");
        }
        for text in ["/", "/**", "/orders/{id}", "POST /orders/**"] {
            assert_eq!(read(text).to_string(), text);
        }
    }
}
