//! Reloads while clients do not stop asking.

use crate::client::{Raw, service, soon, start};
use chassis::{
    GenerationState, PluginInfo, Registration,
    prelude::{Arc, Contributions, NoConfig, Plugin, PluginContext, Result},
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

static BUILT: AtomicU64 = AtomicU64::new(0);

/// Answers with its number: each one that is built has the next.
struct Numbered(u64);

impl Plugin for Numbered {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self(BUILT.fetch_add(1, SeqCst) + 1))
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let number = self.0;
        to.get("/number", async move || number.to_string());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_dropped_and_each_connection_only_moves_forward() {
    let info = PluginInfo::new("numbered", "1.0.0").unwrap();
    let running = start(service([Registration::new::<Numbered>(info)])).await;
    let address = running.service_address();
    let done = Arc::new(AtomicBool::new(false));
    let client = || {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut connection = Raw::connect(address).await;
            let (mut last, mut asked) = (0, 0_u64);
            while !done.load(SeqCst) {
                let answer = connection.get("/number").await;
                assert_eq!(answer.status.as_u16(), 200);
                let number: u64 = answer.text().parse().unwrap();
                assert!(number >= last, "generation {number} after {last}");
                (last, asked) = (number, asked + 1);
            }
            (last, asked)
        })
    };
    let clients: Vec<_> = (0..4).map(|_| client()).collect();
    for expected in 2..=21 {
        let reloaded = soon("reload", running.handle().reload_all()).await.unwrap();
        assert_eq!((reloaded.generation, reloaded.drained), (expected, true));
    }
    // The last generation has to be seen by all of them.
    let seen = soon("an answer", Raw::connect(address).await.get("/number")).await;
    assert_eq!(seen.text(), "21");
    done.store(true, SeqCst);
    for client in clients {
        let (last, asked) = soon("client", client).await.unwrap();
        assert!(asked > 0 && last <= 21);
    }
    let generations = running.handle().generations().unwrap();
    let serving = generations
        .iter()
        .filter(|one| one.state != GenerationState::Gone)
        .count();
    assert_eq!(serving, 1, "{generations:?}");
    assert!(running.stop().await.is_graceful());
}
