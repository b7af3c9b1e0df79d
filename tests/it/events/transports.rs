//! Events that travel: what a transport has to do, and what services make of it.

use super::{
    hub::{Fault, Hub},
    *,
};
use chassis::{
    EventTransport, Registration,
    testing::{TestBuilder, transport_conformance},
};
use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};
use tokio::sync::Semaphore;

#[tokio::test(start_paused = true)]
async fn the_queues_of_a_service_keep_the_contract_of_transports() {
    let app = TestChassis::builder().start().await.unwrap();
    let end = || app.handle().event_transport().unwrap();
    let kept = transport_conformance(async || (end(), end())).await;
    kept.unwrap();
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_keeps_the_contract_of_transports() {
    let kept = transport_conformance(async || {
        let hub = Hub::new();
        (Arc::new(hub.end()) as _, Arc::new(hub.end()) as _)
    });
    kept.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_fault_of_a_transport_is_found() {
    for (fault, broken) in [
        (Fault::Loses, "what is dropped comes again"),
        (
            Fault::LastFirst,
            "the events of one publisher come in order",
        ),
        (
            Fault::TellsEverything,
            "a group gets what its patterns want",
        ),
        (Fault::TellsAllMembers, "of the members of a group one gets"),
        (Fault::ForgetsTraces, "an event comes as it was published"),
        (Fault::NeverCloses, "an end that is closed is closed"),
    ] {
        let checked = transport_conformance(async || {
            let hub = Hub::with(fault);
            (Arc::new(hub.end()) as _, Arc::new(hub.end()) as _)
        });
        let told = checked.await.unwrap_err().report();
        assert!(told.contains(broken), "{fault:?}: {told}");
    }
}

/// A plugin that brings an end of this hub, another one each time it is built.
fn broker(hub: &Arc<Hub>) -> Registration {
    let hub = Arc::clone(hub);
    plugin("broker", move |cx| _ = cx.event_transport(hub.end()))
}

/// A service of this name whose events travel by this hub.
fn service(name: &str, hub: &Arc<Hub>) -> TestBuilder {
    TestChassis::builder()
        .register(broker(hub))
        .set("service.name", name)
        .set("events.transport", "broker")
}

/// A plugin that notes the numbers of the orders that it is told of.
fn noting(name: &'static str, log: &Log) -> Registration {
    let log = log.clone();
    plugin(name, move |cx| {
        let log = log.clone();
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            log.note(format!("{name} {}", order.number));
        });
    })
}

