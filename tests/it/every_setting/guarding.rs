//! Who callers are, as `jwt-authentication` has it. Where it is linked all is for callers who are known, so its settings are looked at
//! in services of their own, and its schema is that of a program of its own.

use super::{Row, Setting, hands::Hands, in_real_time, in_virtual_time, row};
use crate::made::plugin;
use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chassis::{
    Body, Registration,
    prelude::*,
    testing::{TestBuilder, TestChassis, TestResponse},
};
use chassis_jwt_authentication::JwtAuthentication;
use http::Request;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, advance},
};

/// The program that has it.
pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_guarded");

/// Where its settings stand.
pub(super) const OURS: &str = "plugins.jwt-authentication.config.";

#[rustfmt::skip] // It is a table.
pub(super) const ROWS: &[Row] = &[
    row("plugins.jwt-authentication.config.jwt_secret", "only-for-this-only-for-this-only-for-this", "nobody", "bare, me", passing),
    row("plugins.jwt-authentication.config.jwt_algorithm", "EdDSA", "nobody", "ed", passing_by_one_public_key),
    row("plugins.jwt-authentication.config.issuer", "me", "bare, me", "me", passing_by_one_secret),
    row("plugins.jwt-authentication.config.audience", "[orders, stock]", "bare, me", "orders, one, stock", passing_by_one_secret),
    row("plugins.jwt-authentication.config.issuers.[].issuer", "me, algorithm: HS256, audience: [orders], secret: only-for-this-only-for-this-only-for-this", "nobody", "orders, one", passing),
    row("plugins.jwt-authentication.config.issuers.[].algorithm", "EdDSA, issuer: me, audience: [orders], public_key: \"-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\\n-----END PUBLIC KEY-----\\n\"", "nobody", "ed-orders", passing),
    row("plugins.jwt-authentication.config.issuers.[].secret", "only-for-this-only-for-this-only-for-this, issuer: me, algorithm: HS256, audience: [orders]", "nobody", "orders, one", passing),
    row("plugins.jwt-authentication.config.issuers.[].public_key", "\"-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\\n-----END PUBLIC KEY-----\\n\", issuer: me, algorithm: EdDSA, audience: [orders]", "nobody", "ed-orders", passing),
    row("plugins.jwt-authentication.config.issuers.[].key_id", "one, issuer: me, algorithm: HS256, audience: [orders], secret: only-for-this-only-for-this-only-for-this", "nobody", "one", passing),
    row("plugins.jwt-authentication.config.issuers.[].audience", "[stock], issuer: me, algorithm: HS256, secret: only-for-this-only-for-this-only-for-this", "nobody", "stock", passing),
    row("plugins.jwt-authentication.config.issuers.[].jwks_url", "\"http://127.0.0.1:1/jwks.json\", issuer: me, algorithm: EdDSA, audience: [orders]", "401", "503", signed),
    row("plugins.jwt-authentication.config.issuers.[].jwks_ca", "no-such-file.pem, issuer: me, algorithm: EdDSA, audience: [orders], jwks_url: \"https://127.0.0.1:1/jwks.json\"", "401", "plugin.required", signed),
    row("plugins.jwt-authentication.config.leeway", "5m", "401", "200", expired),
    row("plugins.jwt-authentication.config.max_age", "1h", "200", "401", issued_yesterday),
    row("plugins.jwt-authentication.config.public", "[GET /silent]", "401", "200", silent),
    row("plugins.jwt-authentication.config.realm", "orders", "Bearer realm=\"service\"", "Bearer realm=\"orders\"", challenge),
    row("plugins.jwt-authentication.config.jwks.refresh", "5m", "fetched 3 times in 21m", "fetched 5 times in 21m", fetched),
    row("plugins.jwt-authentication.config.jwks.max_stale", "48h", "200, after 25h: 503", "200, after 25h: 200", stale),
    row("plugins.jwt-authentication.config.jwks.timeout", "1s", "given up after 3s", "given up after 1s", hanging),
    row("plugins.jwt-authentication.config.api_keys.header", "X-Till", "till", "401", by_key),
    row("plugins.jwt-authentication.config.api_keys.keys.[].name", "shelf, sha256: 14ad6bd9082291369297211c90d733435e7f6176d16fee6a1e630ea426b76f1f", "401", "shelf", by_key_alone),
    row("plugins.jwt-authentication.config.api_keys.keys.[].sha256", "14ad6bd9082291369297211c90d733435e7f6176d16fee6a1e630ea426b76f1f, name: shelf", "401", "shelf", by_key_alone),
    row("plugins.jwt-authentication.config.api_keys.keys.[].scopes", "[\"orders:read\"], name: shelf, sha256: 14ad6bd9082291369297211c90d733435e7f6176d16fee6a1e630ea426b76f1f", "401", "shelf, reads", by_key_alone),
    row("plugins.jwt-authentication.config.api_keys.keys.[].roles", "[auditor], name: shelf, sha256: 14ad6bd9082291369297211c90d733435e7f6176d16fee6a1e630ea426b76f1f", "401", "shelf, audits", by_key_alone),
    row("plugins.jwt-authentication.config.basic.users.[].name", "ada, password: pbkdf2-sha256$100000$MDEyMzQ1Njc4OWFiY2RlZg$WYEVV1ul0qBt7iGnOFpq5RmH0aOFvmOKTlUAgn9mWYM", "401", "ada", by_password),
    row("plugins.jwt-authentication.config.basic.users.[].password", "pbkdf2-sha256$100000$MDEyMzQ1Njc4OWFiY2RlZg$WYEVV1ul0qBt7iGnOFpq5RmH0aOFvmOKTlUAgn9mWYM, name: ada", "401", "ada", by_password),
    row("plugins.jwt-authentication.config.basic.users.[].scopes", "[\"orders:read\"], name: ada, password: pbkdf2-sha256$100000$MDEyMzQ1Njc4OWFiY2RlZg$WYEVV1ul0qBt7iGnOFpq5RmH0aOFvmOKTlUAgn9mWYM", "401", "ada, reads", by_password),
    row("plugins.jwt-authentication.config.basic.users.[].roles", "[auditor], name: ada, password: pbkdf2-sha256$100000$MDEyMzQ1Njc4OWFiY2RlZg$WYEVV1ul0qBt7iGnOFpq5RmH0aOFvmOKTlUAgn9mWYM", "401", "ada, audits", by_password),
];

