//! What operators have persisted and has failed probation: it is taken back from the file, too.

use super::probation::moody;
use chassis::testing::TestChassis;
use serde_json::json;
use std::{fs, path::Path, time::Duration};

const ON: &str = "reload: {probation: {enabled: true}}\n";

async fn start(folder: &Path) -> TestChassis {
    let builder = TestChassis::builder().register(moody("web", &[]));
    let builder = builder.config_file(folder.join("config.yaml"));
    builder.start().await.unwrap()
}

/// It panics as often as is too much, and that has been seen.
async fn fail(app: &TestChassis) {
    for _ in 0..5 {
        app.get("/web").await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_persisted_and_fails_is_not_loaded_by_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("config.local.yaml");
    fs::write(folder.path().join("config.yaml"), ON).unwrap();
    let app = start(folder.path()).await;
    let persisting = |mood: &'static str| {
        let handle = app.handle().clone();
        async move {
            handle
                .persisting()
                .configure("web", json!({"mood": mood}))
                .await
        }
    };
    persisting("fine").await.unwrap();
    let good = fs::read_to_string(&local).unwrap();
    let done = persisting("panic").await.unwrap();
    assert_eq!(done.persisted, Some(true));
    fail(&app).await;
    assert_eq!(app.get("/web").await.text(), "fine");
    let told = app.handle().info().unwrap().probation.unwrap();
    let rolled_back = told.rolled_back.unwrap();
    assert!(rolled_back.management && !rolled_back.rejected && !told.rejected);
    assert_eq!(fs::read_to_string(&local).unwrap(), good);
    app.reload().await.unwrap();
    assert_eq!(app.get("/web").await.text(), "fine");

    // What somebody else has written meanwhile is theirs; and what is in there is rejected until it changes.
    persisting("panic").await.unwrap();
    let theirs = fs::read_to_string(&local).unwrap() + "# Theirs.\n";
    fs::write(&local, &theirs).unwrap();
    fail(&app).await;
    assert_eq!(app.get("/web").await.text(), "fine");
    assert_eq!(fs::read_to_string(&local).unwrap(), theirs);
    let error = app.reload().await.unwrap_err();
    assert_eq!(error.code(), chassis::code::RELOAD_REJECTED);
    // Nor does it become right by being asked for again; something else does.
    let error = persisting("panic").await.unwrap_err();
    assert_eq!(error.code(), chassis::code::RELOAD_REJECTED);
    persisting("better").await.unwrap();
    assert_eq!(app.get("/web").await.text(), "better");
    app.stop().await;
    let app = start(folder.path()).await;
    assert_eq!(app.get("/web").await.text(), "better");
    app.stop().await;
}