#[tokio::test(start_paused = true)]
async fn an_event_of_one_service_is_delivered_in_another() {
    let (hub, log) = (Hub::new(), Log::new());
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on(
            "order.*",
            async move |(order, message): (Arc<Numbered>, Message)| {
                to.note(format!(
                    "{} {} from {} for {} {} in {}",
                    message.topic(),
                    order.number,
                    message.source(),
                    message.request_id().unwrap(),
                    message.correlation_id(),
                    message.trace().unwrap().trace_id(),
                ));
                let audited = message.events().publish_as("audited", json!(order.number));
                audited.map(drop)
            },
        );
    });
    let there = service("books", &hub)
        .register(audit)
        .start()
        .await
        .unwrap();
    let to = log.clone();
    let listener = plugin("listener", move |cx| {
        let to = to.clone();
        cx.on("audited", async move |message: Message| {
            let trace = message.trace().unwrap().trace_id();
            to.note(format!(
                "audited for {} in {trace}",
                message.correlation_id()
            ));
        });
    });
    let here = service("orders", &hub)
        .register(publisher())
        .register(listener);
    let here = here.start().await.unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let request = http::Request::post("/orders/7")
        .header("x-request-id", "r-1")
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"));
    let request = request.body(chassis::axum::body::Body::empty()).unwrap();
    assert_eq!(here.send(request).await.text(), "1 0");
    log.until(2).await;
    assert_eq!(
        log.lines(),
        [
            format!("order.placed 7 from shop for r-1 r-1 in {trace}"),
            format!("audited for r-1 in {trace}"),
        ]
    );
    let report = here.handle().events_report().unwrap();
    let transport = report.transport.unwrap();
    assert_eq!(&*transport.plugin, "broker");
    assert_eq!((transport.sent, transport.received), (1, 1));
    for app in [here, there] {
        assert!(app.stop().await.is_empty());
    }
    assert_eq!(hub.closed(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_two_instances_of_a_service_one_is_told_and_of_two_plugins_both_are() {
    let (hub, log) = (Hub::new(), Log::new());
    let mut apps = Vec::new();
    for _ in 0..2 {
        let app = service("orders", &hub)
            .register(publisher())
            .register(noting("packer", &log))
            .register(noting("clerk", &log));
        apps.push(app.start().await.unwrap());
    }
    for number in 0..10 {
        order(&apps[0], number).await;
    }
    let mut told = log.until(20).await;
    told.sort();
    let mut expected: Vec<String> = (0..10)
        .flat_map(|number| [format!("clerk {number}"), format!("packer {number}")])
        .collect();
    expected.sort();
    assert_eq!(told, expected);
    for app in apps {
        app.stop().await;
    }
}

/// Refuses to be written as JSON.
#[derive(Debug, Deserialize)]
struct Wordless;

impl Serialize for Wordless {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no words"))
    }
}

impl Event for Wordless {
    const TOPIC: &'static str = "wordless";
}

#[tokio::test(start_paused = true)]
async fn what_stays_in_the_service_needs_no_json() {
    let log = Log::new();
    let to = log.clone();
    let listener = plugin("listener", move |cx| {
        let to = to.clone();
        cx.subscribe(async move |_: Arc<Wordless>| to.note("told"));
    });
    let app = TestChassis::builder().register(listener);
    let app = app.start().await.unwrap();
    app.handle().events().unwrap().publish(Wordless).unwrap();
    log.until(1).await;
    app.stop().await;
    assert_eq!(log.lines(), ["told"]);
}

#[tokio::test(start_paused = true)]
async fn while_a_broker_is_down_events_wait_in_their_order() {
    let (hub, log) = (Hub::new(), Log::new());
    let app = service("orders", &hub)
        .register(publisher())
        .register(noting("packer", &log));
    let app = app.start().await.unwrap();
    hub.refuse((0..5).map(|_| Error::msg("no route to it").retryable()));
    for number in 0..3 {
        order(&app, number).await;
    }
    log.until(3).await;
    assert_eq!(log.lines(), ["packer 0", "packer 1", "packer 2"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_broker_refuses_is_a_dead_letter_that_can_be_sent_again() {
    let (hub, log) = (Hub::new(), Log::new());
    let app = service("orders", &hub)
        .register(publisher())
        .register(noting("packer", &log));
    let app = app.start().await.unwrap();
    hub.refuse([Error::msg("too large")]);
    order(&app, 1).await;
    order(&app, 2).await;
    log.until(1).await;
    app.handle().events().unwrap().publish(Wordless).unwrap();
    while app.handle().dead_letters().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let dead = app.handle().dead_letters().unwrap();
    assert_eq!(
        (dead[0].topic(), dead[1].topic()),
        ("wordless", "order.placed")
    );
    assert!(dead[1].error.contains("too large"), "{dead:?}");
    assert_eq!(
        (&*dead[1].plugin, &*dead[1].handler),
        ("broker", "events.transport")
    );
    app.handle().retry_dead_letter(&dead[1].id).unwrap();
    log.until(2).await;
    assert_eq!(log.lines(), ["packer 2", "packer 1"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_fails_at_is_dead_here_and_does_not_come_again() {
    let hub = Hub::new();
    let broken = plugin("broken", |cx| {
        cx.on("order.placed", async |_: Message| {
            Err::<(), _>(Error::msg("no"))
        })
        .retries(2);
    });
    let app = service("orders", &hub)
        .register(publisher())
        .register(broken);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    while app.handle().dead_letters().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let dead = app.handle().dead_letters().unwrap();
    assert_eq!((&*dead[0].plugin, dead[0].attempts), ("broken", 3));
    app.stop().await;
    assert_eq!(hub.waiting("orders.broken"), 0);
}

#[tokio::test(start_paused = true)]
async fn the_order_is_kept_over_a_reload_and_the_old_end_is_closed() {
    static BUILT: AtomicU32 = AtomicU32::new(0);
    let (hub, log, gate) = (Hub::new(), Log::new(), Arc::new(Semaphore::new(0)));
    let (to, opened) = (log.clone(), Arc::clone(&gate));
    let packer = plugin("packer", move |cx| {
        let (to, opened) = (to.clone(), Arc::clone(&opened));
        let built = BUILT.fetch_add(1, SeqCst) + 1;
        cx.subscribe(async move |order: Arc<OrderPlaced>| {
            opened.acquire().await.unwrap().forget();
            to.note(format!("{} by {built}", order.number));
        })
        .deadline(Duration::from_secs(3600));
    });
    let app = service("orders", &hub)
        .register(publisher())
        .register(packer);
    let app = app.start().await.unwrap();
    for number in 1..=3 {
        order(&app, number).await;
    }
    while app.handle().events_report().unwrap().subscribers["packer"].depth < 3 {
        tokio::task::yield_now().await;
    }
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    while app.handle().enter().unwrap().generation() < 2 {
        tokio::task::yield_now().await;
    }
    order(&app, 4).await;
    assert_eq!(hub.closed(), 0, "what it has handed out is not settled yet");
    gate.add_permits(4);
    reload.await.unwrap().unwrap();
    assert_eq!(hub.closed(), 1);
    log.until(4).await;
    assert_eq!(log.lines(), ["1 by 1", "2 by 2", "3 by 2", "4 by 2"]);
    app.stop().await;
    assert_eq!(hub.closed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stop_sends_what_waits_and_what_is_not_delivered_comes_to_another() {
    let (hub, log) = (Hub::new(), Log::new());
    let stuck = plugin("packer", |cx| {
        cx.subscribe(async |_: Arc<OrderPlaced>| std::future::pending::<()>().await)
            .deadline(Duration::from_secs(3600));
    });
    let app = service("orders", &hub)
        .register(publisher())
        .register(stuck)
        .set("plugins.packer.limits.queue", 1);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    while app.handle().events_report().unwrap().subscribers["packer"].depth == 0 {
        tokio::task::yield_now().await;
    }
    hub.refuse([Error::msg("not now").retryable()]);
    order(&app, 2).await;
    let errors = app.stop().await;
    assert_eq!(hub.published().len(), 2);
    assert!(
        errors
            .iter()
            .any(|error| error.report().contains("1 events were not delivered")),
        "{errors:?}"
    );
    let app = service("orders", &hub).register(noting("packer", &log));
    let app = app.start().await.unwrap();
    log.until(2).await;
    let mut told = log.lines();
    told.sort();
    assert_eq!(told, ["packer 1", "packer 2"]);
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_chassis_tells_of_itself_stays_in_the_service() {
    let (hub, log) = (Hub::new(), Log::new());
    let to = log.clone();
    let audit = plugin("audit", move |cx| {
        let to = to.clone();
        cx.on("**", async move |message: Message| to.note(message.topic()));
    });
    let app = service("orders", &hub)
        .register(publisher())
        .register(audit);
    let app = app.start().await.unwrap();
    order(&app, 1).await;
    log.wait("both", |lines| {
        ["order.placed", "request.completed"]
            .iter()
            .all(|topic| lines.iter().any(|line| line == topic))
    })
    .await;
    let published = hub.published();
    assert!(
        published.len() == 1 && published[0].contains("order.placed"),
        "{published:?}"
    );
    // Nor is it believed if somebody else says it.
    let forged = chassis::WireEvent::new("e-1", "plugin.failed", "nobody", json!({}));
    hub.end().publish(&forged).await.unwrap();
    order(&app, 2).await;
    let twice = |lines: &Vec<String>| {
        let orders = lines.iter().filter(|line| *line == "order.placed");
        orders.count() == 2
    };
    log.wait("second order", twice).await;
    assert!(!log.lines().contains(&"plugin.failed".to_owned()));
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_is_not_there_is_an_error_and_no_silent_loss() {
    let hub = Hub::new();
    let absent = service("orders", &hub).set("events.transport", "nats");
    let told = absent.start_error().await.report();
    assert!(
        told.contains("no plugin `nats` runs that brings a transport") && told.contains("broker"),
        "{told}"
    );
    // The plugin that brings it can't be taken away, either.
    let app = service("orders", &hub).start().await.unwrap();
    let error = app.handle().disable("broker").await.unwrap_err();
    assert!(error.report().contains("events.transport"), "{error:?}");
    app.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_transport_comes_and_goes_with_a_reload() {
    let (hub, log) = (Hub::new(), Log::new());
    let file = tempfile::NamedTempFile::new().unwrap();
    let write = |transport: &str| {
        std::fs::write(file.path(), format!("events: {{transport: {transport}}}")).unwrap();
    };
    write("local");
    let app = TestChassis::builder()
        .register(broker(&hub))
        .register(publisher())
        .register(noting("packer", &log))
        .config_file(file.path());
    let app = app.start().await.unwrap();
    for (number, transport) in (1..).zip(["local", "broker", "local"]) {
        write(transport);
        app.reload().await.unwrap();
        assert_eq!(order(&app, number).await, "1 0");
        log.until(usize::try_from(number).unwrap()).await;
    }
    assert_eq!(log.lines(), ["packer 1", "packer 2", "packer 3"]);
    assert_eq!(hub.published().len(), 1);
    app.stop().await;
    assert_eq!(hub.closed(), 1);
}
