//! What can be written, and what is said of what can't.

use super::*;

async fn refused(config: &str) -> String {
    service(config).start_error().await.report()
}

#[tokio::test]
async fn every_mistake_is_told_with_its_place() {
    for (config, at, told) in [
        (
            "{limits: [{rate: 1/s}, {rate: 10/parsec}]}",
            "limits[1].rate",
            "write `10/s`, `100/min` or `1000/h`",
        ),
        (
            "{limits: [{rate: 10}]}",
            "limits[0].rate",
            "`10` does not say in which time",
        ),
        ("{limits: [{rate: 0/s}]}", "limits[0].rate", "1 to 1000000"),
        ("{limits: [{burst: 3}]}", "limits[0]", "rate"),
        ("{limits: [{rate: 1/s, burst: 0}]}", "limits[0].burst", "1"),
        (
            "{limits: [{rate: 1/s, by: ip}]}",
            "limits[0].by",
            "write `client`, `principal`",
        ),
        (
            "{limits: [{rate: 1/s, by: 'header:a b'}]}",
            "limits[0].by",
            "no header name",
        ),
        (
            "{limits: [{rate: 1/s, routes: ['/a', b]}]}",
            "limits[0].routes[1]",
            "does not begin with `/`",
        ),
        (
            "{limits: [{rate: 1/s, routes: []}]}",
            "limits[0].routes",
            "1",
        ),
        (
            "{limits: [{rate: 1/s, name: 'a b'}]}",
            "limits[0].name",
            "1 to 64 letters",
        ),
        (
            "{limits: [{rate: 1/s, brust: 3}]}",
            "limits[0]",
            "did you mean `burst`?",
        ),
        ("{max_keys: 10}", "max_keys", "1000"),
        ("{ipv6_prefix: 0}", "ipv6_prefix", "1"),
        (
            "{limits: [{rate: 1/s, name: a}, {rate: 1/s}, {rate: 2/s, name: a}]}",
            "limits",
            "limits 1 and 3 are both called `a`",
        ),
    ] {
        let report = refused(config).await;
        let place = format!("plugins.rate-limit.config.{at}");
        assert!(
            report.contains(&place) && report.contains(told),
            "{config}:\n{report}"
        );
        assert!(report.contains("test.yaml:2:"), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_without_a_name_are_called_by_what_they_are_by() {
    let app = start(
        "{limits: [{rate: 9/s}, {by: principal, rate: 9/s}, {rate: 9/h}, {name: c, rate: 9/s}, {rate: 9/min}]}",
    )
    .await;
    let answer = app.get("/products").await;
    let names: Vec<&str> = all(&answer, "ratelimit")
        .into_iter()
        .filter_map(|state| state.split('"').nth(1))
        .collect();
    assert_eq!(names, ["client", "principal", "client-2", "c", "client-3"]);
}

#[tokio::test(start_paused = true)]
async fn how_large_a_network_is_can_be_said() {
    let app = start("{limits: [{rate: 1/h}], ipv6_prefix: 48}").await;
    assert_eq!(from(&app, "2001:db8:0:1::1", "/products").await, 200);
    assert_eq!(from(&app, "2001:db8:0:2::1", "/products").await, 429);
    assert_eq!(from(&app, "2001:db8:1::1", "/products").await, 200);
}

#[tokio::test(start_paused = true)]
async fn it_is_told_when_there_is_no_room_for_all() {
    let app = start("{limits: [{by: 'header:x-key', rate: 1/h}], max_keys: 1000}").await;
    let health = || {
        let health = app.handle().health().unwrap();
        serde_json::to_value(health).unwrap().to_string()
    };
    let mut refused = 0;
    for key in 0..4_000 {
        let answer = get(&app, "/products", &[("x-key", &key.to_string())]).await;
        refused += u32::from(answer.status() == 429);
    }
    // Newcomers share what one would have, in each of the parts; those who came first have their places.
    assert!((1_000..3_000).contains(&refused), "{refused}");
    assert_eq!(
        get(&app, "/products", &[("x-key", "0")]).await.status(),
        429
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        health().contains("there is no room for all callers"),
        "{}",
        health()
    );
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(!health().contains("there is no room"), "{}", health());
    // An hour later they have all their tokens back, and make room.
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(
        get(&app, "/products", &[("x-key", "new")]).await.status(),
        200
    );
}

#[tokio::test]
async fn the_document_of_the_service_lists_what_is_answered() {
    let limit = "{limits: [{name: one, routes: [/orders/**], rate: 1/h}, {name: two, routes: [\"/orders/{id}\"], rate: 1/s}]}";
    let app = start(limit).await;
    let document: Value = app.get("/openapi.json").await.json();
    let refused = |path: &str| &document["paths"][path]["get"]["responses"]["429"];
    let told = refused("/orders/{id}");
    let text = told["description"].as_str().unwrap();
    assert!(text.starts_with("`rate_limit.exceeded`: "), "{text}");
    for header in ["RateLimit", "RateLimit-Policy", "Retry-After"] {
        assert!(told["headers"][header].is_object(), "{header}: {told}");
    }
    assert!(refused("/products").is_null());
}
