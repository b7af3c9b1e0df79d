//! What is wrong with settings that their types allow.

use crate::{config::JwtAuthenticationConfig, issuer::Issuer};
use chassis::prelude::*;
use std::{collections::HashSet, time::Duration};

const MAKE_SECRET: &str =
    "`openssl rand -base64 48` makes one; keep it in a file: `${file:/run/secrets/jwt}`";

const MAKE_KEY: &str =
    "give it a `public_key` in PEM, a `jwks_url`, or a `secret` of 32 bytes or more";

/// More than any service needs.
const MOST_ISSUERS: usize = 32;

impl JwtAuthenticationConfig {
    /// Says what is wrong.
    pub(crate) fn validate(&self, found: &mut Violations) {
        self.validate_keys(found);
        self.validate_times(found);
        if self.realm.is_empty()
            || !self
                .realm
                .bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b' ')
            || self.realm.contains(['"', '\\'])
        {
            found
                .refuse("realm", "it can't stand in a header")
                .with_help("write letters, digits and hyphens");
        }
        self.api_keys.validate(found);
        self.basic.validate(found);
    }

    fn validate_keys(&self, found: &mut Violations) {
        let is_empty = self.jwt_secret.is_none() && self.issuers.is_empty();
        if is_empty && self.api_keys.keys.is_empty() && self.basic.users.is_empty() {
            found
                .miss(
                    "jwt_secret",
                    "there is nothing that callers could be known by",
                )
                .with_help(format!(
                    "give a secret, or `issuers`, `api_keys` or `basic`: {MAKE_SECRET}"
                ));
        }
        if let Some(Err(why)) = self.one_key().map(|key| Issuer::new(&key, self)) {
            found.refuse("jwt_secret", why).with_help(MAKE_SECRET);
        }
        if self.issuers.len() > MOST_ISSUERS {
            let message = format!("there are more than {MOST_ISSUERS}");
            found.refuse("issuers", message);
            return;
        }
        let mut names: HashSet<(&str, Option<&str>)> = HashSet::new();
        let one = self.jwt_secret.as_ref().and(self.issuer.as_deref());
        names.extend(one.map(|issuer| (issuer, None)));
        for (number, issuer) in (1..).zip(&self.issuers) {
            let name = &issuer.issuer;
            let mut refuse = |why: &str, help: &str| {
                let why = format!("number {number}, `{name}`: {why}");
                found.refuse("issuers", why).with_help(help);
            };
            if let Err(why) = Issuer::new(issuer, self) {
                refuse(&why, MAKE_KEY);
            }
            if name.is_empty() {
                refuse("its name is empty", "write the `iss` of its tokens");
            }
            if issuer
                .audience
                .as_ref()
                .unwrap_or(&self.audience)
                .is_empty()
            {
                refuse(
                    "no `audience` says who the service is, so tokens for others would do as well",
                    "write `audience: [orders]`",
                );
            }
            let kid = issuer.key_id.as_deref();
            let stands_alone = |of: Option<&str>| names.contains(&(name.as_str(), of));
            let clashes = match kid {
                None => names.iter().any(|(known, _)| known == name),
                Some(_) => stands_alone(kid) || stands_alone(None),
            };
            if clashes {
                refuse(
                    "it stands there already",
                    "give each of its keys a `key_id` of its own",
                );
            }
            names.insert((name, kid));
        }
    }

    fn validate_times(&self, found: &mut Violations) {
        let mut most = |path: &str, time: Duration, most: Duration, shown: &str| {
            if time > most {
                found.refuse(path, format!("it is more than {shown}"));
            }
        };
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        most("leeway", self.leeway, minutes(10), "10m");
        most(
            "jwks.timeout",
            self.jwks.timeout,
            Duration::from_secs(30),
            "30s",
        );
        most("jwks.refresh", self.jwks.refresh, minutes(24 * 60), "24h");
        if self.jwks.timeout.is_zero() || self.jwks.refresh.is_zero() {
            found.refuse("jwks", "a time in it is zero");
        }
        if self.jwks.max_stale < self.jwks.refresh {
            found
                .refuse("jwks.max_stale", "it is less than `refresh`")
                .with_help("write at least as much: between two fetches the keys have to count");
        }
    }
}
