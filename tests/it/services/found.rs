//! Services are found here, and where plugins know of them.

use super::*;

/// Knows of services elsewhere.
fn knowing(
    name: &str,
    all: impl Fn() -> Vec<ServiceEntry> + Clone + Send + Sync + 'static,
) -> Registration {
    plugin(name, move |cx| {
        let all = all.clone();
        cx.provide(
            &points::SERVICE_DISCOVER,
            async move |_: &ServiceQuestion| Ok::<_, Error>(all()),
        );
    })
}

fn far(id: &str, tag: &str, health: ServiceHealth) -> ServiceEntry {
    let service = Service::new("orders", "10.0.0.9", 80).id(id);
    service.tag(tag).health(health).into()
}

#[tokio::test(start_paused = true)]
async fn what_is_here_and_what_plugins_know_comes_together() {
    use ServiceHealth::{Critical, Passing};
    let one = knowing("one", || {
        let other = Service::new("payments", "10.0.0.9", 81);
        vec![
            far("a", "eu", Passing),
            far("b", "us", Critical),
            other.into(),
        ]
    });
    let two = knowing("two", || {
        vec![far("b", "again", Passing), far("c", "eu", Critical)]
    });
    let failing = plugin("failing", |cx| {
        cx.provide(&points::SERVICE_DISCOVER, async |_: &ServiceQuestion| {
            Err::<Vec<ServiceEntry>, _>(Error::msg("nobody is at home"))
        });
    });
    let hanging = plugin("hanging", |cx| {
        cx.provide(&points::SERVICE_DISCOVER, async |_: &ServiceQuestion| {
            std::future::pending::<Result<Vec<ServiceEntry>>>().await
        });
    });
    let app = orders()
        .register(one)
        .register(two)
        .register(failing)
        .register(hanging)
        .set("service.tags", serde_json::json!(["eu"]));
    let app = app.start().await.unwrap();
    let services = app.handle().services();

    let since = tokio::time::Instant::now();
    let found = services.discover("orders").await.unwrap();
    assert_eq!(since.elapsed().as_secs(), 5, "each has its deadline");
    let ids: Vec<&str> = found.entries.iter().map(|entry| &*entry.id).collect();
    assert_eq!(ids, ["orders-127.0.0.1-0", "a", "b", "c"]);
    let failed: Vec<_> = found
        .failed
        .iter()
        .map(|error| (error.plugin(), error.code()))
        .collect();
    assert_eq!(
        failed,
        [
            (Some("failing"), code::INTERNAL),
            (Some("hanging"), code::DEADLINE)
        ]
    );

    let question = ServiceQuestion::new("orders").tag("eu").passing();
    let found = services.discover(question.clone()).await.unwrap();
    let ids: Vec<&str> = found.entries.iter().map(|entry| &*entry.id).collect();
    assert_eq!(ids, ["orders-127.0.0.1-0", "a"]);

    let here = services.find(question).unwrap();
    assert_eq!(here.len(), 1, "nobody is asked");
    let found = services.discover("nobody").await.unwrap();
    assert!(found.entries.is_empty());
}

#[tokio::test]
async fn who_is_unwell_can_be_left_out() {
    let app = orders().start().await.unwrap();
    let services = app.handle().services();
    let service = Service::new("grpc", "10.0.0.5", 1).id("grpc");
    services.register(service).await.unwrap();
    let question = ServiceQuestion::new("grpc").passing();
    assert_eq!(services.find(question.clone()).unwrap().len(), 1);
    services.set_health("grpc", ServiceHealth::Warning).unwrap();
    assert!(services.find(question).unwrap().is_empty());
    assert_eq!(
        services.find("grpc").unwrap()[0].health,
        ServiceHealth::Warning
    );
    let error = services
        .set_health("nobody", ServiceHealth::Passing)
        .unwrap_err();
    assert_eq!(error.code(), code::SERVICE_UNKNOWN);
}
