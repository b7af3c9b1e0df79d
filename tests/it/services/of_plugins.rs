//! What a plugin registers is the plugin's, and goes with it.

use super::*;

fn grpc() -> Service {
    Service::new("orders-grpc", "10.0.0.5", 50_051)
        .id("grpc")
        .tag("grpc")
}

/// A service with a plugin that has registered one more.
async fn with_grpc(log: &Log) -> TestChassis {
    let app = orders()
        .register(witness(log))
        .register(registering("grpc", log, grpc));
    let app = app.start().await.unwrap();
    log.until(3).await;
    app
}

#[tokio::test]
async fn what_a_plugin_has_registered_goes_with_it() {
    let log = Log::new();
    let app = with_grpc(&log).await;
    assert_eq!(names(&app), ["orders", "orders-grpc"]);
    let entry = &app.handle().services().find("orders-grpc").unwrap()[0];
    assert_eq!(entry.owner.as_deref(), Some("grpc"));

    app.handle().disable("grpc").await.unwrap();
    assert_eq!(names(&app), ["orders"]);
    let [.., last] = &log.lines()[..] else {
        panic!()
    };
    assert_eq!(last, "orders-grpc went");
}

#[tokio::test]
async fn the_next_instance_takes_over_and_nobody_is_told_that_it_went() {
    let log = Log::new();
    let app = with_grpc(&log).await;
    // Until the new instance has registered, a request holds the old one.
    let held = app.handle().enter().unwrap();
    let reload = tokio::spawn({
        let handle = app.handle().clone();
        async move { handle.reload_all().await }
    });
    log.until(5).await;
    drop(held);
    reload.await.unwrap().unwrap();
    assert_eq!(names(&app), ["orders", "orders-grpc"]);
    assert!(
        !log.lines().iter().any(|line| line.ends_with("went")),
        "{:?}",
        log.lines()
    );
    app.stop().await;
    let lines = log.lines();
    let went: Vec<_> = lines.iter().filter(|line| line.ends_with("went")).collect();
    assert_eq!(
        went,
        ["orders went", "orders-grpc went"],
        "the service itself is the first"
    );
}

#[tokio::test]
async fn an_id_is_that_of_who_has_it() {
    let log = Log::new();
    let other = || grpc().tag("other");
    let itself = || Service::new("evil", "10.6.6.6", 1).id("orders-127.0.0.1-0");
    let app = orders()
        .register(registering("first", &log, grpc))
        .register(registering("itself", &log, itself));
    let app = app.start().await.unwrap();
    let lines = log.until(2).await;
    assert!(
        lines.contains(&"itself: service.taken".to_owned()),
        "{lines:?}"
    );
    // The program may replace whatever there is.
    let services = app.handle().services();
    let entry = services.register(other()).await.unwrap();
    assert_eq!((entry.tags.len(), entry.owner), (2, None));
    assert_eq!(services.deregister("grpc").await.unwrap().id, "grpc");
    let error = services.deregister("grpc").await.unwrap_err();
    assert_eq!(error.code(), code::SERVICE_UNKNOWN);
}

#[tokio::test]
async fn before_it_serves_a_plugin_is_told_to_wait() {
    let log = Log::new();
    let early = {
        let log = log.clone();
        plugin("early", move |cx| {
            let (services, log) = (cx.services(), log.clone());
            cx.background().spawn("early", async move {
                let error = services.register(grpc()).await.unwrap_err();
                log.note(format!(
                    "{}: {}",
                    error.code(),
                    error.help().unwrap_or_default()
                ));
                Ok(())
            });
        })
    };
    // It starts later than the task runs.
    let late = crate::scripted::scripted("late", &["early"]);
    let app = orders()
        .register(early)
        .register(late)
        .start()
        .await
        .unwrap();
    let lines = log.until(1).await;
    assert!(
        lines[0].starts_with("closed: ") && lines[0].contains("serving().await"),
        "{lines:?}"
    );
    assert_eq!(names(&app), ["orders"]);
}

