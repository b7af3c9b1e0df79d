//! Extension points: the four kinds, their order, failures, names, run-time declarations, exports.

mod by_name;
mod every_point;
mod exports;

use crate::scripted::{Quiet, info};
use chassis::{
    ActionPoint, CallPoint, FilterPoint, Flow, ProviderPoint, Sealed, code,
    prelude::{PluginContext, Result, extension_point, plugin},
    testing::{TestBuilder, TestChassis},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A price in cents, and who has touched it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Price {
    cents: u64,
    by: Vec<String>,
}

/// The price of something.
#[extension_point]
pub(crate) static PRICE: FilterPoint<Price> = FilterPoint::new("test.price").json();

/// A price that is restored when a handler fails.
#[extension_point]
pub(crate) static RESTORED: FilterPoint<Price> = FilterPoint::new("test.restored").fail_open();

/// A price that is kept as it is when a handler fails.
#[extension_point]
pub(crate) static KEPT: FilterPoint<Price> = FilterPoint::new("test.kept").fail_open_keeping();

/// A gate: whoever says something closes it.
#[extension_point]
pub(crate) static GATE: FilterPoint<u32, String, Sealed> = FilterPoint::new("test.gate");

/// Something was done.
#[extension_point]
pub(crate) static DONE: ActionPoint<Vec<u32>> = ActionPoint::new("test.done").json();

/// Shops near a place.
#[extension_point]
pub(crate) static SHOPS: ProviderPoint<String, u32> = ProviderPoint::new("test.shops").json();

/// Looks something up.
#[extension_point]
pub(crate) static CACHE: CallPoint<String, String> = CallPoint::new("test.cache").json();

/// The least loaded one answers.
#[extension_point]
pub(crate) static BALANCED: CallPoint<(), String> = CallPoint::new("test.balanced").balanced();

fn touch(name: &'static str) -> impl Fn(&mut Price) + Send + Sync + 'static {
    move |price| price.by.push(name.to_owned())
}

#[plugin]
async fn late(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&PRICE, touch("late")).priority(100);
    Ok(())
}

#[plugin]
async fn early(cx: &mut PluginContext) -> Result<()> {
    cx.filter_async(&PRICE, async |price: &mut Price| {
        price.by.push("early".to_owned());
    })
    .priority(-100);
    cx.filter(&PRICE, touch("early, but after late"))
        .priority(-200)
        .after("late");
    Ok(())
}

async fn price(app: &TestChassis) -> Vec<String> {
    PRICE
        .apply(&app.handle().enter().unwrap(), Price::default())
        .await
        .unwrap()
        .by
}

#[tokio::test]
async fn a_filter_runs_in_the_order_of_priorities_and_constraints() {
    let app = TestChassis::with::<late>()
        .plugin::<early>()
        .start()
        .await
        .unwrap();
    assert_eq!(
        price(&app).await,
        ["early", "late", "early, but after late"]
    );
    let points = app.handle().extension_points().unwrap();
    let point = points
        .iter()
        .find(|point| &*point.info.name == "test.price")
        .unwrap();
    assert_eq!(point.info.description, "The price of something.");
    assert_eq!(
        point.handlers[1].why,
        "priority 100, before `early`, which waits for another"
    );
    assert_eq!(point.handlers[0].stats.calls, 1);
    assert!(point.info.schema.as_ref().unwrap()["properties"]["cents"].is_object());
}

#[tokio::test]
async fn the_configuration_sets_priorities() {
    let both = || TestChassis::with::<late>().plugin::<early>();
    let app = both()
        .config("plugins: {late: {priority: -500}}")
        .start()
        .await
        .unwrap();
    assert_eq!(
        price(&app).await,
        ["late", "early, but after late", "early"]
    );
    let yaml = "plugins: {late: {points: {test.price: {priority: -500}}}}";
    let app = both().config(yaml).start().await.unwrap();
    assert_eq!(
        price(&app).await,
        ["late", "early, but after late", "early"]
    );
    let error = both()
        .config("plugins: {late: {points: {test.prize: {priority: 1}}}}")
        .start_error()
        .await;
    assert_eq!(error.code(), code::UNKNOWN_POINT);
    assert!(
        error.report().contains("did you mean `test.price`"),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn an_empty_filter_returns_its_input_and_an_empty_call_says_so() {
    let app = TestChassis::builder().start().await.unwrap();
    assert!(price(&app).await.is_empty());
    let scope = app.handle().enter().unwrap();
    assert_eq!(DONE.run(&scope, &vec![1]).await.told, 0);
    assert!(SHOPS.ask(&scope, &1).await.answers.is_empty());
    let error = CACHE.call(&scope, &"k".to_owned()).run().await.unwrap_err();
    assert_eq!(error.code(), code::NO_ANSWER);
}

#[plugin]
async fn breaks(cx: &mut PluginContext) -> Result<()> {
    let fail = |price: &mut Price| -> Result<()> {
        price.cents = 666;
        Err(std::io::Error::other("no").into())
    };
    cx.filter(&PRICE, fail);
    cx.filter(&RESTORED, |price: &mut Price| {
        price.cents = 666;
        assert_eq!(price.cents, 0, "no");
    });
    cx.filter_async(&KEPT, async |price: &mut Price| {
        price.cents = 666;
        std::future::pending::<()>().await;
    });
    cx.filter(&GATE, |_: &mut u32| -> Result<Flow<String>> {
        Err(std::io::Error::other("broken").into())
    })
    .priority(10);
    cx.filter(&GATE, |value: &mut u32| {
        if *value > 9 {
            Flow::Answer("too much".to_owned())
        } else {
            Flow::Continue
        }
    });
    Ok(())
}

#[plugin]
async fn one_of_three_breaks(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&RESTORED, touch("first")).priority(1);
    cx.filter(&RESTORED, |price: &mut Price| {
        price.by.push("nobody".to_owned());
        assert_eq!(price.cents, 1, "no");
    })
    .priority(2);
    cx.filter(&RESTORED, touch("last")).priority(3);
    Ok(())
}

/// The first calls of a handler are timed, and each has a guard of its own; later ones share one.
#[tokio::test]
async fn a_panic_in_a_row_of_handlers_is_that_of_one_of_them() {
    const WALKS: u64 = 200;
    let app = TestChassis::with::<one_of_three_breaks>();
    let app = app.start().await.unwrap();
    let scope = app.handle().enter().unwrap();
    for _ in 0..WALKS {
        let price = RESTORED.apply(&scope, Price::default()).await.unwrap();
        assert_eq!(price.by, ["first", "last"]);
    }
    let points = app.handle().extension_points().unwrap();
    let mut points = points.iter();
    let point = points.find(|point| &*point.info.name == "test.restored");
    let handlers = &point.unwrap().handlers;
    let told = handlers.iter().map(|handler| {
        let stats = handler.stats;
        (stats.calls, stats.panics, stats.skipped)
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(WALKS, 0, 0), (WALKS, WALKS, WALKS), (WALKS, 0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn the_point_says_what_happens_when_a_handler_fails() {
    let app = TestChassis::with::<breaks>().start().await.unwrap();
    let scope = app.handle().enter().unwrap();
    let error = PRICE.apply(&scope, Price::default()).await.unwrap_err();
    assert_eq!(
        (error.plugin(), error.place()),
        (Some("breaks"), Some("test.price"))
    );
    assert_eq!(
        RESTORED
            .apply(&scope, Price::default())
            .await
            .unwrap()
            .cents,
        0
    );
    assert_eq!(
        KEPT.apply(&scope, Price::default()).await.unwrap().cents,
        666
    );
    // An answer ends the walk; a failure at a sealed point goes to the caller.
    let flow = GATE.apply_flow(&scope, &mut 10).await.unwrap();
    assert_eq!(flow, Flow::Answer("too much".to_owned()));
    assert!(GATE.apply_flow(&scope, &mut 1).await.is_err());

    let points = app.handle().extension_points().unwrap();
    let stats = |name: &str| {
        points
            .iter()
            .find(|point| &*point.info.name == name)
            .unwrap()
            .handlers[0]
            .stats
    };
    assert_eq!(
        (
            stats("test.restored").panics,
            stats("test.restored").skipped
        ),
        (1, 1)
    );
    assert_eq!(
        (stats("test.kept").timeouts, stats("test.kept").skipped),
        (1, 1)
    );
    assert_eq!(
        (stats("test.price").errors, stats("test.price").skipped),
        (1, 0)
    );
}

#[plugin]
async fn shops(cx: &mut PluginContext) -> Result<()> {
    cx.provide(&SHOPS, async |near: &u32| {
        Ok::<_, chassis::Error>(format!("shop at {near}"))
    });
    cx.action(&DONE, async |_: &Vec<u32>| -> Result<()> {
        Err(std::io::Error::other("sad").into())
    });
    cx.call(&CACHE, async |key: &String| {
        (key == "known").then(|| "from shops".to_owned())
    });
    cx.call(&BALANCED, async |_: &()| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some("shops".to_owned())
    });
    Ok(())
}

#[plugin(name = "more-shops")]
async fn more_shops(cx: &mut PluginContext) -> Result<()> {
    cx.provide(&SHOPS, async |_: &u32| -> Result<String> {
        Err(std::io::Error::other("closed").into())
    });
    cx.provide(&SHOPS, async |_: &u32| -> Result<String> {
        std::future::pending().await
    })
    .deadline(Duration::from_millis(10));
    cx.provide(&SHOPS, async |_: &u32| {
        Ok::<_, chassis::Error>("another".to_owned())
    })
    .priority(-1);
    cx.action(&DONE, async |done: &Vec<u32>| assert_eq!(done, &[7]));
    cx.call(&CACHE, async |key: &String| -> Result<Option<String>> {
        match key.as_str() {
            "flaky" => Err(chassis::Error::msg("try again").retryable()),
            "broken" => Err(chassis::Error::msg("never")),
            key => Ok(Some(format!("made from {key}"))),
        }
    })
    .priority(5);
    cx.call(&BALANCED, async |_: &()| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some("more".to_owned())
    });
    Ok(())
}

fn both() -> TestBuilder {
    TestChassis::with::<shops>().plugin::<more_shops>()
}

#[tokio::test(start_paused = true)]
async fn a_provider_point_lists_answers_in_order_beside_the_failures() {
    let app = both().start().await.unwrap();
    let provided = SHOPS.ask(&app.handle().enter().unwrap(), &7).await;
    assert_eq!(
        provided.values().collect::<Vec<_>>(),
        ["another", "shop at 7"]
    );
    let failed: Vec<_> = provided.failed.iter().map(chassis::Error::code).collect();
    assert_eq!(failed, [code::INTERNAL, code::DEADLINE]);
}

#[tokio::test(start_paused = true)]
async fn an_action_tells_all_and_isolates_each() {
    let app = both().start().await.unwrap();
    let told = DONE.run(&app.handle().enter().unwrap(), &vec![7]).await;
    assert_eq!((told.told, told.failed.len()), (2, 1));
    assert_eq!(told.failed[0].plugin(), Some("shops"));
}

#[tokio::test(start_paused = true)]
async fn a_call_is_answered_by_the_first_the_named_or_the_least_loaded() {
    let app = both().start().await.unwrap();
    let scope = app.handle().enter().unwrap();
    let ask = |key: &str| key.to_owned();
    assert_eq!(
        CACHE.call(&scope, &ask("known")).run().await.unwrap(),
        "from shops"
    );
    assert_eq!(
        CACHE.call(&scope, &ask("other")).run().await.unwrap(),
        "made from other"
    );
    assert_eq!(
        CACHE
            .call(&scope, &ask("known"))
            .named("more-shops")
            .run()
            .await
            .unwrap(),
        "made from known"
    );
    let error = CACHE
        .call(&scope, &ask("known"))
        .named("nobody")
        .run()
        .await
        .unwrap_err();
    assert!(
        error.help().unwrap().contains("`shops`, `more-shops`"),
        "{error:?}"
    );

    // Two calls at once: the second goes to whom the first did not.
    let (one, other) = tokio::join!(
        BALANCED.call(&scope, &()).run(),
        BALANCED.call(&scope, &()).run()
    );
    let mut names = [one.unwrap(), other.unwrap()];
    names.sort();
    assert_eq!(names, ["more", "shops"]);
}

#[tokio::test(start_paused = true)]
async fn only_retryable_errors_are_retried_and_a_fallback_is_only_what_was_asked_for() {
    let app = both().start().await.unwrap();
    let scope = app.handle().enter().unwrap();
    let calls = || {
        let points = app.handle().extension_points().unwrap();
        let point = points
            .into_iter()
            .find(|point| &*point.info.name == "test.cache")
            .unwrap();
        point.handlers[1].stats.calls
    };
    assert!(
        CACHE
            .call(&scope, &"flaky".to_owned())
            .retry(3)
            .run()
            .await
            .is_err()
    );
    assert_eq!(calls(), 4);
    assert!(
        CACHE
            .call(&scope, &"broken".to_owned())
            .retry(3)
            .run()
            .await
            .is_err()
    );
    assert_eq!(calls(), 5);
    let answer = CACHE
        .call(&scope, &"broken".to_owned())
        .fallback("f".to_owned())
        .run()
        .await;
    assert_eq!(answer.unwrap(), "f");

    let hour = Duration::from_secs(3_600);
    let good = CACHE
        .call(&scope, &"good".to_owned())
        .last_good("k", hour)
        .run()
        .await
        .unwrap();
    let broken = "broken".to_owned();
    let stale = CACHE
        .call(&scope, &broken)
        .last_good("k", hour)
        .run()
        .await
        .unwrap();
    assert_eq!(good, stale);
    assert!(
        CACHE
            .call(&scope, &broken)
            .last_good("another key", hour)
            .run()
            .await
            .is_err()
    );
    tokio::time::advance(hour * 2).await;
    assert!(
        CACHE
            .call(&scope, &broken)
            .last_good("k", hour)
            .run()
            .await
            .is_err(),
        "too old"
    );
}

#[tokio::test]
async fn a_scope_of_a_service_that_has_stopped_is_refused() {
    let app = TestChassis::builder()
        .register(chassis::Registration::new::<Quiet>(info("quiet")))
        .start();
    let app = app.await.unwrap();
    let handle = app.handle().clone();
    app.stop().await;
    assert_eq!(handle.enter().unwrap_err().code(), code::CLOSED);
    assert!(!handle.is_ready());
}
