//! Who callers are, by JSON Web Tokens, API keys and Basic: the model of a plugin that guards.
//!
//! A plugin that guards stands at `auth.authenticate`. Where this one is linked, a route that does not say who may call it is
//! for callers who are known; `public` names the others. It is required: without it the service does not start, and where it is
//! disabled the door stays shut. Read it from the top: the plugin, its config, its life, its work, its tests.
//!
//! ```
//! use chassis::{Body, axum::http::Request, prelude::*, testing::TestChassis};
//! use chassis_jwt_authentication::JwtAuthentication;
//!
//! /// Greets who asks.
//! #[plugin]
//! async fn whoami(cx: &mut PluginContext) -> Result<()> {
//!     cx.get("/whoami", async |caller: Principal| caller.subject);
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! let app = TestChassis::with::<JwtAuthentication>()
//!     .plugin::<whoami>()
//!     .set("plugins.jwt-authentication.config.jwt_secret", "a secret of at least 32 bytes, only for this")
//!     .start()
//!     .await?;
//! assert_eq!(app.get("/whoami").await.status(), 401);
//!
//! // {"alg":"HS256"}.{"sub":"ada","exp":32503680000}
//! let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEiLCJleHAiOjMyNTAzNjgwMDAwfQ.Fkz5RAX6peU8vYKnyD0pAafRrvLbdNi2Kl1Fh0ZBOno";
//! let request = Request::get("/whoami").header("Authorization", format!("Bearer {token}"));
//! assert_eq!(app.send(request.body(Body::empty())?).await.text(), "ada");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod mint;
mod validate;
mod issuer;
mod jwks;
mod fetch;
mod jwks_url;
mod config;
mod claims;
mod token;
mod key_set;
mod key;
mod strict;
mod api_keys;
mod basic;
mod counts;
mod refused;

pub use crate::{
    api_keys::{ApiKeyConfig, ApiKeysConfig},
    basic::{BasicConfig, UserConfig},
    config::{IssuerConfig, JwksConfig, JwtAuthenticationConfig},
    key::{Algorithm, new_secret},
    refused::Refused,
    token::{MAX_TOKEN, Token},
};

use crate::{
    api_keys::ApiKeys,
    basic::Basic,
    counts::Counts,
    issuer::{Failed, Issuer, Keys},
    jwks::Jwks,
};
use chassis::{AuthQuestion, Authentication, SecurityScheme, code, prelude::*};
use http::header;
use std::time::SystemTime;
use tokio::task::JoinSet;

/// Knows callers by JSON Web Tokens, API keys and Basic, and shuts routes that do not say who may call them.
#[plugin(required)]
#[derive(Debug)]
pub struct JwtAuthentication {
    issuers: Arc<[Issuer]>,
    api_keys: ApiKeys,
    basic: Basic,
    realm: String,
    tokens: Counts,
    keys: Counts,
    passwords: Counts,
}

impl Plugin for JwtAuthentication {
    type Config = JwtAuthenticationConfig;

    const SHUTS_ROUTES: bool = true;

    fn validate(config: &JwtAuthenticationConfig, found: &mut Violations) {
        config.validate(found);
    }

    async fn init(config: JwtAuthenticationConfig, cx: &mut PluginContext) -> Result<Self> {
        let one = config.one_key();
        let issuers = one.iter().chain(&config.issuers);
        let issuers = issuers.map(|issuer| Issuer::new(issuer, &config).map_err(Error::msg));
        let issuers: Arc<[Issuer]> = issuers.collect::<Result<_>>()?;
        open(&issuers, cx).await?;
        cx.open_routes(config.public.iter().cloned());
        describe(&config, cx);
        let signing = Arc::clone(&issuers);
        cx.command(
            "token",
            "Prints a token that is signed with the secret of the service",
            async move |call| {
                println!("{}", mint::token(&signing, call.arguments())?);
                Ok(())
            },
        );
        cx.command(
            "api-key",
            "Makes an API key, and says its hash",
            async |call| {
                println!("{}", mint::api_key(call.arguments())?);
                Ok(())
            },
        );
        cx.command(
            "password-hash",
            "Says the hash of a password",
            async |call| {
                println!("{}", mint::password_hash(call.arguments())?);
                Ok(())
            },
        );
        Ok(Self {
            issuers,
            api_keys: ApiKeys::new(config.api_keys)?,
            basic: Basic::new(config.basic)?,
            realm: config.realm,
            tokens: Counts::new(cx.meter(), "bearer"),
            keys: Counts::new(cx.meter(), "api_key"),
            passwords: Counts::new(cx.meter(), "basic"),
        })
    }
}

