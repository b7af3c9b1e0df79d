//! Keys that are fetched, and what happens if they can't be.

use crate::{
    jwks_server::{How, Server, set},
    made::{ED, NAME, PROTECTED, RSA, Signer, counted, get, send, service, token, token_of},
};
use chassis::testing::TestChassis;
use serde_json::{Value, json};
use std::time::Duration;

fn settings(server: &Server) -> Value {
    json!({
        "audience": ["orders"],
        "issuers": [{"issuer": "set", "algorithm": "EdDSA", "jwks_url": server.url()}],
        "jwks": {"timeout": "200ms"},
    })
}

async fn start(server: &Server) -> TestChassis {
    service(settings(server)).start().await.unwrap()
}

async fn status(app: &TestChassis, token: &str) -> u16 {
    get(app, "/orders", token).await.status().as_u16()
}

fn of(signer: &Signer, kid: &str) -> String {
    token_of(signer, kid, &json!({"iss": "set"}))
}

/// Time passes; what is under way goes on in real time.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// How it says that it is, once it was asked.
async fn health(app: &TestChassis) -> Value {
    loop {
        let health = app.handle().health_of_plugin(NAME).unwrap();
        let check = serde_json::to_value(health).unwrap()["checks"][0].clone();
        if check["state"] != "unknown" {
            return check;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keys_are_fetched_before_the_first_request() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    assert_eq!(status(&app, &of(&ED, "a")).await, 200);
    // Where there is one key, it need not be named.
    assert_eq!(status(&app, &token(&ED, &json!({"iss": "set"}))).await, 200);
    assert_eq!(server.asked(), 1);
    let health = health(&app).await;
    assert_eq!(
        (&health["state"], &health["details"]["set"]["keys"]),
        (&json!("up"), &json!(1))
    );
    assert_eq!(health["details"]["set"]["age_s"], 0);
    pass(Duration::from_secs(60)).await;
    let age = "jwt_authentication_jwks_age_seconds{";
    while !app.metrics().contains(age) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_is_fetched_and_not_often() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    let (new, newer) = (Signer::ed(), Signer::ed());
    server.does(set(&[ED.jwk("a"), new.jwk("b")]));
    assert_eq!(status(&app, &of(&new, "b")).await, 200);
    assert_eq!(server.asked(), 2);
    // Whoever makes up names does not get through to the issuer.
    for kid in ["c", "d", "e"] {
        assert_eq!(status(&app, &of(&newer, kid)).await, 401);
    }
    assert_eq!(server.asked(), 2);
    assert_eq!(counted(&app, "bearer", "key"), 3);
    server.does(set(&[newer.jwk("c")]));
    pass(Duration::from_secs(31)).await;
    assert_eq!(status(&app, &of(&newer, "c")).await, 200);
    assert_eq!(server.asked(), 3);
    // The issuer has taken it back.
    assert_eq!(status(&app, &of(&new, "b")).await, 401);
}

#[tokio::test]
async fn many_who_want_a_new_key_are_one_fetch() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    let new = Signer::ed();
    server.does(set(&[new.jwk("b")]));
    let token = of(&new, "b");
    let all = (0..50).map(|_| status(&app, &token));
    let all = futures_of(all.collect()).await;
    assert!(all.iter().all(|status| *status == 200), "{all:?}");
    assert_eq!(server.asked(), 2);
}

async fn futures_of<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = futures
        .into_iter()
        .map(|one| (Box::pin(one), None))
        .collect();
    std::future::poll_fn(|cx| {
        let mut is_ready = true;
        for (future, done) in &mut all {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => is_ready = false,
                }
            }
        }
        match is_ready {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    all.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test]
async fn names_in_tokens_of_other_algorithms_fetch_nothing() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    assert_eq!(status(&app, &of(&RSA, "b")).await, 401);
    assert_eq!(
        status(&app, &of(&Signer::secret(&ED.pem()), "b")).await,
        401
    );
    assert_eq!(server.asked(), 1);
    assert_eq!(counted(&app, "bearer", "algorithm"), 2);
}

