//! A JSON Web Token in its compact form, taken apart. Nothing of it is believed yet.

use crate::{refused::Refused, strict};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// The longest token, in bytes. All headers of a request may be hardly longer.
pub const MAX_TOKEN: usize = 8 << 10;

/// The longest `kid`, in bytes.
const MAX_KID: usize = 256;

/// A token that has the form of one.
#[derive(Clone, Debug)]
pub struct Token<'t> {
    /// `alg`. It is compared with that of the key, and chooses nothing.
    pub algorithm: String,
    /// Which key it says it was signed with.
    pub kid: Option<String>,
    /// What it claims.
    pub claims: Map<String, Value>,
    /// What was signed.
    pub signed: &'t str,
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn parse(text: &'t str) -> Result<Self, Refused> {
        if text.len() > MAX_TOKEN {
            return Err(Refused::TooLarge);
        }
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed);
        };
        let signed = &text[..header.len() + 1 + claims.len()];
        // Of two texts that mean the same bytes only one is base64url: without padding, and with nothing left over.
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed);
        let signature = decoded(signature)?;
        let header = strict::object(&decoded(header)?).ok_or(Refused::Malformed)?;
        let claims = strict::object(&decoded(claims)?).ok_or(Refused::Malformed)?;
        let (algorithm, kid) = read_header(&header)?;
        Ok(Self {
            algorithm,
            kid,
            claims,
            signed,
            signature,
        })
    }
}

/// The algorithm and the key. Where else a key is named (`jwk`, `jku`, `x5u`, `x5c`) nobody looks: it would be the caller's.
fn read_header(header: &Map<String, Value>) -> Result<(String, Option<String>), Refused> {
    // `b64` changes what is signed, and has to be in `crit`; here it is not known either way.
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(Refused::Critical);
    }
    let Some(Value::String(algorithm)) = header.get("alg") else {
        return Err(Refused::Malformed);
    };
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= MAX_KID => Some(kid.clone()),
        Some(_) => return Err(Refused::Malformed),
    };
    match header.get("typ") {
        None => {}
        Some(Value::String(typ)) if is_access_token(typ) => {}
        Some(Value::String(_)) => return Err(Refused::Type),
        Some(_) => return Err(Refused::Malformed),
    }
    Ok((algorithm.clone(), kid))
}

/// Others are for other purposes, and may be signed with the same key: `logout+jwt`, `dpop+jwt`.
fn is_access_token(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    matches!(typ, "jwt" | "at+jwt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(header: &str, claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(claims), part("signature"))
    }

    fn refused(header: &str, claims: &str) -> Option<Refused> {
        Token::parse(&token(header, claims)).err()
    }

    #[test]
    fn a_token_is_taken_apart() {
        let text = token(r#"{"alg":"HS256","kid":"a"}"#, r#"{"sub":"ada"}"#);
        let token = Token::parse(&text).unwrap();
        assert_eq!(
            (&*token.algorithm, token.kid.as_deref()),
            ("HS256", Some("a"))
        );
        assert_eq!(token.claims["sub"], "ada");
        assert_eq!(token.signature, b"signature");
        assert!(text.starts_with(token.signed) && text[token.signed.len()..].starts_with('.'));
    }

    #[test]
    fn a_header_is_what_it_should_be() {
        for typ in ["JWT", "jwt", "at+jwt", "application/at+JWT"] {
            assert_eq!(
                refused(&format!(r#"{{"alg":"none","typ":"{typ}"}}"#), "{}"),
                None
            );
        }
        for (header, why) in [
            ("{}", Refused::Malformed),
            (r#"{"alg":7}"#, Refused::Malformed),
            (r#"{"alg":"ES256","kid":7}"#, Refused::Malformed),
            (r#"{"alg":"ES256","typ":"logout+jwt"}"#, Refused::Type),
            (r#"{"alg":"ES256","crit":[]}"#, Refused::Critical),
            (r#"{"alg":"ES256","b64":true}"#, Refused::Critical),
        ] {
            assert_eq!(refused(header, "{}"), Some(why), "{header}");
        }
        let kid = "x".repeat(MAX_KID + 1);
        let header = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        assert_eq!(refused(&header, "{}"), Some(Refused::Malformed));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,200}") {
            _ = Token::parse(&text);
        }

        #[test]
        fn no_other_text_is_the_same_token(at in 0_usize..60, with in "[A-Za-z0-9_=.-]") {
            let right = token(r#"{"alg":"HS256"}"#, r#"{"sub":"ada"}"#);
            let at = at % right.len();
            let mut other = right.clone();
            other.replace_range(at..=at, &with);
            if other != right && let Ok(read) = Token::parse(&other) {
                let known = Token::parse(&right).unwrap();
                prop_assert!(
                    read.signed != known.signed || read.signature != known.signature,
                    "{other} means the same"
                );
            }
        }
    }
}
