//! Start and stop: order, failures, deadlines, roll-back, admission.

mod guarded;

use crate::scripted::{Quiet, Scripted, info, log, release, scripted, steps};
use chassis::{
    Chassis, Flow, PluginState, Registration, code,
    points::{self, Candidate, Denied},
    prelude::{PluginContext, Result, plugin},
    testing::{TestBuilder, TestChassis},
};

/// A test service of scripted plugins; `script` is YAML under `plugins:`, one line per plugin.
fn service(log: &str, plugins: &[(&str, &[&str])], script: &[(&str, &str)]) -> TestBuilder {
    let mut builder = TestChassis::builder();
    for (name, requires) in plugins {
        let script = script
            .iter()
            .find(|(of, _)| of == name)
            .map_or("", |(_, script)| script);
        builder = builder
            .register(scripted(name, requires))
            .set(&format!("plugins.{name}.config.log"), log);
        for step in script.split_whitespace() {
            let (step, what) = step.split_once('=').expect("a step is `init=fail`");
            let path = match step {
                "required" | "enabled" => format!("plugins.{name}.{step}"),
                _ => format!("plugins.{name}.config.{step}"),
            };
            builder = match what {
                "true" | "false" => builder.set(&path, what == "true"),
                _ => builder.set(&path, what),
            };
        }
    }
    builder
}

const CHAIN: &[(&str, &[&str])] = &[
    ("web", &["orders"]),
    ("orders", &["pool"]),
    ("pool", &[]),
    ("audit", &[]),
];

