//! Connections: many requests on one, streams, HTTP/2, clients that leave, addresses.

use super::echo;
use crate::{
    client::{Http2, Raw, service, start},
    made::{Log, plugin},
};
use chassis::{Body, Exchange, code, points};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_connection_serves_many_requests_also_in_advance() {
    let running = start(service([echo()])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    for word in ["a", "b", "c"] {
        assert_eq!(raw.get(&format!("/{word}")).await.text(), word);
    }
    let all: String = (0..100)
        .map(|i| format!("GET /{i} HTTP/1.1\r\nhost: test\r\n\r\n"))
        .collect();
    raw.send(all).await;
    for i in 0..100 {
        assert_eq!(raw.answer().await.text(), i.to_string());
    }
    // The next request has begun to arrive: the answer to this one comes all the same.
    raw.send("GET /whole HTTP/1.1\r\nhost: test\r\n\r\nGET /ha")
        .await;
    assert_eq!(raw.answer().await.text(), "whole");
    raw.send("lf HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        .await;
    let last = raw.answer().await;
    assert_eq!(
        (last.text(), last.header("connection")),
        ("half", Some("close"))
    );
    assert!(raw.rest().await.is_empty());
    // So it does while the next one is handled.
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("GET /a HTTP/1.1\r\nhost: test\r\n\r\nGET /b HTTP/1.1\r\nhost: test\r\n\r\nGET /hang/1 HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(raw.answer().await.text(), "a");
    assert_eq!(raw.answer().await.text(), "b");
    drop(raw);
    // HTTP/1.0 has no connections that stay.
    let mut old = Raw::connect(running.service_address()).await;
    old.send("GET /old HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.answer().await.text(), "old");
    assert!(old.rest().await.is_empty());
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn an_answer_may_stream_while_the_body_of_the_request_is_not_read() {
    let running = start(service([echo()])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send(format!(
        "POST /ticks HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n{}",
        "x".repeat(500)
    ))
    .await;
    assert_eq!(raw.head().await.unwrap().0, 200);
    for tick in ["0", "1", "2", ""] {
        assert_eq!(raw.chunk().await.unwrap(), tick);
    }
    // An answer to a request that is still being sent arrives, too.
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send(format!(
        "POST /unread HTTP/1.1\r\nhost: test\r\ncontent-length: 1000000\r\n\r\n{}",
        "x".repeat(100_000)
    ))
    .await;
    assert_eq!(raw.answer().await.text(), "not read");
    // A body that nobody reads does not end up in the next request.
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("POST /unread HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nGET /")
        .await;
    assert_eq!(raw.answer().await.text(), "not read");
    assert_eq!(raw.get("/next").await.text(), "next");
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn a_body_is_echoed_as_it_comes() {
    let running = start(service([echo()])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("POST /echo HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    for (index, word) in ["one", "two", "six"].into_iter().enumerate() {
        raw.send(format!("3\r\n{word}\r\n")).await;
        if index == 0 {
            assert_eq!(raw.head().await.unwrap().0, 200);
        }
        assert_eq!(raw.chunk().await.unwrap(), word);
    }
    raw.send("0\r\n\r\n").await;
    assert_eq!(raw.chunk().await.unwrap(), "");
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge() {
    let running = start(service([echo()])).await;
    let http2 = Http2::connect(running.service_address()).await;
    let words = (0..50).map(|i| {
        let mut http2 = http2.clone();
        async move { (i, http2.get(&format!("/{i}")).await.unwrap()) }
    });
    for (i, answer) in futures::future::join_all(words).await {
        assert_eq!(answer.text(), i.to_string());
        assert!(answer.header("x-request-id").is_some());
        assert_eq!(answer.header("connection"), None);
    }
    drop(http2);
    assert!(running.stop().await.is_graceful());
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_that_names_it_and_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["server.listen", "management.listen"] {
        let error = service([echo()])
            .set(key, &*address)
            .start()
            .await
            .unwrap_err();
        assert_eq!(error.code(), code::LISTEN);
        for told in [&*address, key, "in use"] {
            assert!(error.report().contains(told), "{}", error.report());
        }
    }
    let error = service([echo()])
        .set("server.listen", "192.0.2.1:0")
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.code(), code::LISTEN);
    // After a stop the address is free again, at once.
    let running = start(service([echo()])).await;
    let address = running.service_address().to_string();
    assert_eq!(
        Raw::connect(running.service_address())
            .await
            .get("/")
            .await
            .text(),
        "hello"
    );
    running.stop().await;
    start(service([echo()]).set("server.listen", address))
        .await
        .stop()
        .await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_harms_nobody() {
    let log = Log::new();
    let noted = log.clone();
    let reader = plugin("reader", move |cx| {
        let log = noted.clone();
        cx.post("/read", async move |body: Body| {
            log.note("reading");
            match body.collect().await {
                Ok(_) => log.note("read"),
                Err(_) => log.note("broken off"),
            }
        });
        let log = noted.clone();
        cx.filter(&points::POST_RESPONSE, move |ex: &mut Exchange| {
            log.note(format!("{:?}", ex.outcome()));
        });
    });
    let running = start(service([reader, echo()])).await;
    for (sent, expected) in [
        (
            "POST /read HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nhalf",
            &["reading"][..],
        ),
        (
            "POST /read HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n4\r\nha",
            &["reading"],
        ),
        ("POST /rea", &[]),
    ] {
        let before = log.lines().len();
        let mut raw = Raw::connect(running.service_address()).await;
        raw.send(sent).await;
        log.until(before + expected.len()).await;
        drop(raw);
        if !expected.is_empty() {
            // The handler is told by the error of the body, or dropped: in any case the hook is told once.
            let lines = log.until(before + 2).await;
            let end = lines.last().unwrap();
            assert!(end == "ClientGone" || end == "Answered", "{lines:?}");
        }
        assert_eq!(
            Raw::connect(running.service_address())
                .await
                .get("/")
                .await
                .text(),
            "hello"
        );
        log.until(log.lines().len()).await;
    }
    assert!(running.stop().await.is_graceful());
}
