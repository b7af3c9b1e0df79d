//! What becomes of those who were refused when the service is reloaded.

use super::*;
use std::fs;
use tempfile::NamedTempFile;

struct Service {
    file: NamedTempFile,
    app: TestChassis,
}

impl Service {
    async fn start(plugins: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
        write(&file, plugins);
        let app = TestChassis::with::<RateLimit>()
            .plugin::<shop>()
            .config_file(file.path());
        let app = app.start().await.unwrap();
        Self { file, app }
    }

    async fn reload(&self, plugins: &str) -> Result<chassis::Reloaded> {
        write(&self.file, plugins);
        self.app.reload().await
    }

    async fn status(&self) -> u16 {
        self.app.get("/products").await.status().as_u16()
    }
}

fn write(file: &NamedTempFile, plugins: &str) {
    fs::write(file.path(), format!("plugins: {plugins}\n")).unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_was_refused_stays_so_over_a_reload() {
    let service = Service::start("{rate-limit: {config: {limits: [{rate: 2/h}]}}}").await;
    assert_eq!([service.status().await, service.status().await], [200, 200]);
    assert_eq!(service.status().await, 429);
    // Of others: it is carried over.
    service.app.handle().reload_plugin("shop").await.unwrap();
    assert_eq!(service.status().await, 429);
    // Of all, and of itself: its counters are handed over.
    service.app.reload_all().await.unwrap();
    assert_eq!(service.status().await, 429);
    let more = "{rate-limit: {config: {limits: [{rate: 2/h, burst: 3}], max_keys: 5000}}}";
    service.reload(more).await.unwrap();
    assert_eq!([service.status().await, service.status().await], [200, 429]);
    // Under another name it is another limit.
    let renamed = "{rate-limit: {config: {limits: [{name: mine, rate: 2/h}]}}}";
    service.reload(renamed).await.unwrap();
    assert_eq!(service.status().await, 200);
}

#[tokio::test(start_paused = true)]
async fn it_can_be_disabled_and_enabled() {
    let service = Service::start("{rate-limit: {config: {limits: [{rate: 1/h}]}}}").await;
    assert_eq!([service.status().await, service.status().await], [200, 429]);
    let handle = service.app.handle();
    handle.disable("rate-limit").await.unwrap();
    let answer = service.app.get("/products").await;
    assert_eq!(answer.status(), 200);
    assert!(answer.header("ratelimit").is_none());
    handle.enable("rate-limit").await.unwrap();
    // There was nobody to hand over.
    assert_eq!([service.status().await, service.status().await], [200, 429]);
    // Without limits it is there, and does nothing.
    service
        .reload("{rate-limit: {config: {limits: []}}}")
        .await
        .unwrap();
    assert_eq!(service.app.state("rate-limit"), PluginState::Running);
    assert_eq!([service.status().await, service.status().await], [200, 200]);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_in_a_reload_leaves_the_limits_as_they_were() {
    let service = Service::start("{rate-limit: {config: {limits: [{rate: 1/h}]}}}").await;
    assert_eq!([service.status().await, service.status().await], [200, 429]);
    let error = service
        .reload("{rate-limit: {config: {limits: [{rate: 10/parsec}]}}}")
        .await
        .unwrap_err();
    assert!(error.report().contains("10/parsec"));
    assert_eq!(service.status().await, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_more_because_it_is_reconfigured_under_load() {
    let plugins = |max_keys: u32| {
        format!("{{rate-limit: {{config: {{limits: [{{rate: 100/h}}], max_keys: {max_keys}}}}}}}")
    };
    let service = Arc::new(Service::start(&plugins(1_000)).await);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let mut allowed = 0;
                for _ in 0..200 {
                    match service.status().await {
                        200 => allowed += 1,
                        429 => {}
                        status => panic!("{status}"),
                    }
                    tokio::task::yield_now().await;
                }
                allowed
            })
        })
        .collect();
    for turn in 1..=10 {
        service.reload(&plugins(1_000 + turn)).await.unwrap();
    }
    let mut allowed = 0;
    for caller in callers {
        allowed += caller.await.unwrap();
    }
    // One comes back every 36 s.
    assert!((100..=102).contains(&allowed), "{allowed}");
}