/// The secret of the table.
const SECRET: &str = "only-for-this-only-for-this-only-for-this";

/// The public key of the table, and what is signed with its other half.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=\n-----END PUBLIC KEY-----\n";
const PUBLIC: &str = "6kpsY-KcUgq-9VB7Ey7F-ZVHdq6-vnuSQh7qaRRG0iw";
const SEED: [u8; 32] = [7; 32];

/// The API key that has the hash of the table.
const KEY: &str = "MX8v4lOq0Zz3Wn6T1pUe7RkCyJbGsAhD";
const HASH: &str = "14ad6bd9082291369297211c90d733435e7f6176d16fee6a1e630ea426b76f1f";

/// Answers who is known.
fn desk() -> Registration {
    plugin("desk", |cx| {
        cx.get("/me", async |caller: Principal| caller.subject);
        cx.get("/silent", async || "silent");
        cx.get("/orders", async || "reads").scopes(["orders:read"]);
        cx.get("/audit", async || "audits").roles(["auditor"]);
    })
}

/// The service, with the setting and with what it needs to start.
fn service(setting: Setting, more: &[(&str, Value)]) -> TestBuilder {
    let builder = TestChassis::with::<JwtAuthentication>().register(desk());
    let builder = more.iter().fold(builder, |builder, (key, value)| {
        builder.set(&format!("{OURS}{key}"), value.clone())
    });
    builder.config(setting.yaml())
}

