//! Who is refused goes through the onion: every hook sees it, and what hooks put on answers is on that one.

use super::{Orders, get, service};
use crate::made::{Log, plugin};
use chassis::{prelude::*, testing::TestChassis};
use tower::util::MapResponseLayer;

/// Notes who it is on both ways, and marks the answer.
fn watching(log: &Log) -> chassis::Registration {
    let log = log.clone();
    plugin("watching", move |cx| {
        let (on_in, on_out) = (log.clone(), log.clone());
        let who = |exchange: &Exchange| {
            let who = exchange.principal();
            who.map_or_else(|| "nobody".to_owned(), |who| who.subject.clone())
        };
        cx.filter(&points::PRE_REQUEST, move |exchange: &mut Exchange| {
            on_in.note(format!("in {}", who(exchange)));
            let origin = HeaderValue::from_static("*");
            exchange
                .response_headers_mut()
                .insert("access-control-allow-origin", origin);
        });
        cx.filter(&points::POST_RESPONSE, move |exchange: &mut Exchange| {
            on_out.note(format!(
                "out {} {}",
                who(exchange),
                exchange.status().as_u16()
            ));
        });
        cx.layer(MapResponseLayer::new(|mut response: Response| {
            let yes = HeaderValue::from_static("yes");
            response.headers_mut().insert("x-layer", yes);
            response
        }));
    })
}

#[tokio::test]
async fn hooks_and_layers_are_on_every_answer() {
    let log = Log::new();
    let app = service(&Log::new())
        .register(watching(&log))
        .start()
        .await
        .unwrap();
    for (path, token, status) in [
        ("/orders", "", 401),
        ("/orders", "guess", 401),
        ("/orders", "reader", 200),
        ("/open", "", 200),
    ] {
        let answer = get(&app, path, token).await;
        assert_eq!(answer.status(), status);
        for header in ["access-control-allow-origin", "x-layer", "x-request-id"] {
            assert!(
                answer.header(header).is_some(),
                "{header} for {path} {token}"
            );
        }
    }
    assert_eq!(
        log.lines(),
        [
            "in nobody",
            "out nobody 401",
            "in nobody",
            "out nobody 401",
            "in ada",
            "out ada 200",
            "in nobody",
            "out nobody 200",
        ]
    );
    let log = Log::new();
    let app = TestChassis::with::<Orders>()
        .register(watching(&log))
        .start()
        .await
        .unwrap();
    let answer = get(&app, "/orders", "reader").await;
    assert_eq!(
        (answer.status().as_u16(), answer.header("x-layer")),
        (503, Some("yes"))
    );
    assert_eq!(log.lines(), ["in nobody", "out nobody 503"]);
}

#[tokio::test]
async fn time_spent_on_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, "0123456789abcdef").unwrap();
    let app = service(&Log::new()).set("management.token_file", file.display().to_string());
    let app = app.start().await.unwrap();
    let request = http::Request::get("/orders").header("x-chassis-timing", "0123456789abcdef");
    let request = request.header("authorization", "Bearer reader");
    let answer = app
        .send(request.body(chassis::Body::empty()).unwrap())
        .await;
    let told = answer.header("server-timing").unwrap();
    assert!(told.contains(r#"chassis;desc="auth";dur="#), "{told}");
}
