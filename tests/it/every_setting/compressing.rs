//! What is compressed, and how, as `compression` has it.

use super::{Setting, in_virtual_time};
use crate::made::plugin;
use chassis::{
    Body, PluginContext,
    testing::{TestChassis, TestResponse},
};
use chassis_compression::Compression;
use http::Request;

/// A poem, and the same as events.
fn poems(cx: &mut PluginContext) {
    let poem = || {
        (0..300)
            .map(|line| format!("{line}: a rose is a rose\n"))
            .collect::<String>()
    };
    cx.get("/poem", async move || poem());
    cx.get("/poem/long", async || "a rose is a rose is ".repeat(10_000));
    cx.get("/poem/events", async move || {
        ([("content-type", "text/event-stream")], poem())
    });
}

async fn start(setting: Setting) -> TestChassis {
    let app = TestChassis::with::<Compression>().register(plugin("poems", poems));
    let app = app.config(setting.yaml()).start().await;
    app.expect("the service starts")
}

fn request(path: &str) -> Request<Body> {
    let request = Request::get(path).header("accept-encoding", "gzip, br, zstd");
    request.body(Body::empty()).expect("it is a request")
}

async fn answer(setting: Setting, path: &str) -> TestResponse {
    start(setting).await.send(request(path)).await
}

fn coding(setting: Setting, path: &str) -> String {
    in_virtual_time(async {
        let answer = answer(setting, path).await;
        answer
            .header("content-encoding")
            .unwrap_or("plain")
            .to_owned()
    })
}

pub(super) fn poem(setting: Setting) -> String {
    coding(setting, "/poem")
}

pub(super) fn events(setting: Setting) -> String {
    coding(setting, "/poem/events")
}

pub(super) fn size(setting: Setting) -> String {
    in_virtual_time(async {
        let usual = Setting {
            value: None,
            ..setting
        };
        let usual = answer(usual, "/poem").await.bytes().len();
        match answer(setting, "/poem").await.bytes().len().cmp(&usual) {
            std::cmp::Ordering::Equal => "as small as usual".to_owned(),
            std::cmp::Ordering::Less => "smaller".to_owned(),
            std::cmp::Ordering::Greater => "larger".to_owned(),
        }
    })
}

/// Two clients that take their time.
pub(super) fn two_large(setting: Setting) -> String {
    in_virtual_time(async {
        let app = start(setting).await;
        let open = async || app.send_streaming(request("/poem/long")).await;
        let answers = [open().await, open().await];
        let codings = answers.iter().map(|answer| {
            let coding = answer.headers().get("content-encoding");
            coding.map_or("plain", |coding| coding.to_str().expect("it is a text"))
        });
        codings.collect::<Vec<_>>().join(", ")
    })
}
