//! Keys, tokens and a service that is guarded.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chassis::{
    Body,
    prelude::*,
    testing::{TestBuilder, TestChassis, TestResponse},
};
use chassis_jwt_authentication::JwtAuthentication;
use http::{Request, header};
use serde_json::{Value, json};
use std::{sync::LazyLock, time::SystemTime};

pub(crate) const SECRET: &str = "a secret of at least 32 bytes, only for this";
pub(crate) const NAME: &str = "jwt-authentication";

/// A key that signs.
pub(crate) enum Signer {
    Secret(String),
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// It takes a while to find one.
pub(crate) static RSA: LazyLock<Signer> =
    LazyLock::new(|| Signer::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static EC: LazyLock<Signer> =
    LazyLock::new(|| Signer::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()));
pub(crate) static ED: LazyLock<Signer> = LazyLock::new(Signer::ed);

impl Signer {
    pub(crate) fn secret(secret: &str) -> Self {
        Self::Secret(secret.to_owned())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    pub(crate) fn sign(&self, message: &str) -> Vec<u8> {
        let message = message.as_bytes();
        match self {
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::sign(&key, message).as_ref().to_vec()
            }
            Self::Rsa(key) => rsa_sign(key, &RSA_PKCS1_SHA256, message),
            Self::Ec(key) => {
                let signed = key.sign(&SystemRandom::new(), message);
                signed.unwrap().as_ref().to_vec()
            }
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The same with another encoding or padding: right for something else.
    pub(crate) fn sign_otherwise(&self, message: &str) -> Vec<u8> {
        let message = message.as_bytes();
        match self {
            Self::Rsa(key) => rsa_sign(key, &RSA_PSS_SHA256, message),
            Self::Ec(key) => {
                let pkcs8 = key.to_pkcs8v1().unwrap();
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref());
                let signed = key.unwrap().sign(&SystemRandom::new(), message);
                signed.unwrap().as_ref().to_vec()
            }
            _ => panic!("there is no other"),
        }
    }

    /// The public key in PEM.
    pub(crate) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Secret(_) => panic!("it has none"),
            Self::Rsa(key) => key.public_key().as_der().unwrap(),
            Self::Ec(key) => key.public_key().as_der().unwrap(),
            Self::Ed(key) => key.public_key().as_der().unwrap(),
        };
        pem("PUBLIC KEY", der.as_ref())
    }

    /// The public key in a JWK Set.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Ed(key) => json!({
                "kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA",
                "x": URL_SAFE_NO_PAD.encode(key.public_key().as_ref()),
            }),
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({
                    "kty": "EC", "crv": "P-256", "kid": kid,
                    "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
                    "y": URL_SAFE_NO_PAD.encode(&point[33..]),
                })
            }
            _ => panic!("it is not needed"),
        }
    }
}

pub(crate) fn pem(what: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {what}-----\n{lines}\n-----END {what}-----\n")
}

fn rsa_sign(key: &rsa::KeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), message, &mut signature)
        .unwrap();
    signature
}

pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

pub(crate) fn part(of: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(of)
}

/// Signs any two texts.
pub(crate) fn sign(header: &str, claims: &str, signer: &Signer) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = part(signer.sign(&signed));
    format!("{signed}.{signature}")
}

/// What every token here claims, with changes: `null` takes one away.
pub(crate) fn claims(change: &Value) -> Value {
    let now = now();
    changed(
        json!({
            "iss": "hs", "aud": "orders", "sub": "ada", "scope": "orders:read",
            "iat": now, "exp": now + 300,
        }),
        change,
    )
}

pub(crate) fn changed(mut of: Value, change: &Value) -> Value {
    let all = of.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        match value.is_null() {
            true => _ = all.remove(name),
            false => _ = all.insert(name.clone(), value.clone()),
        }
    }
    of
}

/// A token with changes to its claims.
pub(crate) fn token(signer: &Signer, change: &Value) -> String {
    let header = json!({"alg": signer.algorithm(), "typ": "JWT"});
    sign(&header.to_string(), &claims(change).to_string(), signer)
}

/// A token whose header names the key.
pub(crate) fn token_of(signer: &Signer, kid: &str, change: &Value) -> String {
    let header = json!({"alg": signer.algorithm(), "kid": kid});
    sign(&header.to_string(), &claims(change).to_string(), signer)
}

/// Has a route of each kind.
#[plugin]
pub(crate) async fn orders(cx: &mut PluginContext) -> Result<()> {
    cx.get("/orders", async || "orders").scopes(["orders:read"]);
    cx.get("/write", async || "written")
        .scopes(["orders:write"]);
    cx.get("/audit", async || "audit").roles(["auditor"]);
    cx.get("/me", async |caller: Principal| Json(caller));
    cx.get("/silent", async || "silent");
    cx.get("/products", async || "products");
    Ok(())
}

/// The paths that are not for everybody.
pub(crate) const PROTECTED: [&str; 5] = ["/orders", "/write", "/audit", "/me", "/silent"];

/// A service with these settings of the plugin.
pub(crate) fn service(settings: Value) -> TestBuilder {
    let builder = TestChassis::with::<JwtAuthentication>().plugin::<orders>();
    let Value::Object(settings) = settings else {
        panic!("settings are a map");
    };
    settings.into_iter().fold(builder, |builder, (key, value)| {
        builder.set(&format!("plugins.{NAME}.config.{key}"), value)
    })
}

/// One that knows a secret, and the public keys of three others.
pub(crate) fn settings() -> Value {
    json!({
        "audience": ["orders"],
        "max_age": "1h",
        "public": ["GET /products"],
        "issuers": [
            {"issuer": "hs", "algorithm": "HS256", "secret": SECRET},
            {"issuer": "rs", "algorithm": "RS256", "public_key": RSA.pem()},
            {"issuer": "es", "algorithm": "ES256", "public_key": EC.pem()},
            {"issuer": "ed", "algorithm": "EdDSA", "public_key": ED.pem(), "key_id": "one"},
        ],
    })
}

pub(crate) async fn start() -> TestChassis {
    service(settings()).start().await.unwrap()
}

pub(crate) async fn send(app: &TestChassis, path: &str, authorization: &[&[u8]]) -> TestResponse {
    let mut request = Request::get(path);
    for value in authorization {
        request = request.header(
            header::AUTHORIZATION,
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    app.send(request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn get(app: &TestChassis, path: &str, token: &str) -> TestResponse {
    match token {
        "" => send(app, path, &[]).await,
        token => send(app, path, &[format!("Bearer {token}").as_bytes()]).await,
    }
}

pub(crate) fn challenges(answer: &TestResponse) -> Vec<&str> {
    let all = answer.headers().get_all(header::WWW_AUTHENTICATE).iter();
    all.map(|value| value.to_str().unwrap()).collect()
}

/// How many credentials came to this.
pub(crate) fn counted(app: &TestChassis, kind: &str, result: &str) -> u64 {
    let metrics = app.metrics();
    let wanted = [format!("kind=\"{kind}\""), format!("result=\"{result}\"")];
    let is_it = |line: &&str| {
        line.starts_with("jwt_authentication_credentials_total{")
            && wanted.iter().all(|label| line.contains(label))
    };
    let line = metrics.lines().find(is_it);
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}
