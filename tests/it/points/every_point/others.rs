//! Points of callers, of operators, and of those who listen.

use super::*;
use crate::{client::Raw, structured_logging::command as logger};

/// A service of which one route is not for everybody.
fn with_a_gate(
    put: Put,
    contribute: impl Fn(&mut PluginContext) + Clone + Send + Sync + 'static,
) -> TestBuilder {
    let closed = plugin("closed", |cx| {
        cx.get("/closed", async || "hello").scopes(["enter"]);
    });
    service(put, contribute).register(closed)
}

async fn anybody(_: &AuthQuestion) -> Option<Authentication> {
    Some(Authentication::Principal(
        Principal::new("ada").scope("enter"),
    ))
}

pub(super) fn authenticate(put: Put) -> String {
    let service = with_a_gate(put, |cx| _ = cx.call(&points::AUTHENTICATE, anybody));
    status("/closed", service)
}

pub(super) fn authorize(put: Put) -> String {
    let service = with_a_gate(put, |cx| {
        cx.filter(&points::AUTHORIZE, |_: &mut Access| {
            Flow::Answer(Denied("not at this hour".to_owned()))
        });
    });
    let doorman = plugin("doorman", |cx| _ = cx.call(&points::AUTHENTICATE, anybody));
    status("/closed", service.register(doorman))
}

pub(super) fn page(Put(is_put): Put) -> String {
    let guest = plugin("guest", move |cx| {
        if is_put {
            cx.management_get("/list", async || "a list");
        }
    });
    in_real_time(async {
        let running = client::start(client::service([guest])).await;
        let management = running.management_address().unwrap();
        let path = "/plugins/guest/pages/list";
        let (status, ..) = crate::management::ask::get(management, path).await;
        running.stop().await;
        status.as_u16().to_string()
    })
}

pub(super) fn exported(put: Put) -> String {
    let log = Log::new();
    let to = log.clone();
    let service = service(put, move |cx| {
        let to = to.clone();
        cx.provide(
            &points::METRICS_EXPORT,
            async move |all: &MetricsSnapshot| {
                let family = all.family("chassis_generation");
                family.inspect(|family| to.note(&*family.name));
                Ok::<_, Error>(())
            },
        );
    });
    in_virtual_time(async {
        let app = service.start().await.unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        drop(app);
    });
    log.lines().first().cloned().unwrap_or_default()
}

/// Of the plugin whose layer panics it is told; the others are those of `src/bin/listener.rs`.
pub(super) fn lines(Put(is_put): Put) -> String {
    in_real_time(async {
        let folder = tempfile::tempdir().unwrap();
        let yaml = format!(
            "plugins: {{structured-logging: {{enabled: false}}, liner: {{config: {{writes: {is_put}}}}}}}"
        );
        let mut victim = Victim::run(logger(folder.path(), &yaml)).await;
        let mut raw = Raw::connect(victim.address).await;
        assert_eq!(raw.get("/levels").await.status, 200);
        let lines = victim.logged("levels told").await;
        let line = lines.last().unwrap();
        let seen = ["OWN INFO", "INFO logger: levels told"].into_iter();
        let seen = seen.into_iter().find(|text| line.contains(text));
        seen.unwrap_or(line).to_owned()
    })
}

pub(super) fn layers(Put(is_put): Put) -> String {
    in_real_time(async {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_listener"));
        command
            .current_dir(folder.path())
            .env("CHASSIS__SERVER__LISTEN", "127.0.0.1:0")
            .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0")
            .env("CHASSIS__PLUGINS__BROKEN__ENABLED", is_put.to_string())
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let victim = Victim::run(command).await;
        let told = "a layer of the log of plugin `broken` panicked";
        let is_told = victim.start.iter().any(|line| line.contains(told));
        if is_told {
            "a layer of `broken`"
        } else {
            "nothing of a layer"
        }
        .to_owned()
    })
}
