//! `config.local.yaml`: where it is, what it may hold, and that what is written is what is read.

use super::*;
use crate::config::{LocalFile, Overrides, literal};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::path::Path;

fn place(builder: ConfigBuilder) -> Option<String> {
    let config = builder.build().unwrap();
    let path = config.local_file()?;
    Some(path.file_name().unwrap().to_str().unwrap().to_owned())
}

#[test]
fn it_stands_beside_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for (file, local) in [
        ("config.yaml", "config.local.yaml"),
        ("orders.yml", "orders.local.yaml"),
        ("orders.json", "orders.local.yaml"),
    ] {
        let path = directory.path().join(file);
        fs::write(&path, "{}").unwrap();
        assert_eq!(place(Config::builder().file(path)).as_deref(), Some(local));
    }
    let none = tempfile::tempdir().unwrap();
    let in_none = || Config::builder().default_file(none.path());
    assert_eq!(place(in_none()), None);
    assert_eq!(place(yaml("")), None);
    #[cfg(unix)]
    assert_eq!(place(Config::builder().file("/dev/null")), None);

    // It counts although the other is gone.
    let text = "server: {max_body: 3KiB}\n";
    fs::write(none.path().join("config.local.yaml"), text).unwrap();
    assert_eq!(place(in_none()).as_deref(), Some("config.local.yaml"));
    let config = in_none().build().unwrap();
    assert_eq!(
        (config.settings().server.max_body, config.file()),
        (3 << 10, None)
    );
}

#[test]
fn what_people_wrote_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.local.yaml");
    let text = "# Ours.\na: {b: ~, c: [1, ~, {d: '${E}'}]}\nplugins: {x: {tags: [on], config: {percent: 1.50}}}\n";
    fs::write(&path, text).unwrap();
    let file = LocalFile::read(&path).unwrap();
    assert_eq!(file.with(|_| {}).unwrap(), None, "nothing is changed");
    let changed = file.with(|said| said.set(&["plugins", "x", "enabled"], false.into()));
    let changed = changed.unwrap().unwrap();
    let (head, said) = changed.split_at(changed.find("a:").unwrap());
    assert!(head.lines().all(|line| line.starts_with('#')), "{head}");
    assert_eq!(
        said,
        "\
a:
  b: null
  c: [1, null, {\"d\": \"${E}\"}]
plugins:
  x:
    config:
      percent: 1.5
    enabled: false
    tags: [\"on\"]
"
    );
    assert!(file.is_current());
    fs::write(&path, &changed).unwrap();
    assert!(!file.is_current());
    assert!(!format!("{file:?}").contains("${E}"));
}

#[test]
fn it_does_not_grow_without_end() {
    let file = LocalFile::read(Path::new("none.local.yaml")).unwrap();
    let long = "x".repeat(4 << 20);
    let error = file.with(|said| said.set(&["a"], long.into())).unwrap_err();
    assert!(error.message().contains("larger than 4MiB"), "{error:?}");
}

#[test]
fn what_is_taken_back_leaves_nothing_behind() {
    let mut said = Overrides::default();
    let config = &["plugins", "x", "config"];
    let json = |said: &Overrides| Value::Object(said.values().clone());
    said.patch(
        config,
        &json!({"a": {"b": 1, "c": 2}, "d": {"e": 3}, "f": 4}),
    );
    said.set(&["plugins", "x", "enabled"], true.into());
    // Whatever is said of it, and of what is in it.
    said.uncover(
        config,
        &json!({"a": {"b": null}, "d": 5, "f": {"g": 6}, "h": 7}),
    );
    let left = json!({"plugins": {"x": {"config": {"a": {"c": 2}}, "enabled": true}}});
    assert_eq!(json(&said), left);
    said.uncover(config, &json!({"a": {"c": 0}}));
    said.uncover(&["plugins", "y", "config"], &json!({"a": 1}));
    assert_eq!(json(&said), json!({"plugins": {"x": {"enabled": true}}}));
    said.clear(&["plugins", "x", "enabled"]);
    assert_eq!(json(&said), json!({}));
    said.patch(config, &json!({"a": 1}));
    said.patch(config, &json!({"a": null}));
    assert_eq!(json(&said), json!({}));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no others", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[-?:,#&*!|>'\"%@`~ a0.${}\\[\\]\n\t]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(value in any_json()) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.yaml");
        fs::write(&path, "").unwrap();
        let local = directory.path().join("config.local.yaml");
        let file = LocalFile::read(&local).unwrap();
        let at = ["plugins", "x", "config", "value"];
        let text = file.with(|said| said.set(&at, literal(&value))).unwrap().unwrap();
        fs::write(&local, text).unwrap();
        let config = Config::builder().file(&path).build().unwrap();
        let path = at.map(str::to_owned);
        let read = config.tree().lookup(&path).unwrap();
        prop_assert_eq!(read.to_json(), value);
        prop_assert!(read.text.is_none(), "it is no text that may be a number");
    }
}
