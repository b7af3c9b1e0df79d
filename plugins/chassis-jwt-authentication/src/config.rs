//! What can be set.

use crate::{api_keys::ApiKeysConfig, basic::BasicConfig, key::Algorithm};
use chassis::{RoutePattern, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// What can be set under `plugins.jwt-authentication.config`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JwtAuthenticationConfig {
    /// The one key, where one is enough: for HS256 a secret of 32 bytes or more, for others a public key in PEM. `${file:..}`
    /// keeps it out of the configuration.
    pub jwt_secret: Option<Secret>,
    /// The algorithm of `jwt_secret`.
    pub jwt_algorithm: Algorithm,
    /// The `iss` of tokens that are signed with `jwt_secret`; without it they may have any.
    pub issuer: Option<String>,
    /// Who the service is: one of these is in `aud` of each token. An issuer may have its own.
    pub audience: Vec<String>,
    /// Who else signs tokens.
    pub issuers: Vec<IssuerConfig>,
    /// How far clocks may be apart, at most 10m.
    #[serde(with = "units::Time")]
    pub leeway: Duration,
    /// How long ago a token may have been issued (`iat`), whatever it says itself.
    #[serde(with = "units::Time")]
    pub max_age: Option<Duration>,
    /// Routes that are for everybody: `/products`, `GET /orders/{id}`, all below `/assets/**`. All others that do not say who may
    /// call them are for callers who are known.
    pub public: Vec<RoutePattern>,
    /// What `WWW-Authenticate` calls the service.
    pub realm: String,
    /// How sets of keys (`jwks_url`) are kept.
    pub jwks: JwksConfig,
    /// Keys of programs, in a header.
    pub api_keys: ApiKeysConfig,
    /// Users with passwords: `Authorization: Basic ..`.
    pub basic: BasicConfig,
}

impl Default for JwtAuthenticationConfig {
    fn default() -> Self {
        Self {
            jwt_secret: None,
            jwt_algorithm: Algorithm::HS256,
            issuer: None,
            audience: Vec::new(),
            issuers: Vec::new(),
            leeway: Duration::from_secs(60),
            max_age: None,
            public: Vec::new(),
            realm: "service".to_owned(),
            jwks: JwksConfig::default(),
            api_keys: ApiKeysConfig::default(),
            basic: BasicConfig::default(),
        }
    }
}

/// Somebody who signs tokens, with one of `secret`, `public_key` and `jwks_url`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The one algorithm of its tokens.
    pub algorithm: Algorithm,
    /// The secret, for HS256: 32 bytes or more.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// The public key, in PEM.
    #[serde(default)]
    pub public_key: Option<String>,
    /// Where its public keys are, as a JWK Set; `https`, or on this machine.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// A file in PEM with the certificates to trust at `jwks_url`, in place of those of the system.
    #[serde(default)]
    pub jwks_ca: Option<PathBuf>,
    /// The `kid` that tokens with this `secret` or `public_key` have to name. With it, one issuer may have several keys.
    #[serde(default)]
    pub key_id: Option<String>,
    /// In place of `audience` of all.
    #[serde(default)]
    pub audience: Option<Vec<String>>,
}

/// How sets of keys are kept.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JwksConfig {
    /// How often they are fetched.
    #[serde(with = "units::Time")]
    pub refresh: Duration,
    /// How long keys count that can't be fetched again; then tokens of that issuer are answered with 503.
    #[serde(with = "units::Time")]
    pub max_stale: Duration,
    /// How long one fetch may take, at most 30s.
    #[serde(with = "units::Time")]
    pub timeout: Duration,
}

impl Default for JwksConfig {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(10 * 60),
            max_stale: Duration::from_secs(24 * 60 * 60),
            timeout: Duration::from_secs(3),
        }
    }
}

impl JwtAuthenticationConfig {
    /// The short form, as what it is short for.
    pub(crate) fn one_key(&self) -> Option<IssuerConfig> {
        let secret = self.jwt_secret.clone()?;
        let is_secret = self.jwt_algorithm == Algorithm::HS256;
        Some(IssuerConfig {
            issuer: self.issuer.clone().unwrap_or_default(),
            algorithm: self.jwt_algorithm,
            public_key: (!is_secret).then(|| secret.expose().clone()),
            secret: is_secret.then_some(secret),
            jwks_url: None,
            jwks_ca: None,
            key_id: None,
            audience: None,
        })
    }
}