async fn start(setting: Setting, more: &[(&str, Value)]) -> TestChassis {
    let app = service(setting, more).start().await;
    app.expect("the service starts")
}

/// A key that nobody has: with it alone the service starts, and knows nobody.
fn unused_key() -> (&'static str, Value) {
    let hash = "00".repeat(32);
    (
        "api_keys.keys",
        json!([{ "name": "nobody", "sha256": hash }]),
    )
}

fn one_secret() -> (&'static str, Value) {
    ("jwt_secret", SECRET.into())
}

/// Signs what is claimed, for ada, and for ever if nothing else is said.
fn token(algorithm: &str, kid: Option<&str>, claims: &[(&str, Value)]) -> String {
    let mut header = json!({ "alg": algorithm });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    let mut all = json!({ "sub": "ada", "exp": 32_503_680_000_u64 });
    for (name, value) in claims {
        all[*name] = value.clone();
    }
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(header), part(all));
    let signature = match algorithm {
        "HS256" => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()))
        }
        _ => {
            let key = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("it is a seed");
            URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()))
        }
    };
    format!("{signed}.{signature}")
}

fn of_set() -> String {
    let claims = [("iss", "me".into()), ("aud", "orders".into())];
    token("EdDSA", None, &claims)
}

async fn ask(app: &TestChassis, path: &str, header: &str, value: &str) -> TestResponse {
    let request = Request::get(path).header(header, value);
    app.send(request.body(Body::empty()).expect("it is a request"))
        .await
}

async fn status(app: &TestChassis, token: &str) -> u16 {
    let answer = ask(app, "/me", "authorization", &format!("Bearer {token}")).await;
    answer.status().as_u16()
}

fn ago(seconds: u64) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    (now.expect("it is later").as_secs() - seconds).into()
}

/// Which of some tokens are let in.
async fn let_in(app: &TestChassis) -> String {
    let (me, orders, stock) = (
        ("iss", "me".into()),
        ("aud", "orders".into()),
        ("aud", "stock".into()),
    );
    let for_orders: &[(&str, Value)] = &[me.clone(), orders];
    let tokens = [
        ("bare", token("HS256", None, &[])),
        ("me", token("HS256", None, std::slice::from_ref(&me))),
        ("orders", token("HS256", None, for_orders)),
        ("one", token("HS256", Some("one"), for_orders)),
        ("stock", token("HS256", None, &[me.clone(), stock])),
        ("ed", token("EdDSA", None, &[])),
        ("ed-orders", token("EdDSA", None, for_orders)),
    ];
    let mut passing = Vec::new();
    for (name, token) in &tokens {
        if status(app, token).await == 200 {
            passing.push(*name);
        }
    }
    match passing[..] {
        [] => "nobody".to_owned(),
        _ => passing.join(", "),
    }
}

fn passing_with(setting: Setting, more: &[(&str, Value)]) -> String {
    in_virtual_time(async {
        let app = start(setting, more).await;
        let_in(&app).await
    })
}

fn passing(setting: Setting) -> String {
    passing_with(setting, &[unused_key()])
}

fn passing_by_one_secret(setting: Setting) -> String {
    passing_with(setting, &[one_secret()])
}

fn passing_by_one_public_key(setting: Setting) -> String {
    passing_with(setting, &[("jwt_secret", PUBLIC_KEY.into())])
}

/// What becomes of a token that is signed with a private key.
fn signed(setting: Setting) -> String {
    in_virtual_time(async {
        match service(setting, &[unused_key()]).start().await {
            Ok(app) => status(&app, &of_set()).await.to_string(),
            Err(error) => error.code().to_string(),
        }
    })
}

fn claiming(setting: Setting, claim: &str, value: Value) -> String {
    in_virtual_time(async {
        let app = start(setting, &[one_secret()]).await;
        let token = token("HS256", None, &[(claim, value)]);
        status(&app, &token).await.to_string()
    })
}

