//! Requests and answers: routes, extractors, errors, what is known of a request.

use crate::{
    client::{Http2, Raw, service, start},
    made::{plugin, plugin_requiring},
};
use axum::response::IntoResponse as _;
use chassis::{
    Body, ClientAddr, Code, Error, Exchange, Registration, RequestId, Scope, Shared, points,
    testing::{TestBuilder, TestChassis, TestResponse},
};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json as value};

mod arguments;
mod methods;
mod claims;

/// A test service of these plugins.
async fn app(plugins: impl IntoIterator<Item = Registration>) -> TestChassis {
    builder(plugins).start().await.unwrap()
}

fn builder(plugins: impl IntoIterator<Item = Registration>) -> TestBuilder {
    plugins
        .into_iter()
        .fold(TestChassis::builder(), TestBuilder::register)
}

/// The problem details of an answer.
#[track_caller]
fn problem(response: &TestResponse, status: u16, code: &str) -> Value {
    let problem: Value = response.json();
    assert_eq!(response.status(), status, "{problem}");
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&value!(status), &value!(code)),
        "{problem}"
    );
    assert!(
        problem["title"].is_string() && problem["type"] == "about:blank",
        "{problem}"
    );
    problem
}

/// A body without a length.
fn stream(length: usize) -> Body {
    let frames =
        (0..length.div_ceil(1 << 10)).map(|_| Ok::<_, std::io::Error>("x".repeat(1 << 10)));
    Body::from_stream(futures::stream::iter(frames))
}

#[derive(Debug)]
struct Pool(&'static str);

#[tokio::test]
async fn handlers_share_what_required_plugins_export() {
    let pool = || plugin("pool", |cx| _ = cx.export(Pool("pooled")));
    let uses = |name: &str, requires: &[&str], path: &'static str| {
        plugin_requiring(name, requires, move |cx| {
            cx.get(path, async |pool: Shared<Pool>| pool.0);
        })
    };
    let app = app([
        pool(),
        uses("direct", &["pool"], "/direct"),
        uses("indirect", &["direct"], "/indirect"),
        uses("stranger", &[], "/stranger"),
    ])
    .await;
    assert_eq!(app.get("/direct").await.text(), "pooled");
    assert_eq!(app.get("/indirect").await.text(), "pooled");
    problem(&app.get("/stranger").await, 500, "plugin.no_export");
}

#[tokio::test]
async fn every_answer_has_the_id_of_its_request() {
    let ids = plugin("ids", |cx| {
        cx.get("/id", async |id: RequestId, scope: Scope| {
            format!("{id} {}", scope.request_id().unwrap())
        });
        cx.get("/own", async || [("x-request-id", "own")]);
    });
    let app = app([ids]).await;
    let with = |path: &str, id: &str| {
        Request::get(path)
            .header("x-request-id", id)
            .body(Body::empty())
            .unwrap()
    };
    let given = app.send(with("/id", "a-b_c.D9")).await;
    assert_eq!(
        (given.text(), given.header("x-request-id")),
        ("a-b_c.D9 a-b_c.D9", Some("a-b_c.D9"))
    );
    for wrong in ["", "a b", "a\"b", &"x".repeat(65), "ä"] {
        let response = app.send(with("/id", wrong)).await;
        let id = response.header("x-request-id").unwrap();
        assert!(id != wrong && id.len() == 16, "{wrong} became {id}");
        assert_eq!(response.text(), format!("{id} {id}"));
    }
    assert_ne!(app.get("/id").await.text(), app.get("/id").await.text());
    assert_eq!(
        app.send(with("/nowhere", "lost"))
            .await
            .header("x-request-id"),
        Some("lost")
    );
    assert_eq!(
        app.send(with("/own", "given")).await.header("x-request-id"),
        Some("own")
    );
}

