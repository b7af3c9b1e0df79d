//! The service itself is registered as long as it serves.

use super::*;
use chassis::Health;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

fn service(plugins: impl IntoIterator<Item = Registration>) -> chassis::ChassisBuilder {
    client::service(plugins).service("orders", "2.0.0")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_adds_a_tag_and_everybody_sees_it() {
    let tagging = plugin("tagging", |cx| {
        cx.filter(&points::SERVICE_PRE_REGISTER, |entry: &mut ServiceEntry| {
            entry.tags.push("eu".to_owned());
            // What it is known by stays.
            entry.id = "another".to_owned();
        });
    });
    let builder = service([tagging])
        .set("service.tags", serde_json::json!(["blue"]))
        .set("service.meta", serde_json::json!({"team": "sales"}));
    let running = client::start(builder).await;
    let found = ask(&running, "/services/orders").await.json();
    let address = running.service_address();
    assert_eq!(found.as_array().unwrap().len(), 1);
    let entry = &found[0];
    assert_eq!(entry["id"], format!("orders-127.0.0.1-{}", address.port()));
    assert_eq!(entry["address"], "127.0.0.1");
    assert_eq!(entry["port"], address.port());
    assert_eq!(entry["version"], "2.0.0");
    assert_eq!(entry["tags"], serde_json::json!(["blue", "eu"]));
    assert_eq!(entry["meta"]["team"], "sales");
    assert_eq!(entry["health"], "passing");
    assert!(entry["registered_at"].is_u64() && entry["owner"].is_null());
    let all = ask(&running, "/services").await.json();
    assert_eq!(all["orders"], found);

    for (path, count) in [
        ("/services/orders?tag=eu", 1),
        ("/services/orders?tag=us", 0),
        ("/services/orders?tag=blue&passing=true", 1),
    ] {
        let found = ask(&running, path).await.json();
        assert_eq!(found.as_array().unwrap().len(), count, "{path}");
    }
    let unknown = ask(&running, "/services/order").await;
    assert_eq!(
        (unknown.status.as_u16(), &unknown.json()["code"]),
        (404, &"service.unknown".into())
    );
    assert!(unknown.text().contains("orders"), "{}", unknown.text());
    assert_eq!(ask(&running, "/services/orders?tags=eu").await.status, 400);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_leaves_before_its_requests_are_drained() {
    let log = Log::new();
    let slow = {
        let log = log.clone();
        plugin("slow", move |cx| {
            let log = log.clone();
            cx.get("/slow", async move || {
                log.note("asked");
                // Until the service has left.
                let lines = log.until(3).await;
                lines.join(", ")
            });
        })
    };
    let running = client::start(service([slow, witness(&log)])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    raw.send("GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    soon("the request", log.until(2)).await;
    let handle = running.handle();
    let stopped = soon("the stop", running.stop());
    let (stopped, answer) = tokio::join!(stopped, soon("the answer", raw.answer()));
    assert_eq!(answer.text(), "orders came [], asked, orders went");
    assert!(stopped.is_graceful(), "{stopped:?}");
    assert_eq!(log.lines().len(), 3, "it leaves once");
    assert_eq!(handle.services().list().unwrap_err().code(), code::CLOSED);
    let error = handle.services().discover("orders").await.unwrap_err();
    assert_eq!(error.code(), code::CLOSED);
    let late = Service::new("late", "127.0.0.1", 1);
    let error = handle.services().register(late).await.unwrap_err();
    assert_eq!(error.code(), code::CLOSED);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_does_not_keep_it_from_leaving() {
    let hanging = plugin("hanging", |cx| {
        cx.action(&points::SERVICE_PRE_UNREGISTER, async |_: &ServiceEntry| {
            std::future::pending::<()>().await;
        });
    });
    let app = orders().register(hanging).start().await.unwrap();
    let since = tokio::time::Instant::now();
    assert!(app.stop().await.is_empty());
    assert_eq!(since.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn it_can_be_denied_and_serves_all_the_same() {
    let denying = plugin("denying", |cx| {
        cx.filter(&points::SERVICE_PRE_REGISTER, |_: &mut ServiceEntry| {
            Flow::Answer(Denied("not on a Sunday".to_owned()))
        });
        cx.get("/", async || "hello");
    });
    let app = orders().register(denying).start().await.unwrap();
    assert!(names(&app).is_empty());
    assert_eq!(app.get("/").await.text(), "hello");
    let error = app
        .handle()
        .services()
        .register(Service::new("x", "10.0.0.1", 1))
        .await;
    let error = error.unwrap_err();
    assert_eq!(error.code(), code::SERVICE_DENIED);
    assert!(error.message().contains("not on a Sunday"), "{error}");

    app.handle().disable("denying").await.unwrap();
    assert_eq!(
        names(&app),
        ["orders"],
        "with the plugin goes what it denies"
    );
    app.handle().enable("denying").await.unwrap();
    assert!(names(&app).is_empty());
}

#[tokio::test]
async fn a_reload_tells_of_it_only_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    let write = |service: &str| {
        std::fs::write(
            &file,
            format!("reload: {{watch: false}}\nservice: {service}\n"),
        )
        .unwrap();
    };
    let log = Log::new();
    write("{name: orders}");
    let app = TestChassis::builder()
        .config_file(&file)
        .register(witness(&log));
    let app = app.start().await.unwrap();
    app.reload_all().await.unwrap();
    assert_eq!(log.lines(), ["orders came []"]);

    write("{name: orders, tags: [blue]}");
    app.reload_all().await.unwrap();
    assert_eq!(log.lines()[1..], ["orders came [\"blue\"]"]);

    write("{name: orders, tags: [blue], advertise: 'orders.example:443'}");
    app.reload_all().await.unwrap();
    assert_eq!(
        log.lines()[2..],
        ["orders came [\"blue\"]", "orders went"],
        "it has another id"
    );
    let entry = &app.handle().services().find("orders").unwrap()[0];
    assert_eq!((&*entry.id, entry.port), ("orders-orders.example-443", 443));

    write("{name: orders, advertise: 'http://orders.example'}");
    let error = app.reload_all().await.unwrap_err();
    assert_eq!(error.code(), code::CONFIG_INVALID);
    assert_eq!(names(&app), ["orders"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_health_follows_its_readiness() {
    let running = client::start(service([]).set("shutdown.delay", "1h")).await;
    let services = running.handle().services();
    assert_eq!(
        services.find("orders").unwrap()[0].health,
        ServiceHealth::Passing
    );
    let stop = tokio::spawn(running.stop());
    let critical = async {
        while services.find("orders").unwrap()[0].health != ServiceHealth::Critical {
            tokio::task::yield_now().await;
        }
    };
    soon("not ready", critical).await;
    let passing = ServiceQuestion::new("orders").passing();
    assert!(services.find(passing).unwrap().is_empty());
    // Nobody waits for an hour.
    stop.abort();
}

#[tokio::test(start_paused = true)]
async fn it_is_not_passing_while_it_is_not_ready() {
    let (say, said) = tokio::sync::watch::channel(Health::up());
    let store = plugin("store", move |cx| {
        let said = said.clone();
        cx.health("database", async move || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            said.borrow().clone()
        })
        .failures(1)
        .critical();
    });
    let app = orders().register(store).start().await.unwrap();
    let services = app.handle().services();
    let passing = || services.find(ServiceQuestion::new("orders").passing());
    assert!(passing().unwrap().is_empty(), "it has not answered yet");
    assert_eq!(services.list().unwrap()[0].health, ServiceHealth::Critical);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(passing().unwrap().len(), 1);
    say.send_replace(Health::down("lost"));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(passing().unwrap().is_empty());
    app.reload_all().await.unwrap();
    assert!(passing().unwrap().is_empty());
    say.send_replace(Health::up());
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(passing().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_deregisters_nothing() {
    let fails = Arc::new(AtomicBool::new(true));
    let failing = {
        let fails = Arc::clone(&fails);
        plugin("failing", move |cx| {
            let fails = Arc::clone(&fails);
            cx.filter(
                &points::SERVICE_PRE_REGISTER,
                move |_: &mut ServiceEntry| match fails.load(SeqCst) {
                    true => Err(Error::msg("the registry is away")),
                    false => Ok(()),
                },
            );
        })
    };
    let log = Log::new();
    let app = orders().register(failing).register(witness(&log));
    let app = app.start().await.unwrap();
    assert!(names(&app).is_empty());
    // Twice so far, and in vain.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(names(&app).is_empty());
    fails.store(false, SeqCst);
    log.until(1).await;
    assert_eq!(names(&app), ["orders"]);

    fails.store(true, SeqCst);
    app.reload_all().await.unwrap();
    assert_eq!(names(&app), ["orders"], "what was registered stays");
    fails.store(false, SeqCst);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(log.lines(), ["orders came []"], "it says nothing else");
    app.stop().await;
    assert_eq!(log.lines()[1..], ["orders went"]);
}

#[tokio::test(start_paused = true)]
async fn it_is_registered_as_it_is_by_then() {
    let log = Log::new();
    let slow = {
        let log = log.clone();
        plugin("slow", move |cx| {
            cx.health("check", async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
            })
            .critical();
            let (asked, came) = (log.clone(), log.clone());
            cx.filter_async(
                &points::SERVICE_PRE_REGISTER,
                async move |entry: &mut ServiceEntry| {
                    asked.note(entry.health);
                    tokio::time::sleep(Duration::from_secs(2)).await;
                },
            );
            cx.action(
                &points::SERVICE_POST_REGISTER,
                async move |entry: &ServiceEntry| came.note(entry.health),
            );
        })
    };
    let _app = orders().register(slow).start().await.unwrap();
    assert_eq!(log.lines(), ["critical", "passing"]);
}

#[tokio::test]
async fn who_subscribes_is_told_who_comes_and_goes() {
    let log = Log::new();
    let to = log.clone();
    let audit = crate::made::plugin("audit", move |cx| {
        let to = to.clone();
        cx.on(
            "service.*",
            async move |(entry, message): (Arc<ServiceEntry>, Message)| {
                to.note(format!("{} {}", message.topic(), entry.name));
            },
        );
    });
    let app = orders().register(audit).start().await.unwrap();
    log.until(1).await;
    app.stop().await;
    assert_eq!(
        log.lines(),
        ["service.registered orders", "service.deregistered orders"]
    );
}
