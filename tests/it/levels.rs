//! The levels of the log, changed while the service runs.

use crate::{
    client::{self, Answer, Raw},
    shutdown::Victim,
};
use chassis::{code, testing::TestChassis};
use serde_json::json;
use std::{net::SocketAddr, time::Duration};

async fn send(management: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let mut raw = Raw::management(management).await;
    let length = body.len();
    let path = match target {
        "" => "/loggers".to_owned(),
        target => format!("/loggers/{target}"),
    };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    let about = format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    raw.send(head + &about + body).await;
    raw.answer().await
}

/// Reloads; whether the chassis told of it in detail.
async fn tells_in_detail(victim: &mut Victim) -> bool {
    let mut raw = Raw::connect(victim.management).await;
    raw.send("POST /reload?all=true HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(raw.answer().await.status, 200);
    let lines = victim.logged("reloaded").await;
    lines.iter().any(|line| line.contains("state changed"))
}

#[tokio::test]
async fn a_target_has_another_level_for_a_time() {
    let mut victim = Victim::start(&[("CHASSIS__LOG__FILTER", "info,tower=warn")]).await;
    let management = victim.management;
    assert!(!tells_in_detail(&mut victim).await);
    let none = send(management, "GET", "", "").await.json();
    assert_eq!(
        none,
        json!({
            "filter": "info,tower=warn",
            "filter_of": "log.filter",
            "written_by": null,
            "changed": [],
        })
    );

    let set = send(
        management,
        "PUT",
        "chassis",
        r#"{"level": "debug", "for": "1h"}"#,
    )
    .await;
    assert_eq!(set.status, 200, "{}", set.text());
    let set = set.json();
    assert_eq!(
        (&set["target"], &set["level"]),
        (&json!("chassis"), &json!("debug"))
    );
    assert!(set["until"].is_u64());
    assert_eq!(
        send(management, "GET", "", "").await.json()["changed"],
        json!([set])
    );
    let audit = victim.logged("/loggers/chassis").await;
    assert!(audit.last().unwrap().contains("PUT"), "{audit:?}");
    assert!(tells_in_detail(&mut victim).await);

    // The next change is in place of the one before, and goes back by itself.
    let short = send(
        management,
        "PUT",
        "chassis",
        r#"{"level": "trace", "for": "20ms"}"#,
    )
    .await;
    assert_eq!(short.status, 200);
    victim.logged("is its own again").await;
    assert_eq!(send(management, "GET", "", "").await.json(), none);
    assert!(!tells_in_detail(&mut victim).await);

    send(management, "PUT", "root", r#"{"level": "debug"}"#).await;
    assert!(tells_in_detail(&mut victim).await);
    let back = send(management, "DELETE", "root", "").await;
    assert_eq!((back.status.as_u16(), back.json()), (200, none));
    assert!(!tells_in_detail(&mut victim).await);
    victim.terminate().await;
    assert_eq!(victim.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn what_is_no_level_is_refused() {
    let victim = Victim::start(&[]).await;
    let management = victim.management;
    for (target, body, status) in [
        ("orders", "", 400),
        ("orders", r#"{"level": "loud"}"#, 400),
        ("orders", r#"{"level": "debug", "for": "0s"}"#, 400),
        ("orders", r#"{"level": "debug", "for": "25h"}"#, 400),
        ("orders", r#"{"level": "debug", "for": 10}"#, 400),
        ("orders", r#"{"level": "debug", "four": "1h"}"#, 400),
        ("orders", r#"["debug", "1h"]"#, 400),
        ("orders,all=trace", r#"{"level": "debug"}"#, 400),
        (".x", r#"{"level": "debug"}"#, 400),
        ("-x", r#"{"level": "debug"}"#, 400),
    ] {
        let refused = send(management, "PUT", target, body).await;
        assert_eq!(
            refused.status,
            status,
            "{target} {body}: {}",
            refused.text()
        );
        assert!(refused.json()["help"].is_string(), "{}", refused.text());
    }
    for number in 0..64 {
        let set = send(
            management,
            "PUT",
            &format!("target{number}"),
            r#"{"level": "off"}"#,
        )
        .await;
        assert_eq!(set.status, 200);
    }
    let body = r#"{"level": "off"}"#;
    assert_eq!(send(management, "PUT", "one_more", body).await.status, 409);
    assert_eq!(send(management, "PUT", "target7", body).await.status, 200);
    assert_eq!(send(management, "DELETE", "one_more", "").await.status, 404);
}

#[tokio::test]
async fn the_log_of_somebody_else_is_left_alone() {
    let running = client::start(client::service([])).await;
    let management = running.management_address().unwrap();
    let refused = send(management, "PUT", "orders", r#"{"level": "debug"}"#).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["code"], "log.not_owned");
    assert!(send(management, "GET", "", "").await.json()["filter"].is_null());
    running.stop().await;

    let app = TestChassis::builder().start().await.unwrap();
    let minute = Duration::from_secs(60);
    let error = app
        .handle()
        .set_log_level("orders", "debug", minute)
        .unwrap_err();
    assert_eq!(error.code(), code::LOG_NOT_OWNED);
}
