//! Whoever signs tokens, and with what.

use crate::{
    claims::Rules,
    config::{IssuerConfig, JwtAuthenticationConfig},
    jwks::{Jwks, Missed},
    jwks_url,
    key::{Algorithm, Key},
    refused::Refused,
    token::Token,
};
use chassis::prelude::*;

/// Somebody who signs tokens.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) algorithm: Algorithm,
    pub(crate) rules: Rules,
    pub(crate) keys: Keys,
}

/// Where its keys are.
#[derive(Debug)]
pub(crate) enum Keys {
    One { kid: Option<String>, key: Key },
    Set(Arc<Jwks>),
}

/// Who a token is from, or why not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    Refused(Refused),
    /// Nobody can say now: the keys are not there.
    Unavailable,
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Issuer {
    /// From its settings, or what is wrong with them. Nothing is fetched.
    pub(crate) fn new(of: &IssuerConfig, all: &JwtAuthenticationConfig) -> Result<Self, String> {
        let kid = of.key_id.clone();
        let keys = match (&of.secret, &of.public_key, &of.jwks_url) {
            (Some(secret), None, None) => {
                if of.algorithm != Algorithm::HS256 {
                    return Err(format!(
                        "a secret is for HS256, and not for {}",
                        of.algorithm
                    ));
                }
                let key = Key::secret(secret.expose())?;
                Keys::One { kid, key }
            }
            (None, Some(pem), None) => {
                let key = Key::pem(of.algorithm, pem)?;
                Keys::One { kid, key }
            }
            (None, None, Some(url)) => {
                if of.algorithm == Algorithm::HS256 {
                    return Err("a set of public keys can't be for HS256".to_owned());
                }
                if kid.is_some() {
                    return Err("`key_id` is for one key; a set names its own".to_owned());
                }
                let url = jwks_url::check(url)?;
                Keys::Set(Jwks::new(of, all, url))
            }
            _ => return Err("it needs one of `secret`, `public_key` and `jwks_url`".to_owned()),
        };
        if of.jwks_ca.is_some() && of.jwks_url.is_none() {
            return Err("`jwks_ca` is for `jwks_url`".to_owned());
        }
        Ok(Self {
            algorithm: of.algorithm,
            rules: Rules {
                issuer: Some(of.issuer.clone()).filter(|name| !name.is_empty()),
                audience: of.audience.clone().unwrap_or_else(|| all.audience.clone()),
                leeway: all.leeway,
                max_age: all.max_age,
            },
            keys,
        })
    }

    /// Whether a token that names this issuer and key may be its.
    fn is_of(&self, issuer: Option<&str>, kid: Option<&str>) -> bool {
        let of_issuer = self.rules.issuer.is_none() || self.rules.issuer.as_deref() == issuer;
        let of_key = match &self.keys {
            Keys::One { kid: Some(own), .. } => kid == Some(own),
            Keys::One { kid: None, .. } | Keys::Set(_) => true,
        };
        of_issuer && of_key
    }

    /// Whether its key has signed the token.
    async fn has_signed(&self, token: &Token<'_>) -> Result<bool, Failed> {
        let (signed, signature) = (token.signed.as_bytes(), &token.signature);
        match &self.keys {
            Keys::One { key, .. } => Ok(key.has_signed(signed, signature)),
            Keys::Set(set) => {
                let keys = set.with(token.kid.as_deref()).await;
                let keys = keys.map_err(|missed| match missed {
                    Missed::Unknown => Failed::Refused(Refused::Key),
                    Missed::NoKeys => Failed::Unavailable,
                })?;
                let key = keys.find(token.kid.as_deref()).ok_or(Refused::Key)?;
                Ok(key.has_signed(signed, signature))
            }
        }
    }
}

/// Finds who a token is from, and whether all is right with it, at this time: seconds since 1970.
pub(crate) async fn check(issuers: &[Issuer], token: &Token<'_>, now: f64) -> Result<(), Failed> {
    let named = token.claims.get("iss").and_then(|name| name.as_str());
    let kid = token.kid.as_deref();
    // Those that name themselves come first: the short form may stand for all others.
    let by_name = |issuer: &&Issuer| issuer.rules.issuer.is_some() && issuer.is_of(named, kid);
    let is_known = |issuer: &Issuer| named.is_some() && issuer.rules.issuer.as_deref() == named;
    let found = issuers.iter().find(by_name);
    let found = match found {
        Some(found) => found,
        None if issuers.iter().any(is_known) => return Err(Refused::Key.into()),
        None => {
            let mut anybody = issuers
                .iter()
                .filter(|issuer| issuer.rules.issuer.is_none());
            anybody.next().ok_or(Refused::Issuer)?
        }
    };
    // The key says how it is used. What the token says may only agree.
    if token.algorithm != found.algorithm.as_str() {
        return Err(Refused::Algorithm.into());
    }
    if !found.has_signed(token).await? {
        return Err(Refused::Signature.into());
    }
    found.rules.check(&token.claims, now)?;
    Ok(())
}
