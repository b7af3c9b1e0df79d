//! What the log says of checks: once for each change.

use super::{Dial, after, plugin, round, store};
use chassis::{Health, testing::TestChassis};
use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex, PoisonError},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Keeps what is logged of changes.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<String>>>);

impl Kept {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        if line.0.contains("health changed") {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(line.0);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_once() {
    let kept = Kept::default();
    // As long as there is but one, `tracing` asks whoever logs first whether anybody listens, and that may be another test.
    let _other = tracing::Dispatch::new(Kept::default());
    let _keeping = tracing::subscriber::set_default(kept.clone());
    let dial = Dial::new(Health::up());
    let app = TestChassis::builder()
        .register(store(&dial))
        .start()
        .await
        .unwrap();
    after(1).await;
    let first = kept.take();
    assert!(
        first.iter().all(|line| line.starts_with("DEBUG")),
        "{first:?}"
    );
    let told = async |health: Health| {
        dial.turn(health);
        for _ in 0..5 {
            round().await;
        }
        kept.take()
    };
    let lost = told(Health::down("connection lost")).await;
    let [line] = &lost[..] else {
        panic!("not one line: {lost:?}")
    };
    for text in [
        "WARN",
        "plugin=store",
        "check=database",
        "from=up",
        "to=down",
        "connection lost",
    ] {
        assert!(line.contains(text), "no {text} in {line}");
    }
    let back = told(Health::up()).await;
    assert!(back.len() == 1 && back[0].starts_with("INFO"), "{back:?}");
    drop(app);
}

#[tokio::test(start_paused = true)]
async fn who_subscribes_is_told_of_a_change() {
    let (dial, log) = (Dial::new(Health::up()), crate::made::Log::new());
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on("health.*", async move |change: Arc<serde_json::Value>| {
            let [plugin, check, told] = ["plugin", "check", "to"]
                .map(|key| change[key].as_str().unwrap_or_default().to_owned());
            to.note(format!("{plugin}/{check} is {told}"));
        });
    });
    let app = TestChassis::builder()
        .register(store(&dial))
        .register(audit);
    let app = app.start().await.unwrap();
    dial.turn(Health::down("no space"));
    log.wait("it is down", |lines| {
        lines.iter().any(|line| line == "store/database is down")
    })
    .await;
    app.stop().await;
}