#[tokio::test]
async fn the_address_of_a_client_is_that_which_a_trusted_proxy_tells() {
    let who = || {
        plugin("who", |cx| {
            _ = cx.get("/who", async |ClientAddr(address)| address.to_string());
        })
    };
    let from = |forwarded: &str| {
        Request::get("/who")
            .header("x-forwarded-for", forwarded)
            .body(Body::empty())
            .unwrap()
    };
    let app = builder([who()]).start().await.unwrap();
    assert_eq!(app.send(from("1.2.3.4")).await.text(), "127.0.0.1");
    let trusting = builder([who()]).config("server: {trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]}");
    let app = trusting.start().await.unwrap();
    assert_eq!(
        app.send(from("6.6.6.6, 1.2.3.4, 10.0.0.7")).await.text(),
        "1.2.3.4"
    );
    assert_eq!(app.send(from("nobody")).await.text(), "127.0.0.1");
    assert_eq!(app.get("/who").await.text(), "127.0.0.1");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let pages = || {
        plugin("pages", |cx| {
            cx.get("/page", async || "a page");
            cx.post("/order", async || "done");
            cx.get("/stream", async || stream(1 << 10));
            cx.route(Method::HEAD, "/own", async || [("x-own", "head")]);
            cx.get("/own", async || "own");
        })
    };
    let app = app([pages()]).await;
    let page = app.request(Method::HEAD, "/page").await;
    assert_eq!(
        (
            page.status().as_u16(),
            page.text(),
            page.header("content-length")
        ),
        (200, "", Some("6"))
    );
    assert_eq!(
        app.request(Method::HEAD, "/own").await.header("x-own"),
        Some("head")
    );
    assert_eq!(app.request(Method::HEAD, "/order").await.status(), 405);
    assert_eq!(app.request(Method::HEAD, "/nowhere").await.bytes().len(), 0);

    let running = start(service([pages()])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    for path in ["/page", "/stream", "/nowhere"] {
        raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        let (status, headers) = raw.head().await.unwrap();
        assert_eq!(status == 404, path == "/nowhere");
        assert_eq!(
            headers.contains_key("content-length"),
            path != "/stream",
            "{headers:?}"
        );
    }
    // Nothing of a body came in between.
    assert_eq!(raw.get("/page").await.text(), "a page");

    let mut http2 = Http2::connect(running.service_address()).await;
    let uri = format!("http://{}/page", running.service_address());
    let answer = http2
        .send(
            Request::head(uri)
                .body(http_body_util::Full::default())
                .unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(
        (answer.text(), answer.header("content-length")),
        ("", Some("6"))
    );
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn what_is_not_there_is_told_as_a_problem() {
    let orders = plugin("orders", |cx| {
        cx.get("/orders/{id}", async || "one");
        cx.put("/orders/{id}", async || "put");
        cx.post("/orders", async || "new");
    });
    let app = app([orders]).await;
    let missing = problem(&app.get("/order/1").await, 404, "http.not_found");
    assert_eq!(missing["detail"], "there is nothing at `/order/1`");
    let wrong = app.request(Method::DELETE, "/orders/1").await;
    assert_eq!(wrong.header("allow"), Some("GET, HEAD, PUT"));
    assert_eq!(
        problem(&wrong, 405, "http.method_not_allowed")["detail"],
        "`/orders/1` does not take DELETE"
    );
    assert_eq!(app.get("/orders").await.header("allow"), Some("POST"));
}

const SOLD_OUT: Code = Code::new("orders.sold_out", 409, "There is nothing left.");

#[tokio::test]
async fn errors_of_handlers_are_told_by_their_code() {
    let orders = plugin("orders", |cx| {
        cx.get("/own", async || {
            let error = Error::new(SOLD_OUT, "there are no apples left").with_help("order pears");
            Err::<(), _>(error)
        });
        cx.get("/question-mark", async || -> Result<String, Error> {
            std::fs::read_to_string("/nowhere/secret")?;
            Ok("read".to_owned())
        });
        cx.get("/message", async || {
            Err::<(), _>(Error::msg("the password is hunter2"))
        });
        cx.get("/panic", async || {
            if true {
                panic!("the password is hunter2")
            }
        });
        cx.get("/teapot", async || {
            (StatusCode::IM_A_TEAPOT, "short and stout").into_response()
        });
    });
    let hook = plugin("hook", |cx| {
        let fail =
            |_: &mut Exchange| Err::<(), _>(std::io::Error::other("the password is hunter2"));
        cx.get("/hooked", async || "never");
        cx.filter(&points::PRE_REQUEST, fail).routes("/hooked");
    });
    let app = app([orders, hook]).await;
    let own = problem(&app.get("/own").await, 409, "orders.sold_out");
    assert_eq!(
        (&own["detail"], &own["help"]),
        (&value!("there are no apples left"), &value!("order pears"))
    );
    for (path, code) in [
        ("/question-mark", "internal"),
        ("/message", "internal"),
        ("/panic", "panic"),
        ("/hooked", "internal"),
    ] {
        let response = app.get(path).await;
        problem(&response, 500, code);
        for secret in ["hunter2", "nowhere", "No such file"] {
            assert!(!response.text().contains(secret), "{}", response.text());
        }
    }
    let teapot = app.get("/teapot").await;
    assert_eq!(
        (teapot.status().as_u16(), teapot.text()),
        (418, "short and stout")
    );
}
