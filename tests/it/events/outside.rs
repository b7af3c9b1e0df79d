//! What operators see of events, over HTTP.

use super::*;
use crate::client::{self, Raw};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_management_endpoints_show_events() {
    let broken = plugin("broken", |cx| {
        cx.on("order.*", async |_: Message| {
            Err::<(), _>(Error::msg("out of paper"))
        });
    });
    let running = client::start(client::service([publisher(), broken])).await;
    let management = running.management_address().unwrap();
    let mut stream = Raw::management(management).await;
    stream
        .send("GET /events/stream?topic=order.** HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    stream.until("text/event-stream").await.unwrap();

    for number in 1..=2 {
        let mut raw = Raw::connect(running.service_address()).await;
        raw.send(format!(
            "POST /orders/{number} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        assert_eq!(raw.answer().await.text(), "1 0");
    }
    let seen = client::soon("the stream", stream.until("\"number\":2"))
        .await
        .unwrap();
    let seen = String::from_utf8_lossy(&seen);
    for part in [
        "event: order.placed",
        "\"source\":\"shop\"",
        "\"number\":1",
        "\"correlation_id\":",
    ] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    assert!(!seen.contains("plugin."), "{seen}");

    let get = async |path: &str| Raw::management(management).await.get(path).await.json();
    let letters = client::soon("two dead letters", async {
        loop {
            let letters = get("/events/dead-letters").await;
            if letters.as_array().unwrap().len() == 2 {
                return letters;
            }
        }
    })
    .await;
    assert_eq!(letters[0]["message"]["event"], json!({"number": 2}));
    assert_eq!(letters[0]["plugin"], "broken");
    let report = get("/events").await;
    assert_eq!(
        report["topics"]["order.placed"]["subscribers"],
        json!(["broken"])
    );
    assert_eq!(report["subscribers"]["broken"]["failed"], 2);

    let post = async |path: &str| {
        let mut raw = Raw::management(management).await;
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
        raw.answer().await
    };
    let id = letters[1]["id"].as_str().unwrap();
    assert_eq!(
        post(&format!("/events/dead-letters/{id}/retry"))
            .await
            .status,
        200
    );
    assert_eq!(post("/events/dead-letters/none/retry").await.status, 404);
    assert_eq!(post("/events/dead-letters/retry").await.status, 200);
    let plugins = get("/plugins?role=event").await;
    assert_eq!(plugins.as_array().unwrap().len(), 1);
    assert_eq!(
        get("/extension-points").await["events.deliver"]["handlers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    drop(stream);
    running.stop().await;
}