#[tokio::test]
async fn what_can_not_be_registered_is_refused() {
    let spoiling = plugin("spoiling", |cx| {
        cx.filter(
            &points::SERVICE_PRE_REGISTER,
            |entry: &mut ServiceEntry| -> Result<()> {
                match &*entry.name {
                    "spoilt" => entry.tags = vec![String::new()],
                    "failing" => return Err(Error::msg("no")),
                    "panicking" => panic!("no"),
                    _ => {}
                }
                Ok(())
            },
        );
    });
    let app = orders().register(spoiling).start().await.unwrap();
    let services = app.handle().services();
    let long = "x".repeat(300);
    let tags = (0..65).fold(Service::new("a", "b", 1), |service, tag| {
        service.tag(tag.to_string())
    });
    let wrong = [
        (Service::new("", "10.0.0.5", 1), code::SERVICE_INVALID),
        (Service::new(long, "10.0.0.5", 1), code::SERVICE_INVALID),
        (Service::new("a", "b\n", 1), code::SERVICE_INVALID),
        (tags, code::SERVICE_INVALID),
        (Service::new("spoilt", "b", 1), code::SERVICE_INVALID),
        (Service::new("failing", "b", 1), code::INTERNAL),
        (Service::new("panicking", "b", 1), code::PANIC),
    ];
    for (service, code) in wrong {
        let told = format!("{service:?}");
        assert_eq!(
            services.register(service).await.unwrap_err().code(),
            code,
            "{told}"
        );
    }
    assert_eq!(names(&app), ["orders"]);
}

#[tokio::test]
async fn handlers_by_name_see_entries_as_json() {
    let log = Log::new();
    let by_name = {
        let log = log.clone();
        plugin("by-name", move |cx| {
            let (came, went) = (log.clone(), log.clone());
            cx.at("service.pre_register")
                .filter(|entry: &mut Value| entry["enhanced"] = true.into());
            cx.at("service.pre_register")
                .filter(|entry: &mut Value| entry["meta"]["zone"] = "eu-1".into());
            cx.at("service.post_register")
                .action(async move |entry: &Value| came.note(&entry["meta"]["zone"]));
            cx.at("service.pre_unregister")
                .action(async move |entry: &Value| went.note(&entry["health"]));
            cx.at("service.discover").provide(async |question: &Value| {
                let name = question["name"].clone();
                Ok::<_, Error>(serde_json::json!([{"id": "far", "name": name, "address": "10.1.1.1", "port": 80}]))
            });
        })
    };
    let app = orders().register(by_name).start().await.unwrap();
    let found = app.handle().services().discover("orders").await.unwrap();
    let ids: Vec<&str> = found.entries.iter().map(|entry| &*entry.id).collect();
    assert_eq!(ids, ["orders-127.0.0.1-0", "far"]);
    assert!(found.failed.is_empty());
    app.stop().await;
    assert_eq!(log.lines(), ["\"eu-1\"", "\"critical\""]);
}

/// Registers as soon as it may, registers anew whenever it is told to, and deregisters when it stops.
struct Tidy(chassis::Services);

static AGAIN: std::sync::LazyLock<tokio::sync::watch::Sender<u32>> =
    std::sync::LazyLock::new(Default::default);
static SAID: std::sync::LazyLock<Log> = std::sync::LazyLock::new(Log::new);

impl Plugin for Tidy {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        let (background, services) = (cx.background().clone(), cx.services());
        cx.background().spawn("register", async move {
            let mut again = AGAIN.subscribe();
            background.serving().await;
            let generation = background.enter()?.generation();
            loop {
                let service = grpc().tag(generation.to_string());
                let outcome = background.services().register(service).await;
                let outcome = outcome.map_err(|error| error.code());
                SAID.note(match outcome {
                    Ok(_) => format!("{generation} registered"),
                    Err(code) => format!("{generation} {code}"),
                });
                if again.changed().await.is_err() {
                    return Ok(());
                }
            }
        });
        Ok(Self(services))
    }

    async fn stop(&self) -> Result<()> {
        let outcome = self.0.deregister("grpc").await;
        SAID.note(outcome.map_or_else(|error| error.code().to_string(), |entry| entry.id));
        Ok(())
    }
}

#[tokio::test]
async fn an_instance_that_goes_leaves_alone_what_the_next_one_has() {
    let tidy = Registration::new::<Tidy>(crate::scripted::info("tidy"));
    let app = orders().register(tidy).start().await.unwrap();
    SAID.until(1).await;
    let held = app.handle().enter().unwrap();
    let reload = tokio::spawn({
        let handle = app.handle().clone();
        async move { handle.reload_all().await }
    });
    SAID.until(2).await;
    // The old one runs still.
    AGAIN.send_modify(|times| *times += 1);
    let mut lines = SAID.until(4).await;
    lines[2..].sort();
    assert_eq!(
        lines,
        [
            "1 registered",
            "2 registered",
            "1 service.taken",
            "2 registered"
        ]
    );
    drop(held);
    reload.await.unwrap().unwrap();
    assert_eq!(SAID.lines()[4..], ["service.taken"], "in `stop`");
    let services = app.handle().services();
    let entry = &services.find("orders-grpc").unwrap()[0];
    assert_eq!(entry.tags, ["grpc", "2"]);
}
