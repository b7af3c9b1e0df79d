//! How many series there may be.

use super::*;
use chassis::testing::TestChassis;
use proptest::prelude::*;
use std::collections::BTreeSet;

const ORDERS: &str = "{name: orders, kind: counter, event: order, labels: {state: /state}}";

fn settings(max_series: usize) -> String {
    format!(
        "plugins: {{custom-metrics: {{config: {{max_series: {max_series}, metrics: [{ORDERS}]}}}}}}\n"
    )
}

fn series(app: &TestChassis) -> Vec<(String, f64)> {
    let page = app.metrics();
    let lines = page
        .lines()
        .filter(|line| line.starts_with("orders_total{"));
    let series = lines.map(|line| {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        let state = labels.split("state=\"").nth(1).unwrap();
        (
            state.trim_end_matches("\"}").to_owned(),
            value.parse().unwrap(),
        )
    });
    series.collect()
}

#[tokio::test(start_paused = true)]
async fn further_labels_are_under_other_and_health_says_so() {
    let app = TestChassis::with::<CustomMetrics>()
        .config(settings(2))
        .start()
        .await
        .unwrap();
    for state in ["a", "b", "c", "d", "a"] {
        happen(&app, "order", json!({ "state": state })).await;
    }
    let told = |series: &[(&str, f64)]| -> Vec<(String, f64)> {
        series
            .iter()
            .map(|(state, count)| ((*state).to_owned(), *count))
            .collect()
    };
    assert_eq!(
        series(&app),
        told(&[("a", 2.0), ("b", 1.0), ("other", 2.0)])
    );
    assert_eq!(
        value(&app, "custom_metrics_crowded_total", "metric=\"orders\""),
        Some(2.0)
    );
    tokio::time::sleep(Duration::from_mins(1)).await;
    let health = app.handle().health_of_plugin("custom-metrics").unwrap();
    let health = serde_json::to_string(&health).unwrap();
    assert!(
        health.contains("degraded") && health.contains("max_series"),
        "{health}"
    );
    // After a reload these are the same series, and there is room for no more.
    app.reload_all().await.unwrap();
    for state in ["a", "e"] {
        happen(&app, "order", json!({ "state": state })).await;
    }
    assert_eq!(
        series(&app),
        told(&[("a", 3.0), ("b", 1.0), ("other", 3.0)])
    );
}

#[tokio::test(start_paused = true)]
async fn a_label_is_short_and_visible() {
    let app = start(ORDERS).await;
    happen(&app, "order", json!({ "state": "é".repeat(100) })).await;
    assert_eq!(series(&app)[0].0, "é".repeat(64));
    happen(&app, "order", json!({ "state": "a\u{1f}b\n" })).await;
    assert_eq!(series(&app)[0].0, "a\u{fffd}b\u{fffd}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_the_labels_are_nothing_is_lost_and_the_series_are_few(
        states in prop::collection::vec("[a-f]{1,2}", 0..40),
        most in 1_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let app = TestChassis::with::<CustomMetrics>().config(settings(most)).start().await.unwrap();
            for state in &states {
                happen(&app, "order", json!({ "state": state })).await;
            }
            let series = series(&app);
            let sum: f64 = series.iter().map(|(_, count)| count).sum();
            prop_assert_eq!(sum, states.len() as f64);
            let different: BTreeSet<_> = states.iter().collect();
            prop_assert_eq!(series.len(), different.len().min(most + usize::from(different.len() > most)));
            Ok(())
        })?;
    }
}
