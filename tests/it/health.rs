//! Health checks: asked in the background, told from memory.

use crate::made::plugin;
use chassis::{
    CheckReport, Health, HealthReport, HealthState, PluginContext, Registration,
    testing::TestChassis,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::sleep;

// When a check is asked, what becomes of its answers, and when they are too old.
mod checks;
// What all checks come to: for the service, for probes, for a plugin's state.
mod verdict;
// The ways to contribute one, and mistakes in it.
mod ways;
// What is asked for together, and the controls of single checks.
mod groups;
// Reloads, and the end of an instance.
mod lives;
// What the log says.
mod told;
// Over HTTP: management, and probes on the listener of the service.
mod endpoints;

/// What a check says, changed by the test.
#[derive(Clone)]
struct Dial(Arc<Mutex<Health>>);

impl Dial {
    fn new(health: Health) -> Self {
        Self(Arc::new(Mutex::new(health)))
    }

    fn turn(&self, health: Health) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    fn read(&self) -> Health {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Contributes a check that says what the dial does.
    fn check<'c>(&self, cx: &'c mut PluginContext, name: &str) -> chassis::PlacedCheck<'c> {
        let dial = self.clone();
        cx.health(name, async move || dial.read())
    }
}

/// A plugin with a critical check `database` that says what the dial does.
fn store(dial: &Dial) -> Registration {
    let dial = dial.clone();
    plugin("store", move |cx| _ = dial.check(cx, "database").critical())
}

/// Time passes, and everybody who is asked meanwhile answers.
async fn after(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
    // Who wakes at the same moment is done, too.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// A round of asking at the default interval, which may be a tenth longer.
async fn round() {
    after(11).await;
}

fn health(app: &TestChassis) -> HealthReport {
    app.handle().health().expect("it runs")
}

fn one(app: &TestChassis, name: &str) -> CheckReport {
    let all = health(app).checks.into_iter();
    let mut found = all.filter(|check| check.name == name);
    found
        .next()
        .unwrap_or_else(|| panic!("there is no check {name}"))
}

fn state(app: &TestChassis, name: &str) -> HealthState {
    one(app, name).state
}
