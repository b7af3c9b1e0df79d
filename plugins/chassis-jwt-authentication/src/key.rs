//! Keys, each of which is for one algorithm: a token does not choose.

use aws_lc_rs::{
    hmac, rand,
    rsa::{PublicEncryptingKey, PublicKeyComponents},
    signature::{self, ParsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::prelude::*;
use rustls_pki_types::{SubjectPublicKeyInfoDer, pem::PemObject as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The shortest secret for HS256, in bytes: RFC 7518, section 3.2.
pub(crate) const LEAST_SECRET: usize = 32;

/// The shortest RSA key, in bytes of its modulus: RFC 7518, section 3.3.
const LEAST_MODULUS: usize = 2048 / 8;

/// How tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// HMAC with SHA-256: whoever can check a token can make one.
    #[default]
    HS256,
    /// RSA (PKCS#1 v1.5) with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// As in the header of a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key that checks signatures of its algorithm.
pub(crate) enum Key {
    Secret(Box<hmac::Key>),
    Public(Algorithm, ParsedPublicKey),
}

impl Key {
    /// A secret that both sides know.
    pub(crate) fn secret(secret: &str) -> Result<Self, String> {
        let length = secret.len();
        if length < LEAST_SECRET {
            // Its length says little; its text would say all.
            return Err(format!(
                "it has {length} bytes, and HS256 needs {LEAST_SECRET} at least (RFC 7518, section 3.2)"
            ));
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        Ok(Self::Secret(Box::new(key)))
    }

    /// A public key in PEM.
    pub(crate) fn pem(algorithm: Algorithm, pem: &str) -> Result<Self, String> {
        if pem.contains("PRIVATE KEY") {
            return Err(
                "it is a private key, which belongs to whoever signs; write its public one"
                    .to_owned(),
            );
        }
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "it is no public key in PEM (`-----BEGIN PUBLIC KEY-----`)".to_owned())?;
        if algorithm == Algorithm::RS256 {
            // It checks the length, which those for signatures do when it is too late.
            PublicEncryptingKey::from_der(&der).map_err(|_| {
                "it is no RSA key of 2048 to 8192 bits (RFC 7518, section 3.3)".to_owned()
            })?;
        }
        Self::public(algorithm, &der)
    }

    /// A public key as it stands in a JWK Set: modulus and exponent.
    pub(crate) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, String> {
        let first = n.iter().position(|byte| *byte != 0).unwrap_or(n.len());
        let n = &n[first..];
        check_modulus(n.len())?;
        let parsed = PublicKeyComponents { n, e }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256);
        let key = parsed.map_err(|_| "it is no RSA key".to_owned())?;
        Ok(Self::Public(Algorithm::RS256, key))
    }

    /// The same for curves: the point, or what RFC 5280 makes of it.
    pub(crate) fn public(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, String> {
        let parsed = match algorithm {
            Algorithm::HS256 => return Err("HS256 has a secret, and no public key".to_owned()),
            Algorithm::RS256 => ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, bytes),
            Algorithm::ES256 => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, bytes),
            Algorithm::EdDSA => ParsedPublicKey::new(&signature::ED25519, bytes),
        };
        let key = parsed.map_err(|_| format!("it is no key for {algorithm}"))?;
        Ok(Self::Public(algorithm, key))
    }

    /// Whether it has signed this.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(_, key) => key.verify_sig(message, signature).is_ok(),
        }
    }

    /// Signs, if it can.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Secret(key) => Some(hmac::sign(key, message).as_ref().to_vec()),
            Self::Public(..) => None,
        }
    }
}

/// A new secret for HS256, of the random numbers of the system: for a service that makes its own on the first run.
///
/// # Errors
///
/// If the system gives none.
pub fn new_secret() -> Result<Secret> {
    let mut random = [0; 48];
    rand::fill(&mut random).map_err(|_| Error::msg("the system gives no random numbers"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(random)))
}

fn check_modulus(length: usize) -> Result<(), String> {
    match length < LEAST_MODULUS {
        true => Err("it is an RSA key of less than 2048 bits (RFC 7518, section 3.3)".to_owned()),
        false => Ok(()),
    }
}

/// Without the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = match self {
            Self::Secret(_) => Algorithm::HS256,
            Self::Public(algorithm, _) => *algorithm,
        };
        f.debug_tuple("Key").field(&algorithm).finish()
    }
}

/// The examples of the standards, so that not only our own signatures are checked.
#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    #[track_caller]
    fn holds(key: &Key, token: &str) {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let mut signature = bytes(signature);
        assert!(key.has_signed(signed.as_bytes(), &signature));
        assert!(!key.has_signed(&signed.as_bytes()[1..], &signature));
        signature[7] ^= 1;
        assert!(!key.has_signed(signed.as_bytes(), &signature));
        assert!(!key.has_signed(signed.as_bytes(), &[]));
    }

    const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    #[test]
    fn hs256_as_in_rfc_7515_a_1() {
        let secret = bytes(
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
        );
        let key = Key::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, &secret)));
        let token = format!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
        holds(&key, &token);
    }

    #[test]
    fn es256_as_in_rfc_7515_a_3() {
        let mut point = vec![4];
        point.extend(bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
        point.extend(bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
        let key = Key::public(Algorithm::ES256, &point).unwrap();
        let token = format!(
            "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        );
        holds(&key, &token);
    }

    #[test]
    fn eddsa_as_in_rfc_8037_a_4() {
        let point = bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        let key = Key::public(Algorithm::EdDSA, &point).unwrap();
        let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        holds(&key, token);
    }

    #[test]
    fn rs256_as_in_rfc_7515_a_2() {
        let n = bytes(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        );
        let key = Key::rsa(&n, &[1, 0, 1]).unwrap();
        let token = format!(
            "eyJhbGciOiJSUzI1NiJ9.{CLAIMS}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
        holds(&key, &token);
        // Leading zeros are no length.
        let mut short = vec![0; 200];
        short.extend_from_slice(&n[..128]);
        assert!(Key::rsa(&short, &[1, 0, 1]).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused_without_its_text() {
        assert!(
            Key::secret(&"s".repeat(31))
                .unwrap_err()
                .contains("31 bytes")
        );
        assert!(Key::secret(&"s".repeat(32)).is_ok());
        let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(
            Key::pem(Algorithm::EdDSA, private)
                .unwrap_err()
                .contains("private key")
        );
        assert!(
            Key::pem(Algorithm::EdDSA, "hunter2")
                .unwrap_err()
                .contains("PEM")
        );
        assert!(Key::public(Algorithm::ES256, &[4; 65]).is_err());
        assert!(Key::public(Algorithm::HS256, &[4; 65]).is_err());
    }
}
