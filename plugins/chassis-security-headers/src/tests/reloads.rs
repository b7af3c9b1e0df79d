//! Headers that change while the service runs.

use super::*;
use std::{env, fs, path::PathBuf, process};

/// A configuration file of its own, gone at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, section: &str) -> Self {
        let name = format!("chassis-security-headers-{name}-{}.yaml", process::id());
        let file = Self(env::temp_dir().join(name));
        file.write(section);
        file
    }

    fn write(&self, section: &str) {
        fs::write(
            &self.0,
            format!("plugins: {{security-headers: {section}}}\n"),
        )
        .unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // A file that stays behind in the folder for such files harms nobody.
        _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_reload_changes_the_headers_and_no_request_sees_half_of_it() {
    let one = "{config: {frame_options: DENY, extra: {X-Set: DENY}}}";
    let other = "{config: {frame_options: SAMEORIGIN, extra: {X-Set: SAMEORIGIN}}}";
    let file = File::new("load", one);
    let app = TestChassis::with::<SecurityHeaders>().plugin::<pages>();
    let app = Arc::new(app.config_file(&file.0).start().await.unwrap());
    // Callers that do not stop.
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let app = Arc::clone(&app);
            tokio::spawn(async move {
                for _ in 0..200 {
                    let answer = app.get("/data").await;
                    assert_eq!(answer.status(), 200);
                    assert_eq!(answer.header("x-frame-options"), answer.header("x-set"));
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for (section, expected) in [(other, "SAMEORIGIN"), (one, "DENY"), (other, "SAMEORIGIN")] {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        file.write(section);
        app.reload().await.unwrap();
        let answer = app.get("/data").await;
        assert_eq!(answer.header("x-frame-options"), Some(expected));
    }
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn settings_that_are_wrong_leave_the_old_ones() {
    let file = File::new("wrong", "{}");
    let app = TestChassis::with::<SecurityHeaders>().plugin::<pages>();
    let app = app.config_file(&file.0).start().await.unwrap();
    file.write("{config: {frame_options: ALLOW}}");
    app.reload().await.unwrap_err();
    let answer = app.get("/data").await;
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
}

#[tokio::test]
async fn what_is_disabled_writes_nothing() {
    let file = File::new("disabled", "{enabled: false}");
    let app = TestChassis::with::<SecurityHeaders>().plugin::<pages>();
    let app = app.config_file(&file.0).start().await.unwrap();
    let answer = app.get("/own").await;
    assert_eq!(said(&answer, &NAMES)[0], None);
    assert_eq!(answer.header("server"), Some("tomcat"));
    file.write("{}");
    app.reload().await.unwrap();
    let answer = app.get("/data").await;
    assert_eq!(said(&answer, &NAMES)[0], Some("nosniff"));
}