#[tokio::test(start_paused = true)]
async fn who_is_required_comes_first_and_stops_last() {
    let app = service("order", CHAIN, &[]).start().await.unwrap();
    let after = |list: &[String], one: &str, other: &str| {
        let place = |name: &str| {
            list.iter()
                .position(|line| line == name)
                .expect("it is in the list")
        };
        assert!(place(one) > place(other), "{one} after {other} in {list:?}");
    };
    for step in ["init", "start"] {
        let list = steps("order", step);
        assert_eq!(list.len(), 4);
        after(&list, "web", "orders");
        after(&list, "orders", "pool");
    }
    // All inits come before any start.
    let all = log("order");
    let last_init = all
        .iter()
        .rposition(|line| line.starts_with("init "))
        .unwrap();
    assert!(
        all.iter()
            .position(|line| line.starts_with("start "))
            .unwrap()
            > last_init
    );

    assert_eq!(app.get("/web").await.text(), "web");
    assert!(app.stop().await.is_empty());
    assert_eq!(steps("order", "stop"), ["web", "orders", "pool", "audit"]);
    let dropped = steps("order", "drop");
    assert_eq!(dropped.len(), 4, "nothing of a plugin is left: {dropped:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_fails_is_failed_and_those_that_require_it_are_blocked() {
    for (step, how, told) in [
        ("init", "fail", "init was told to fail"),
        ("init", "panic", "panicked: init was told to panic"),
        ("init", "hang", "took longer than its deadline of 30s"),
        ("start", "fail", "start was told to fail"),
        ("start", "panic", "panicked: start was told to panic"),
        ("start", "hang", "took longer than its deadline of 30s"),
    ] {
        let name = format!("{step}-{how}");
        let app = service(&name, CHAIN, &[("pool", &format!("{step}={how}"))])
            .start()
            .await
            .unwrap();
        assert_eq!(app.state("pool"), PluginState::Failed, "{name}");
        assert_eq!(app.state("orders"), PluginState::Blocked, "{name}");
        assert_eq!(app.state("web"), PluginState::Blocked, "{name}");
        assert_eq!(app.state("audit"), PluginState::Running, "{name}");
        let pool = app.handle().plugin("pool").unwrap();
        assert!(
            pool.last_error().unwrap().contains(told),
            "{name}: {:?}",
            pool.last_error()
        );
        let orders = app.handle().plugin("orders").unwrap();
        assert_eq!(
            orders.reason().unwrap(),
            "requires `pool`, which is failed",
            "{name}"
        );
        // What does not run is not reachable; the rest is.
        assert_eq!(app.get("/pool").await.status(), 404, "{name}");
        assert_eq!(app.get("/web").await.status(), 404, "{name}");
        assert_eq!(app.get("/audit").await.text(), "audit", "{name}");
        let began = steps(&name, "task").contains(&"pool".to_owned());
        assert!(
            step == "start" || !began,
            "nothing runs of what was not built"
        );
        app.stop().await;
        assert_eq!(
            steps(&name, "stop"),
            ["audit"],
            "only what has started is stopped"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_required_plugin_that_fails_fails_the_start_and_everything_is_rolled_back() {
    let script = [("orders", "start=fail required=true")];
    let error = service("required", CHAIN, &script).start_error().await;
    assert_eq!(error.code(), code::REQUIRED);
    assert!(
        error
            .message()
            .contains("`orders` is required, but it is failed"),
        "{error}"
    );
    assert!(
        error.message().contains("start was told to fail"),
        "{error}"
    );
    assert_eq!(
        steps("required", "stop"),
        ["pool", "audit"],
        "what had started was stopped, in reverse"
    );
    assert_eq!(steps("required", "drop").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_fails_hangs_or_panics_stops_nobody_else() {
    let script = [
        ("web", "stop=hang"),
        ("orders", "stop=panic"),
        ("pool", "stop=fail"),
    ];
    let app = service("stops", CHAIN, &script).start().await.unwrap();
    let errors = app.stop().await;
    let told: Vec<_> = errors
        .iter()
        .map(|error| (error.plugin().unwrap(), error.place().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("web", "stop"), ("orders", "stop"), ("pool", "stop")]
    );
    assert_eq!(steps("stops", "stop"), ["web", "orders", "pool", "audit"]);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_plugin_is_handed_out_to_nobody() {
    let app = service("disabled", CHAIN, &[("orders", "enabled=false")])
        .start()
        .await
        .unwrap();
    assert_eq!(app.state("orders"), PluginState::Disabled);
    assert_eq!(app.state("web"), PluginState::Blocked);
    let web = app.handle().plugin("web").unwrap();
    assert_eq!(
        web.reason().unwrap(),
        "requires `orders`, which is disabled"
    );
    assert!(!log("disabled").contains(&"init orders".to_owned()));
    assert_eq!(app.get("/orders").await.status(), 404);
}

#[tokio::test]
async fn a_plugin_that_blocks_its_thread_fails_and_the_rest_serves() {
    // Real time and real threads: the clock of the supervisor goes on.
    let running = Chassis::builder()
        .without_linked_plugins()
        .register(scripted("stuck", &[]))
        .register(Registration::new::<Scripted>(info("fine")))
        .set("server.listen", "127.0.0.1:0")
        .set("management.listen", "127.0.0.1:0")
        .set("lifecycle.init_deadline", "50ms")
        .set("plugins.stuck.config.init", "block")
        .set("plugins.stuck.config.log", "blocks")
        .start();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let running = runtime.spawn(running).await.unwrap().unwrap();
    let stuck = running.handle().plugin("stuck").unwrap();
    assert_eq!(stuck.state, PluginState::Failed);
    assert!(
        stuck
            .last_error()
            .unwrap()
            .contains("took longer than its deadline of 50ms")
    );
    assert_eq!(
        running.handle().plugin("fine").unwrap().state,
        PluginState::Running
    );
    release("blocks");
    let stopped = runtime.spawn(running.stop()).await.unwrap();
    assert!(stopped.is_graceful(), "{stopped:?}");
    runtime.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn mistakes_in_the_order_are_told_with_names_and_places() {
    let error = service("cycle", &[("a", &["b"]), ("b", &["a"])], &[])
        .start_error()
        .await;
    assert_eq!(error.code(), code::CYCLE);
    assert!(
        error.report().contains("`a` -> `b` -> `a`"),
        "{}",
        error.report()
    );

    let error = service("missing", &[("web", &["oders"]), ("orders", &[])], &[])
        .start_error()
        .await;
    assert_eq!(error.code(), code::MISSING);
    assert!(
        error.report().contains("`web`") && error.report().contains("`oders`"),
        "{}",
        error.report()
    );
    assert!(
        error.report().contains("did you mean `orders`?"),
        "{}",
        error.report()
    );

    let error = service(
        "version",
        &[("web", &["orders ^2.1"]), ("orders", &[])],
        &[],
    )
    .start_error()
    .await;
    assert_eq!(error.code(), code::VERSION);
    assert!(
        error.report().contains("^2.1") && error.report().contains("1.0.0"),
        "{}",
        error.report()
    );

    let error = service("host", &[("web", &["chassis ^7"])], &[])
        .start_error()
        .await;
    assert_eq!(error.code(), code::VERSION);
}

#[tokio::test(start_paused = true)]
async fn two_plugins_of_one_name_are_an_error_that_names_both() {
    let error = TestChassis::builder()
        .register(scripted("orders", &[]))
        .register(Registration::new::<Quiet>(info("orders")))
        .start_error()
        .await;
    assert_eq!(error.code(), code::DUPLICATE);
    assert!(
        error.message().contains("two plugins are called `orders`"),
        "{error}"
    );
    assert_eq!(
        error.message().matches("tests/it/").count(),
        2,
        "both places: {error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plugin_in_the_configuration_that_is_not_linked_is_an_error_that_says_what_to_do() {
    for (name, help) in [
        ("oders", "did you mean `orders`?"),
        (
            "elsewhere",
            "no linked crate has it; is one missing in `chassis::link!(..)`?",
        ),
    ] {
        let error = TestChassis::builder()
            .register(scripted("orders", &[]))
            .config(format!("plugins:\n  {name}:\n    enabled: true\n"))
            .start_error()
            .await;
        assert_eq!(error.code(), code::CONFIG_UNKNOWN_PLUGIN);
        assert_eq!(error.origin(), Some("test.yaml:2:3"));
        assert_eq!(error.help(), Some(help));
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_is_wrong_with_the_sections_is_told_at_once_in_the_order_of_the_file() {
    let error = TestChassis::builder()
        .register(scripted("orders", &[]))
        .register(scripted("pool", &[]))
        .register(scripted("idle", &[]))
        .config(
            "plugins:\n  pool:\n    config: {logg: a, init: fial}\n  stranger: {}\n  \
             orders:\n    config: {lgo: a}\n  idle:\n    enabled: false\n    config: {lgo: a}\n",
        )
        .start_error()
        .await;
    let found: Vec<_> = std::iter::once(&error)
        .chain(error.others())
        .map(|error| (error.origin().unwrap(), error.code()))
        .collect();
    assert_eq!(
        found,
        [
            ("test.yaml:3:14", code::CONFIG_UNKNOWN_KEY),
            ("test.yaml:3:29", code::CONFIG_INVALID),
            ("test.yaml:4:3", code::CONFIG_UNKNOWN_PLUGIN),
            ("test.yaml:6:14", code::CONFIG_UNKNOWN_KEY),
        ],
        "a plugin that does not take part is not asked"
    );
}

#[tokio::test(start_paused = true)]
async fn one_plugin_can_have_several_instances() {
    let app = TestChassis::builder()
        .register(scripted("sql", &[]))
        .config("plugins:\n  sql-reporting:\n    use: sql\n    config:\n      log: instances\n")
        .start()
        .await
        .unwrap();
    assert_eq!(app.get("/sql").await.text(), "sql");
    assert_eq!(app.get("/sql-reporting").await.text(), "sql-reporting");
    assert_eq!(steps("instances", "init"), ["sql-reporting"]);
    assert_eq!(
        &*app.handle().plugin("sql-reporting").unwrap().plugin,
        "sql"
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_plugins_are_admitted_than_max_plugins() {
    let app = service("most", CHAIN, &[])
        .set("admission.max_plugins", 2)
        .start()
        .await
        .unwrap();
    let plugins = app.handle().plugins().unwrap();
    let running = plugins
        .iter()
        .filter(|plugin| plugin.state == PluginState::Running)
        .count();
    assert_eq!(running, 2);
    let denied = plugins
        .iter()
        .find(|plugin| plugin.state == PluginState::Failed)
        .unwrap();
    assert!(
        denied
            .last_error()
            .unwrap()
            .contains("`admission.max_plugins` is 2")
    );
}

#[tokio::test(start_paused = true)]
async fn the_order_does_not_depend_on_that_of_the_registrations() {
    let mut plugins = CHAIN.to_vec();
    let mut graphs = Vec::new();
    // All 24 permutations, by Heap's algorithm.
    fn permute(
        n: usize,
        plugins: &mut Vec<(&'static str, &'static [&'static str])>,
        all: &mut Vec<Vec<(&'static str, &'static [&'static str])>>,
    ) {
        if n <= 1 {
            all.push(plugins.clone());
            return;
        }
        for i in 0..n {
            permute(n - 1, plugins, all);
            let with = if n.is_multiple_of(2) { i } else { 0 };
            plugins.swap(with, n - 1);
        }
    }
    let mut all = Vec::new();
    permute(4, &mut plugins, &mut all);
    assert_eq!(all.len(), 24);
    for plugins in all {
        let app = service("permutations", &plugins, &[])
            .start()
            .await
            .unwrap();
        graphs.push(app.handle().graph().unwrap().to_string());
    }
    graphs.dedup();
    assert_eq!(graphs.len(), 1, "{graphs:#?}");
}

/// Lets nobody in who is called `evil`.
#[plugin(stage = "bootstrap", required)]
async fn doorman(cx: &mut PluginContext) -> Result<()> {
    cx.filter(&points::ADMIT, |candidate: &mut Candidate| {
        assert_ne!(&*candidate.name, "suspicious", "the doorman is confused");
        if &*candidate.name == "evil" {
            return Flow::Answer(Denied("it is evil".to_owned()));
        }
        Flow::Continue
    });
    Ok(())
}

/// A bootstrap plugin can't wait for one that comes later.
#[plugin(stage = "bootstrap", requires = ["audit"])]
async fn hasty(_: &mut PluginContext) -> Result<()> {
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_plugin_decides_who_is_admitted_and_its_failure_denies() {
    let plugins: &[(&str, &[&str])] = &[
        ("evil", &[]),
        ("friend", &["evil"]),
        ("suspicious", &[]),
        ("audit", &[]),
    ];
    let app = service("doorman", plugins, &[])
        .plugin::<doorman>()
        .start()
        .await
        .unwrap();
    let error = |name: &str| {
        app.handle()
            .plugin(name)
            .unwrap()
            .last_error()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        error("evil").contains("not admitted: it is evil"),
        "{}",
        error("evil")
    );
    assert!(
        error("suspicious").contains("the doorman is confused"),
        "a sealed point fails closed"
    );
    assert_eq!(app.state("friend"), PluginState::Blocked);
    assert_eq!(app.state("audit"), PluginState::Running);
    assert!(
        !steps("doorman", "init").contains(&"evil".to_owned()),
        "denied before `init`"
    );

    let error = service("hasty", &[("audit", &[])], &[])
        .plugin::<hasty>()
        .start_error()
        .await;
    assert!(
        error.message().contains("`audit` are built after it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_linked_crate_that_registers_nothing_is_an_error() {
    // `tests/it/main.rs` lists `tower` in `chassis::link!`; every other test leaves linked plugins out.
    let error = TestChassis::linked().start_error().await;
    let errors: Vec<_> = std::iter::once(&error).chain(error.others()).collect();
    let silent = errors
        .iter()
        .find(|error| error.code() == code::NOT_LINKED)
        .expect("it is told");
    assert!(silent.message().contains("`tower`"), "{silent}");
    assert!(
        silent.origin().unwrap().starts_with("tests/it/main.rs:"),
        "{silent:?}"
    );
}
