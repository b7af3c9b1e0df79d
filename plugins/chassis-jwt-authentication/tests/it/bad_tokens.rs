//! Tokens that are not let in, each wrong in a way of its own.

use crate::made::{
    EC, ED, PROTECTED, RSA, SECRET, Signer, challenges, claims, counted, now, part, send, sign,
    start, token, token_of,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod forms;

/// What is sent, and what it is counted as.
type Bad = (&'static str, Vec<Vec<u8>>, &'static str);

fn bearer(token: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
    vec![[b"Bearer ", token.as_ref()].concat()]
}

fn secret() -> Signer {
    Signer::secret(SECRET)
}

/// A right one, to be made wrong.
fn right() -> String {
    token(&secret(), &json!({}))
}

fn with_header(header: &str) -> String {
    sign(header, &claims(&json!({})).to_string(), &secret())
}

fn with_claims(text: impl AsRef<str>) -> String {
    sign(r#"{"alg":"HS256"}"#, text.as_ref(), &secret())
}

fn with(change: &Value) -> String {
    token(&secret(), change)
}

/// Puts another signature behind it.
fn signed_with(token: &str, signature: impl AsRef<[u8]>) -> String {
    let (signed, _) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", part(signature))
}

fn of_algorithm() -> Vec<Bad> {
    let of = |alg: &str, iss: &str| {
        let header = json!({ "alg": alg }).to_string();
        let text = claims(&json!({ "iss": iss })).to_string();
        (header, text)
    };
    let none = |alg: &str| {
        let (header, text) = of(alg, "hs");
        format!("{}.{}.", part(header), part(text))
    };
    // The public key is known to everybody: as a secret it would sign anything.
    let confused = |alg: &str, iss: &str, signer: &Signer| {
        let (header, text) = of(alg, iss);
        sign(&header, &text, &Signer::secret(&signer.pem()))
    };
    let (header, text) = of("RS256", "rs");
    let rs_otherwise = sign(&header, &text, &Signer::ed());
    let as_rs = |header: &str| sign(header, &claims(&json!({"iss": "rs"})).to_string(), &EC);
    vec![
        (
            "no algorithm, no signature",
            bearer(none("none")),
            "algorithm",
        ),
        (
            "the same, written otherwise",
            bearer(none("nOnE")),
            "algorithm",
        ),
        (
            "no algorithm, and a signature",
            bearer(with_header(r#"{"alg":"none"}"#)),
            "algorithm",
        ),
        (
            "an algorithm of no length",
            bearer(with_header(r#"{"alg":""}"#)),
            "algorithm",
        ),
        (
            "an algorithm in small letters",
            bearer(with_header(r#"{"alg":"hs256"}"#)),
            "algorithm",
        ),
        (
            "a longer hash",
            bearer(with_header(r#"{"alg":"HS512"}"#)),
            "algorithm",
        ),
        (
            "the public RSA key as a secret",
            bearer(confused("HS256", "rs", &RSA)),
            "algorithm",
        ),
        (
            "the same, and it says RS256",
            bearer(confused("RS256", "rs", &RSA)),
            "signature",
        ),
        (
            "the public EC key as a secret",
            bearer(confused("HS256", "es", &EC)),
            "algorithm",
        ),
        (
            "the public Ed25519 key as a secret",
            bearer(token_of(
                &Signer::secret(&ED.pem()),
                "one",
                &json!({"iss": "ed"}),
            )),
            "algorithm",
        ),
        (
            "a public key where a secret is",
            bearer(token(&RSA, &json!({}))),
            "algorithm",
        ),
        (
            "another curve's name",
            bearer(as_rs(r#"{"alg":"ES256"}"#)),
            "algorithm",
        ),
        (
            "RSA by name, signed otherwise",
            bearer(rs_otherwise),
            "signature",
        ),
        (
            "RSA with the other padding",
            bearer(otherwise(&RSA, "rs")),
            "signature",
        ),
        (
            "ECDSA in the other encoding",
            bearer(otherwise(&EC, "es")),
            "signature",
        ),
        (
            "ECDSA of zeros",
            bearer(signed_with(&token(&EC, &json!({"iss": "es"})), [0; 64])),
            "signature",
        ),
        (
            "Ed25519 of zeros",
            bearer(signed_with(
                &token_of(&ED, "one", &json!({"iss": "ed"})),
                [0; 64],
            )),
            "signature",
        ),
        (
            "RSA of zeros",
            bearer(signed_with(&token(&RSA, &json!({"iss": "rs"})), [0; 256])),
            "signature",
        ),
    ]
}

fn otherwise(signer: &Signer, iss: &str) -> String {
    let token = token(signer, &json!({ "iss": iss }));
    let (signed, _) = token.rsplit_once('.').unwrap();
    signed_with(&token, signer.sign_otherwise(signed))
}

fn of_signature() -> Vec<Bad> {
    let right = right();
    let (signed, _) = right.rsplit_once('.').unwrap();
    let mut flipped = secret().sign(signed);
    flipped[0] ^= 1;
    let mut long = secret().sign(signed);
    long.push(0);
    let others = with(&json!({"sub": "root"}));
    let swapped: Vec<&str> = right
        .split('.')
        .zip(others.split('.'))
        .map(|(one, _)| one)
        .collect();
    let swapped = format!(
        "{}.{}.{}",
        swapped[0],
        others.split('.').nth(1).unwrap(),
        swapped[2]
    );
    let mine = Signer::ed();
    let carried = json!({"alg": "EdDSA", "kid": "one", "jwk": mine.jwk("one")}).to_string();
    let led = json!({"alg": "EdDSA", "kid": "one", "jku": "https://evil.example/jwks"}).to_string();
    let of_ed = claims(&json!({"iss": "ed"})).to_string();
    vec![
        ("no signature", bearer(format!("{signed}.")), "signature"),
        (
            "a bit is wrong",
            bearer(signed_with(&right, flipped)),
            "signature",
        ),
        (
            "a byte too many",
            bearer(signed_with(&right, long)),
            "signature",
        ),
        ("the claims of another", bearer(swapped), "signature"),
        (
            "another secret",
            bearer(token(&Signer::secret(&"x".repeat(32)), &json!({}))),
            "signature",
        ),
        (
            "another key",
            bearer(token_of(&mine, "one", &json!({"iss": "ed"}))),
            "signature",
        ),
        (
            "it brings its key along",
            bearer(sign(&carried, &of_ed, &mine)),
            "signature",
        ),
        (
            "it says where its key is",
            bearer(sign(&led, &of_ed, &mine)),
            "signature",
        ),
    ]
}

fn of_claims() -> Vec<Bad> {
    let now = now();
    let all = [
        ("expired", json!({"exp": now - 61}), "expired"),
        ("it never expires", json!({"exp": null}), "expired"),
        (
            "it expires at a text",
            json!({"exp": (now + 300).to_string()}),
            "malformed",
        ),
        (
            "it expires before time began",
            json!({"exp": -1}),
            "malformed",
        ),
        ("not yet", json!({"nbf": now + 120}), "not_yet"),
        ("not yet at a list", json!({"nbf": [now]}), "malformed"),
        ("issued tomorrow", json!({"iat": now + 86_400}), "not_yet"),
        (
            "issued too long ago",
            json!({"iat": now - 3_700, "exp": now + 86_400}),
            "too_old",
        ),
        ("issued nobody knows when", json!({"iat": null}), "too_old"),
        ("for another", json!({"aud": "shop"}), "audience"),
        ("for others", json!({"aud": ["shop", "Orders"]}), "audience"),
        ("for nobody", json!({"aud": []}), "audience"),
        ("it does not say for whom", json!({"aud": null}), "audience"),
        ("for a number", json!({"aud": ["orders", 7]}), "malformed"),
        ("from a stranger", json!({"iss": "stranger"}), "issuer"),
        ("from nobody", json!({"iss": null}), "issuer"),
        ("from a list", json!({"iss": ["hs"]}), "issuer"),
        ("of nobody", json!({"sub": null}), "subject"),
        ("of nothing", json!({"sub": " "}), "subject"),
        ("of a number", json!({"sub": 7}), "subject"),
        ("scopes that are none", json!({"scope": 7}), "subject"),
        (
            "roles that are none",
            json!({"roles": [["auditor"]]}),
            "subject",
        ),
    ];
    all.into_iter()
        .map(|(what, change, why)| (what, bearer(with(&change)), why))
        .collect()
}

#[tokio::test]
async fn none_of_them_is_let_in() {
    let app = start().await;
    let all = [
        forms::of_form(),
        forms::of_header(),
        of_algorithm(),
        of_signature(),
        of_claims(),
    ]
    .concat();
    let kinds: BTreeSet<&str> = all.iter().map(|(what, ..)| *what).collect();
    assert!(
        kinds.len() == all.len() && kinds.len() >= 90,
        "{}",
        kinds.len()
    );
    for (what, sent, why) in &all {
        let sent: Vec<&[u8]> = sent.iter().map(Vec::as_slice).collect();
        let before = counted(&app, "bearer", why);
        for path in PROTECTED {
            let answer = send(&app, path, &sent).await;
            assert_eq!(answer.status(), 401, "{what}: {path}: {}", answer.text());
            let told: Value = answer.json();
            assert_eq!(told["code"], "http.unauthorized", "{what}");
            let challenges = challenges(&answer);
            assert_eq!(challenges.len(), 1, "{what}");
            assert!(
                challenges[0].starts_with("Bearer realm=\"service\", error=\"invalid_token\""),
                "{what}: {challenges:?}"
            );
        }
        let after = counted(&app, "bearer", why);
        assert_eq!(
            after - before,
            PROTECTED.len() as u64,
            "{what} is not `{why}`: {}",
            told(&app)
        );
    }
    assert_eq!(counted(&app, "bearer", "accepted"), 0);
    // And what all of them were made of, is.
    assert_eq!(
        send(&app, "/orders", &[&bearer(right())[0]]).await.status(),
        200
    );
}

fn told(app: &chassis::testing::TestChassis) -> String {
    let metrics = app.metrics();
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("jwt_") && !line.ends_with(" 0"));
    lines.collect::<Vec<_>>().join("\n")
}
