//! What requests leave behind: nothing, whatever they ask for. A test run sends twice 100,000 of them; `cargo xtask soak` a
//! million.

use super::{SLACK, alone, how_many, live_bytes};
use chassis::{axum::body::Body, prelude::*, testing::TestChassis};

/// How many paths are asked for.
const PATHS: u64 = 100_000;

/// Greets.
#[plugin]
async fn greeter(cx: &mut PluginContext) -> Result<()> {
    cx.get(
        "/hello/{name}",
        async |Path(name): Path<String>, events: Events| {
            if name.ends_with('0') {
                events.publish_as("greeted", name.clone())?;
            }
            Ok::<_, Error>(name)
        },
    );
    cx.filter(&points::PRE_REQUEST, |exchange: &mut Exchange| {
        exchange.trace();
    });
    cx.on("greeted", async |_: Message| ());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn requests_leave_nothing_behind() {
    let _alone = alone().await;
    let all = how_many("CHASSIS_SOAK_REQUESTS", 2 * PATHS);
    let app = TestChassis::with::<greeter>().start().await.unwrap();
    send(&app, 0..PATHS).await;
    let before = Found::of(&app);
    send(&app, PATHS..all).await;
    let after = Found::of(&app);
    println!("{before:?} after {PATHS} requests, {after:?} after {all}");
    assert_eq!(before.series, after.series);
    assert!(
        before.bytes.abs_diff(after.bytes) <= SLACK,
        "{} bytes were allocated after {PATHS} requests, {} after {all}",
        before.bytes,
        after.bytes
    );
    app.stop().await;
}

/// Requests of these numbers: every path is another one, and so is every id.
async fn send(app: &TestChassis, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let path = number % PATHS;
        // Two of three have a route; every third is a 404, and has a trace.
        let found = !number.is_multiple_of(3);
        let path = match found {
            true => format!("/hello/{path}"),
            false => format!("/nowhere/{path}?{number}"),
        };
        let mut request = http::Request::get(path);
        if !found {
            request = request
                .header("x-request-id", format!("r-{number}"))
                .header(
                    "traceparent",
                    format!("00-{number:032x}-00000000000000a1-01"),
                );
        }
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), if found { 200 } else { 404 });
    }
}

/// What there is at one moment.
#[derive(Debug)]
struct Found {
    series: usize,
    bytes: usize,
}

impl Found {
    fn of(app: &TestChassis) -> Self {
        let page = app.metrics();
        let series = page.lines().filter(|line| !line.starts_with('#')).count();
        drop(page);
        Self {
            series,
            bytes: live_bytes(),
        }
    }
}
