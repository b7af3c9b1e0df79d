//! Subcommands for whoever runs the service: a token signed with its own secret, an API key, the hash of a password.

use crate::{
    api_keys, basic,
    issuer::{Issuer, Keys},
    key::Key,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::{code, prelude::*};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    io::Read as _,
    time::{Duration, SystemTime},
};

/// The longest password, in bytes.
const MAX_PASSWORD: u64 = 512;

const TOKEN_USAGE: &str = "token --sub NAME [--scope SCOPE].. [--role ROLE].. [--ttl 1h]";

/// What a token is to say.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    subject: String,
    scopes: Vec<String>,
    roles: Vec<String>,
    lives: Duration,
}

/// `token`: prints a token, if there is a secret to sign it with.
pub(crate) fn token(issuers: &[Issuer], arguments: &[String]) -> Result<String> {
    let wanted = Wanted::read(arguments)?;
    let found = issuers.iter().find_map(|issuer| match &issuer.keys {
        Keys::One { kid, key } if matches!(key, Key::Secret(_)) => Some((issuer, kid, key)),
        _ => None,
    });
    let Some((issuer, kid, key)) = found else {
        let message = "there is no secret here that a token could be signed with";
        return Err(Error::msg(message)
            .with_help("whoever has the private key signs tokens: ask there for one"));
    };
    let mut header = json!({"alg": issuer.algorithm.as_str(), "typ": "JWT"});
    if let Some(kid) = kid {
        header["kid"] = kid.clone().into();
    }
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    let mut claims = Map::new();
    let mut claim = |name: &str, value: Value| _ = claims.insert(name.to_owned(), value);
    if let Some(name) = &issuer.rules.issuer {
        claim("iss", name.clone().into());
    }
    match &issuer.rules.audience[..] {
        [] => {}
        [one, ..] => claim("aud", one.clone().into()),
    }
    claim("sub", wanted.subject.into());
    claim("iat", now.into());
    claim("exp", (now + wanted.lives.as_secs()).into());
    if !wanted.scopes.is_empty() {
        claim("scope", wanted.scopes.join(" ").into());
    }
    if !wanted.roles.is_empty() {
        claim("roles", wanted.roles.into());
    }
    let part = |json: String| URL_SAFE_NO_PAD.encode(json);
    let signed = format!(
        "{}.{}",
        part(header.to_string()),
        part(Value::Object(claims).to_string())
    );
    let signature = key.sign(signed.as_bytes()).context("the key can't sign")?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// `api-key`: a new key, and what the configuration has to say of it.
pub(crate) fn api_key(arguments: &[String]) -> Result<String> {
    none(arguments, "api-key")?;
    let (key, hash) = api_keys::make()?;
    Ok(format!("key:    {key}\nsha256: {hash}"))
}

/// `password-hash`: reads a password, and says its hash.
pub(crate) fn password_hash(arguments: &[String]) -> Result<String> {
    none(arguments, "password-hash < FILE")?;
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_PASSWORD + 3)
        .read_to_string(&mut password)?;
    let password = password.trim_end_matches(['\n', '\r']);
    if password.is_empty() || password.len() as u64 > MAX_PASSWORD {
        let message =
            format!("a password of 1 to {MAX_PASSWORD} bytes is read from the standard input");
        return Err(Error::new(code::UNPROCESSABLE, message));
    }
    basic::hash(password)
}

fn none(arguments: &[String], usage: &str) -> Result<()> {
    match arguments.is_empty() {
        true => Ok(()),
        false => Err(misused("there are no arguments", usage)),
    }
}

fn misused(why: impl Into<String>, usage: &str) -> Error {
    Error::new(code::UNPROCESSABLE, why).with_help(format!("write `{usage}`"))
}

#[derive(Deserialize)]
struct Time {
    #[serde(with = "units::Time")]
    time: Duration,
}

