//! Whoever comes from another system, and brings its configuration along: what the service says instead of starting.

use chassis::{
    Error, NoConfig, Plugin, PluginConfig, PluginContext, PluginInfo, Registration, Result,
    testing::{TestBuilder, TestChassis},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::marker::PhantomData;

/// As it stands in the document of Marty Chassis.
const MARTY: &str = include_str!("../../chassis/src/config/tests/brought_along/marty.yaml");

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by nobody but serde")]
struct JwtConfig {
    jwt_secret: String,
    jwt_algorithm: String,
    token_expiry: u64,
}

/// The settings of `chassis-request-tracing`.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct TracingConfig {
    correlation_header: String,
    timing_header: String,
}

impl Default for TracingConfig {
    fn default() -> Self {
        Self {
            correlation_header: "X-Correlation-ID".to_owned(),
            timing_header: "X-Processing-Time".to_owned(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by nobody but serde")]
struct MetricsConfig {
    collection_interval: u64,
    export_format: String,
}

/// A plugin that has settings, and does nothing.
struct Settled<C>(PhantomData<C>);

impl<C: PluginConfig + Sync> Plugin for Settled<C> {
    type Config = C;

    async fn init(_: C, _: &mut PluginContext) -> Result<Self> {
        Ok(Self(PhantomData))
    }
}

fn plugin<C: PluginConfig + Sync>(name: &str) -> Registration {
    Registration::new::<Settled<C>>(PluginInfo::new(name, "1.0.0").unwrap())
}

fn marty() -> TestBuilder {
    TestChassis::builder()
        .register(plugin::<JwtConfig>("jwt-authentication"))
        .register(plugin::<TracingConfig>("request-tracing"))
        .register(plugin::<MetricsConfig>("custom-metrics"))
}

async fn refused(builder: TestBuilder) -> Error {
    builder.start().await.expect_err("it should not start")
}

#[tokio::test]
async fn a_configuration_of_marty_is_told_in_one_round() {
    let moved = |line: u32, plugin: &str, key: &str| {
        format!(
            "plugin `{plugin}`: `{key}`: the plugin's own settings go under `config:`\n  at: test.yaml:{line}:5\n  help: move it to `plugins.{plugin}.config.{key}`"
        )
    };
    let expected = [
        "`plugins.directories`: plugins are linked, not loaded from directories\n  at: test.yaml:3:3\n  help: remove it, and name the crate of each plugin in `chassis::link!(..)`".to_owned(),
        moved(9, "jwt-authentication", "jwt_secret"),
        moved(10, "jwt-authentication", "jwt_algorithm"),
        moved(11, "jwt-authentication", "token_expiry"),
        moved(14, "request-tracing", "correlation_header"),
        moved(15, "request-tracing", "timing_header"),
        moved(18, "custom-metrics", "collection_interval"),
        moved(19, "custom-metrics", "export_format"),
    ];
    let error = refused(marty().config(MARTY)).await;
    assert_eq!(error.report(), expected.join("\n"));
}

#[tokio::test]
async fn plugins_that_are_not_linked_are_told_with_the_rest() {
    let unlinked = |line: u32, plugin: &str| {
        format!(
            "the plugin `{plugin}` is in the configuration, but it is not linked\n  at: test.yaml:{line}:3\n  help: no linked crate has it; is one missing in `chassis::link!(..)`?"
        )
    };
    let tracing = plugin::<TracingConfig>("request-tracing");
    let error = refused(TestChassis::builder().register(tracing).config(MARTY)).await;
    let report = error.report();
    assert!(
        report.contains(&unlinked(8, "jwt-authentication")),
        "{report}"
    );
    assert!(report.contains(&unlinked(17, "custom-metrics")), "{report}");
    // The directories, seven settings, and these two.
    assert_eq!(error.others().len(), 9, "{report}");
}

#[tokio::test]
async fn a_service_starts_once_all_of_it_is_obeyed() {
    let text = "\
plugins:
  jwt-authentication:
    config: {jwt_secret: your-secret-key, jwt_algorithm: HS256, token_expiry: 3600}
  request-tracing:
    config: {correlation_header: X-Correlation-ID, timing_header: X-Processing-Time}
  custom-metrics:
    config: {collection_interval: 30, export_format: prometheus}
";
    marty().config(text).start().await.unwrap();
}

#[tokio::test]
async fn points_of_another_system_are_told_where_they_stand() {
    let points = |points: &str| {
        let text = format!("plugins:\n  one:\n    points:\n      {points}\n");
        let one = plugin::<NoConfig>("one");
        refused(TestChassis::builder().register(one).config(text))
    };
    assert_eq!(
        points("billing.invoice: {priority: 1}").await.report(),
        "plugin `one`: there is no extension point `billing.invoice`\n  at: test.yaml:4:7\n  help: remove it, or link the crate that declares it"
    );
    assert_eq!(
        points("middleware.pre_requests: {priority: 1}")
            .await
            .report(),
        "plugin `one`: there is no extension point `middleware.pre_requests`\n  at: test.yaml:4:7\n  help: did you mean `middleware.pre_request`?"
    );
}
