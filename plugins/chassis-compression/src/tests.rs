//! The plugin, seen from outside: what it sends is read by other libraries than those that made it where there are some.

use super::*;
use chassis::{
    PluginState,
    axum::{
        Router,
        body::Bytes,
        http::{Request, header::CONTENT_TYPE, response::Builder},
        routing,
    },
    testing::{TestBuilder, TestChassis, TestResponse},
};
use futures_util::{StreamExt as _, stream};
use std::{convert::Infallible, io, io::Read as _, time::Duration};

mod accepted;
mod reloads;
mod settings;
mod streams;

/// A text that is worth compressing.
fn text(length: usize) -> String {
    let line = (0..).map(|number| format!("{number}: a rose is a rose is a rose\n"));
    let mut text: String = line.take(length / 28 + 1).collect();
    text.truncate(length);
    text
}

fn answer() -> Builder {
    chassis::axum::http::Response::builder().header(CONTENT_TYPE, "text/plain; charset=utf-8")
}

/// Answers of all sorts.
#[plugin]
async fn library(cx: &mut PluginContext) -> Result<()> {
    cx.get("/text/{length}", async |Path(length): Path<usize>| {
        text(length)
    });
    cx.post("/text/{length}", async |Path(length): Path<usize>| {
        text(length)
    });
    cx.get("/secret", async || text(5_000));
    cx.get(
        "/of/{kind}/{subtype}",
        async |Path((kind, subtype)): Path<(String, String)>| {
            ([(CONTENT_TYPE, format!("{kind}/{subtype}"))], text(5_000))
        },
    );
    cx.get(
        "/with/{name}",
        async |Path(name): Path<String>, Query(value): Query<Value>| {
            let answer = answer().status(value.status.unwrap_or(200));
            answer
                .header(name, value.is)
                .body(Body::from(text(5_000)))
                .unwrap()
        },
    );
    cx.get("/typeless", async || Response::new(Body::from(text(5_000))));
    cx.get("/empty", async || StatusCode::NO_CONTENT);
    cx.get("/tagged", async |headers: HeaderMap| {
        let known = headers.get("if-none-match");
        let is_known = known.is_some_and(|known| known.as_bytes().ends_with(b"\"v1\""));
        let answer = answer()
            .header("etag", "\"v1\"")
            .header("accept-ranges", "bytes");
        match is_known {
            true => answer.status(304).body(Body::empty()).unwrap(),
            false => answer.body(Body::from(text(5_000))).unwrap(),
        }
    });
    cx.get("/fails", async || {
        Err::<(), _>(Error::new(chassis::code::BAD_REQUEST, text(5_000)))
    });
    cx.router(Router::new().route("/mounted", routing::get(async || text(5_000))));
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
struct Value {
    is: String,
    status: Option<u16>,
}

fn service(config: &str) -> TestBuilder {
    TestChassis::with::<Compression>()
        .plugin::<library>()
        .config(format!("plugins: {{compression: {{config: {config}}}}}\n"))
}

async fn start(config: &str) -> TestChassis {
    service(config).start().await.unwrap()
}

async fn send(
    app: &TestChassis,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> TestResponse {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn get(app: &TestChassis, path: &str, accept: &str) -> TestResponse {
    send(app, "GET", path, &[("accept-encoding", accept)]).await
}

/// What a client reads, and by what it was compressed.
fn read(answer: &TestResponse) -> (String, Option<&str>) {
    let coding = answer.header("content-encoding");
    let plain = decode(coding, answer.bytes()).expect("it can be decoded, to its end");
    (String::from_utf8(plain).unwrap(), coding)
}

fn decode(coding: Option<&str>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    match coding {
        None => plain.extend_from_slice(bytes),
        Some("gzip") => _ = flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain)?,
        Some("br") => _ = brotli::Decompressor::new(bytes, 4_096).read_to_end(&mut plain)?,
        Some("zstd") => plain = zstd::decode_all(bytes)?,
        Some(other) => panic!("nobody asked for {other}"),
    }
    Ok(plain)
}

fn vary(answer: &TestResponse) -> Vec<&str> {
    let all = answer.headers().get_all("vary").iter();
    all.map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_is_compressed_with_the_best_that_the_client_accepts() {
    let app = start("{}").await;
    for (accept, coding) in [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("*", "zstd"),
    ] {
        for length in [1_024, 5_000, 64 * 1_024, 1_000_000] {
            let answer = get(&app, &format!("/text/{length}"), accept).await;
            assert_eq!(answer.status(), 200);
            assert_eq!(vary(&answer), ["accept-encoding"]);
            assert_eq!(
                answer.header("content-type"),
                Some("text/plain; charset=utf-8")
            );
            assert!(answer.bytes().len() < length / 2, "{accept}: {length}");
            assert_eq!(
                read(&answer),
                (text(length), Some(coding)),
                "{accept}: {length}"
            );
        }
    }
}

#[tokio::test]
async fn a_client_that_accepts_nothing_gets_it_as_it_is() {
    let app = start("{}").await;
    for accept in [
        "",
        "identity",
        "deflate",
        "gzip;q=0",
        "identity, gzip;q=0.5",
    ] {
        let answer = get(&app, "/text/5000", accept).await;
        assert_eq!(read(&answer), (text(5_000), None), "{accept}");
        // For others it would be another.
        assert_eq!(vary(&answer), ["accept-encoding"], "{accept}");
    }
    let answer = app.get("/text/5000").await;
    assert_eq!(read(&answer), (text(5_000), None));
    assert_eq!(vary(&answer), ["accept-encoding"]);
}

#[tokio::test]
async fn what_is_small_is_sent_as_it_is_unless_that_was_refused() {
    let app = start("{}").await;
    let answer = get(&app, "/text/1023", "gzip").await;
    assert_eq!(read(&answer), (text(1_023), None));
    assert_eq!(vary(&answer), [""; 0]);
    let answer = get(&app, "/text/100", "gzip, identity;q=0").await;
    assert_eq!(read(&answer), (text(100), Some("gzip")));
    assert_eq!(vary(&answer), ["accept-encoding"]);
    // Nothing that is there would do.
    let answer = get(&app, "/text/5000", "deflate, *;q=0").await;
    assert_eq!(read(&answer), (text(5_000), None));
    assert_eq!(
        get(&app, "/empty", "gzip, identity;q=0").await.status(),
        204
    );
}

#[tokio::test]
async fn only_what_is_worth_it_is_compressed() {
    let app = start("{}").await;
    for (kind, is_compressed) in [
        ("text/html", true),
        ("text/css", true),
        ("application/json", true),
        ("Application/JSON", true),
        ("application/geo+json", true),
        ("application/atom+xml", true),
        ("application/wasm", true),
        ("image/svg+xml", true),
        ("image/png", false),
        ("video/mp4", false),
        ("application/zip", false),
        ("application/octet-stream", false),
        ("text/event-stream", false),
        ("application/grpc", false),
        ("application/grpc+json", false),
        ("application/grpc-web+json", false),
    ] {
        let answer = get(&app, &format!("/of/{kind}"), "gzip").await;
        let coding = is_compressed.then_some("gzip");
        assert_eq!(read(&answer), (text(5_000), coding), "{kind}");
        assert_eq!(vary(&answer).len(), usize::from(is_compressed), "{kind}");
    }
    assert_eq!(read(&get(&app, "/typeless", "gzip").await).1, None);
}

#[tokio::test]
async fn what_must_not_be_changed_is_not() {
    let app = start("{}").await;
    for (name, value) in [
        ("content-encoding", "identity"),
        ("cache-control", "max-age=60,No-Transform"),
        ("content-range", "bytes 0-4999/9000"),
        ("content-digest", "sha-256=:AA==:"),
        ("repr-digest", "sha-256=:AA==:"),
    ] {
        let answer = get(
            &app,
            &format!("/with/{name}?is={}", value.replace(' ', "%20")),
            "gzip, identity;q=0",
        )
        .await;
        assert_eq!(answer.text(), text(5_000), "{name}");
        assert_eq!(vary(&answer), [""; 0], "{name}");
    }
    let part = get(&app, "/with/x-part?is=one&status=206", "gzip").await;
    assert_eq!((part.status().as_u16(), read(&part).1), (206, None));
    // Who wants a part of it wants that of the plain one.
    let headers = [("accept-encoding", "gzip"), ("range", "bytes=0-9")];
    let answer = send(&app, "GET", "/text/5000", &headers).await;
    assert_eq!(read(&answer), (text(5_000), None));
    assert_eq!(vary(&answer), ["accept-encoding"]);
}

#[tokio::test]
async fn the_head_says_what_the_body_is() {
    let app = start("{}").await;
    let plain = app.get("/tagged").await;
    assert_eq!(plain.header("etag"), Some("\"v1\""));
    assert_eq!(plain.header("accept-ranges"), Some("bytes"));
    let answer = get(&app, "/tagged", "br").await;
    assert_eq!(read(&answer).1, Some("br"));
    assert_eq!(answer.header("etag"), Some("W/\"v1\""));
    assert_eq!(answer.header("accept-ranges"), None);
    let answer = get(&app, "/with/etag?is=W/%22v2%22", "br").await;
    assert_eq!(answer.header("etag"), Some("W/\"v2\""));
    // A length that was said is that of the plain one.
    let answer = get(&app, "/with/content-length?is=5000", "br").await;
    assert_eq!(
        (read(&answer), answer.header("content-length")),
        ((text(5_000), Some("br")), None)
    );
    for said in ["origin", "Accept-Encoding", "origin, accept-encoding", "*"] {
        let answer = get(
            &app,
            &format!("/with/vary?is={}", said.replace(' ', "%20")),
            "br",
        )
        .await;
        let expected = match said {
            "origin" => vec!["origin", "accept-encoding"],
            said => vec![said],
        };
        assert_eq!(vary(&answer), expected);
    }
}

#[tokio::test]
async fn what_has_not_changed_is_known_by_the_tag_that_the_client_has() {
    let app = start("{}").await;
    for (known, accept, tag, varies) in [
        ("W/\"v1\"", "gzip", "W/\"v1\"", true),
        ("\"v0\", W/\"v1\"", "gzip", "W/\"v1\"", true),
        ("\"v1\"", "gzip", "\"v1\"", false),
        ("W/\"v0\", \"v1\"", "gzip", "\"v1\"", false),
    ] {
        let headers = [("accept-encoding", accept), ("if-none-match", known)];
        let answer = send(&app, "GET", "/tagged", &headers).await;
        assert_eq!(answer.status(), 304);
        assert!(answer.bytes().is_empty() && answer.header("content-encoding").is_none());
        assert_eq!(answer.header("etag"), Some(tag), "{known}");
        assert_eq!(vary(&answer).len(), usize::from(varies), "{known}");
    }
}

#[tokio::test]
async fn who_asks_for_the_head_is_told_the_same() {
    let app = start("{}").await;
    for path in ["/text/5000", "/text/1000000", "/mounted"] {
        let whole = get(&app, path, "gzip").await;
        let head = send(&app, "HEAD", path, &[("accept-encoding", "gzip")]).await;
        assert!(head.bytes().is_empty());
        for name in ["content-encoding", "content-type", "vary", "content-length"] {
            // That of the whole is not there either: only what serves a connection writes it.
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
        assert_eq!(head.header("content-encoding"), Some("gzip"));
        let plain = send(&app, "HEAD", path, &[]).await;
        assert!(plain.header("content-length").is_some(), "{path}");
        assert_eq!(vary(&plain), ["accept-encoding"]);
    }
    let head = send(&app, "HEAD", "/text/100", &[("accept-encoding", "gzip")]).await;
    assert_eq!(head.header("content-length"), Some("100"));
    assert_eq!(head.header("content-encoding"), None);
}

#[tokio::test]
async fn all_answers_are_answers() {
    let app = start("{min_size: 1B}").await;
    for (method, path, status) in [
        ("POST", "/text/5000", 200),
        ("GET", "/mounted", 200),
        ("GET", "/fails", 400),
        ("GET", "/nowhere", 404),
        ("PUT", "/text/5000", 405),
        ("GET", "/openapi.json", 200),
    ] {
        let answer = send(&app, method, path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(answer.status(), status, "{path}");
        let (plain, coding) = read(&answer);
        assert_eq!(coding, Some("gzip"), "{path}");
        assert!(!plain.is_empty());
    }
}

#[tokio::test]
async fn what_it_has_done_is_counted() {
    let app = start("{}").await;
    let mut sent = 0;
    for length in [2_000, 8_000, 200_000] {
        sent += get(&app, &format!("/text/{length}"), "gzip")
            .await
            .bytes()
            .len();
    }
    get(&app, "/text/100", "gzip").await;
    get(&app, "/text/5000", "br").await;
    let metrics = app.metrics();
    for (name, algorithm, value) in [
        ("answers", "gzip", 3),
        ("in_bytes", "gzip", 210_000),
        ("out_bytes", "gzip", sent),
        ("answers", "br", 1),
        ("in_bytes", "br", 5_000),
        ("answers", "zstd", 0),
    ] {
        let line = format!(
            "compression_{name}_total{{algorithm=\"{algorithm}\",plugin=\"compression\"}} {value}\n"
        );
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn there_is_room_for_some_large_answers_at_a_time() {
    let app = start("{max_open: 2}").await;
    let open = async |path: &str| {
        let request = Request::get(path).header("accept-encoding", "gzip");
        app.send_streaming(request.body(Body::empty()).unwrap())
            .await
    };
    let coding = |answer: &Response| answer.headers().contains_key("content-encoding");
    let (one, two) = (open("/text/70000").await, open("/text/70000").await);
    let three = open("/text/70000").await;
    assert!(coding(&one) && coding(&two) && !coding(&three));
    assert_eq!(three.headers()["vary"], "accept-encoding");
    // What is done at once needs no room.
    assert!(coding(&open("/text/60000").await));
    // Those that are under way have their room after a reload as well.
    app.reload_all().await.unwrap();
    assert!(!coding(&open("/text/70000").await));
    drop(two);
    assert!(coding(&open("/text/70000").await));
    assert!(
        app.metrics()
            .contains("compression_left_plain_total{algorithm=\"gzip\",plugin=\"compression\"} 2")
    );
}
