//! Sections of plugins against type and schema at once: one error for one mistake, at its place.

use schemars::JsonSchema;

use super::*;
use crate::{config::violations::Violations, secret::Secret, text::parse_duration};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only whether it can be read is looked at")]
struct Shop {
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    shelves: u8,
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    codes: Vec<Secret<u32>>,
    #[serde(default)]
    delay: Delay,
    #[serde(default)]
    order: Order,
    #[serde(default)]
    suppliers: Vec<Supplier>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    #[default]
    Newest,
    Oldest,
}

/// A type that makes errors of its own, as many do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
struct Delay(());

impl TryFrom<String> for Delay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse_duration(&text).map(|_| Self(()))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only whether it can be read is looked at")]
struct Supplier {
    name: String,
    city: Option<String>,
}

/// What is wrong with settings, with variables to take them from.
fn found(config: &str) -> Vec<String> {
    let variables = [
        ("NUMBER", "4711"),
        ("TIME", "10hunter2"),
        ("BRACES", "{hunter2}"),
    ];
    let draft = yaml(&format!("plugins:\n  shop:\n    config:\n      {config}\n"));
    let draft = draft.environment(variables).build().unwrap();
    let schema = || schemars::schema_for!(Shop).to_value();
    let section = draft.sections().get("shop");
    let errors = section.check::<Shop>(schema, |_, _: &mut Violations| {});
    lines(&Error::all(errors).expect("something should be wrong"))
}

#[test]
fn a_misspelt_key_is_not_missing_too() {
    assert_eq!(
        found("suppliers: [{nmae: a}]"),
        [
            "config.yaml:4:20: `nmae` is not a known key of `plugins.shop.config.suppliers[0]` (did you mean `name`?)"
        ]
    );
    // This one is another mistake.
    assert_eq!(found("suppliers: [{ctiy: a}]").len(), 2);
}

#[test]
fn the_range_is_that_of_the_setting() {
    for number in ["0", "101", "300", "-1"] {
        let expected = format!(
            "config.yaml:4:16: `plugins.shop.config.shelves`: it is {number}; expected a whole number from 1 to 100"
        );
        assert_eq!(found(&format!("shelves: {number}")), [expected]);
    }
    assert_eq!(
        found("shelves: many"),
        [
            "config.yaml:4:16: `plugins.shop.config.shelves`: expected a whole number from 1 to 100, found a string"
        ]
    );
    assert_eq!(
        found("order: 1"),
        [
            "config.yaml:4:14: `plugins.shop.config.order`: expected a string, found an integer (write it in quotes)"
        ]
    );
}

#[test]
fn what_a_type_refuses_has_its_own_place() {
    assert_eq!(
        found("{shelves: 1, delay: soon}"),
        ["config.yaml:4:27: `plugins.shop.config.delay`: `soon` is not a duration; write `30s`"]
    );
    assert_eq!(
        found("{shelves: 1, token: [x]}"),
        ["config.yaml:4:20: `plugins.shop.config.token`: expected a string, found a list"]
    );
    assert_eq!(
        found("codes: [1, x]"),
        [
            "config.yaml:4:18: `plugins.shop.config.codes[1]`: expected a whole number, found a string"
        ]
    );
}

#[test]
fn nothing_of_a_variable_is_told() {
    assert_eq!(
        found("{shelves: '${NUMBER}', delay: '${TIME}'}"),
        [
            "config.yaml:4:37 (${TIME}): `plugins.shop.config.delay`: the unit of this value is not known; write one of ms, s, m, h",
            "config.yaml:4:17 (${NUMBER}): `plugins.shop.config.shelves`: expected a whole number from 1 to 100",
        ]
    );
}

#[test]
fn a_secret_may_have_braces() {
    // Without quotes that would be a map; here nothing but the number is wrong.
    assert_eq!(
        found("{shelves: 0, token: '${BRACES}'}"),
        [
            "config.yaml:4:17: `plugins.shop.config.shelves`: it is 0; expected a whole number from 1 to 100"
        ]
    );
    let draft = yaml("plugins: {shop: {config: {token: '${BRACES}'}}}");
    let config = draft
        .environment([("BRACES", "{hunter2}")])
        .build()
        .unwrap();
    let schema = schemars::schema_for!(Shop).to_value();
    let shown = config.report(&[("shop".into(), schema)]).yaml();
    assert!(
        shown.contains("token: \"***\"") || shown.contains("token: '***'"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn two_refusals_at_one_place_are_both_told() {
    let draft = yaml("plugins: {shop: {config: {shelves: 5}}}")
        .build()
        .unwrap();
    let schema = || schemars::schema_for!(Shop).to_value();
    let refuse = |_: &Shop, found: &mut Violations| {
        found.refuse("shelves", "has to be even");
        found.refuse("shelves", "has to be more than 6");
    };
    let section = draft.sections().get("shop");
    let errors = Error::all(section.check::<Shop>(schema, refuse)).expect("it is refused");
    assert_eq!(lines(&errors).len(), 2, "{:?}", lines(&errors));
}

#[test]
fn characters_that_nobody_sees_are_shown() {
    assert_eq!(
        found(r#""she\elves": 5"#),
        [
            r"config.yaml:4:7: `she\u{1b}lves` is not a known key of `plugins.shop.config` (did you mean `shelves`?)"
        ]
    );
    assert_eq!(
        found(r#"order: "newest\n""#),
        [
            r"config.yaml:4:14: `plugins.shop.config.order`: `newest\n` is not one of `newest`, `oldest` (did you mean `newest`?)"
        ]
    );
}
