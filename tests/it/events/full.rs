//! Queues that are full: each policy does what it says, and the publisher never waits unless it wants to.

use super::*;
use std::time::Duration;
use tokio::{sync::Semaphore, time::Instant};

static GATE: Semaphore = Semaphore::const_new(0);

/// A subscriber that takes one event for each permit, and a service in which two events may wait for it.
async fn service(log: &Log, when_full: &str) -> TestChassis {
    let to = log.clone();
    let slow = plugin("slow", move |cx| {
        let to = to.clone();
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            to.note(format!("begun {}", order.number));
            GATE.acquire().await.unwrap().forget();
            to.note(format!("done {}", order.number));
        })
        .deadline(Duration::from_secs(3600));
    });
    let app = TestChassis::builder().register(publisher()).register(slow);
    let app = app.config(format!(
        "plugins: {{slow: {{limits: {{queue: 2, when_full: {when_full}}}}}}}"
    ));
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    log.until(1).await;
    app
}

async fn done(app: TestChassis, log: &Log) -> Vec<String> {
    GATE.add_permits(10);
    app.stop().await;
    GATE.forget_permits(10);
    let mut done = log.lines();
    done.retain(|line| line.starts_with("done"));
    done
}

#[tokio::test(start_paused = true)]
async fn each_policy_does_what_it_says() {
    let log = Log::new();
    let app = service(&log, "drop_oldest").await;
    for (number, answer) in [(2, "1 0"), (3, "1 0"), (4, "0 1"), (5, "0 1")] {
        assert_eq!(order(&app, number).await, answer);
    }
    let report = app.handle().events_report().unwrap();
    let slow = &report.subscribers["slow"];
    assert_eq!((slow.depth, slow.capacity, slow.dropped), (3, 2, 2));
    assert_eq!(done(app, &log).await, ["done 1", "done 4", "done 5"]);

    let log = Log::new();
    let app = service(&log, "drop_newest").await;
    for number in 2..=5 {
        order(&app, number).await;
    }
    assert_eq!(done(app, &log).await, ["done 1", "done 2", "done 3"]);

    let log = Log::new();
    let app = service(&log, "reject").await;
    order(&app, 2).await;
    order(&app, 3).await;
    let refused = app.post("/orders/4", &json!(null)).await;
    assert_eq!(refused.status(), 503);
    let error = refused.error().unwrap();
    assert_eq!(error.code(), chassis::code::EVENT_REJECTED);
    assert!(
        error.report().contains("2 events wait for `slow`"),
        "{}",
        error.report()
    );
    assert_eq!(done(app, &log).await, ["done 1", "done 2", "done 3"]);

    // Who must not lose one waits.
    let log = Log::new();
    let app = service(&log, "reject").await;
    order(&app, 2).await;
    order(&app, 3).await;
    let events = app.handle().events().unwrap();
    let since = Instant::now();
    let late = events
        .publish_wait(OrderPlaced { number: 4 }, Duration::from_secs(5))
        .await;
    let late = late.unwrap_err();
    assert_eq!(
        (late.code(), since.elapsed()),
        (chassis::code::DEADLINE, Duration::from_secs(5))
    );
    assert!(late.report().contains("`slow`"), "{}", late.report());
    let waiting = tokio::spawn(async move {
        events
            .publish_wait(OrderPlaced { number: 5 }, Duration::from_secs(3600))
            .await
    });
    tokio::task::yield_now().await;
    GATE.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().queued, 1);
    assert_eq!(
        done(app, &log).await,
        ["done 1", "done 2", "done 3", "done 5"]
    );
}
