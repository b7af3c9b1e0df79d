//! Lets pages of other origins call a service, by route: CORS, as the Fetch standard has it.
//!
//! A browser lets a page read what it has got from another origin only if that one says so, and asks beforehand (a *preflight*)
//! whether it may send what a form could not. This plugin answers preflights, and writes on all other answers who may read them.
//! Read it from the top: the plugin, its config, its life, its work, its tests; `policy.rs` is who may do what, `origin.rs` who
//! somebody is.
//!
//! ```
//! use chassis::{Body, axum::http::Request, testing::TestChassis};
//! use chassis_cors::Cors;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! let app = TestChassis::with::<Cors>()
//!     .config("plugins: {cors: {config: {policies: [{origins: [https://app.example.com]}]}}}")
//!     .start()
//!     .await?;
//! let request = Request::get("/nowhere").header("Origin", "https://app.example.com");
//! let answer = app.send(request.body(Body::empty()).unwrap()).await;
//! assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("https://app.example.com"));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{
    axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY},
    prelude::*,
};
use metrics::Counter;
use schemars::JsonSchema;
use serde::Deserialize;

mod origin;
mod policy;

pub use origin::AllowedOrigin;
use policy::Policy;
pub use policy::PolicyConfig;

/// Lets pages of other origins call the service.
#[plugin]
#[derive(Debug)]
pub struct Cors {
    policies: Vec<Policy>,
    refused: Refused,
}

/// What can be set under `plugins.cors.config`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Who may call from elsewhere, and how. The first that is for the route of a request counts, and no other. Without one, browsers
    /// keep pages of other origins away.
    #[schemars(length(max = 64))]
    pub policies: Vec<PolicyConfig>,
}

/// How often somebody was not allowed to do something.
#[derive(Debug)]
struct Refused {
    origin: Counter,
    method: Counter,
    headers: Counter,
}

impl Plugin for Cors {
    type Config = CorsConfig;

    fn validate(config: &CorsConfig, found: &mut Violations) {
        policy::validate(&config.policies, found);
    }