/// Says, for the document of the service, how callers can say who they are.
fn describe(config: &JwtAuthenticationConfig, cx: &mut PluginContext) {
    if config.jwt_secret.is_some() || !config.issuers.is_empty() {
        cx.security_scheme("bearer", SecurityScheme::bearer("JWT"));
    }
    if !config.api_keys.keys.is_empty() {
        cx.security_scheme("apiKey", SecurityScheme::api_key(&config.api_keys.header));
    }
    if !config.basic.users.is_empty() {
        cx.security_scheme("basic", SecurityScheme::basic());
    }
}

/// The sets of keys of all issuers.
fn sets(issuers: &[Issuer]) -> impl Iterator<Item = &Arc<Jwks>> {
    issuers.iter().filter_map(|issuer| match &issuer.keys {
        Keys::Set(set) => Some(set),
        Keys::One { .. } => None,
    })
}

/// Fetches all sets of keys at one time, and has them kept.
async fn open(issuers: &[Issuer], cx: &PluginContext) -> Result<()> {
    let mut opening = JoinSet::new();
    for set in sets(issuers) {
        let set = Arc::clone(set);
        opening.spawn(async move { set.open().await });
    }
    while let Some(opened) = opening.join_next().await {
        opened??;
    }
    for set in sets(issuers) {
        cx.background().spawn("jwks", Arc::clone(set).keep());
    }
    Ok(())
}

/// What a request carries in `Authorization`.
enum Sent<'q> {
    Nothing,
    /// Something for somebody else.
    Other,
    This(&'q str),
    Malformed,
}

fn sent<'q>(question: &'q AuthQuestion, scheme: &str) -> Sent<'q> {
    let mut all = question.headers.get_all(header::AUTHORIZATION).iter();
    let value = match (all.next(), all.next()) {
        (None, _) => return Sent::Nothing,
        (Some(value), None) => value,
        // Which of two is meant, a proxy in front may see otherwise.
        (Some(_), Some(_)) => return Sent::Malformed,
    };
    let Ok(value) = value.to_str() else {
        return Sent::Malformed;
    };
    let (named, sent) = value.split_once(' ').unwrap_or((value, ""));
    match named.eq_ignore_ascii_case(scheme) {
        true => Sent::This(sent.trim_matches(' ')),
        false => Sent::Other,
    }
}

#[contributes]
impl JwtAuthentication {
    /// Tokens.
    #[call(points::AUTHENTICATE)]
    async fn bearer(&self, question: &AuthQuestion) -> Result<Option<Authentication>> {
        if self.issuers.is_empty() {
            return Ok(None);
        }
        let checked = match sent(question, "bearer") {
            Sent::Nothing | Sent::Other => {
                let challenge = format!("Bearer realm=\"{}\"", self.realm);
                return Ok(Some(Authentication::missing(challenge)));
            }
            Sent::Malformed => Err(Failed::Refused(Refused::Malformed)),
            Sent::This(token) => self.check(token).await,
        };
        match checked {
            Ok(principal) => {
                self.tokens.accept();
                Ok(Some(principal.into()))
            }
            Err(Failed::Refused(why)) => {
                self.tokens.refuse(why);
                let realm = &self.realm;
                let challenge = format!(
                    "Bearer realm=\"{realm}\", error=\"invalid_token\", error_description=\"{why}\""
                );
                Ok(Some(Authentication::refused(challenge)))
            }
            Err(Failed::Unavailable) => {
                self.tokens.fail();
                let message =
                    "the keys of the issuer are not there, so nobody can say who the caller is";
                Err(Error::new(code::AUTH_UNAVAILABLE, message))
            }
        }
    }

