//! The file of a profile.

use super::*;
use tempfile::TempDir;

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write(
        "config.yaml",
        "server: {max_body: 1KiB, max_header: 9KiB}\nplugins: {a: {enabled: false, priority: 1}}\n",
    );
    write(
        "config.production.yaml",
        "server:\n  max_body: ${LIMIT:-2KiB}\nplugins: {a: {priority: 2}}\n",
    );
    write("config.broken.yaml", "server: {max_bdy: 1}\n");
    directory
}

fn in_directory(directory: &TempDir) -> ConfigBuilder {
    Config::builder().default_file(directory.path())
}

#[test]
fn it_lies_over_the_file() {
    let directory = directory();
    let environment = [("CHASSIS_PROFILE", "production")];
    for builder in [
        in_directory(&directory).profile("production"),
        in_directory(&directory).environment(environment),
        in_directory(&directory)
            .environment([("CHASSIS_PROFILE", "broken")])
            .profile("production"),
    ] {
        let config = builder.build().unwrap();
        let server = &config.settings().server;
        assert_eq!((server.max_body, server.max_header), (2 << 10, 9 << 10));
        let a = config.sections().get("a");
        assert_eq!((a.enabled, a.priority), (Some(false), Some(2)));
        assert_eq!(config.profile(), Some("production"));
        assert!(
            origin(&config, "server.max_body").ends_with("config.production.yaml:2:13 (${LIMIT})")
        );
    }
    let none = in_directory(&directory).environment([("CHASSIS_PROFILE", "")]);
    assert_eq!(none.build().unwrap().profile(), None);
}

#[test]
fn an_error_in_it_names_it() {
    let directory = directory();
    let found = errors(in_directory(&directory).profile("broken").build());
    assert!(
        found[0].contains("config.broken.yaml:1:10: `max_bdy` is not a known key of `server`"),
        "{found:?}"
    );
}

#[test]
fn one_that_is_asked_for_must_be_there() {
    let directory = directory();
    let found = errors(in_directory(&directory).profile("staging").build());
    assert!(
        found[0].contains("config.staging.yaml` can't be read"),
        "{found:?}"
    );
    assert!(
        found[0].contains("(create it, or start without the profile `staging`)"),
        "{found:?}"
    );
    assert_eq!(
        errors(in_directory(&directory).profile("../x").build()),
        [
            "profile ../x: `../x` is not the name of a profile (write letters, digits, `-` and `_`: `production`)"
        ]
    );
    assert_eq!(
        errors(in_directory(&directory).profile("local").build()),
        [
            "profile local: `local` can't be a profile: its file is that of operators (give it another name: `dev`)"
        ]
    );
    assert_eq!(
        errors(Config::builder().profile("production").build()),
        [
            "profile production: there is no file for the profile `production` to stand beside (unset `CHASSIS_PROFILE`, or name a file)"
        ]
    );
}
