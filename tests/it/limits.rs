//! What keeps one client from taking all: limits and time-outs of the server, over real connections.

use crate::{
    client::{Http2, Raw, service, soon, start},
    made::plugin,
};
use chassis::{Body, Json, Registration, Running};
use futures::StreamExt as _;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

mod connections;

fn echo() -> Registration {
    plugin("echo", |cx| {
        cx.get("/", async || "hello");
        cx.get(
            "/{word}",
            async |chassis::Path(word): chassis::Path<String>| word,
        );
        cx.get("/hang/{how}", async || std::future::pending::<()>().await);
        cx.post("/echo", async |body: Body| body);
        cx.post("/json", async |Json(text): Json<String>| text);
        cx.post("/unread", async || "not read");
        // Answers while the body is still on its way, and never looks at it.
        cx.post("/ticks", async || {
            let ticks = futures::stream::iter(0..3).then(async |tick| {
                tokio::task::yield_now().await;
                Ok::<_, std::io::Error>(format!("{tick}"))
            });
            Body::from_stream(ticks)
        });
    })
}

/// A service that echoes, with one setting of the server.
async fn echo_with(setting: &str, value: impl Into<serde_json::Value>) -> Running {
    start(service([echo()]).set(&format!("server.{setting}"), value)).await
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = echo_with("max_header", "8KiB").await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send(format!(
        "GET / HTTP/1.1\r\nhost: test\r\nx-large: {}\r\n\r\n",
        "x".repeat(7 << 10)
    ))
    .await;
    assert_eq!(raw.answer().await.text(), "hello");
    raw.send(format!(
        "GET / HTTP/1.1\r\nhost: test\r\nx-large: {}\r\n\r\n",
        "x".repeat(9 << 10)
    ))
    .await;
    assert_eq!(raw.answer().await.status, 431);
    assert!(raw.rest().await.is_empty());

    let mut http2 = Http2::connect(running.service_address()).await;
    let request = |size: usize| {
        let uri = format!("http://{}/", running.service_address());
        let request = http::Request::get(uri).header("x-large", "x".repeat(size));
        request.body(http_body_util::Full::default()).unwrap()
    };
    assert_eq!(http2.send(request(7 << 10)).await.unwrap().text(), "hello");
    assert!(
        http2
            .send(request(9 << 10))
            .await
            .map_or(true, |answer| answer.status == 431)
    );
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn many_headers_and_what_is_no_http_are_refused() {
    let running = echo_with("max_header", "16KiB").await;
    let many: String = (0..200).map(|i| format!("x-{i}: x\r\n")).collect();
    for (sent, status) in [
        (format!("GET / HTTP/1.1\r\nhost: test\r\n{many}\r\n"), 431),
        ("nonsense\r\n\r\n".to_owned(), 400),
        (
            "GET / HTTP/1.1\r\nhost: test\r\nbad header: x\r\n\r\n".to_owned(),
            400,
        ),
        (
            "GET / HTTP/1.1\r\nhost: test\r\ncontent-length: x\r\n\r\n".to_owned(),
            400,
        ),
        (
            "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"
                .to_owned(),
            400,
        ),
    ] {
        let mut raw = Raw::connect(running.service_address()).await;
        raw.send(&sent).await;
        assert_eq!(raw.answer().await.status, status, "{sent}");
        assert!(raw.rest().await.is_empty(), "the connection is at its end");
    }
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn a_slow_head_is_not_waited_for() {
    let running = echo_with("header_timeout", "200ms").await;
    for (first, rest) in [
        ("", ""),
        ("", "GET / HT"),
        ("", "PRI * HTT"),
        ("GET / HTTP/1.1\r\nhost: test\r\n\r\n", "GET /"),
    ] {
        let mut raw = Raw::connect(running.service_address()).await;
        if !first.is_empty() {
            raw.send(first).await;
            assert_eq!(raw.answer().await.text(), "hello");
        }
        raw.send(rest).await;
        if rest.is_empty() {
            // Silence is no slow head: that is a matter of `idle_timeout`.
            assert_eq!(raw.get("/").await.text(), "hello");
        } else {
            too_slow(raw, rest).await;
        }
    }
    // Also after a while of silence.
    let mut raw = Raw::connect(running.service_address()).await;
    assert_eq!(raw.get("/").await.text(), "hello");
    let mut other = Raw::connect(running.service_address()).await;
    other.send("GET").await;
    too_slow(other, "a beginning").await;
    raw.send("GET").await;
    too_slow(raw, "silence").await;
    // Nobody can draw it out byte by byte.
    let mut raw = Raw::connect(running.service_address()).await;
    let drip = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while raw.stream.write_all(b"x").await.is_ok() {
            ticks.tick().await;
        }
    };
    soon("the end of the connection", drip).await;
    assert!(running.stop().await.is_graceful());
}

async fn too_slow(mut raw: Raw, after: &str) {
    let answer = raw.answer().await;
    assert_eq!(answer.status, 408, "after {after:?}");
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.json()["code"], "http.bad_request");
    assert!(raw.rest().await.is_empty(), "after {after:?}");
}

