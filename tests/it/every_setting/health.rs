//! How checks are asked, and what they come to.

use super::{Setting, in_virtual_time};
use crate::made::plugin;
use chassis::{Health, HealthState, testing::TestChassis};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// A service whose check `store/database` counts how often it is asked, and says what it is told to.
struct Store {
    app: TestChassis,
    asked: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

async fn store(setting: Setting) -> Store {
    let (asked, is_down) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let (count, says) = (Arc::clone(&asked), Arc::clone(&is_down));
    let store = plugin("store", move |cx| {
        let (count, says) = (Arc::clone(&count), Arc::clone(&says));
        cx.health("database", async move || {
            count.fetch_add(1, SeqCst);
            match says.load(SeqCst) {
                true => Health::down("lost"),
                false => Health::up(),
            }
        });
    });
    let builder = TestChassis::builder()
        .config(setting.yaml())
        .register(store);
    let app = builder.start().await.expect("the service starts");
    Store {
        app,
        asked,
        is_down,
    }
}

impl Store {
    /// Waits until it has been asked once more.
    async fn again(&self) {
        let before = self.asked.load(SeqCst);
        while self.asked.load(SeqCst) == before {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// How often it is asked until it is in this state.
    async fn until(&self, wanted: HealthState) -> usize {
        let mut count = 0;
        while state(&self.app) != wanted {
            self.again().await;
            count += 1;
        }
        count
    }
}

fn state(app: &TestChassis) -> HealthState {
    let health = app.handle().health().expect("it runs");
    health.checks[0].state
}

pub(super) fn probes(setting: Setting) -> String {
    in_virtual_time(async {
        let store = store(setting).await;
        store.app.get("/livez").await.status().as_u16().to_string()
    })
}

pub(super) fn asked(setting: Setting) -> String {
    in_virtual_time(async {
        let store = store(setting).await;
        store.again().await;
        let since = Instant::now();
        store.again().await;
        // It may be a tenth longer.
        let seconds = since.elapsed().as_secs_f64() / 1.1;
        format!("asked every {}s", if seconds > 11.0 { 60 } else { 10 })
    })
}

pub(super) fn hanging(setting: Setting) -> String {
    in_virtual_time(async {
        let hangs = plugin("store", |cx| {
            cx.health("database", async || std::future::pending::<()>().await);
        });
        let builder = TestChassis::builder()
            .config(setting.yaml())
            .register(hangs);
        let app = builder.start().await.expect("the service starts");
        let since = Instant::now();
        while state(&app) != HealthState::Down {
            sleep(Duration::from_millis(100)).await;
        }
        format!("down after {}s", since.elapsed().as_secs())
    })
}

pub(super) fn failing(setting: Setting) -> String {
    in_virtual_time(async {
        let store = store(setting).await;
        store.until(HealthState::Up).await;
        store.is_down.store(true, SeqCst);
        format!("down after {}", store.until(HealthState::Down).await)
    })
}

pub(super) fn recovering(setting: Setting) -> String {
    in_virtual_time(async {
        let store = store(setting).await;
        store.is_down.store(true, SeqCst);
        store.until(HealthState::Down).await;
        store.is_down.store(false, SeqCst);
        format!("up after {}", store.until(HealthState::Up).await)
    })
}

pub(super) fn group(setting: Setting) -> String {
    in_virtual_time(async {
        let store = store(setting).await;
        store.until(HealthState::Up).await;
        match store.app.handle().health_of_group("storage") {
            Ok(_) => "200".to_owned(),
            Err(error) => error.code().status().to_string(),
        }
    })
}

pub(super) fn down(setting: Setting) -> String {
    in_virtual_time(async {
        let store = store(setting).await;
        store.is_down.store(true, SeqCst);
        store.until(HealthState::Down).await;
        let handle = store.app.handle();
        let state = handle.health().expect("it runs").state;
        let ready = if handle.is_ready() {
            "ready"
        } else {
            "not ready"
        };
        format!("{state}, {ready}")
    })
}