    async fn init(config: CorsConfig, cx: &mut PluginContext) -> Result<Self> {
        let refused = |what: &str| {
            let meter = cx.meter().with("what", what);
            meter.counter(
                "cors.refused",
                "Requests of pages that no policy allows, by what is not allowed.",
            )
        };
        Ok(Self {
            refused: Refused {
                origin: refused("origin"),
                method: refused("method"),
                headers: refused("headers"),
            },
            policies: config
                .policies
                .into_iter()
                .map(Policy::new)
                .collect::<Result<_>>()?,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        // Without policies no request needs to be looked at.
        if !self.policies.is_empty() {
            to.blocks(self);
        }
        Ok(())
    }
}

/// Kept of a request that says no origin, where another answer would depend on it.
struct Varies;

/// Kept of all others that a policy is for.
struct Crossing {
    policy: usize,
    /// Who may read the answer.
    reader: Option<HeaderValue>,
}

// Further out than all others that are shipped but what traces requests: what they answer themselves has to be readable, too.
#[contributes]
impl Cors {
    #[filter(points::PRE_REQUEST, priority = -100)]
    fn begin(&self, exchange: &mut Exchange) -> Flow {
        if exchange.method() == Method::OPTIONS
            && let Some(answer) = self.preflight(exchange)
        {
            return Flow::Answer(answer);
        }
        let mut policies = self.policies.iter().enumerate();
        let found =
            policies.find(|(_, policy)| policy.routes.iter().any(|one| one.is_for(exchange)));
        let Some((index, policy)) = found else {
            return Flow::Continue;
        };
        let (origin, is_only) = origin(exchange.headers());
        let reader = match (policy.everybody(), origin) {
            (Some(everybody), _) => Some(everybody),
            (None, None) => {
                exchange.keep(Varies);
                return Flow::Continue;
            }
            (None, Some(origin)) if is_only && policy.allows(origin) => Some(origin.clone()),
            (None, Some(origin)) => {
                // Pages of the service itself say where they are from, too.
                if !is_same_origin(exchange.headers()) {
                    self.refuse_origin(origin);
                }
                None
            }
        };
        exchange.keep(Crossing {
            policy: index,
            reader,
        });
        Flow::Continue
    }

    #[filter(points::POST_RESPONSE, priority = -100)]
    fn end(&self, exchange: &mut Exchange) {
        let Some(crossing) = exchange.kept::<Crossing>() else {
            if exchange.kept::<Varies>().is_some() {
                vary_on_origin(exchange.response_headers_mut());
            }
            return;
        };
        let (policy, reader) = (&self.policies[crossing.policy], crossing.reader.clone());
        let headers = exchange.response_headers_mut();
        policy.write(reader, headers);
        if policy.everybody().is_none() {
            vary_on_origin(headers);
        }
    }
}

impl Cors {
    /// The answer to a preflight, if it is one and a policy is for the route that it asks about. The service is not asked: a preflight
    /// has no credentials, and no route.
    #[cold]
    fn preflight(&self, exchange: &Exchange) -> Option<Response> {
        let headers = exchange.headers();
        let (origin, is_only) = origin(headers);
        let origin = origin?;
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        let route = exchange.route_for(&method);
        let mut policies = self.policies.iter();
        let policy = policies.find(|policy| {
            policy.routes.iter().any(|one| match &route {
                Some(route) => one.is_route(&route.method, &route.path),
                None => one.is_path(&method, exchange.uri().path()),
            })
        })?;
        let reader = match policy.everybody() {
            Some(everybody) => Some(everybody),
            None => (is_only && policy.allows(origin)).then(|| origin.clone()),
        };
        if reader.is_none() {
            self.refuse_origin(origin);
        } else if !policy.takes(&method) {
            self.refused.method.increment(1);
            let asked_for = beginning(method.as_str());
            tracing::debug!(
                origin = shown(origin),
                asked_for,
                "this method is not among the `methods` of the policy"
            );
        } else if let Some(name) = policy.first_not_taken(headers) {
            self.refused.headers.increment(1);
            let asked_for = beginning(name);
            tracing::debug!(
                origin = shown(origin),
                asked_for,
                "this header is not among the `headers` of the policy"
            );
        }
        let mut answer = StatusCode::NO_CONTENT.into_response();
        policy.write_preflight(reader, headers, answer.headers_mut());
        // It says nothing that somebody would have to be known for.
        answer.extensions_mut().insert(Public);
        Some(answer)
    }

    #[cold]
    fn refuse_origin(&self, origin: &HeaderValue) {
        self.refused.origin.increment(1);
        tracing::debug!(
            origin = shown(origin),
            "pages of this origin may not read the answer"
        );
    }
}

/// The origin that a request says, and whether it says only this one: of two, nobody knows which one is meant by others.
fn origin(headers: &HeaderMap) -> (Option<&HeaderValue>, bool) {
    let mut said = headers.get_all(ORIGIN).iter();
    (said.next(), said.next().is_none())
}

/// Whether the browser says that the page is one of the service itself.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "same-origin")
}

fn shown(value: &HeaderValue) -> &str {
    value.to_str().map_or("(no text)", beginning)
}

/// What is logged of a text that anybody may have sent.
fn beginning(text: &str) -> &str {
    text.get(..200).unwrap_or(text)
}

/// Says that the answer depends on the origin, beside whatever else it depends on.
fn vary_on_origin(headers: &mut HeaderMap) {
    if !headers.contains_key(VARY) || !is_said_to_vary(headers) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

fn is_said_to_vary(headers: &HeaderMap) -> bool {
    let names = headers.get_all(VARY).iter();
    let mut names = names.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.any(|name| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(b"origin")
    })
}

#[cfg(test)]
mod tests;
