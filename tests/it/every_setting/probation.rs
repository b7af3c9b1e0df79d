//! How long what is new is watched after a reload, and what is too much.

use super::{Setting, in_virtual_time};
use crate::made::plugin;
use chassis::testing::TestChassis;
use std::time::Duration;

/// A service in which a plugin has come with the last reload that panics, fails or does well as it is asked.
async fn reloaded(setting: Setting) -> TestChassis {
    let moody = plugin("moody", |cx| {
        cx.get("/well", async || "well");
        cx.get("/fail", async || {
            Err::<&str, chassis::Error>(std::io::Error::other("it fails").into())
        });
        cx.get("/panic", async || -> &str { panic!("it panics") });
    });
    let mut builder = TestChassis::builder()
        .config(setting.yaml())
        .register(moody);
    if setting.path != "reload.probation.enabled" {
        builder = builder.set("reload.probation.enabled", true);
    }
    let app = builder.start().await.expect("the service starts");
    let handle = app.handle();
    handle.disable("moody").await.expect("it reloads");
    handle.enable("moody").await.expect("it reloads");
    app
}

async fn is_there(app: &TestChassis) -> bool {
    // Until the figures were looked at.
    tokio::time::sleep(Duration::from_secs(1)).await;
    app.handle().enter().expect("it serves").generation() == 3
}

async fn ask(app: &TestChassis, path: &str, times: u32) {
    for _ in 0..times {
        app.get(path).await;
    }
}

pub(super) fn panicking(setting: Setting) -> String {
    in_virtual_time(async {
        let app = reloaded(setting).await;
        ask(&app, "/panic", 100).await;
        match is_there(&app).await {
            true => "serves on".to_owned(),
            false => "taken back".to_owned(),
        }
    })
}

pub(super) fn late(setting: Setting) -> String {
    in_virtual_time(async {
        let app = reloaded(setting).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        ask(&app, "/panic", 100).await;
        match is_there(&app).await {
            true => "not watched after 10s".to_owned(),
            false => "watched after 10s".to_owned(),
        }
    })
}

pub(super) fn panics(setting: Setting) -> String {
    in_virtual_time(async {
        let app = reloaded(setting).await;
        let mut panics = 0;
        while is_there(&app).await {
            ask(&app, "/panic", 1).await;
            panics += 1;
        }
        format!("taken back after {panics}")
    })
}

pub(super) fn errors(setting: Setting) -> String {
    in_virtual_time(async {
        let mut failed = 1;
        loop {
            let app = reloaded(setting).await;
            ask(&app, "/fail", failed).await;
            ask(&app, "/well", 100 - failed).await;
            if !is_there(&app).await {
                return format!("{failed} of 100 are too many");
            }
            failed += 1;
        }
    })
}

pub(super) fn calls(setting: Setting) -> String {
    in_virtual_time(async {
        let app = reloaded(setting).await;
        let mut calls = 0;
        while is_there(&app).await {
            ask(&app, "/fail", 1).await;
            calls += 1;
        }
        format!("{calls} are enough")
    })
}
