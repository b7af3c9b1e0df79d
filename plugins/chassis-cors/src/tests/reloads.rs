//! Policies that change while the service runs.

use super::*;
use std::{env, fs, path::PathBuf, process};

/// A configuration file of its own, gone at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, config: &str) -> Self {
        let file =
            Self(env::temp_dir().join(format!("chassis-cors-{name}-{}.yaml", process::id())));
        file.write(config);
        file
    }

    fn write(&self, config: &str) {
        fs::write(&self.0, format!("plugins: {{cors: {config}}}\n")).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A file that stays behind in the folder for such files harms nobody.
        _ = fs::remove_file(&self.0);
    }
}

const ONE: &str = "{config: {policies: [{origins: [https://app.example.com]}]}}";
const OTHER: &str = "{config: {policies: [{origins: [https://shop.example.com]}]}}";

#[tokio::test]
async fn a_reload_changes_the_policy_and_no_request_sees_half_of_it() {
    let file = File::new("load", ONE);
    let app = TestChassis::with::<Cors>().plugin::<shop>();
    let app = Arc::new(app.config_file(&file.0).start().await.unwrap());
    // Callers that do not stop.
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for _ in 0..200 {
                    let answer = get(&app, "/orders", APP).await;
                    assert_eq!(answer.status(), 200);
                    assert_eq!(all(&answer, "vary"), ["Origin"]);
                    seen.push(answer.header("access-control-allow-origin").is_some());
                    tokio::task::yield_now().await;
                }
                seen
            })
        })
        .collect();
    for config in [OTHER, ONE, OTHER] {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        file.write(config);
        app.reload().await.unwrap();
        let allowed = get(&app, "/orders", APP).await;
        let readers = all(&allowed, "access-control-allow-origin");
        assert_eq!(!readers.is_empty(), config == ONE);
    }
    let mut seen = Vec::new();
    for caller in callers {
        seen.extend(caller.await.unwrap());
    }
    assert!(seen.contains(&true));
}

#[tokio::test]
async fn a_policy_that_is_wrong_leaves_the_old_one() {
    let file = File::new("wrong", ONE);
    let app = TestChassis::with::<Cors>().plugin::<shop>();
    let app = app.config_file(&file.0).start().await.unwrap();
    file.write("{config: {policies: [{origins: ['*'], credentials: true}]}}");
    app.reload().await.unwrap_err();
    let answer = get(&app, "/orders", APP).await;
    assert_eq!(all(&answer, "access-control-allow-origin"), [APP]);
}

#[tokio::test]
async fn what_is_disabled_writes_nothing() {
    let file = File::new("disabled", ONE);
    let app = TestChassis::with::<Cors>().plugin::<shop>();
    let app = app.config_file(&file.0).start().await.unwrap();
    for (config, readers) in [("{enabled: false}", vec![]), (ONE, vec![APP])] {
        file.write(config);
        app.reload().await.unwrap();
        let answer = get(&app, "/orders", APP).await;
        assert_eq!(all(&answer, "access-control-allow-origin"), readers);
    }
}

#[tokio::test]
async fn what_was_refused_is_counted_on_over_a_reload() {
    let file = File::new("counted", ONE);
    let app = TestChassis::with::<Cors>().plugin::<shop>();
    let app = app.config_file(&file.0).start().await.unwrap();
    get(&app, "/orders", "https://evil.org").await;
    file.write(OTHER);
    app.reload().await.unwrap();
    get(&app, "/orders", "https://evil.org").await;
    assert_eq!(refused(&app, "origin"), "2");
}
