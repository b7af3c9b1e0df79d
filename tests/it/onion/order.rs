//! One order for hooks, arounds and tower layers.

use super::{End, hook, routes, send_and_leave};
use crate::{
    client::{Raw, service, start},
    made::{Log, plugin},
};
use axum::{middleware, response::IntoResponse as _};
use chassis::{
    Error, Next, Outcome, Registration, Request, code,
    testing::{TestBuilder, TestChassis},
};
use std::time::Duration;

#[tokio::test]
async fn over_http_the_lower_priority_sees_the_request_first_and_the_response_last() {
    let log = Log::new();
    let plugins = [
        hook(&log, "a-late", 100, None),
        hook(&log, "z-early", 1, None),
        routes(),
    ];
    let running = start(service(plugins)).await;
    let answer = Raw::connect(running.service_address())
        .await
        .get("/answer")
        .await;
    assert_eq!(answer.text(), "yes");
    let expected = [
        "pre z-early",
        "pre a-late",
        "post a-late Answered",
        "post z-early Answered",
    ];
    assert_eq!(log.lines(), expected);
    assert!(running.stop().await.is_graceful());
}

/// What can stand in the onion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    Hook,
    Around,
    Layer,
}

impl Ring {
    /// The ring as a plugin; one that gives up does so after a second.
    pub(super) fn plugin(self, log: &Log, place: usize, gives_up: bool) -> Registration {
        // Against the order of the names, so that it is not they that decide.
        const NAMES: [&str; 5] = ["e", "d", "c", "b", "a"];
        let (name, priority) = (NAMES[place], i32::try_from(place).unwrap());
        let log = log.clone();
        match self {
            Self::Hook => hook(&log, name, priority, None),
            Self::Around => plugin(name, move |cx| {
                let log = log.clone();
                cx.around(async move |request: Request, next: Next<'_>| {
                    log.note(format!("in {name}"));
                    let patience = Duration::from_secs(if gives_up { 1 } else { 1_000 });
                    match tokio::time::timeout(patience, next.run(request)).await {
                        Ok(response) => {
                            log.note(format!("out {name}"));
                            response
                        }
                        Err(_) => Error::new(code::DEADLINE, "the around gave up").into_response(),
                    }
                })
                .priority(priority);
            }),
            Self::Layer if gives_up => plugin(name, move |cx| {
                cx.layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(1)))
                    .priority(priority);
            }),
            Self::Layer => plugin(name, move |cx| {
                let log = log.clone();
                let through = move |request: Request, next: middleware::Next| {
                    let log = log.clone();
                    async move {
                        log.note(format!("in {name}"));
                        let response = next.run(request).await;
                        log.note(format!("out {name}"));
                        response
                    }
                };
                cx.layer(middleware::from_fn(through)).priority(priority);
            }),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hooks_arounds_and_layers_are_in_one_order() {
    let log = Log::new();
    let rings = [
        Ring::Hook,
        Ring::Around,
        Ring::Layer,
        Ring::Hook,
        Ring::Hook,
    ];
    let plugins = rings
        .iter()
        .enumerate()
        .map(|(place, ring)| ring.plugin(&log, place, false));
    let app = plugins.fold(
        TestChassis::builder().register(routes()),
        TestBuilder::register,
    );
    let app = app.start().await.unwrap();
    assert_eq!(app.get("/answer").await.text(), "yes");
    let expected = [
        "pre e",
        "in d",
        "in c",
        "pre b",
        "pre a",
        "post a Answered",
        "post b Answered",
        "out c",
        "out d",
        "post e Answered",
    ];
    assert_eq!(log.lines(), expected);
}

/// All orders of two hooks, an around and a layer.
fn orders() -> Vec<[Ring; 4]> {
    use Ring::{Around, Hook, Layer};
    let mut orders = Vec::new();
    for around in 0..4 {
        for layer in (0..4).filter(|&layer| layer != around) {
            let mut order = [Hook; 4];
            order[around] = Around;
            order[layer] = Layer;
            orders.push(order);
        }
    }
    orders
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_the_hooks_inside_see_the_end_once() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Impatient {
        Ring(usize),
        Service,
        Client,
    }
    for order in orders() {
        let rings = (0..4)
            .filter(|&place| order[place] != Ring::Hook)
            .map(Impatient::Ring);
        for impatient in rings.chain([Impatient::Service, Impatient::Client]) {
            let log = Log::new();
            let mut app = TestChassis::builder().register(routes());
            for (place, ring) in order.iter().enumerate() {
                app = app.register(ring.plugin(&log, place, impatient == Impatient::Ring(place)));
            }
            let app = app.start().await.unwrap();
            let request = End::Deadline.request();
            let outcome = if impatient == Impatient::Client {
                send_and_leave(&app, request, &log, order.len()).await;
                Outcome::ClientGone
            } else {
                let response = app.send(request).await;
                assert_eq!(
                    response.status(),
                    504,
                    "{impatient:?} of {order:?}: {}",
                    response.text()
                );
                Outcome::Deadline
            };
            // One line of the layer or the around, if it is not it that is impatient.
            let others = order.len()
                - 2
                - usize::from(
                    matches!(impatient, Impatient::Ring(place) if order[place] == Ring::Layer),
                );
            let lines = log.until(4 + others).await;
            let hooks: Vec<&String> = lines.iter().filter(|line| line.starts_with('p')).collect();
            let [first, second] = hooks_of(order);
            let expected = [
                format!("pre {first}"),
                format!("pre {second}"),
                format!("post {second} {outcome:?}"),
                format!("post {first} {outcome:?}"),
            ];
            assert_eq!(
                hooks,
                expected.iter().collect::<Vec<_>>(),
                "{impatient:?} of {order:?}"
            );
        }
    }
}

fn hooks_of(order: [Ring; 4]) -> [&'static str; 2] {
    let names = ["e", "d", "c", "b"];
    let hooks: Vec<_> = (0..4)
        .filter(|&place| order[place] == Ring::Hook)
        .map(|i| names[i])
        .collect();
    [hooks[0], hooks[1]]
}

#[tokio::test(start_paused = true)]
async fn the_configuration_can_reorder() {
    let run = async |yaml: &str| {
        let log = Log::new();
        let (one, two) = (hook(&log, "one", 1, None), hook(&log, "two", 2, None));
        let app = TestChassis::builder()
            .register(one)
            .register(two)
            .register(routes())
            .config(yaml);
        app.start().await.unwrap().get("/answer").await;
        log.lines()
    };
    let in_order = [
        "pre one",
        "pre two",
        "post two Answered",
        "post one Answered",
    ];
    let reversed = [
        "pre two",
        "pre one",
        "post one Answered",
        "post two Answered",
    ];
    assert_eq!(run("").await, in_order);
    assert_eq!(run("plugins: {one: {priority: 3}}").await, reversed);
    assert_eq!(run("plugins: {two: {priority: 0}}").await, reversed);
    // One point only: the pair is no pair any more.
    let apart = "plugins: {one: {points: {middleware.pre_request: {priority: 3}}}}";
    assert_eq!(
        run(apart).await,
        [
            "pre two",
            "pre one",
            "post two Answered",
            "post one Answered"
        ]
    );
    let both = "plugins: {one: {priority: 0, points: {middleware.pre_request: {priority: 3}, middleware.post_response: {priority: 3}}}}";
    assert_eq!(run(both).await, reversed);
}