fn expired(setting: Setting) -> String {
    claiming(setting, "exp", ago(90))
}

fn issued_yesterday(setting: Setting) -> String {
    claiming(setting, "iat", ago(24 * 60 * 60))
}

fn silent(setting: Setting) -> String {
    in_virtual_time(async {
        let app = start(setting, &[one_secret()]).await;
        app.get("/silent").await.status().as_u16().to_string()
    })
}

fn challenge(setting: Setting) -> String {
    in_virtual_time(async {
        let app = start(setting, &[one_secret()]).await;
        let answer = app.get("/me").await;
        let challenge = answer.header("www-authenticate");
        challenge.unwrap_or_default().to_owned()
    })
}

/// Publishes the public key, as long as it lives.
struct Publisher {
    url: String,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Publisher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, SeqCst);
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut head).await.is_ok_and(|read| read == 0) {
                        break;
                    }
                }
                let keys =
                    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": PUBLIC}]});
                let keys = keys.to_string();
                let length = keys.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{keys}");
                _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self {
            url: format!("http://{address}/jwks.json"),
            asked,
            task,
        }
    }

    fn issuers(&self) -> (&'static str, Value) {
        published_at(&self.url)
    }
}

fn published_at(url: &str) -> (&'static str, Value) {
    let issuer =
        json!({"issuer": "me", "algorithm": "EdDSA", "audience": ["orders"], "jwks_url": url});
    ("issuers", json!([issuer]))
}

/// How often a set of keys is fetched.
fn fetched(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let publisher = Publisher::start().await;
        let _app = start(setting, &[publisher.issuers()]).await;
        for _ in 0..21 {
            advance(Duration::from_secs(60)).await;
            hands.settle().await;
        }
        let asked = publisher.asked.load(SeqCst);
        format!("fetched {asked} times in 21m")
    })
}

/// How long keys count that can't be fetched again.
fn stale(setting: Setting) -> String {
    in_virtual_time(async {
        let mut hands = Hands::stop().await;
        let publisher = Publisher::start().await;
        let app = start(setting, &[publisher.issuers()]).await;
        let before = status(&app, &of_set()).await;
        publisher.task.abort();
        hands.settle().await;
        advance(Duration::from_secs(25 * 60 * 60)).await;
        hands.settle().await;
        let after = status(&app, &of_set()).await;
        format!("{before}, after 25h: {after}")
    })
}

/// How long the start waits for somebody who does not answer.
fn hanging(setting: Setting) -> String {
    in_virtual_time(async {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let since = Instant::now();
        let issuers = published_at(&format!("http://{address}/"));
        let _app = start(setting, &[issuers]).await;
        format!("given up after {}s", since.elapsed().as_secs())
    })
}

/// Who it is, and what else it may.
async fn seen(app: &TestChassis, header: &str, value: &str) -> String {
    let mut seen = Vec::new();
    for path in ["/me", "/orders", "/audit"] {
        let answer = ask(app, path, header, value).await;
        match answer.status().as_u16() {
            200 => seen.push(answer.text().to_owned()),
            403 => {}
            status => return status.to_string(),
        }
    }
    seen.join(", ")
}

fn by_key(setting: Setting) -> String {
    let keys = json!([{ "name": "till", "sha256": HASH }]);
    in_virtual_time(async {
        let app = start(setting, &[("api_keys.keys", keys)]).await;
        seen(&app, "x-api-key", KEY).await
    })
}

fn by_key_alone(setting: Setting) -> String {
    in_virtual_time(async {
        let app = start(setting, &[one_secret()]).await;
        seen(&app, "x-api-key", KEY).await
    })
}

fn by_password(setting: Setting) -> String {
    // A password takes a thread, and a moment.
    in_real_time(async {
        let app = start(setting, &[one_secret()]).await;
        let sent = STANDARD.encode("ada:correct horse");
        seen(&app, "authorization", &format!("Basic {sent}")).await
    })
}