    /// Keys of programs.
    #[call(points::AUTHENTICATE)]
    async fn api_key(&self, question: &AuthQuestion) -> Option<Authentication> {
        Some(match self.api_keys.find(question)? {
            Ok(principal) => {
                self.keys.accept();
                principal.into()
            }
            Err(why) => {
                self.keys.refuse(why);
                Authentication::refused(format!("ApiKey realm=\"{}\"", self.realm))
            }
        })
    }

    /// Users with passwords.
    #[call(points::AUTHENTICATE)]
    async fn basic(&self, question: &AuthQuestion) -> Result<Option<Authentication>> {
        if self.basic.is_empty() {
            return Ok(None);
        }
        let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", self.realm);
        let found = match sent(question, "basic") {
            Sent::Nothing | Sent::Other => return Ok(Some(Authentication::missing(challenge))),
            Sent::Malformed => Ok(Err(Refused::Malformed)),
            Sent::This(sent) => self.basic.find(sent).await,
        };
        Ok(Some(match found {
            Ok(Ok(principal)) => {
                self.passwords.accept();
                principal.into()
            }
            Ok(Err(why)) => {
                self.passwords.refuse(why);
                Authentication::refused(challenge)
            }
            Err(error) => {
                self.passwords.fail();
                return Err(error);
            }
        }))
    }

    /// Whether the keys of all issuers are there, and how old they are.
    #[health]
    async fn jwks(&self) -> Health {
        let seen: Vec<_> = sets(&self.issuers)
            .map(|set| (&set.issuer, set.seen()))
            .collect();
        let lost = seen.iter().filter(|(_, seen)| !seen.is_usable).count();
        let failing = seen.iter().filter(|(_, seen)| seen.error.is_some()).count();
        let health = if lost > 0 && lost == self.issuers.len() {
            Health::down("there are no keys that tokens could be checked with")
        } else if lost > 0 {
            Health::degraded(format!("the keys of {lost} issuers are not there"))
        } else if failing > 0 {
            Health::degraded(format!(
                "the keys of {failing} issuers can't be fetched again"
            ))
        } else {
            Health::up()
        };
        seen.into_iter().fold(health, |health, (issuer, seen)| {
            let detail = serde_json::json!({
                "keys": seen.keys,
                "skipped": seen.skipped,
                "age_s": seen.age.map(|age| age.as_secs()),
                "error": seen.error.as_deref(),
            });
            health.with(issuer, detail)
        })
    }

    /// How old the keys are.
    #[provide(points::METRICS_COLLECT)]
    async fn ages(&self) -> Result<Vec<MetricSample>> {
        let age = |set: &Arc<Jwks>| {
            let age = set.seen().age?.as_secs_f64();
            let sample = MetricSample::gauge("jwt_authentication.jwks_age", age).unit("seconds");
            let sample = sample.help("How long ago the keys of an issuer were fetched.");
            Some(sample.label("issuer", &set.issuer))
        };
        Ok(sets(&self.issuers).filter_map(age).collect())
    }
}

impl JwtAuthentication {
    async fn check(&self, text: &str) -> Result<Principal, Failed> {
        let token = Token::parse(text)?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A clock before 1970 is so wrong that no token is of now.
        let now = now.map_err(|_| Refused::NotYet)?.as_secs_f64();
        issuer::check(&self.issuers, &token, now).await?;
        Ok(claims::principal(token.claims)?)
    }
}
