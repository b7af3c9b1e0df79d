//! Over reloads: nothing is cut off, and settings are others.

use super::*;
use http_body_util::BodyExt as _;
use std::io::{Seek as _, Write as _};
use tokio::sync::mpsc;

struct File(tempfile::NamedTempFile);

impl File {
    fn new(config: &str) -> Self {
        let mut file = Self(tempfile::NamedTempFile::new().unwrap());
        file.write(config);
        file
    }

    fn write(&mut self, compression: &str) {
        let yaml = format!("plugins: {{compression: {compression}}}\n");
        self.0.as_file_mut().set_len(0).unwrap();
        self.0.rewind().unwrap();
        self.0.write_all(yaml.as_bytes()).unwrap();
    }

    async fn start(&self) -> TestChassis {
        let app = TestChassis::with::<Compression>().plugin::<library>();
        app.config_file(self.0.path()).start().await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_answer_that_is_read_slowly_arrives_whole() {
    const LENGTH: usize = 5_000_000;
    let mut file = File::new("{config: {}}");
    let app = file.start().await;
    let mut bodies = Vec::new();
    for coding in ["gzip", "br", "zstd"] {
        let request = Request::get(format!("/text/{LENGTH}")).header("accept-encoding", coding);
        let answer = app
            .send_streaming(request.body(Body::empty()).unwrap())
            .await;
        assert_eq!(answer.headers()["content-encoding"], coding);
        bodies.push((coding, answer.into_body(), Vec::new()));
    }
    for (_, body, come) in &mut bodies {
        come.extend(body.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    // Both plugins are built anew, and the first of each are stopped: what is under way outlives even `reload.drain`.
    file.write("{config: {min_size: 2KiB}}");
    let handle = app.handle().clone();
    let reload = tokio::spawn(async move { handle.reload_all().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        read(&get(&app, "/text/2000", "gzip").await).1,
        None,
        "the next one serves"
    );
    for (coding, mut body, mut come) in bodies {
        while let Some(frame) = body.frame().await {
            come.extend(frame.unwrap().into_data().unwrap());
            if come.len() % 7 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        assert!(
            decode(Some(coding), &come).unwrap() == text(LENGTH).as_bytes(),
            "{coding}"
        );
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let reloaded = reload.await.unwrap().unwrap();
    assert_eq!(reloaded.streams_cut, 0, "{reloaded:?}");
}

#[tokio::test]
async fn a_reload_under_load_changes_what_is_done() {
    let mut file = File::new("{config: {algorithms: [gzip]}}");
    let app = Arc::new(file.start().await);
    let (told, mut seen) = mpsc::unbounded_channel();
    let mut clients = Vec::new();
    for length in [2_000, 20_000, 200_000] {
        let (app, told) = (Arc::clone(&app), told.clone());
        clients.push(tokio::spawn(async move {
            while !told.is_closed() {
                let answer = get(&app, &format!("/text/{length}"), "br, gzip, zstd").await;
                let (plain, coding) = read(&answer);
                assert!(answer.status() == 200 && plain == text(length));
                _ = told.send(coding.unwrap_or("none").to_owned());
                tokio::task::yield_now().await;
            }
        }));
    }
    drop(told);
    let mut until = async |wanted: &str| while seen.recv().await.unwrap() != wanted {};
    until("gzip").await;
    for (compression, coding) in [
        ("{config: {algorithms: [br]}}", "br"),
        ("{config: {skip_types: [text/plain]}}", "none"),
        ("{config: {level: fastest}}", "zstd"),
        ("{enabled: false}", "none"),
        ("{config: {algorithms: [gzip]}}", "gzip"),
    ] {
        file.write(compression);
        app.reload().await.unwrap();
        until(coding).await;
    }
    drop(seen);
    for client in clients {
        client.await.unwrap();
    }
    let reports = app.handle().generations().unwrap();
    assert!(reports.iter().all(|one| one.streams.is_empty()));
}

#[tokio::test]
async fn without_it_answers_are_as_they_are() {
    let file = File::new("{enabled: false}");
    let app = file.start().await;
    let answer = get(&app, "/text/5000", "gzip").await;
    assert_eq!(
        (read(&answer), vary(&answer)),
        ((text(5_000), None), Vec::new())
    );
    assert_eq!(app.state("compression"), PluginState::Disabled);
    assert!(!app.metrics().contains("compression_answers"));
}