impl Wanted {
    fn read(arguments: &[String]) -> Result<Self> {
        let wrong = |why: String| misused(why, TOKEN_USAGE);
        let mut wanted = Self {
            subject: String::new(),
            scopes: Vec::new(),
            roles: Vec::new(),
            lives: Duration::from_secs(60 * 60),
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if !matches!(name, "--sub" | "--scope" | "--role" | "--ttl") {
                return Err(wrong(format!("`{name}` is not known")));
            }
            let value = value.or_else(|| rest.next().cloned());
            let value = value.ok_or_else(|| wrong(format!("`{name}` has no value")))?;
            match name {
                "--sub" => wanted.subject = value,
                "--scope" => wanted
                    .scopes
                    .extend(value.split_whitespace().map(str::to_owned)),
                "--role" => wanted.roles.push(value),
                _ => {
                    let time = serde_json::from_value(json!({ "time": value }));
                    let Time { time } = time.map_err(|error| wrong(format!("`--ttl`: {error}")))?;
                    wanted.lives = time;
                }
            }
        }
        match wanted.subject.trim().is_empty() {
            true => Err(wrong("`--sub` is missing: whose token it is".to_owned())),
            false => Ok(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::JwtAuthenticationConfig, issuer, token::Token};

    fn read(arguments: &str) -> Result<Wanted, String> {
        let arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        Wanted::read(&arguments).map_err(|error| error.report())
    }

    fn issuers(settings: Value) -> Vec<Issuer> {
        let all: JwtAuthenticationConfig = serde_json::from_value(settings).unwrap();
        let one = all.one_key();
        let issuers = one.iter().chain(&all.issuers);
        issuers.map(|of| Issuer::new(of, &all).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_token_that_is_made_is_accepted() {
        let secret = "s".repeat(32);
        let arguments = [
            "--sub".to_owned(),
            "ada".to_owned(),
            "--scope=a b".to_owned(),
        ];
        for settings in [
            json!({ "jwt_secret": secret }),
            json!({"jwt_secret": secret, "issuer": "me", "audience": ["orders", "shop"]}),
            json!({"max_age": "1m", "issuers": [
                {"issuer": "me", "algorithm": "HS256", "secret": secret, "key_id": "one", "audience": ["a"]},
            ]}),
        ] {
            let issuers = issuers(settings);
            let text = super::token(&issuers, &arguments).unwrap();
            let token = Token::parse(&text).unwrap();
            let now = token.claims["iat"].as_f64().unwrap();
            assert_eq!(issuer::check(&issuers, &token, now + 30.0).await, Ok(()));
            assert!(
                issuer::check(&issuers, &token, now + 3_700.0)
                    .await
                    .is_err()
            );
            let caller = crate::claims::principal(token.claims).unwrap();
            assert!(caller.subject == "ada" && caller.has_scope("a") && caller.has_scope("b"));
        }
    }

    #[test]
    fn without_a_secret_nobody_can_sign() {
        let arguments = ["--sub=ada".to_owned()];
        let error = super::token(&issuers(json!({})), &arguments).unwrap_err();
        assert!(error.report().contains("no secret"), "{}", error.report());
    }

    #[test]
    fn arguments_may_have_either_form() {
        let wanted = read("--sub=ada --scope a --scope b --role=staff --ttl 5m").unwrap();
        assert_eq!(wanted.subject, "ada");
        assert_eq!(
            (&*wanted.scopes, &*wanted.roles),
            (
                &["a".to_owned(), "b".to_owned()][..],
                &["staff".to_owned()][..]
            )
        );
        assert_eq!(wanted.lives, Duration::from_secs(300));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (arguments, named) in [
            ("--scope a", "--sub"),
            ("--sub", "no value"),
            ("--sub a --aud b", "`--aud`"),
            ("ada", "`ada`"),
            ("--sub a --ttl 5", "--ttl"),
        ] {
            let told = read(arguments).unwrap_err();
            assert!(
                told.contains(named) && told.contains("token --sub NAME"),
                "{told}"
            );
        }
    }
}
