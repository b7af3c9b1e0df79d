//! Real directories, through a real service.

use super::*;
use chassis::{PluginState, code, testing::TestChassis};
use tempfile::TempDir;

/// A plugin that shows what it was configured with.
#[plugin(name = "shown")]
async fn shown(config: ShownConfig, cx: &mut PluginContext) -> Result<()> {
    let text = format!("{} {}", config.text, config.number);
    cx.get("/shown", async move || text.clone());
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShownConfig {
    text: String,
    number: u32,
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(&directory, files);
    directory
}

fn write(directory: &TempDir, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
}

const FILES: &[(&str, &str)] = &[
    ("plugins.shown.config.text", "007\n"),
    ("plugins.shown.config.number", "7"),
];

fn service(directory: &TempDir) -> chassis::testing::TestBuilder {
    TestChassis::with::<ConfigDirectory>()
        .plugin::<shown>()
        .config(format!(
            "plugins: {{config-directory: {{config: {{directory: '{}'}}}}}}",
            directory.path().display()
        ))
}

#[tokio::test]
async fn each_file_is_a_key() {
    let files = directory(FILES);
    let app = service(&files).start().await.unwrap();
    assert_eq!(app.get("/shown").await.text(), "007 7");
}

#[tokio::test]
async fn a_whole_document_is_one_file() {
    let files = directory(&[
        (
            "overlay.yaml",
            "plugins:\n  shown:\n    config: {text: a, number: 1}\n",
        ),
        ("plugins.shown.config.number", "2"),
        (".hidden", "{"),
    ]);
    let app = service(&files).start().await.unwrap();
    assert_eq!(app.get("/shown").await.text(), "a 2");
}

#[tokio::test]
async fn the_program_and_the_environment_stand_over_it() {
    let files = directory(FILES);
    let app = service(&files).set("plugins.shown.config.number", 8);
    assert_eq!(
        app.start().await.unwrap().get("/shown").await.text(),
        "007 8"
    );
}

#[tokio::test]
async fn an_error_names_the_file() {
    let files = directory(&[FILES[0], ("plugins.shown.config.number", "seven")]);
    let error = service(&files).start_error().await;
    assert_eq!(error.code(), code::CONFIG_INVALID);
    let origin = error.origin().unwrap();
    assert!(
        origin.starts_with("config-directory ") && origin.ends_with("plugins.shown.config.number")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_reload_reads_what_kubernetes_has_swapped() {
    let files = directory(&[]);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, files.path().join(name)).unwrap();
    };
    for (version, number) in [("..one", "1"), ("..two", "2")] {
        fs::create_dir(files.path().join(version)).unwrap();
        let key = format!("{version}/plugins.shown.config.number");
        write(
            &files,
            &[
                (&key, number),
                (&format!("{version}/plugins.shown.config.text"), "x"),
            ],
        );
    }
    link("..one", "..data");
    link(
        "..data/plugins.shown.config.number",
        "plugins.shown.config.number",
    );
    link(
        "..data/plugins.shown.config.text",
        "plugins.shown.config.text",
    );
    let app = service(&files).start().await.unwrap();
    assert_eq!(app.get("/shown").await.text(), "x 1");
    link("..two", "..tmp");
    fs::rename(files.path().join("..tmp"), files.path().join("..data")).unwrap();
    app.reload_all().await.unwrap();
    assert_eq!(app.get("/shown").await.text(), "x 2");
}

#[tokio::test]
async fn one_that_fails_gives_what_it_gave_last_time() {
    let files = directory(FILES);
    let app = service(&files).start().await.unwrap();
    files.close().unwrap();
    app.reload_all().await.unwrap();
    assert_eq!(app.get("/shown").await.text(), "007 7");
}

#[tokio::test]
async fn one_that_fails_from_the_start_is_left_out() {
    let files = directory(&[]);
    let app = service(&files)
        .set("plugins.shown.config.text", "a")
        .set("plugins.shown.config.number", 1);
    files.close().unwrap();
    let app = app.start().await.unwrap();
    assert_eq!(app.get("/shown").await.text(), "a 1");
    assert_eq!(app.state("config-directory"), PluginState::Running);
}

#[tokio::test]
async fn without_one_that_is_required_nothing_starts() {
    let files = directory(&[]);
    let app = service(&files).set("plugins.config-directory.required", true);
    files.close().unwrap();
    let error = app.start_error().await;
    assert_eq!(error.code(), code::CONFIG_SOURCE);
    assert!(
        error.message().contains("`config-directory` is required"),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_directory_it_gives_nothing() {
    let app = TestChassis::with::<ConfigDirectory>()
        .start()
        .await
        .unwrap();
    assert_eq!(app.state("config-directory"), PluginState::Running);
}

#[tokio::test]
async fn a_source_can_not_change_what_was_read_before_it() {
    for (file, told) in [
        ("server.listen", "can't come from a source"),
        (
            "plugins.config-directory.config.secret",
            "which is built before the sources are asked",
        ),
    ] {
        let files = directory(&[
            FILES[0],
            FILES[1],
            (
                file,
                if file == "server.listen" {
                    "127.0.0.1:1"
                } else {
                    "true"
                },
            ),
        ]);
        let error = service(&files).start_error().await.report();
        assert!(error.contains(told), "{error}");
    }
}

/// A source that can't be built.
#[plugin(name = "vault", stage = "bootstrap", required)]
async fn vault(_: &mut PluginContext) -> Result<()> {
    Err(Error::msg("the vault is sealed"))
}

#[tokio::test]
async fn who_misses_what_a_broken_source_would_have_given_is_not_blamed() {
    let error = TestChassis::with::<vault>()
        .plugin::<shown>()
        .start_error()
        .await;
    assert_eq!(error.code(), code::REQUIRED);
    assert!(error.message().contains("the vault is sealed"), "{error}");
    assert!(error.others().is_empty(), "{error:?}");
}

#[tokio::test]
async fn what_it_gave_under_other_settings_is_not_used() {
    let (one, config) = (directory(FILES), tempfile::NamedTempFile::new().unwrap());
    let set = |directory: &Path| {
        let yaml = format!(
            "plugins: {{config-directory: {{config: {{directory: '{}'}}}}}}",
            directory.display()
        );
        fs::write(config.path(), yaml).unwrap();
    };
    set(one.path());
    let app = TestChassis::with::<ConfigDirectory>()
        .plugin::<shown>()
        .config_file(config.path());
    let app = app.start().await.unwrap();
    set(Path::new("/nowhere"));
    let error = app.reload_all().await.unwrap_err();
    assert_eq!(error.code(), code::CONFIG_SOURCE);
    assert!(
        error.message().contains("configured otherwise now"),
        "{error}"
    );
    assert_eq!(app.get("/shown").await.text(), "007 7");
}

#[tokio::test]
async fn a_source_can_not_make_a_source() {
    let file = (
        "more.yaml",
        "plugins: {more: {use: config-directory, config: {directory: /nowhere}}}",
    );
    let files = directory(&[FILES[0], FILES[1], file]);
    let error = service(&files).start_error().await;
    assert!(
        error
            .message()
            .contains("`plugins.more`, which is built before"),
        "{error}"
    );
}

#[tokio::test]
async fn a_part_of_what_is_read_at_the_start_is_refused_as_well() {
    let files = directory(&[FILES[0], FILES[1], ("log.filter", "debug")]);
    let yaml = format!(
        "log: {{format: json}}\nplugins: {{config-directory: {{config: {{directory: '{}'}}}}}}",
        files.path().display()
    );
    let app = TestChassis::with::<ConfigDirectory>().plugin::<shown>();
    let error = app.config(yaml).start_error().await;
    assert!(
        error.message().contains("can't come from a source"),
        "{error}"
    );
    assert!(error.origin().unwrap().ends_with("/log.filter"));
}
