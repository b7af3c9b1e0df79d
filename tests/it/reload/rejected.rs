//! What has failed probation, where it came from a source of configuration.

use super::{
    config,
    probation::{ON, ask, look, rolled_back, start},
};
use crate::made::early;
use chassis::{
    ConfigLayer, code,
    points::{CONFIG_LOAD, ConfigQuestion},
};
use std::sync::{Arc, Mutex};

#[tokio::test(start_paused = true)]
async fn what_a_source_gave_is_not_taken_again_until_it_gives_something_else() {
    let mood = Arc::new(Mutex::new("well".to_owned()));
    let gives = Arc::clone(&mood);
    let source = early("source", move |cx| {
        let gives = Arc::clone(&gives);
        cx.provide(&CONFIG_LOAD, async move |_: &ConfigQuestion| {
            let text = gives.lock().unwrap().clone();
            let layer = ConfigLayer::new().text("plugins.web.config.mood", text, "source");
            Ok::<_, chassis::Error>(layer)
        });
    });
    let file = config("source");
    std::fs::write(file.path(), format!("reload: {{probation: {{{ON}}}}}\n")).unwrap();
    let app = start(&file, [source]).await;
    *mood.lock().unwrap() = "panic".to_owned();
    app.reload().await.unwrap();
    ask(&app, "/web", 5).await;
    look().await;
    assert_eq!(app.get("/web").await.text(), "well");
    assert!(rolled_back(&app).unwrap().rejected);
    let error = app.reload().await.unwrap_err();
    assert_eq!(error.code(), code::RELOAD_REJECTED);
    app.handle().disable("steady").await.unwrap();
    assert_eq!(app.get("/web").await.text(), "well");
    *mood.lock().unwrap() = "better".to_owned();
    app.reload().await.unwrap();
    assert_eq!(app.get("/web").await.text(), "better");
}
