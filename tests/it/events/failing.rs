//! Handlers that fail, hang and panic: they delay nobody else, and nothing is lost silently.

use super::*;
use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_slow_and_a_panicking_subscriber_delay_nobody() {
    let log = Log::new();
    let to = log.clone();
    let slow = plugin("slow", |cx| {
        cx.subscribe(async |_: Arc<OrderPlaced>| std::future::pending::<()>().await);
    });
    let panicking = plugin("panicking", |cx| {
        cx.subscribe(async |order: Arc<OrderPlaced>| {
            assert!(order.number > 100, "too small");
        });
    });
    let quick = plugin("quick", move |cx| {
        let to = to.clone();
        cx.subscribe(async move |order: Arc<OrderPlaced>| to.note(order.number.to_string()));
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(slow)
        .register(panicking)
        .register(quick)
        .start()
        .await
        .unwrap();
    let since = Instant::now();
    for number in 1..=3 {
        assert_eq!(order(&app, number).await, "3 0");
    }
    log.until(3).await;
    assert_eq!(log.lines(), ["1", "2", "3"]);
    assert!(
        since.elapsed() < Duration::from_millis(100),
        "{:?}",
        since.elapsed()
    );

    // The slow one is cut off each time, and both have left something to look at.
    app.handle().events().unwrap();
    while app.handle().dead_letters().unwrap().len() < 6 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        since.elapsed() < Duration::from_secs(16),
        "{:?}",
        since.elapsed()
    );
    let letters = app.handle().dead_letters().unwrap();
    let count = |plugin: &str, code: &str| {
        let of = letters
            .iter()
            .filter(|letter| &*letter.plugin == plugin && letter.code == code);
        of.count()
    };
    assert_eq!(
        (count("slow", "deadline"), count("panicking", "panic")),
        (3, 3)
    );
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failing_handler_is_tried_again_with_longer_pauses() {
    let log = Log::new();
    let to = log.clone();
    let fragile = plugin("fragile", move |cx| {
        let (to, since) = (to.clone(), Instant::now());
        cx.on("order.placed", async move |message: Message| {
            to.note(format!(
                "{} after {}s",
                message.attempt(),
                since.elapsed().as_secs()
            ));
            match message.attempt() {
                4 => Ok(()),
                _ => Err(Error::msg("not yet")),
            }
        })
        .retries(3)
        .backoff(Duration::from_secs(2));
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(fragile);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    log.until(4).await;
    assert_eq!(
        log.lines(),
        ["1 after 0s", "2 after 2s", "3 after 6s", "4 after 14s"]
    );
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_can_be_tried_again() {
    static MENDED: AtomicU32 = AtomicU32::new(0);
    let log = Log::new();
    let to = log.clone();
    let broken = plugin("broken", move |cx| {
        let (to, also) = (to.clone(), to.clone());
        cx.on(
            "order.placed",
            async move |order: Arc<OrderPlaced>| match MENDED.load(SeqCst) {
                0 => Err(Error::msg("out of paper")),
                _ => {
                    to.note(format!("mended {}", order.number));
                    Ok(())
                }
            },
        );
        // Told already: not once more.
        cx.on("order.*", async move |order: Arc<Value>| {
            also.note(format!("also {}", order["number"]));
        });
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(broken);
    let app = app.start().await.unwrap();
    order(&app, 7).await;
    log.until(1).await;
    while app.handle().dead_letters().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let letter = app.handle().dead_letters().unwrap().remove(0);
    assert_eq!(
        (&*letter.plugin, letter.topic(), letter.attempts),
        ("broken", "order.placed", 1)
    );
    assert!(letter.error.contains("out of paper"), "{}", letter.error);

    assert_eq!(
        app.handle().retry_dead_letter("99").unwrap_err().code(),
        chassis::code::NOT_FOUND
    );
    MENDED.store(1, SeqCst);
    app.handle().retry_dead_letter(&letter.id).unwrap();
    log.until(2).await;
    assert_eq!(log.lines(), ["also 7", "mended 7"]);
    assert!(app.handle().dead_letters().unwrap().is_empty());
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_is_not_tried_again() {
    let strict = plugin("strict", |cx| {
        cx.on("order.placed", async |_: Arc<OrderPlaced>| ())
            .retries(5);
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(strict);
    let app = app.start().await.unwrap();
    publish(&app, "order.placed", json!({"number": "many"})).await;
    while app.handle().dead_letters().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let letter = app.handle().dead_letters().unwrap().remove(0);
    assert_eq!((letter.code, letter.attempts), ("event.malformed", 1));
    assert!(
        letter.error.contains("invalid type: string"),
        "{}",
        letter.error
    );
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn of_dead_letters_only_the_newest_are_kept() {
    let broken = plugin("broken", |cx| {
        cx.subscribe(async |_: Arc<OrderPlaced>| Err::<(), _>(Error::msg("no")));
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(broken);
    let app = app.set("events.dead_letters", 2).start().await.unwrap();
    for number in 1..=5 {
        order(&app, number).await;
    }
    while app.handle().events_report().unwrap().dead_letters_dropped < 3 {
        tokio::task::yield_now().await;
    }
    let letters = app.handle().dead_letters().unwrap();
    let ids: Vec<&str> = letters.iter().map(|letter| &*letter.id).collect();
    assert_eq!(ids, ["5", "4"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_may_panic_and_the_next_event_comes_all_the_same() {
    struct Bomb(u64);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert_ne!(self.0, 1, "dropped");
        }
    }
    let log = Log::new();
    let to = log.clone();
    let fragile = plugin("fragile", move |cx| {
        let to = to.clone();
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            let bomb = Bomb(order.number);
            if bomb.0 == 1 {
                std::future::pending::<()>().await;
            }
            to.note(bomb.0);
        });
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(fragile);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    order(&app, 2).await;
    log.until(1).await;
    assert_eq!(log.lines(), ["2"]);
    assert!(app.stop().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_of_a_handler_that_is_gone_stays() {
    static BUILT: AtomicU32 = AtomicU32::new(0);
    let changing = plugin("changing", |cx| {
        let broken = async |_: Message| Err::<(), _>(Error::msg("no"));
        match BUILT.fetch_add(1, SeqCst) {
            0 => _ = cx.on("order.placed", broken),
            _ => _ = cx.on("order.*", broken),
        }
    });
    let app = TestChassis::builder()
        .register(publisher())
        .register(changing);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    while app.handle().dead_letters().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    app.reload_all().await.unwrap();
    let letter = app.handle().dead_letters().unwrap().remove(0);
    let error = app.handle().retry_dead_letter(&letter.id).unwrap_err();
    assert_eq!(error.code(), chassis::code::CONFLICT);
    assert_eq!(app.handle().dead_letters().unwrap().len(), 1);
    app.stop().await;
}