#[tokio::test]
async fn while_there_are_no_keys_nobody_is_let_in_and_then_they_are() {
    for how in [
        How::Fails,
        How::Hangs,
        How::Trickles,
        How::Huge,
        How::HangsUp,
        How::Gives("no JSON".to_owned()),
        How::Gives(r#"{"keys":[]}"#.to_owned()),
        set(&[json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a"})]),
    ] {
        let server = Server::start(how.clone()).await;
        // It starts all the same: whether somebody else is well is no reason not to.
        let app = start(&server).await;
        for path in PROTECTED {
            let answer = get(&app, path, &of(&ED, "a")).await;
            assert_eq!(answer.status(), 503, "{how:?}: {path}");
            assert_eq!(answer.json::<Value>()["code"], "auth.unavailable");
            assert_eq!(get(&app, path, "").await.status(), 401);
        }
        assert_eq!(
            counted(&app, "bearer", "unavailable"),
            PROTECTED.len() as u64
        );
        assert!(server.asked() <= 2, "it is not asked by each request");
        assert_eq!(health(&app).await["state"], "down", "{how:?}");
        server.does(set(&[ED.jwk("a")]));
        pass(Duration::from_secs(31)).await;
        assert_eq!(status(&app, &of(&ED, "a")).await, 200, "{how:?}");
    }
}

#[tokio::test]
async fn nobody_is_followed_elsewhere() {
    let other = Server::start(set(&[ED.jwk("a")])).await;
    let server = Server::start(How::Sends(other.url())).await;
    let app = start(&server).await;
    assert_eq!(status(&app, &of(&ED, "a")).await, 503);
    assert_eq!(other.asked(), 0);
    let error = health(&app).await["details"]["set"]["error"].clone();
    assert!(error.as_str().unwrap().contains("302"), "{error}");
}

#[tokio::test]
async fn keys_that_are_known_count_for_a_day_when_they_can_not_be_fetched_again() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    server.does(How::Fails);
    pass(Duration::from_secs(20 * 60)).await;
    // A made-up name fetches; what is known goes on to count.
    assert_eq!(status(&app, &of(&ED, "b")).await, 401);
    assert_eq!(status(&app, &of(&ED, "a")).await, 200);
    pass(Duration::from_secs(23 * 60 * 60)).await;
    assert_eq!(status(&app, &of(&ED, "a")).await, 200);
    pass(Duration::from_secs(60 * 60)).await;
    let answer = get(&app, "/orders", &of(&ED, "a")).await;
    assert_eq!(answer.status(), 503, "{}", answer.text());
    server.does(set(&[ED.jwk("a")]));
    pass(Duration::from_secs(31)).await;
    assert_eq!(status(&app, &of(&ED, "a")).await, 200);
}

#[tokio::test]
async fn they_are_fetched_again_without_anybody_asking() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    server.does(How::Fails);
    pass(Duration::from_secs(11 * 60)).await;
    while server.asked() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&app, &of(&ED, "a")).await, 200);
}

#[tokio::test]
async fn one_issuer_that_is_down_does_not_shut_out_the_others() {
    let server = Server::start(How::Fails).await;
    let mut settings = settings(&server);
    let all = settings["issuers"].as_array_mut().unwrap();
    all.push(json!({"issuer": "rs", "algorithm": "RS256", "public_key": RSA.pem()}));
    let app = service(settings).start().await.unwrap();
    assert_eq!(status(&app, &of(&ED, "a")).await, 503);
    assert_eq!(status(&app, &token(&RSA, &json!({"iss": "rs"}))).await, 200);
    assert_eq!(health(&app).await["state"], "degraded");
}

#[tokio::test]
async fn a_reload_goes_on_with_the_keys_that_are_known() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    server.does(How::Fails);
    app.reload_all().await.unwrap();
    assert_eq!(status(&app, &of(&ED, "a")).await, 200);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_request_that_is_given_up_does_not_give_up_the_fetch() {
    let server = Server::start(set(&[ED.jwk("a")])).await;
    let app = start(&server).await;
    let new = Signer::ed();
    server.does(set(&[new.jwk("b")]));
    let value = format!("Bearer {}", of(&new, "b"));
    let sent = [value.as_bytes()];
    tokio::select! {
        biased;
        _ = send(&app, "/orders", &sent) => panic!("nothing was fetched yet"),
        // Polled once: it has woken the task, and is gone.
        () = tokio::task::yield_now() => {}
    }
    assert_eq!(send(&app, "/orders", &sent).await.status(), 200);
    assert_eq!(server.asked(), 2);
}
