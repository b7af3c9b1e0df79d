//! Layering, for any mixture of layers: the highest that says something wins and is named, and no plugin sees what is
//! said of another.

use super::*;
use crate::config::ConfigLayer;
use proptest::prelude::*;

/// What each layer says of a few settings; the lowest comes first.
#[derive(Clone, Debug)]
struct Said(Vec<BTreeMap<String, u32>>);

const LAYERS: [&str; 9] = [
    "file",
    "text",
    "profile",
    "source",
    "environment",
    "argument",
    "local",
    "management",
    "code",
];

fn said() -> impl Strategy<Value = Said> {
    let path = prop::sample::select(vec![
        "server.max_connections",
        "admission.max_plugins",
        "plugins.one.config.a",
        "plugins.one.config.b.c",
        "plugins.two.config.a",
        "plugins.two.priority",
    ]);
    let layer = prop::collection::btree_map(path.prop_map(str::to_owned), 1_u32..1000, 0..4);
    prop::collection::vec(layer, LAYERS.len()).prop_map(Said)
}

fn document(values: &BTreeMap<String, u32>) -> String {
    let mut tree = Tree::empty(crate::config::Origin::Default);
    for (path, value) in values {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        tree.set(
            &path,
            Tree::from_json(json!(value), &crate::config::Origin::Default),
        );
    }
    tree.to_json().to_string()
}

proptest! {
    #[test]
    fn the_highest_layer_wins_and_is_named(Said(layers) in said()) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        fs::write(&file, document(&layers[0])).unwrap();
        fs::write(directory.path().join("config.test.json"), document(&layers[2])).unwrap();
        fs::write(directory.path().join("config.local.yaml"), document(&layers[6])).unwrap();
        let mut builder = Config::builder().file(&file).yaml("text", document(&layers[1])).profile("test");
        let source = layers[3].iter().fold(ConfigLayer::new(), |layer, (path, value)| {
            layer.value(path, *value, "source")
        });
        let variables = layers[4].iter().map(|(path, value)| {
            let name = format!("CHASSIS__{}", path.replace('.', "__").to_uppercase());
            (name, value.to_string())
        });
        builder = builder.environment(variables);
        for (path, value) in &layers[5] {
            builder = builder.argument(path, value.to_string());
        }
        let mut overrides = crate::config::Overrides::default();
        for (path, value) in &layers[7] {
            overrides.set(&path.split('.').collect::<Vec<_>>(), (*value).into());
        }
        builder = builder.overrides(overrides);
        for (path, value) in &layers[8] {
            builder = builder.set(path, *value);
        }
        let config = builder.build().unwrap().with_sources(&[source]).finish(Vec::new(), |_| None).unwrap();

        let mut expected: BTreeMap<&String, (u32, &str)> = BTreeMap::new();
        for (layer, name) in layers.iter().zip(LAYERS) {
            expected.extend(layer.iter().map(|(path, value)| (path, (*value, name))));
        }
        for (path, (value, layer)) in &expected {
            let keys: Vec<String> = path.split('.').map(str::to_owned).collect();
            let found = config.tree().lookup(&keys).unwrap();
            prop_assert_eq!(found.to_json(), json!(value), "{}", path);
            let origin = found.origin.to_string();
            let is_named = match *layer {
                "file" => origin.contains("config.json:"),
                "text" => origin.starts_with("text:"),
                "profile" => origin.contains("config.test.json:"),
                "source" => origin == "source",
                "environment" => origin.starts_with("environment CHASSIS__"),
                "argument" => origin == format!("--set {path}"),
                "local" => origin.contains("config.local.yaml:"),
                "management" => origin == "management",
                _ => origin == "code",
            };
            prop_assert!(is_named, "{path} of {layer} is said to be from {origin}");
        }
        // Nothing that nobody said, and nothing of one plugin at another.
        for name in ["one", "two"] {
            let section = config.sections().get(name).config.map(|tree| tree.to_json());
            let prefix = format!("plugins.{name}.config.");
            let mut wanted = Tree::empty(crate::config::Origin::Default);
            for (path, (value, _)) in expected.iter().filter(|(path, _)| path.starts_with(&prefix)) {
                let keys: Vec<String> = path[prefix.len()..].split('.').map(str::to_owned).collect();
                wanted.set(&keys, Tree::from_json(json!(value), &crate::config::Origin::Default));
            }
            prop_assert_eq!(section.unwrap_or(json!({})), wanted.to_json());
        }
        prop_assert_eq!(config.sections().get("one").priority, None);
    }
}
