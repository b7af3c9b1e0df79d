//! Points by their names: JSON, declarations at run time, what does not fit.

use super::{CACHE, DONE, PRICE, Price, SHOPS, late, touch};
use chassis::{
    FilterPoint, Sealed, code,
    prelude::{Json, Path, PluginContext, PointSpec, Result, Scope, extension_point, plugin},
    testing::TestChassis,
};
use serde_json::{Value, json};
use std::{convert::Infallible, time::Duration};

#[plugin]
async fn foreign(cx: &mut PluginContext) -> Result<()> {
    cx.at("test.price")
        .filter(|price: &mut Value| price["cents"] = json!(9))
        .priority(1);
    cx.at("test.done")
        .action(async |done: &Value| assert_eq!(*done, json!([7])));
    cx.at("test.shops")
        .provide(async |near: &Value| Ok::<_, chassis::Error>(json!(format!("json {near}"))));
    cx.at("test.cache")
        .call(async |key: &Value| Some(json!(format!("json {}", key.as_str().unwrap()))));
    Ok(())
}

#[tokio::test]
async fn a_typed_point_takes_contributions_by_name_as_json() {
    let app = TestChassis::with::<foreign>()
        .plugin::<late>()
        .start()
        .await
        .unwrap();
    let scope = app.handle().enter().unwrap();
    let price = PRICE.apply(&scope, Price::default()).await.unwrap();
    assert_eq!(
        price,
        Price {
            cents: 9,
            by: vec!["late".to_owned()]
        }
    );
    assert!(DONE.run(&scope, &vec![7]).await.failed.is_empty());
    assert_eq!(SHOPS.ask(&scope, &3).await.answers[0].value, "json 3");
    assert_eq!(
        CACHE.call(&scope, &"k".to_owned()).run().await.unwrap(),
        "json k"
    );
}

#[plugin]
async fn vandal(cx: &mut PluginContext) -> Result<()> {
    cx.at("test.price")
        .filter(|price: &mut Value| *price = json!("nonsense"));
    Ok(())
}

#[plugin]
async fn misfit(cx: &mut PluginContext) -> Result<()> {
    cx.at("test.kept").filter(|_: &mut Value| ());
    Ok(())
}

#[plugin]
async fn stray(cx: &mut PluginContext) -> Result<()> {
    cx.at("test.prize").filter(|_: &mut Value| ());
    Ok(())
}

#[plugin]
async fn confused(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&PRICE, touch("confused")).routes("/orders/**");
    Ok(())
}

#[tokio::test]
async fn contributions_that_do_not_fit_are_errors_with_names() {
    let app = TestChassis::with::<vandal>().start().await.unwrap();
    let error = PRICE
        .apply(&app.handle().enter().unwrap(), Price::default())
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.plugin()),
        (code::POINT_MISMATCH, Some("vandal"))
    );

    let error = TestChassis::with::<misfit>().start_error().await;
    assert_eq!(
        (error.code(), error.plugin()),
        (code::POINT_MISMATCH, Some("misfit"))
    );
    assert!(error.help().unwrap().contains(".json()"));

    let error = TestChassis::with::<stray>().start_error().await;
    assert_eq!(
        (error.code(), error.plugin()),
        (code::UNKNOWN_POINT, Some("stray"))
    );
    assert_eq!(error.help(), Some("did you mean `test.price`?"));

    let error = TestChassis::with::<confused>().start_error().await;
    assert_eq!(
        (error.code(), error.plugin()),
        (code::POINT_MISMATCH, Some("confused"))
    );
}

#[plugin]
async fn transformer(cx: &mut PluginContext) -> Result<()> {
    cx.declare(
        PointSpec::filter("data.transform").description("changes data before it is stored"),
    )?;
    cx.declare(PointSpec::action("data.stored"))?;
    cx.get(
        "/transform/{n}",
        async |scope: Scope, Path(n): Path<u64>| -> Result<Json<Value>> {
            let value = scope.point("data.transform").filter(json!(n)).await?;
            scope.point("data.stored").run(&value).await?;
            Ok(Json(value))
        },
    );
    Ok(())
}

#[plugin]
async fn doubler(cx: &mut PluginContext) -> Result<()> {
    cx.at("data.transform")
        .filter(|value: &mut Value| *value = json!(value.as_u64().unwrap_or(0) * 2));
    Ok(())
}

#[plugin(name = "second-transformer")]
async fn second_transformer(cx: &mut PluginContext) -> Result<()> {
    cx.declare(PointSpec::filter("data.transform"))
}

#[tokio::test]
async fn a_point_can_be_declared_at_run_time() {
    let app = TestChassis::with::<transformer>()
        .plugin::<doubler>()
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/transform/21").await.json::<u64>(), 42);
    let points = app.handle().extension_points().unwrap();
    let point = points
        .iter()
        .find(|point| &*point.info.name == "data.transform")
        .unwrap();
    assert_eq!(point.info.description, "changes data before it is stored");
    assert_eq!(point.handler_count, 1);

    let error = TestChassis::with::<transformer>()
        .plugin::<second_transformer>()
        .start_error()
        .await;
    assert_eq!(error.code(), code::DUPLICATE);
    let both = error.message().contains("`transformer`")
        && error.message().contains("`second-transformer`");
    assert!(both, "{error}");
    // Without its owner there is no such point.
    let error = TestChassis::with::<doubler>().start_error().await;
    assert_eq!(error.code(), code::UNKNOWN_POINT);
}

/// A gate whose payload has a JSON form.
#[extension_point]
pub(crate) static SEALED: FilterPoint<u32, Infallible, Sealed> =
    FilterPoint::new("test.sealed").json();

#[plugin]
async fn loosens(cx: &mut PluginContext) -> Result<()> {
    cx.at("test.sealed")
        .filter(|_: &mut Value| ())
        .skip_on_failure();
    Ok(())
}

#[plugin]
async fn hurries(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&PRICE, touch("hurries"))
        .deadline(Duration::from_secs(1));
    Ok(())
}

#[tokio::test]
async fn what_nobody_would_obey_is_refused() {
    let error = TestChassis::with::<loosens>().start_error().await;
    assert!(
        error
            .message()
            .contains("`test.sealed`: the point is sealed"),
        "{error}"
    );
    let error = TestChassis::with::<hurries>().start_error().await;
    assert!(error.message().contains("has no deadline"), "{error}");
    assert_eq!(error.plugin(), Some("hurries"));
}
