//! What a reload changes, and what it does not, while requests come in.

use crate::made::{NAME, SECRET, Signer, get, orders, token};
use chassis::{PluginState, code, testing::TestChassis};
use chassis_jwt_authentication::JwtAuthentication;
use serde_json::json;
use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};
use tempfile::TempDir;

const OTHER: &str = "another secret of 32 bytes, for the time after";

struct Written {
    _directory: TempDir,
    file: PathBuf,
    app: Arc<TestChassis>,
}

impl Written {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.yaml");
        write(&file, SECRET, "60s", true);
        let builder = TestChassis::with::<JwtAuthentication>().plugin::<orders>();
        let app = builder.config_file(&file).start().await.unwrap();
        Self {
            _directory: directory,
            file,
            app: Arc::new(app),
        }
    }

    async fn is(&self, secret: &str) -> u16 {
        let token = token(&Signer::secret(secret), &json!({"aud": null}));
        get(&self.app, "/orders", &token).await.status().as_u16()
    }
}

fn write(file: &PathBuf, secret: &str, leeway: &str, enabled: bool) {
    let yaml = format!(
        "plugins:\n  {NAME}:\n    enabled: {enabled}\n    required: {enabled}\n    config:\n      jwt_secret: {secret}\n      leeway: {leeway}\n"
    );
    fs::write(file, yaml).unwrap();
}

#[tokio::test]
async fn under_load_nobody_is_shut_out_or_let_in_by_a_reload() {
    let written = Written::start().await;
    let right = token(&Signer::secret(SECRET), &json!({"aud": null}));
    let wrong = token(&Signer::secret(OTHER), &json!({"aud": null}));
    let (ends, asked) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut callers = Vec::new();
    for _ in 0..4 {
        let app = Arc::clone(&written.app);
        let (right, wrong) = (right.clone(), wrong.clone());
        let (ends, asked) = (Arc::clone(&ends), Arc::clone(&asked));
        callers.push(tokio::spawn(async move {
            while !ends.load(Relaxed) {
                for (token, status) in [(&*right, 200), (&*wrong, 401), ("", 401)] {
                    let answer = get(&app, "/orders", token).await;
                    assert_eq!(answer.status(), status, "{}", answer.text());
                    assert_eq!(get(&app, "/silent", token).await.status(), status);
                }
                asked.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        }));
    }
    for number in 0..10 {
        let before = asked.load(Relaxed);
        while asked.load(Relaxed) < before + 4 {
            tokio::task::yield_now().await;
        }
        write(&written.file, SECRET, &format!("{number}s"), true);
        written.app.reload().await.unwrap();
    }
    ends.store(true, Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn a_new_secret_counts_at_once_and_the_old_one_no_more() {
    let written = Written::start().await;
    assert_eq!(
        (written.is(SECRET).await, written.is(OTHER).await),
        (200, 401)
    );
    write(&written.file, OTHER, "60s", true);
    written.app.reload().await.unwrap();
    assert_eq!(
        (written.is(SECRET).await, written.is(OTHER).await),
        (401, 200)
    );
}

#[tokio::test]
async fn settings_that_are_wrong_change_nothing() {
    let written = Written::start().await;
    write(&written.file, "short", "60s", true);
    let error = written.app.reload().await.unwrap_err();
    assert_eq!(error.code(), code::CONFIG_INVALID);
    assert_eq!(written.is(SECRET).await, 200);
}

#[tokio::test]
async fn it_is_switched_off_and_on_and_never_is_the_door_open() {
    let written = Written::start().await;
    for _ in 0..2 {
        write(&written.file, SECRET, "60s", false);
        written.app.reload().await.unwrap();
        assert_eq!(written.app.state(NAME), PluginState::Disabled);
        assert_eq!(
            (written.is(SECRET).await, written.is(OTHER).await),
            (503, 503)
        );
        assert_eq!(get(&written.app, "/silent", "").await.status(), 503);
        write(&written.file, SECRET, "60s", true);
        written.app.reload().await.unwrap();
        assert_eq!(
            (written.is(SECRET).await, written.is(OTHER).await),
            (200, 401)
        );
    }
}
