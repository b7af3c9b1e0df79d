//! What a token claims: whether it is for us, and now, and whose it is. Its signature is right already.

use crate::refused::Refused;
use chassis::prelude::*;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, time::Duration};

/// What the claims of a token have to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// `iss`; without one, anybody who has the key.
    pub(crate) issuer: Option<String>,
    /// One of these is in `aud`; without any, the token has none.
    pub(crate) audience: Vec<String>,
    /// How far clocks may be apart.
    pub(crate) leeway: Duration,
    /// How old a token may be.
    pub(crate) max_age: Option<Duration>,
}

type Claims = Map<String, Value>;

impl Rules {
    /// Whether a token is for us, at this time: seconds since 1970.
    pub(crate) fn check(&self, claims: &Claims, now: f64) -> Result<(), Refused> {
        self.check_times(claims, now)?;
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return Err(Refused::Issuer);
        }
        self.check_audience(claims)
    }

    fn check_times(&self, claims: &Claims, now: f64) -> Result<(), Refused> {
        let leeway = self.leeway.as_secs_f64();
        // One that is never over could be stolen for ever.
        let expires = time(claims, "exp")?.ok_or(Refused::Expired)?;
        if now >= expires + leeway {
            return Err(Refused::Expired);
        }
        let issued = time(claims, "iat")?;
        let begins = time(claims, "nbf")?;
        if [begins, issued]
            .into_iter()
            .flatten()
            .any(|at| now + leeway < at)
        {
            return Err(Refused::NotYet);
        }
        if let Some(max_age) = self.max_age {
            let age = now - issued.ok_or(Refused::TooOld)?;
            if age > max_age.as_secs_f64() + leeway {
                return Err(Refused::TooOld);
            }
        }
        Ok(())
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), Refused> {
        let named = match claims.get("aud") {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(several)) => {
                let several = several.iter().map(Value::as_str);
                several.collect::<Option<_>>().ok_or(Refused::Malformed)?
            }
            Some(_) => return Err(Refused::Malformed),
        };
        // RFC 7519, section 4.1.3: who is not named in it has to refuse it, also if nobody has said who we are.
        let is_ours = match self.audience.is_empty() {
            true => named.is_empty(),
            false => self
                .audience
                .iter()
                .any(|one| named.contains(&one.as_str())),
        };
        match is_ours {
            true => Ok(()),
            false => Err(Refused::Audience),
        }
    }
}

/// A time: seconds since 1970, with or without parts of one.
fn time(claims: &Claims, name: &str) -> Result<Option<f64>, Refused> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value.as_f64().filter(|at| at.is_finite() && *at >= 0.0);
    seconds.map(Some).ok_or(Refused::Malformed)
}

/// Who it is: `sub`, with the scopes of `scope` (RFC 8693) and `scp`, and the roles of `roles`. All else stays a claim.
pub(crate) fn principal(mut claims: Claims) -> Result<Principal, Refused> {
    let subject = match claims.remove("sub") {
        Some(Value::String(subject)) if !subject.trim().is_empty() => subject,
        _ => return Err(Refused::Subject),
    };
    let mut principal = Principal::new(subject);
    for name in ["scope", "scp"] {
        principal.scopes.extend(words(claims.remove(name))?);
    }
    principal.roles = words(claims.remove("roles"))?;
    principal.claims = claims;
    Ok(principal)
}

/// A list, or a text with spaces between.
fn words(value: Option<Value>) -> Result<BTreeSet<String>, Refused> {
    match value {
        None | Some(Value::Null) => Ok(BTreeSet::new()),
        Some(Value::String(text)) => Ok(text.split_ascii_whitespace().map(str::to_owned).collect()),
        Some(Value::Array(list)) => {
            let word = |word: Value| match word {
                Value::String(word) => Ok(word),
                _ => Err(Refused::Subject),
            };
            list.into_iter().map(word).collect()
        }
        Some(_) => Err(Refused::Subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: f64 = 1_000_000.0;

    fn rules() -> Rules {
        Rules {
            issuer: Some("me".to_owned()),
            audience: vec!["orders".to_owned(), "shop".to_owned()],
            leeway: Duration::from_secs(60),
            max_age: Some(Duration::from_secs(3_600)),
        }
    }

    fn check(rules: &Rules, change: &Value) -> Result<(), Refused> {
        let mut claims =
            json!({"iss": "me", "aud": "orders", "exp": NOW + 10.0, "iat": NOW - 10.0});
        let claims = claims.as_object_mut().unwrap();
        for (name, value) in change.as_object().unwrap() {
            match value.is_null() {
                true => _ = claims.remove(name),
                false => _ = claims.insert(name.clone(), value.clone()),
            }
        }
        rules.check(claims, NOW)
    }

    #[test]
    fn times_have_a_leeway() {
        for (change, outcome) in [
            (json!({}), Ok(())),
            (json!({"exp": NOW - 59.5}), Ok(())),
            (json!({"exp": NOW - 60.0}), Err(Refused::Expired)),
            (json!({"exp": null}), Err(Refused::Expired)),
            (json!({"exp": "never"}), Err(Refused::Malformed)),
            (json!({"exp": -1}), Err(Refused::Malformed)),
            (json!({"nbf": NOW + 60.0}), Ok(())),
            (json!({"nbf": NOW + 61.0}), Err(Refused::NotYet)),
            (json!({"iat": NOW + 61.0}), Err(Refused::NotYet)),
            (json!({"iat": NOW - 3_660.0}), Ok(())),
            (json!({"iat": NOW - 3_661.0}), Err(Refused::TooOld)),
            (json!({"iat": null}), Err(Refused::TooOld)),
        ] {
            assert_eq!(check(&rules(), &change), outcome, "{change}");
        }
    }

    #[test]
    fn it_is_for_us_and_from_whom_it_should_be() {
        for (change, outcome) in [
            (json!({"aud": ["other", "shop"]}), Ok(())),
            (json!({"aud": "other"}), Err(Refused::Audience)),
            (json!({"aud": []}), Err(Refused::Audience)),
            (json!({"aud": null}), Err(Refused::Audience)),
            (json!({"aud": ["orders", 7]}), Err(Refused::Malformed)),
            (json!({"iss": "you"}), Err(Refused::Issuer)),
            (json!({"iss": ["me"]}), Err(Refused::Issuer)),
        ] {
            assert_eq!(check(&rules(), &change), outcome, "{change}");
        }
        let nobody = Rules {
            audience: Vec::new(),
            ..rules()
        };
        assert_eq!(check(&nobody, &json!({"aud": null})), Ok(()));
        assert_eq!(check(&nobody, &json!({})), Err(Refused::Audience));
    }

    #[test]
    fn it_says_whose_it_is() {
        let of = |claims: Value| principal(claims.as_object().unwrap().clone());
        let known = of(json!({
            "sub": "ada", "scope": "a b", "scp": ["c"], "roles": ["staff"], "team": 7,
        }));
        let known = known.unwrap();
        assert!(["a", "b", "c"].iter().all(|scope| known.has_scope(scope)));
        assert!(known.has_role("staff") && known.claims["team"] == 7);
        for wrong in [
            json!({}),
            json!({"sub": ""}),
            json!({"sub": 7}),
            json!({"sub": "ada", "scope": 7}),
            json!({"sub": "ada", "scp": [7]}),
            json!({"sub": "ada", "roles": {"a": 1}}),
        ] {
            assert_eq!(of(wrong), Err(Refused::Subject));
        }
    }
}
