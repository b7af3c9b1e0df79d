//! Sections of plugins: what is ours, and what is theirs.

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwt {
    secret: String,
    #[serde(default)]
    algorithms: Vec<Algorithm>,
    #[serde(default)]
    by_port: BTreeMap<u16, Option<String>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Hs256,
    Custom { name: String },
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct AllDefault {
    size: usize,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Nothing;

fn read<T: serde::de::DeserializeOwned>(section: &str) -> Result<T, Vec<String>> {
    let config = yaml(&format!("plugins:\n  jwt: {section}\n"))
        .build()
        .unwrap();
    config.sections().get("jwt").read().map_err(|errors| {
        assert!(errors.iter().all(|error| error.plugin() == Some("jwt")));
        lines(&Error::all(errors).unwrap())
    })
}

#[test]
fn a_section_becomes_a_type() {
    let jwt: Jwt = read(
        "{config: {secret: s, algorithms: [hs256, custom: {name: x}], by_port: {80: a, 81: }}}",
    )
    .unwrap();
    assert_eq!(
        jwt.algorithms,
        [Algorithm::Hs256, Algorithm::Custom { name: "x".into() }]
    );
    assert_eq!(
        jwt.by_port,
        BTreeMap::from([(80, Some("a".into())), (81, None)])
    );
}

#[test]
fn an_absent_one_is_an_empty_one() {
    for section in ["", "{}", "{config: }", "{config: {}}"] {
        assert_eq!(
            read::<AllDefault>(section),
            Ok(AllDefault { size: 0 }),
            "{section}"
        );
        assert_eq!(read::<()>(section), Ok(()), "{section}");
        assert_eq!(read::<Nothing>(section), Ok(Nothing), "{section}");
    }
    assert_eq!(
        Config::builder()
            .build()
            .unwrap()
            .sections()
            .get("jwt")
            .read::<()>()
            .unwrap(),
        ()
    );
    assert_eq!(
        read::<Jwt>("{}").unwrap_err(),
        ["config.yaml:2:3: `plugins.jwt.config.secret` is missing (give it a value: `secret: ..`)"]
    );
}

#[test]
fn errors_are_gathered_and_told_once() {
    assert_eq!(
        read::<Jwt>("{config: {secret: 5, algoritms: [], by_port: {x: a}, algorithms: [{custom: {nam: y}}]}}")
            .unwrap_err(),
        [
            "config.yaml:2:75: `plugins.jwt.config.algorithms[0].custom.name` is missing (give it a value: `name: ..`)",
            "config.yaml:2:29: `algoritms` is not a known key of `plugins.jwt.config` (did you mean `algorithms`?)",
            "config.yaml:2:54: `plugins.jwt.config.by_port.x`: the key must be a whole number from 0 to 65535",
            "config.yaml:2:26: `plugins.jwt.config.secret`: expected a string, found an integer (write it in quotes)",
        ]
    );
    assert_eq!(
        read::<()>("{config: {a: 1}}").unwrap_err(),
        [
            "config.yaml:2:18: `a` is not a known key of `plugins.jwt.config` (there are no settings here)"
        ]
    );
}

#[test]
fn values_are_not_told() {
    let found = read::<AllDefault>("{config: {size: hunter2}}").unwrap_err();
    assert_eq!(
        found,
        ["config.yaml:2:24: `plugins.jwt.config.size`: expected a whole number, found a string"]
    );
}

#[test]
fn a_number_out_of_range_is_told_with_the_range() {
    let said = |size: &str| read::<AllDefault>(&format!("{{config: {{size: {size}}}}}"));
    assert_eq!(
        said("-4").unwrap_err(),
        [
            "config.yaml:2:24: `plugins.jwt.config.size`: it is -4; expected a whole number, 0 or more"
        ]
    );

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(default)]
    struct Numbers {
        port: u16,
        offset: i32,
        workers: std::num::NonZeroU32,
    }
    impl Default for Numbers {
        fn default() -> Self {
            Self {
                port: 0,
                offset: 0,
                workers: std::num::NonZeroU32::MIN,
            }
        }
    }
    assert_eq!(
        read::<Numbers>("{config: {port: 70000, offset: 3000000000, workers: 0}}").unwrap_err(),
        [
            "config.yaml:2:39: `plugins.jwt.config.offset`: it is 3000000000; expected an integer from -2147483648 to 2147483647",
            "config.yaml:2:24: `plugins.jwt.config.port`: it is 70000; expected a whole number from 0 to 65535",
            "config.yaml:2:60: `plugins.jwt.config.workers`: it is 0; expected a whole number, 1 or more",
        ]
    );
}

#[test]
fn controls_and_origin() {
    let text = "plugins:\n  report:\n    use: sql\n    enabled: false\n    required: true\n    priority: -5\n";
    let config = yaml(text).build().unwrap();
    let section = config.sections().get("report");
    assert_eq!(section.use_.as_deref(), Some("sql"));
    assert_eq!(
        (section.enabled, section.required),
        (Some(false), Some(true))
    );
    assert_eq!(section.priority, Some(-5));
    assert_eq!(section.origin.to_string(), "config.yaml:2:3");
    assert_eq!(config.sections().names().collect::<Vec<_>>(), ["report"]);
}

#[test]
fn config_must_be_a_map() {
    assert_eq!(
        errors(yaml("plugins: {a: {config: 5}}").build()),
        ["config.yaml:1:23: `plugins.a.config`: expected a map, found an integer"]
    );
    assert_eq!(
        errors(yaml("plugins: {a: true}").build()),
        [
            "config.yaml:1:14: `plugins.a`: expected a map, found a boolean (write `a: {enabled: true}`)"
        ]
    );
}

#[test]
fn moving_a_line_is_no_change() {
    let section = |text: &str| yaml(text).build().unwrap().sections().get("a");
    let one = section("plugins: {a: {config: {x: 1, y: [2]}}}");
    let moved = section(
        "# moved\nplugins:\n  a:\n    priority: 3\n    config:\n      y: [2]\n      x: 1\n",
    );
    let other = section("plugins: {a: {config: {x: 1, y: [3]}}}");
    assert!(one.same_config(&moved));
    assert!(!one.same_config(&other));
    assert!(section("plugins: {a: {config: {}}}").same_config(&section("")));
}

#[test]
fn debug_shows_no_values() {
    let config = environment("CHASSIS__PLUGINS__A__CONFIG__SECRET", "hunter2")
        .build()
        .unwrap();
    let shown = format!("{config:?}");
    assert!(
        shown.contains("a string (environment CHASSIS__PLUGINS__A__CONFIG__SECRET)"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
