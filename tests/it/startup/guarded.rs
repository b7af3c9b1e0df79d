//! What a plugin can't do to the chassis: block the supervisor, panic where nobody looks, outlive its service.

use crate::{
    client::{Raw, service as real, soon},
    made::{Log, plugin},
    scripted::{info, release, scripted, steps},
};
use chassis::{
    Background, Contributions, NoConfig, Plugin, PluginContext, PluginState, Registration, Result,
    Violations, code,
    points::{PLUGIN_STARTED, PRE_REQUEST, PluginMoment},
    testing::TestChassis,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Panics when it is dropped.
struct Fragile;

impl Plugin for Fragile {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_panics_when_it_is_dropped_stops_nobody_else() {
    let app = TestChassis::builder()
        .register(scripted("base", &[]))
        .register(Registration::new::<Fragile>(
            info("fragile").requires(["base"]),
        ))
        .set("plugins.base.config.log", "fragile")
        .start()
        .await
        .unwrap();
    let reloaded = app.reload_all().await.unwrap();
    assert_eq!(reloaded.generation, 2);
    assert_eq!(reloaded.stop_errors.len(), 1, "{:?}", reloaded.stop_errors);
    assert!(
        reloaded.stop_errors[0].contains("`fragile`"),
        "{:?}",
        reloaded.stop_errors
    );
    assert_eq!(steps("fragile", "stop"), ["base"]);
    app.stop().await;
    assert_eq!(steps("fragile", "stop"), ["base", "base"]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_panics_when_it_is_applied_is_an_error_with_a_name() {
    let base = || scripted("base", &[]);
    let log = "panicking-layer";
    let error = TestChassis::builder()
        .register(base())
        .register(plugin("layered", |cx| {
            cx.layer(tower::layer::layer_fn(
                |inside| -> tower::util::BoxCloneSyncService<
                    _,
                    chassis::Response,
                    std::convert::Infallible,
                > {
                    drop::<tower::util::BoxCloneSyncService<_, _, _>>(
                        tower::util::BoxCloneSyncService::new(inside),
                    );
                    panic!("no such thing")
                },
            ));
        }))
        .set("plugins.base.config.log", log)
        .start_error()
        .await;
    assert_eq!(
        (error.code(), error.plugin()),
        (code::PANIC, Some("layered"))
    );
    assert_eq!(
        steps(log, "drop"),
        ["base"],
        "what was built is rolled back"
    );
}

#[tokio::test]
async fn a_handler_that_blocks_does_not_block_the_supervisor() {
    let blocking = plugin("blocking", |cx| {
        cx.action(&PLUGIN_STARTED, async |moment: &PluginMoment| {
            if moment.plugin == "blocking" {
                while !crate::scripted::log("blocks-moment").contains(&"release".to_owned()) {
                    std::thread::yield_now();
                }
            }
        });
    });
    let management = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = management.local_addr().unwrap();
    drop(management);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let builder = real([blocking]).set("management.listen", address.to_string());
    let starting = runtime.spawn(builder.start());
    // While the handler sits on its thread, management answers.
    let answer = soon("management", async {
        loop {
            match tokio::net::TcpStream::connect(address).await {
                Ok(_) => break Raw::management(address).await.get("/plugins/status").await,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await;
    assert_eq!(answer.status.as_u16(), 200);
    release("blocks-moment");
    let running = soon("start", starting).await.unwrap().unwrap();
    runtime.spawn(running.stop()).await.unwrap();
    runtime.shutdown_background();
}

/// Runs a task that holds a value as long as it lives.
struct Tasked(Arc<()>);

static HELD: Mutex<Option<std::sync::Weak<()>>> = Mutex::new(None);

impl Plugin for Tasked {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        let held = Arc::new(());
        *HELD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(&held));
        let task = Arc::clone(&held);
        cx.background().spawn("holder", async move {
            std::future::pending::<()>().await;
            drop(task);
            Ok(())
        });
        Ok(Self(held))
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let held = Arc::clone(&self.0);
        to.get("/held", async move || Arc::strong_count(&held).to_string());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_dropped_leaves_nothing_behind() {
    let running = real([Registration::new::<Tasked>(info("tasked"))])
        .start()
        .await
        .unwrap();
    let (address, handle) = (running.service_address(), running.handle());
    assert_eq!(
        Raw::connect(address)
            .await
            .get("/held")
            .await
            .status
            .as_u16(),
        200
    );
    drop(running);
    let held = HELD.lock().unwrap().take().unwrap();
    soon("the end of all that it was", async {
        while held.strong_count() > 0 || tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(handle.enter().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_scope_is_for_those_whose_generation_serves() {
    struct Early(Log);
    impl Plugin for Early {
        type Config = NoConfig;
        async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
            let log = LOG.lock().unwrap().clone().unwrap();
            log.note(format!("init {}", cx.background().enter().is_ok()));
            let (background, later) = (cx.background().clone(), log.clone());
            cx.background().spawn("later", async move {
                background.serving().await;
                later.note(format!("task {}", background.enter()?.generation()));
                Ok(())
            });
            Ok(Self(log))
        }
        async fn start(self: &Arc<Self>, cx: &Background) -> Result<()> {
            self.0.note(format!("start {}", cx.enter().is_ok()));
            Ok(())
        }
    }
    static LOG: Mutex<Option<Log>> = Mutex::new(None);
    let log = Log::new();
    *LOG.lock().unwrap() = Some(log.clone());
    let early = Registration::new::<Early>(info("early"));
    let app = TestChassis::builder()
        .register(early)
        .start()
        .await
        .unwrap();
    log.until(3).await;
    app.reload_all().await.unwrap();
    let lines = log.until(6).await;
    let half = [
        "init false",
        "start false",
        "task 1",
        "init false",
        "start false",
        "task 2",
    ];
    assert_eq!(lines, half, "in a reload it is as at the first start");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_panics_comes_again() {
    let log = Log::new();
    let every = log.clone();
    let job = plugin("worker", move |cx| {
        let every = every.clone();
        cx.background()
            .every("job", Duration::from_secs(1), move || {
                every.note("run");
                assert!(every.lines().len() > 1, "the first run panics");
                async { Ok(()) }
            });
    });
    let app = TestChassis::builder().register(job).start().await.unwrap();
    log.until(2).await;
    assert!(app.stop().await.is_empty());
}

#[tokio::test]
async fn blocking_work_is_waited_for() {
    let log = Log::new();
    let blocking = log.clone();
    let worker = plugin("worker", move |cx| {
        let (blocking, stopping) = (blocking.clone(), cx.background().stopping().clone());
        cx.background().blocking("thread", move || {
            blocking.note("began");
            while !stopping.is_cancelled() {
                std::thread::yield_now();
            }
            blocking.note("ended");
            Ok(())
        });
    });
    let app = TestChassis::builder()
        .register(worker)
        .start()
        .await
        .unwrap();
    log.until(1).await;
    assert!(app.stop().await.is_empty());
    assert_eq!(log.lines(), ["began", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_run_takes_only_its_own_away() {
    // It declares a point and stands at another; both are left when it is switched off.
    let declares = || {
        plugin("declares", |cx| {
            cx.declare(chassis::PointSpec::action("late.point"))
                .unwrap();
            cx.filter(&PRE_REQUEST, |_: &mut chassis::Exchange| ());
        })
    };
    let uses = || {
        plugin("uses", |cx| {
            cx.at("late.point").action(async |_: &serde_json::Value| ());
            cx.filter(&PRE_REQUEST, |_: &mut chassis::Exchange| ())
                .requires("declares");
        })
    };
    let both = || TestChassis::builder().register(declares()).register(uses());
    let app = both().start().await.unwrap();
    assert_eq!(app.state("uses"), PluginState::Running);
    let app = both()
        .set("plugins.declares.enabled", false)
        .start()
        .await
        .unwrap();
    assert_eq!(app.state("uses"), PluginState::Running);
    // A name that nobody has is a mistake all the same.
    let error = TestChassis::builder().register(uses()).start_error().await;
    assert_eq!(error.code(), code::UNKNOWN_POINT);
}

/// Looks into its settings without care.
struct Careless;

impl Plugin for Careless {
    type Config = NoConfig;

    fn validate(_: &NoConfig, _: &mut Violations) {
        panic!("nobody had thought of that");
    }

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_of_settings_that_panics_is_an_error_with_a_name() {
    let app = TestChassis::builder().register(Registration::new::<Careless>(info("careless")));
    let error = app.start_error().await;
    assert_eq!(error.code(), code::PANIC);
    assert_eq!(error.plugin(), Some("careless"));
    assert!(error.message().contains("nobody had thought of that"));
}
