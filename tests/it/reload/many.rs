//! A service of many plugins: what one of its generations leaves behind is no burden of whoever leaves it last.

use crate::scripted::info;
use chassis::{
    GenerationState, NoConfig, Plugin, PluginContext, Registration, Result, testing::TestChassis,
};
use std::{
    sync::{Mutex, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

const MANY: usize = 150;

/// On which threads plugins have ended.
static ENDED: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());

struct One;

impl Plugin for One {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push(thread::current().id());
    }
}

fn ended() -> Vec<ThreadId> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[tokio::test(start_paused = true)]
async fn the_last_one_to_leave_does_not_take_apart_what_it_leaves() {
    let mut builder = TestChassis::builder();
    for number in 0..MANY {
        builder = builder.register(Registration::new::<One>(info(&format!("one-{number}"))));
    }
    let app = builder.start().await.unwrap();
    // Longer than the reload waits: all but the end of the plugins is done.
    let scope = app.handle().enter().unwrap();
    assert!(!app.reload_all().await.unwrap().drained);
    assert!(ended().is_empty());
    drop(scope);
    let state = || app.handle().generations().unwrap()[1].state;
    let gone = async {
        while state() != GenerationState::Gone {
            tokio::task::yield_now().await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(30), gone).await;
    gone.expect("it is gone once it is taken apart");
    assert_eq!(ended().len(), MANY);
    assert!(!ended().contains(&thread::current().id()));
    // At the end of the service all of them have ended, too.
    assert!(app.stop().await.is_empty());
    assert_eq!(ended().len(), 2 * MANY);
}
