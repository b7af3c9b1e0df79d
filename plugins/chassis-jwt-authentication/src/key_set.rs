//! A JWK Set (RFC 7517), as far as it is for one algorithm.

use crate::{
    key::{Algorithm, Key},
    strict,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// More than any issuer has at one time.
const MOST_KEYS: usize = 100;

/// The keys of an issuer, by their names.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    by_kid: HashMap<String, Key>,
    nameless: Vec<Key>,
    /// How many stand there that are not used: for other purposes, or of forms that are not known.
    pub(crate) skipped: usize,
}

impl KeySet {
    /// Reads a set; what is not for this algorithm is passed over.
    pub(crate) fn parse(json: &[u8], algorithm: Algorithm) -> Result<Self, String> {
        let set = strict::object(json).ok_or("it is no JSON object without doubled keys")?;
        let Some(Value::Array(all)) = set.get("keys") else {
            return Err("it has no list `keys`".to_owned());
        };
        if all.len() > MOST_KEYS {
            return Err(format!("it has more than {MOST_KEYS} keys"));
        }
        let mut read = Self::default();
        for key in all {
            let key = key
                .as_object()
                .and_then(|of| Some((of, key_of(of, algorithm)?)));
            let Some((of, key)) = key else {
                read.skipped += 1;
                continue;
            };
            match of.get("kid") {
                None => read.nameless.push(key),
                // Which of two is meant, nobody could know.
                Some(Value::String(kid)) if !read.by_kid.contains_key(kid) => {
                    read.by_kid.insert(kid.clone(), key);
                }
                Some(_) => read.skipped += 1,
            }
        }
        match read.len() {
            0 => Err(format!("none of its {} keys is for {algorithm}", all.len())),
            _ => Ok(read),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_kid.len() + self.nameless.len()
    }

    /// The key of this name. Where there is one key, a token need not name it.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match kid {
            Some(kid) => self.by_kid.get(kid),
            None if self.len() == 1 => self.by_kid.values().chain(&self.nameless).next(),
            None => None,
        }
    }
}

/// A key, if it is for checking signatures of this algorithm.
fn key_of(of: &Map<String, Value>, algorithm: Algorithm) -> Option<Key> {
    let text = |name: &str| of.get(name).and_then(Value::as_str);
    let is_or_absent = |name: &str, wanted: &str| match of.get(name) {
        None => true,
        Some(value) => value == wanted,
    };
    let may_verify = match of.get("key_ops") {
        None => true,
        Some(Value::Array(uses)) => uses.iter().any(|one| one == "verify"),
        Some(_) => false,
    };
    // With `d` it is a private key: whoever publishes it has none any more.
    if !is_or_absent("alg", algorithm.as_str())
        || !is_or_absent("use", "sig")
        || !may_verify
        || of.contains_key("d")
    {
        return None;
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    let key = match (algorithm, text("kty")?) {
        (Algorithm::RS256, "RSA") => Key::rsa(&bytes("n")?, &bytes("e")?),
        (Algorithm::ES256, "EC") if text("crv")? == "P-256" => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            Key::public(algorithm, &[&[4], &*x, &*y].concat())
        }
        (Algorithm::EdDSA, "OKP") if text("crv")? == "Ed25519" => {
            let x = bytes("x")?;
            // A longer one would be read as something else.
            if x.len() != 32 {
                return None;
            }
            Key::public(algorithm, &x)
        }
        _ => return None,
    };
    key.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ed(change: &Value) -> Value {
        let mut key = json!({
            "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        });
        let all = change.as_object().unwrap().clone();
        key.as_object_mut().unwrap().extend(all);
        key
    }

    fn parse(keys: &[Value]) -> Result<KeySet, String> {
        KeySet::parse(
            json!({ "keys": keys }).to_string().as_bytes(),
            Algorithm::EdDSA,
        )
    }

    #[test]
    fn a_key_is_found_by_its_name() {
        let set = parse(&[
            ed(&json!({"kid": "a", "use": "sig"})),
            ed(&json!({"kid": "b"})),
        ])
        .unwrap();
        assert!(set.find(Some("a")).is_some() && set.find(Some("b")).is_some());
        assert!(set.find(Some("c")).is_none() && set.find(None).is_none());
        let one = parse(&[ed(&json!({}))]).unwrap();
        assert!(one.find(None).is_some() && one.find(Some("a")).is_none());
    }

    #[test]
    fn what_is_for_something_else_is_passed_over() {
        let others = [
            ed(&json!({"use": "enc"})),
            ed(&json!({"alg": "ES256"})),
            ed(&json!({"alg": 7})),
            ed(&json!({"key_ops": ["sign"]})),
            ed(&json!({"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"})),
            ed(&json!({"crv": "X25519"})),
            ed(&json!({"x": "AAAA"})),
            ed(&json!({"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="})),
            ed(&json!({"kid": 7})),
            json!({"kty": "oct", "k": "c2VjcmV0"}),
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
            json!("a key"),
        ];
        for other in &others {
            assert!(parse(std::slice::from_ref(other)).is_err(), "{other}");
        }
        let mut all = others.to_vec();
        all.extend([ed(&json!({"kid": "a"})), ed(&json!({"kid": "a"}))]);
        let set = parse(&all).unwrap();
        assert_eq!((set.len(), set.skipped), (1, 13));
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"keys":{}}"#,
            r#"{"keys":[]}"#,
            r#"{"keys":[],"keys":[]}"#,
        ] {
            assert!(
                KeySet::parse(wrong.as_bytes(), Algorithm::EdDSA).is_err(),
                "{wrong}"
            );
        }
        assert!(parse(&vec![ed(&json!({})); MOST_KEYS + 1]).is_err());
    }
}
