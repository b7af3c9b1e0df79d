//! Generations, reloads, the process, the second listener, the document.

use super::*;
use crate::{
    command_line::{VICTIM, with},
    process::Process,
};
use std::{fs, path::Path as File, process::Stdio};
use tokio::{io::AsyncWriteExt as _, process::Command};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_tells_of_itself_and_its_process() {
    let running = start(crate::client::service([greeter()]).service("shop", "3.2.1")).await;
    let page = page_of(&running).await;
    let version = env!("CARGO_PKG_VERSION");
    let build = format!(
        r#"chassis_build_info{{version="{version}",service="shop",service_version="3.2.1"}}"#
    );
    assert_eq!(page.value(&build), 1.0);
    assert_eq!(page.value("chassis_generation"), 1.0);
    assert_eq!(page.value("chassis_generations_alive"), 1.0);
    assert!(page.value("chassis_reload_last_success_timestamp_seconds") > 1.7e9);
    assert_eq!(
        page.value(r#"chassis_plugin_state{plugin="greeter",state="running"}"#),
        1.0
    );
    assert_eq!(
        page.value(r#"chassis_plugin_state{plugin="greeter",state="failed"}"#),
        0.0
    );
    assert_eq!(page.value("tokio_workers"), 2.0);
    assert!(page.value("tokio_alive_tasks") > 0.0);
    if cfg!(target_os = "linux") {
        assert!(page.value("process_resident_memory_bytes") > 1e6);
        assert!(
            page.value("process_virtual_memory_bytes")
                > page.value("process_resident_memory_bytes")
        );
        assert!(page.value("process_open_fds") > 3.0);
        assert!(page.value("process_max_fds") > page.value("process_open_fds"));
        assert!(page.value("process_threads") > 2.0);
        assert!(page.value("process_start_time_seconds") > 1.7e9);
        assert!(page.get("process_cpu_seconds_total").is_some());
    }
    running.handle().reload_all().await.unwrap();
    let after = page_of(&running).await;
    assert_eq!(after.value("chassis_generation"), 2.0);
    assert_eq!(after.value("chassis_generations_alive"), 1.0);
    assert_eq!(
        after.value(r#"chassis_reload_total{outcome="success"}"#),
        1.0
    );
    assert_eq!(after.value("chassis_reload_duration_seconds_count"), 1.0);
    running.stop().await;
}

#[tokio::test]
async fn reloads_that_fail_are_counted_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yaml");
    fs::write(&file, "{}").unwrap();
    let app = TestChassis::builder()
        .config_file(&file)
        .start()
        .await
        .unwrap();
    fs::write(&file, "colour: red").unwrap();
    app.reload_all().await.unwrap_err();
    let page = Page::read(&app.metrics());
    assert_eq!(
        page.value(r#"chassis_reload_total{outcome="failure"}"#),
        1.0
    );
    assert_eq!(
        page.value(r#"chassis_reload_total{outcome="success"}"#),
        0.0
    );
    assert_eq!(page.value("chassis_generation"), 1.0);
}

#[tokio::test]
async fn the_second_listener_answers_one_question() {
    let builder = crate::client::service([greeter()]).set("metrics.listen", "127.0.0.1:0");
    let running = start(builder).await;
    let address = running.metrics_address().expect("it listens");
    let info = json_of(&running, "/info").await;
    assert_eq!(info["addresses"]["metrics"], address.to_string());
    let mut raw = Raw::connect(address).await;
    // A scraper asks for whatever name it knows the machine by.
    raw.send("GET /metrics HTTP/1.1\r\nhost: orders.internal:9100\r\n\r\n")
        .await;
    let page = raw.answer().await;
    assert_eq!(page.status, 200);
    assert_eq!(Page::read(page.text()).value("chassis_generation"), 1.0);
    assert_eq!(raw.get("/plugins").await.status, 404);
    raw.send("POST /metrics HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n")
        .await;
    assert_eq!(raw.answer().await.status, 405);
    running.stop().await;
}

#[tokio::test]
async fn a_program_shows_what_its_libraries_record() {
    let directory = with("");
    let service = Process::start(VICTIM, directory.path());
    let mut raw = Raw::connect(service.service).await;
    raw.send("POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello")
        .await;
    assert_eq!(raw.answer().await.text(), "hello");
    let page = Raw::management(service.management)
        .await
        .get("/metrics")
        .await;
    let page = Page::read(page.text());
    assert_eq!(page.value("echoed_bytes_total"), 5.0);
    assert_eq!(page.helps["echoed_bytes_total"], "What was sent back.");
}

#[tokio::test]
async fn promtool_has_nothing_to_complain_about() {
    let shop = plugin("shop", |cx| {
        cx.counter("orders.placed", "Orders \"placed\",\nall of them: C:\\.")
            .increment(3);
        let pay = cx
            .meter()
            .with("kind", "a\\b\"c\nd")
            .histogram("pay.seconds", "How long paying took.");
        pay.record(0.02);
        cx.metrics(async || vec![MetricSample::gauge("stock", 1.0).help("What is there.")]);
    });
    let running = start(crate::client::service([shop, greeter()])).await;
    let mut raw = Raw::connect(running.service_address()).await;
    for path in ["/hello/Ada", "/broken", "/panic", "/nowhere"] {
        raw.get(path).await;
    }
    let management = running.management_address().unwrap();
    let text = Raw::management(management).await.get("/metrics").await;
    running.stop().await;
    let Some(promtool) = std::env::var_os("PROMTOOL") else {
        println!("SKIPPED: needs promtool; `cargo xtask test` finds it, or set PROMTOOL");
        return;
    };
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let mut to = check.stdin.take().expect("it reads");
    to.write_all(&text.body).await.unwrap();
    drop(to);
    let told = check.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&told.stderr) + String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && said.trim().is_empty(), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_has_what_is_shown_and_nothing_else() {
    let file = File::new(env!("CARGO_MANIFEST_DIR")).join("../METRICS.md");
    let document = fs::read_to_string(file).unwrap();
    assert_eq!(
        document,
        chassis::__private::metrics_page(),
        "run `cargo xtask metrics`"
    );
    let running = start(crate::client::service([greeter()])).await;
    Raw::connect(running.service_address())
        .await
        .get("/hello/Ada")
        .await;
    let page = page_of(&running).await;
    running.stop().await;
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let name = cells[0].trim_start_matches("| ").trim_matches('`');
        if name.starts_with("process_") && !cfg!(target_os = "linux") {
            continue;
        }
        let kind = page
            .kinds
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not shown"));
        assert_eq!(kind, cells[1], "{name}");
        for series in page.of(name).keys() {
            let labels = series.split_once('{').map_or("", |(_, labels)| labels);
            for label in cells[2].split(", ").filter(|label| !label.is_empty()) {
                let label = format!("{}=\"", label.trim_matches('`'));
                assert!(labels.contains(&label), "{label} in {series}");
            }
        }
    }
    for name in page.kinds.keys() {
        assert!(
            document.contains(&format!("`{name}`")),
            "{name} is not explained"
        );
    }
}
