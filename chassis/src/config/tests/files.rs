//! Files that are there, and files that are not.

use super::*;

#[test]
fn a_file_is_read_and_remembered() {
    let directory = std::env::temp_dir().join(format!("chassis-config-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let none = Config::builder().default_file(&directory).build().unwrap();
    let path = directory.join("config.yaml");
    fs::write(&path, "\u{feff}service: {name: orders}\n").unwrap();
    let found = Config::builder().default_file(&directory).build();
    let named = Config::load(Some(&path));
    fs::remove_dir_all(&directory).unwrap();

    assert_eq!(none.file(), None);
    assert_eq!(none.settings(), &Settings::default());
    for config in [found.unwrap(), named.unwrap()] {
        assert_eq!(config.file(), Some(&*path));
        assert_eq!(config.settings().service.name, "orders");
    }
}

#[test]
fn a_named_file_must_be_there() {
    let error = Config::builder().file("absent.yaml").build().unwrap_err();
    assert_eq!(error.code(), code::CONFIG_UNREADABLE);
    assert!(
        error
            .message()
            .starts_with("the file `absent.yaml` can't be read: "),
        "{error}"
    );
    assert_eq!(error.origin(), Some("absent.yaml"));
    assert_eq!(error.help(), Some("create it, or name another file"));
}

#[test]
fn a_directory_is_no_file() {
    assert_eq!(
        Config::builder().file(".").build().unwrap_err().code(),
        code::CONFIG_UNREADABLE
    );
}
