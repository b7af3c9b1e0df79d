//! When a check is asked, what becomes of its answers, and when they are too old.

use super::{Dial, after, health, one, round, state, store};
use crate::{client::soon, made::plugin};
use chassis::{Health, HealthState, testing::TestChassis};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn whoever_hangs_delays_nobody() {
    let many = plugin("many", |cx| {
        for number in 0..40 {
            cx.health(&format!("well-{number}"), async move || {
                tokio::time::sleep(Duration::from_millis(number)).await;
                Health::up().with("number", number)
            });
        }
        for number in 0..10 {
            cx.health(&format!("hangs-{number}"), async || {
                std::future::pending::<Health>().await
            });
        }
    });
    let app = TestChassis::builder().register(many).start().await.unwrap();
    after(1).await;
    let since = Instant::now();
    let report = health(&app);
    assert_eq!(since.elapsed(), Duration::ZERO);
    assert_eq!(report.checks.len(), 50);
    let well = |name: &str| name.starts_with("many/well-");
    for check in report.checks.iter().filter(|check| well(&check.name)) {
        assert_eq!(check.state, HealthState::Up);
        let number = check.details["number"].as_u64().unwrap();
        assert_eq!(check.age_ms, Some(1_000 - number), "{}", check.name);
        assert_eq!(check.took_ms.map(f64::round), Some(number as f64));
    }
    for check in report.checks.iter().filter(|check| !well(&check.name)) {
        assert_eq!((check.state, check.age_ms), (HealthState::Unknown, None));
        assert_eq!(check.message.as_deref(), Some("it has not answered yet"));
    }

    after(4).await;
    let report = health(&app);
    assert_eq!(
        (report.state, report.healthy),
        (HealthState::Degraded, true)
    );
    for check in report.checks.iter().filter(|check| !well(&check.name)) {
        assert_eq!(check.state, HealthState::Down);
        assert_eq!(check.message.as_deref(), Some("no answer within 5s"));
        assert_eq!(
            (check.took_ms, check.consecutive_failures),
            (Some(5_000.0), 1)
        );
    }
    let since = Instant::now();
    assert!(app.stop().await.is_empty());
    assert_eq!(since.elapsed(), Duration::ZERO, "nobody waits for a check");
}

#[tokio::test(start_paused = true)]
async fn a_check_is_asked_at_its_interval_and_never_twice_at_a_time() {
    let (asked, under_way) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&asked);
    let slow = plugin("slow", move |cx| {
        let (asked, under_way) = (Arc::clone(&asked), Arc::clone(&under_way));
        cx.health("check", async move || {
            asked.fetch_add(1, SeqCst);
            assert_eq!(under_way.fetch_add(1, SeqCst), 0);
            tokio::time::sleep(Duration::from_secs(20)).await;
            under_way.fetch_sub(1, SeqCst);
        })
        .interval(Duration::from_secs(10))
        .deadline(Duration::from_secs(60));
    });
    let app = TestChassis::builder().register(slow).start().await.unwrap();
    after(1).await;
    assert_eq!(counted.load(SeqCst), 1, "at once");
    // 20 to answer, and 10 to 11 until the next time.
    after(28).await;
    assert_eq!(counted.load(SeqCst), 1);
    after(3).await;
    assert_eq!(counted.load(SeqCst), 2);
    assert_eq!(state(&app, "slow/check"), HealthState::Up);
}

