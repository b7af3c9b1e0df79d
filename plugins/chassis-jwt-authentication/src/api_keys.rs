//! Keys of programs: long random texts in a header, of which only the hash is known here.

use crate::refused::Refused;
use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{self, SHA256},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::{AuthQuestion, prelude::*};
use http::HeaderName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeSet, fmt::Write as _};

/// Which programs are known.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApiKeysConfig {
    /// The header that carries a key.
    pub header: String,
    /// The keys that are known, at most 1,000.
    pub keys: Vec<ApiKeyConfig>,
}

/// A key that is known. `api-key` makes one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyConfig {
    /// Whose it is: the subject of the principal.
    pub name: String,
    /// The SHA-256 of the key, in 64 hexadecimal digits.
    pub sha256: String,
    /// What it may do.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// What it is.
    #[serde(default)]
    pub roles: BTreeSet<String>,
}

impl Default for ApiKeysConfig {
    fn default() -> Self {
        Self {
            header: "X-API-Key".to_owned(),
            keys: Vec::new(),
        }
    }
}

/// Each of them is compared with each that is sent.
const MOST_KEYS: usize = 1_000;

/// What is shorter could be guessed, and a hash without salt is enough only for what can't.
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 32..=512;

impl ApiKeysConfig {
    pub(crate) fn validate(&self, found: &mut Violations) {
        if self.header.parse::<HeaderName>().is_err() {
            found
                .refuse(
                    "api_keys.header",
                    format!("`{}` is no header name", self.header),
                )
                .with_help("write letters, digits and hyphens, such as `X-API-Key`");
        }
        if self.keys.len() > MOST_KEYS {
            found.refuse("api_keys.keys", format!("there are more than {MOST_KEYS}"));
        }
        let mut hashes = BTreeSet::new();
        for (number, key) in (1..).zip(&self.keys) {
            let why = match hash_of(&key.sha256) {
                _ if key.name.trim().is_empty() => "its name is empty",
                None => "`sha256` is not 64 hexadecimal digits",
                Some(hash) if !hashes.insert(hash) => "the key stands there already",
                Some(_) => continue,
            };
            found
                .refuse("api_keys.keys", format!("number {number}: {why}"))
                .with_help("the subcommand `api-key` makes a key, and says its hash");
        }
    }
}

/// The keys that are known.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    header: HeaderName,
    known: Vec<([u8; 32], Principal)>,
}

impl ApiKeys {
    pub(crate) fn new(config: ApiKeysConfig) -> Result<Self> {
        let known = config.keys.into_iter().map(|key| {
            let hash = hash_of(&key.sha256).context("`sha256` is not 64 hexadecimal digits")?;
            let mut principal = Principal::new(key.name);
            principal.scopes = key.scopes;
            principal.roles = key.roles;
            Ok((hash, principal))
        });
        Ok(Self {
            header: config.header.parse()?,
            known: known.collect::<Result<_>>()?,
        })
    }

    /// Whose key it is that a request carries; `None` if it carries none, or none could be known.
    pub(crate) fn find(&self, question: &AuthQuestion) -> Option<Result<Principal, Refused>> {
        let mut sent = question.headers.get_all(&self.header).iter();
        let key = sent.next().filter(|_| !self.known.is_empty())?;
        if sent.next().is_some() {
            return Some(Err(Refused::Malformed));
        }
        if !KEY_LENGTH.contains(&key.as_bytes().len()) {
            return Some(Err(Refused::Unknown));
        }
        let hash = digest::digest(&SHA256, key.as_bytes());
        // All are compared, and each to its end.
        let mut found = None;
        for (known, principal) in &self.known {
            if verify_slices_are_equal(known, hash.as_ref()).is_ok() {
                found = Some(principal);
            }
        }
        Some(found.cloned().ok_or(Refused::Unknown))
    }
}

fn hash_of(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// A new key, and its hash.
pub(crate) fn make() -> Result<(String, String)> {
    let mut random = [0; 32];
    rand::fill(&mut random).map_err(|_| Error::msg("the system gives no random numbers"))?;
    let key = URL_SAFE_NO_PAD.encode(random);
    let mut hex = String::new();
    for byte in digest::digest(&SHA256, key.as_bytes()).as_ref() {
        _ = write!(hex, "{byte:02x}");
    }
    Ok((key, hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_known_by_the_hash_that_is_said() {
        let (key, hash) = make().unwrap();
        assert!(KEY_LENGTH.contains(&key.len()) && key != make().unwrap().0);
        let known = digest::digest(&SHA256, key.as_bytes());
        assert_eq!(hash_of(&hash).unwrap(), known.as_ref());
        for wrong in [
            "",
            &hash[1..],
            &format!("{hash}0"),
            &hash.replace(|c: char| c.is_ascii_digit(), "g"),
            &format!("+{}", &hash[1..]),
        ] {
            assert_eq!(hash_of(wrong), None, "{wrong}");
        }
    }
}