#[tokio::test]
async fn a_slow_body_is_a_matter_of_the_request_timeout() {
    let running = start(
        service([echo()])
            .set("server.header_timeout", "100ms")
            .set("server.request_timeout", "500ms"),
    )
    .await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("POST /json HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n\"a").await;
    let answer = raw.answer().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (504, &"deadline".into())
    );
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let running = echo_with("idle_timeout", "200ms").await;
    let mut silent = Raw::connect(running.service_address()).await;
    assert!(silent.rest().await.is_empty());
    let mut used = Raw::connect(running.service_address()).await;
    assert_eq!(used.get("/").await.text(), "hello");
    assert!(used.rest().await.is_empty());
    // HTTP/2: one that speaks it, and one that has said nothing but hello.
    let mut http2 = Http2::connect(running.service_address()).await;
    assert_eq!(http2.get("/").await.unwrap().text(), "hello");
    soon("the end of the connection", async {
        while !http2.sender.is_closed() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut mute = Raw::connect(running.service_address()).await;
    mute.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await;
    mute.rest().await;
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn over_http2_bytes_without_a_request_keep_no_connection() {
    let running = echo_with("idle_timeout", "200ms").await;
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // HEADERS of 1000 bytes, without END_HEADERS: its rest comes byte by byte.
    let headers = b"\0\x03\xe8\x01\0\0\0\0\x01";
    let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong";
    for (first, drip) in [(&headers[..], &b"\0"[..]), (ping, ping)] {
        // The preface may come in pieces.
        for split in [3, hello.len()] {
            let mut raw = Raw::connect(running.service_address()).await;
            raw.send(&hello[..split]).await;
            let drips = async {
                let mut ticks = tokio::time::interval(Duration::from_millis(20));
                ticks.tick().await;
                raw.send([&hello[split..], first].concat()).await;
                while raw.stream.write_all(drip).await.is_ok() {
                    ticks.tick().await;
                }
            };
            soon("the end of the connection", drips).await;
        }
    }
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let running = echo_with("max_body", "1KiB").await;
    let json = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    let head = |more: &str| {
        format!(
            "POST /json HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n{more}\r\n\r\n"
        )
    };
    let by_length =
        |size: usize| format!("{}{}", head(&format!("content-length: {size}")), json(size));
    let by_chunks = |size: usize| {
        let chunk = json(size);
        format!(
            "{}{:x}\r\n{chunk}\r\n0\r\n\r\n",
            head("transfer-encoding: chunked"),
            chunk.len()
        )
    };
    for send in [&by_length as &dyn Fn(usize) -> String, &by_chunks] {
        let mut raw = Raw::connect(running.service_address()).await;
        raw.send(send(1 << 10)).await;
        assert_eq!(raw.answer().await.status, 200);
        raw.send(send((1 << 10) + 1)).await;
        let answer = raw.answer().await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["code"]),
            (413, &"http.body_too_large".into())
        );
    }
    // Told before the body is sent, and nobody waits for it.
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send(head("content-length: 1000000000\r\nexpect: 100-continue"))
        .await;
    assert_eq!(raw.answer().await.status, 413);
    assert!(raw.rest().await.is_empty());

    let mut http2 = Http2::connect(running.service_address()).await;
    let uri = format!("http://{}/json", running.service_address());
    let request = http::Request::post(uri).header("content-type", "application/json");
    let request = request
        .body(http_body_util::Full::from(json(2 << 10)))
        .unwrap();
    assert_eq!(http2.send(request).await.unwrap().status, 413);
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let running = echo_with("max_connections", 2).await;
    let mut one = Raw::connect(running.service_address()).await;
    let mut two = Raw::connect(running.service_address()).await;
    let mut three = Raw::connect(running.service_address()).await;
    assert_eq!(one.get("/one").await.text(), "one");
    assert_eq!(two.get("/two").await.text(), "two");
    three
        .send("GET /three HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    // Whatever the third wants, the first two are served.
    assert_eq!(one.get("/again").await.text(), "again");
    let mut byte = [0];
    assert_eq!(
        three.stream.try_read(&mut byte).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    drop(two);
    assert_eq!(three.answer().await.text(), "three");
    assert!(running.stop().await.is_graceful());
}