#[tokio::test(start_paused = true)]
async fn the_first_answer_counts_at_once_and_later_failures_have_to_repeat() {
    let dial = Dial::new(Health::down("refused"));
    let app = TestChassis::builder()
        .register(store(&dial))
        .start()
        .await
        .unwrap();
    after(1).await;
    assert_eq!(state(&app, "store/database"), HealthState::Down);

    dial.turn(Health::up().with("connections", 5));
    round().await;
    let check = one(&app, "store/database");
    assert_eq!(
        (check.state, check.consecutive_failures),
        (HealthState::Up, 0)
    );
    assert_eq!(check.details["connections"], 5);

    dial.turn(Health::down("lost"));
    for failures in 1..3 {
        round().await;
        let check = one(&app, "store/database");
        assert_eq!(
            (check.state, check.consecutive_failures),
            (HealthState::Up, failures)
        );
        assert_eq!(
            check.message.as_deref(),
            Some("lost"),
            "it is told all the same"
        );
    }
    round().await;
    let check = one(&app, "store/database");
    assert_eq!(
        (check.state, check.consecutive_failures),
        (HealthState::Down, 3)
    );
    assert!(!app.handle().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_check_may_have_thresholds_of_its_own() {
    let dial = Dial::new(Health::up());
    let turned = dial.clone();
    let strict = plugin("strict", move |cx| {
        dial.check(cx, "check").failures(1).successes(2);
    });
    let app = TestChassis::builder()
        .register(strict)
        .start()
        .await
        .unwrap();
    round().await;
    turned.turn(Health::down("lost"));
    round().await;
    assert_eq!(state(&app, "strict/check"), HealthState::Down);
    turned.turn(Health::up());
    round().await;
    assert_eq!(state(&app, "strict/check"), HealthState::Down);
    round().await;
    assert_eq!(state(&app, "strict/check"), HealthState::Up);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_is_down_and_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let jumpy = plugin("jumpy", move |cx| {
        let asked = Arc::clone(&asked);
        cx.health("check", async move || {
            assert!(asked.fetch_add(1, SeqCst) > 0, "not yet");
        });
        cx.health("other", async || {});
    });
    let app = TestChassis::builder()
        .register(jumpy)
        .start()
        .await
        .unwrap();
    after(1).await;
    let check = one(&app, "jumpy/check");
    assert_eq!(check.state, HealthState::Down);
    assert_eq!(check.message.as_deref(), Some("panicked: not yet"));
    assert_eq!(state(&app, "jumpy/other"), HealthState::Up);
    let report = app.handle().plugin("jumpy").unwrap();
    let panics: u64 = report
        .contributions
        .iter()
        .map(|one| one.stats.panics)
        .sum();
    assert_eq!(panics, 1);
    round().await;
    assert_eq!(state(&app, "jumpy/check"), HealthState::Up);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_answer_that_is_too_old_says_nothing() {
    let stop = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&stop);
    let blocked = plugin("blocked", move |cx| {
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&stop));
        cx.health("check", async move || {
            // The second time it blocks its thread: no deadline can cut that off.
            if asked.fetch_add(1, SeqCst) > 0 {
                while !stop.load(SeqCst) {
                    std::thread::yield_now();
                }
            }
        })
        .interval(Duration::from_millis(10))
        .deadline(Duration::from_millis(10))
        .critical();
    });
    let app = TestChassis::builder()
        .register(blocked)
        .start()
        .await
        .unwrap();
    let until = async |wanted: HealthState| {
        while state(&app, "blocked/check") != wanted {
            tokio::task::yield_now().await;
        }
    };
    soon("the first answer", until(HealthState::Up)).await;
    // On a busy machine it may come to be asked too late, too.
    let overdue = async {
        loop {
            let check = one(&app, "blocked/check");
            let message = check.message.as_deref().unwrap_or_default();
            if message.contains("blocks its thread") {
                break check;
            }
            tokio::task::yield_now().await;
        }
    };
    let check = soon("its end", overdue).await;
    assert_eq!(check.state, HealthState::Unknown);
    assert!(check.age_ms.is_some() && !app.handle().is_ready());
    assert_eq!(health(&app).state, HealthState::Down);
    released.store(true, SeqCst);
    soon("the next answer", until(HealthState::Up)).await;
}

#[tokio::test(start_paused = true)]
async fn an_interval_may_be_as_long_as_it_likes() {
    let dial = Dial::new(Health::up());
    let patient = plugin("patient", move |cx| {
        dial.check(cx, "check").interval(Duration::MAX);
    });
    let app = TestChassis::builder()
        .register(patient)
        .start()
        .await
        .unwrap();
    round().await;
    assert_eq!(state(&app, "patient/check"), HealthState::Up);
    let report = app.handle().plugin("patient").unwrap();
    assert_eq!(report.health, Some(HealthState::Up));
}
