//! A policy: which origins may do what, at which routes.

use crate::{AllowedOrigin, origin::Origins};
use chassis::{
    RoutePattern,
    axum::http::{
        HeaderName,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            AUTHORIZATION, VARY,
        },
    },
    prelude::*,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

mod check;

pub(crate) use check::validate;

/// One of `plugins.cors.config.policies`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// Which routes it is for: `/orders/{id}`, all below `/orders/**`, `POST /orders`. `/**` is every request, also those for which
    /// there is no route.
    #[serde(default = "everywhere")]
    #[schemars(length(min = 1, max = 256))]
    pub routes: Vec<RoutePattern>,
    /// Whose pages may read answers: `https://app.example.com`, all below `https://*.example.com`, `"*"` for all. `"null"` is that of
    /// pages which have none.
    #[schemars(length(min = 1, max = 1024))]
    pub origins: Vec<AllowedOrigin>,
    /// The methods that they may use; `"*"` for all.
    #[serde(default = "methods")]
    #[schemars(length(min = 1, max = 32))]
    pub methods: Vec<String>,
    /// The headers that they may send, beside those that a form can send; `"*"` for all but `Authorization`.
    #[serde(default = "headers")]
    #[schemars(length(max = 128))]
    pub headers: Vec<String>,
    /// The headers of answers that they may read, beside those that they may always; `"*"` for all.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub expose: Vec<String>,
    /// Whether their requests may carry cookies and certificates of whoever sits before the browser.
    #[serde(default)]
    pub credentials: bool,
    /// How long a browser need not ask again, at most 24h; many ask again after 2h.
    #[serde(default = "max_age", with = "units::Time")]
    #[schemars(with = "units::Time")]
    pub max_age: Duration,
    /// Whether pages of public networks may call it in a private one, where a browser asks for that.
    #[serde(default)]
    pub private_network: bool,
}

fn everywhere() -> Vec<RoutePattern> {
    vec![RoutePattern::all()]
}

fn methods() -> Vec<String> {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        .map(str::to_owned)
        .into()
}

fn headers() -> Vec<String> {
    ["Authorization", "Content-Type"].map(str::to_owned).into()
}

fn max_age() -> Duration {
    Duration::from_secs(10 * 60)
}

/// A policy, ready to be asked: with all that it writes.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) routes: Vec<RoutePattern>,
    /// None is all.
    origins: Option<Origins>,
    methods: Allowed<Method>,
    headers: Allowed<HeaderName>,
    allow_methods: HeaderValue,
    allow_headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
    credentials: bool,
    private_network: bool,
    /// What the answer to a preflight depends on.
    vary: HeaderValue,
}

/// A list of what is allowed.
#[derive(Debug)]
struct Allowed<T> {
    /// Whether there is a `*` in it.
    all: bool,
    named: Vec<T>,
}

impl<T: std::str::FromStr> Allowed<T>
where
    Error: From<T::Err>,
{
    fn new(list: &[String]) -> Result<Self> {
        let named = list.iter().filter(|name| *name != "*");
        Ok(Self {
            all: list.iter().any(|name| name == "*"),
            named: named.map(|name| Ok(name.parse()?)).collect::<Result<_>>()?,
        })
    }
}

const TRUE: HeaderValue = HeaderValue::from_static("true");
const ASKS_FOR_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

impl Policy {
    pub(crate) fn new(config: PolicyConfig) -> Result<Self> {
        let line = |list: &[String]| -> Result<Option<HeaderValue>> {
            let line = list.join(", ");
            Ok((!line.is_empty()).then(|| line.parse()).transpose()?)
        };
        let is_for_all = config.origins.iter().any(AllowedOrigin::is_all);
        let mut vary = "Access-Control-Request-Method, Access-Control-Request-Headers".to_owned();
        if !is_for_all {
            vary.insert_str(0, "Origin, ");
        }
        if config.private_network {
            vary.push_str(", Access-Control-Request-Private-Network");
        }
        Ok(Self {
            routes: config.routes,
            methods: Allowed::new(&config.methods)?,
            headers: Allowed::new(&config.headers)?,
            allow_methods: config.methods.join(", ").parse()?,
            allow_headers: line(&config.headers)?,
            expose: line(&config.expose)?,
            max_age: config.max_age.as_secs().into(),
            credentials: config.credentials,
            private_network: config.private_network,
            origins: (!is_for_all).then(|| Origins::new(config.origins)),
            vary: vary.parse()?,
        })
    }

    /// What is written where every origin is allowed. It is so on all answers, also for requests without an origin: a browser may keep
    /// one of those, and show it to a page later.
    pub(crate) fn everybody(&self) -> Option<HeaderValue> {
        match self.origins {
            None => Some(HeaderValue::from_static("*")),
            Some(_) => None,
        }
    }

    /// Whether this origin is allowed.
    pub(crate) fn allows(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            None => true,
            Some(origins) => origins.allow(origin),
        }
    }

    /// Whether pages may use this method. What a form can send, needs no permission.
    pub(crate) fn takes(&self, method: &Method) -> bool {
        let is_simple = [Method::GET, Method::HEAD, Method::POST].contains(method);
        is_simple || self.methods.all || self.methods.named.contains(method)
    }

    /// The first header that a page wants to send and may not.
    pub(crate) fn first_not_taken<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let asked = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
        let asked = asked.filter_map(|value| value.to_str().ok());
        let mut asked = asked
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty());
        asked.find(|name| {
            // A `*` is not for credentials.
            let by_all = self.headers.all && !name.eq_ignore_ascii_case(AUTHORIZATION.as_str());
            let mut named = self.headers.named.iter();
            !by_all && !named.any(|one| name.eq_ignore_ascii_case(one.as_str()))
        })
    }

    /// Says who may read an answer. What a handler has said of it is replaced: one answer, one policy.
    pub(crate) fn write(&self, reader: Option<HeaderValue>, headers: &mut HeaderMap) {
        let is_read = reader.is_some();
        let mut put = |name: HeaderName, value: Option<HeaderValue>| match value {
            Some(value) => _ = headers.insert(name, value),
            None => _ = headers.remove(name),
        };
        put(ACCESS_CONTROL_ALLOW_ORIGIN, reader);
        let credentials = (self.credentials && is_read).then_some(TRUE);
        put(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        let expose = self.expose.as_ref().filter(|_| is_read);
        put(ACCESS_CONTROL_EXPOSE_HEADERS, expose.cloned());
    }

    /// Answers a preflight.
    pub(crate) fn write_preflight(
        &self,
        reader: Option<HeaderValue>,
        asked: &HeaderMap,
        headers: &mut HeaderMap,
    ) {
        headers.insert(VARY, self.vary.clone());
        let Some(reader) = reader else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, reader);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.allow_methods.clone());
        if let Some(allowed) = &self.allow_headers {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
        }
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        if self.private_network && asked.contains_key(ASKS_FOR_PRIVATE_NETWORK) {
            headers.insert(ALLOWS_PRIVATE_NETWORK, TRUE);
        }
    }
}
