//! What can be set: for all routes, and over that for some.

use crate::{Line, MaxAge};
use chassis::{RoutePattern, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// What can be set under `plugins.security-headers.config`. A header that is `off` is not written.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityHeadersConfig {
    /// Whether browsers must not guess the type of what they get: `X-Content-Type-Options: nosniff`.
    pub nosniff: bool,
    /// Who may show an answer in a frame: `X-Frame-Options`.
    #[schemars(extend("enum" = ["DENY", "SAMEORIGIN", "off"]))]
    pub frame_options: Line,
    /// What other sites are told of where somebody comes from: `Referrer-Policy`.
    #[schemars(extend("enum" = [
        "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
        "strict-origin-when-cross-origin", "unsafe-url", "off",
    ]))]
    pub referrer_policy: Line,
    /// What a page may load and do, and who may frame it: `Content-Security-Policy`. `api` is `default-src 'none'; frame-ancestors
    /// 'none'` on answers that are JSON, and nothing on pages, scripts and images; anything else is on all answers.
    #[schemars(extend("examples" = ["default-src 'self'"]))]
    pub content_security_policy: Line,
    /// Whether a browser that was here by https comes back by https only: `Strict-Transport-Security`.
    pub hsts: HstsConfig,
    /// What a page may use of the browser: `Permissions-Policy`.
    #[schemars(extend("examples" = ["camera=(), geolocation=()"]))]
    pub permissions_policy: Line,
    /// Whether a page shares its window with pages that it opens, or that open it: `Cross-Origin-Opener-Policy`.
    #[schemars(extend("enum" = ["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none", "off"]))]
    pub cross_origin_opener_policy: Line,
    /// Whose pages may show an answer as a part of theirs: `Cross-Origin-Resource-Policy`. Those that `cors` lets in may in any case.
    #[schemars(extend("enum" = ["same-origin", "same-site", "cross-origin", "off"]))]
    pub cross_origin_resource_policy: Line,
    /// Whether a page shows only what allows that: `Cross-Origin-Embedder-Policy`.
    #[schemars(extend("enum" = ["require-corp", "credentialless", "unsafe-none", "off"]))]
    pub cross_origin_embedder_policy: Line,
    /// Headers that are taken off, whoever has set them: they tell what the service is made of.
    #[schemars(length(max = 64))]
    pub remove: Vec<String>,
    /// Further headers, by name.
    pub extra: BTreeMap<String, Line>,
    /// Where it is otherwise. The first that is for the route of a request counts, and no other.
    #[schemars(length(max = 64))]
    pub routes: Vec<RouteHeaders>,
}

impl Default for SecurityHeadersConfig {
    fn default() -> Self {
        Self {
            nosniff: true,
            frame_options: "DENY".into(),
            referrer_policy: "no-referrer".into(),
            content_security_policy: API.into(),
            hsts: HstsConfig::default(),
            permissions_policy: Line::OFF,
            cross_origin_opener_policy: Line::OFF,
            cross_origin_resource_policy: Line::OFF,
            cross_origin_embedder_policy: Line::OFF,
            remove: ["Server", "X-Powered-By"].map(str::to_owned).into(),
            extra: BTreeMap::new(),
            routes: Vec::new(),
        }
    }
}

/// The policy for answers that are no pages.
pub(crate) const API: &str = "api";

/// What becomes of http. It is never said over http itself, and counts for the whole host.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HstsConfig {
    /// Whether it is said at all, where a client has come by https: a proxy of `server.trusted_proxies` says so in
    /// `X-Forwarded-Proto`.
    pub enabled: bool,
    /// How long a browser keeps to it after its last visit. `0s` has it forget that.
    pub max_age: MaxAge,
    /// Whether it is for all subdomains of the host, too.
    pub include_subdomains: bool,
    /// Whether browsers may ship with it (<https://hstspreload.org>). It is hard to take back.
    pub preload: bool,
}

impl Default for HstsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_age: MaxAge::days(365),
            include_subdomains: false,
            preload: false,
        }
    }
}

/// One of `plugins.security-headers.config.routes`: what is not said stays as it is everywhere.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteHeaders {
    /// Which routes it is for: `/docs`, all below `/docs/**`, `GET /docs`. Requests for which there is no route are compared by their
    /// path.
    #[schemars(length(min = 1, max = 256))]
    pub routes: Vec<RoutePattern>,
    /// In place of `nosniff`.
    #[serde(default)]
    pub nosniff: Option<bool>,
    /// In place of `frame_options`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("enum" = ["DENY", "SAMEORIGIN", "off"]))]
    pub frame_options: Option<Line>,
    /// In place of `referrer_policy`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("enum" = [
        "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
        "strict-origin-when-cross-origin", "unsafe-url", "off",
    ]))]
    pub referrer_policy: Option<Line>,
    /// In place of `content_security_policy`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("examples" = ["default-src 'self'"]))]
    pub content_security_policy: Option<Line>,
    /// In place of `permissions_policy`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("examples" = ["camera=(), geolocation=()"]))]
    pub permissions_policy: Option<Line>,
    /// In place of `cross_origin_opener_policy`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("enum" = ["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none", "off"]))]
    pub cross_origin_opener_policy: Option<Line>,
    /// In place of `cross_origin_resource_policy`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("enum" = ["same-origin", "same-site", "cross-origin", "off"]))]
    pub cross_origin_resource_policy: Option<Line>,
    /// In place of `cross_origin_embedder_policy`.
    #[serde(default, deserialize_with = "said")]
    #[schemars(with = "Line", extend("enum" = ["require-corp", "credentialless", "unsafe-none", "off"]))]
    pub cross_origin_embedder_policy: Option<Line>,
    /// Beside those of `extra`, or in their place: one that is `off` is not written here.
    #[serde(default)]
    pub extra: BTreeMap<String, Line>,
}

/// A header of which nothing is said here is another thing than one that is nothing here.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Line>, D::Error> {
    Line::deserialize(from).map(Some)
}

impl RouteHeaders {
    /// What counts here.
    pub(crate) fn over(&self, all: &SecurityHeadersConfig) -> SecurityHeadersConfig {
        let either = |here: &Option<Line>, there: &Line| here.as_ref().unwrap_or(there).clone();
        let mut extra: BTreeMap<String, Line> = BTreeMap::new();
        for (name, line) in all.extra.iter().chain(&self.extra) {
            extra.insert(name.to_ascii_lowercase(), line.clone());
        }
        SecurityHeadersConfig {
            nosniff: self.nosniff.unwrap_or(all.nosniff),
            frame_options: either(&self.frame_options, &all.frame_options),
            referrer_policy: either(&self.referrer_policy, &all.referrer_policy),
            content_security_policy: either(
                &self.content_security_policy,
                &all.content_security_policy,
            ),
            hsts: all.hsts,
            permissions_policy: either(&self.permissions_policy, &all.permissions_policy),
            cross_origin_opener_policy: either(
                &self.cross_origin_opener_policy,
                &all.cross_origin_opener_policy,
            ),
            cross_origin_resource_policy: either(
                &self.cross_origin_resource_policy,
                &all.cross_origin_resource_policy,
            ),
            cross_origin_embedder_policy: either(
                &self.cross_origin_embedder_policy,
                &all.cross_origin_embedder_policy,
            ),
            remove: all.remove.clone(),
            extra,
            routes: Vec::new(),
        }
    }
}
