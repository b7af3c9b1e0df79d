//! Whatever the schema says, it comes to an end.

use proptest::prelude::*;

use super::*;
use crate::config::schema::check;

#[test]
fn depth_has_an_end() {
    let schema = json!({
        "$defs": {"a": {"anyOf": [{"items": {"$ref": "#/$defs/a"}}, {"items": {"$ref": "#/$defs/a"}, "minItems": 1}]}},
        "$ref": "#/$defs/a", "writeOnly": true,
    });
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let tree = Tree::from_json(deep, &Origin::Code);
    assert!(check(&tree, &schema).is_empty());
    assert_eq!(secret_paths(&tree, &schema).len(), 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from),
        ".{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ab]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// A schema with `$defs`, or any JSON in the place of one.
fn any_schema() -> impl Strategy<Value = Value> {
    let words = [
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minItems",
        "maxItems",
        "uniqueItems",
        "required",
        "minProperties",
        "writeOnly",
    ];
    let value = prop_oneof![
        any_json(),
        prop::sample::select(
            &[
                "string", "integer", "object", "array", "null", "date", "uri", "a+", "("
            ][..]
        )
        .prop_map(Value::from),
    ];
    let reference = prop::sample::select(&["#", "#/$defs/a", "#/$defs/b", "#/$defs/c", "%"][..]);
    let leaf = prop_oneof![
        3 => proptest::collection::btree_map(prop::sample::select(words.to_vec()), value, 0..3).prop_map(|map| json!(map)),
        1 => reference.prop_map(|to| json!({"$ref": to})),
        1 => any::<bool>().prop_map(Value::from),
    ];
    let schema = leaf.prop_recursive(3, 24, 3, |inner| {
        let one = [
            "not",
            "if",
            "then",
            "else",
            "items",
            "additionalProperties",
            "propertyNames",
        ];
        let several = ["allOf", "anyOf", "oneOf", "prefixItems"];
        let named = ["properties", "patternProperties"];
        let list = proptest::collection::vec(inner.clone(), 0..3);
        let map = proptest::collection::btree_map("[ab]", inner.clone(), 0..3);
        (
            proptest::collection::btree_map(prop::sample::select(one.to_vec()), inner, 0..2),
            proptest::collection::btree_map(prop::sample::select(several.to_vec()), list, 0..2),
            proptest::collection::btree_map(prop::sample::select(named.to_vec()), map, 0..2),
        )
            .prop_map(|(one, several, named)| {
                let mut schema = json!(one);
                for more in [json!(several), json!(named)] {
                    schema
                        .as_object_mut()
                        .unwrap()
                        .extend(more.as_object().unwrap().clone());
                }
                schema
            })
    });
    (schema.clone(), schema.clone(), schema).prop_map(|(mut root, a, b)| {
        if let Some(root) = root.as_object_mut() {
            root.insert("$defs".to_owned(), json!({"a": a, "b": b}));
        }
        root
    })
}

proptest! {
    #[test]
    fn no_schema_makes_it_panic_or_hang(value in any_json(), schema in any_schema()) {
        let tree = Tree::from_json(value, &Origin::Code);
        check(&tree, &schema);
        secrets(&tree, &schema, &mut |_, _| {});
    }
}
