//! Parameters: read off the schema of the type that they are read into.

use serde_json::{Value, json};

/// The parameters of a query: one for each property of this schema; none of a schema that is no object.
pub(crate) fn parameters(schema: &Value) -> Vec<Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    properties
        .map(|(name, one)| parameter("query", name, one.clone(), is_required(schema, name)))
        .collect()
}

/// The parameters of a path, in its order. If the type that they are read into has a schema, it says more of each: by
/// name, by its place, or because it is the only one.
pub(crate) fn in_path(path: &str, schema: Option<&Value>) -> Vec<Value> {
    let names = names_in_path(path);
    let said = |place: usize, name: &str| {
        let schema = schema?;
        if let Some(properties) = schema.get("properties") {
            return properties.get(name).cloned();
        }
        if let Some(items) = schema.get("prefixItems") {
            return items.get(place).cloned();
        }
        // A list, or a map, has no word for one of them.
        let kind = schema.get("type").and_then(Value::as_str);
        let is_one = names.len() == 1 && !matches!(kind, Some("array" | "object"));
        is_one.then(|| schema.clone())
    };
    let all = names.iter().enumerate();
    all.map(|(place, name)| {
        let schema = said(place, name).unwrap_or_else(|| json!({ "type": "string" }));
        parameter("path", name, schema, true)
    })
    .collect()
}

/// The names of the parameters in the path of a route.
fn names_in_path(path: &str) -> Vec<String> {
    // A doubled brace is a brace.
    let path = path.replace("{{", "").replace("}}", "");
    let inside = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    inside
        .map(|name| name.trim_start_matches('*').to_owned())
        .collect()
}

fn parameter(place: &str, name: &str, schema: Value, required: bool) -> Value {
    let mut schema = without_null(schema);
    let description = schema
        .as_object_mut()
        .and_then(|it| it.remove("description"));
    let mut parameter =
        json!({ "name": name, "in": place, "required": required, "schema": schema });
    if let Some(description) = description {
        parameter["description"] = description;
    }
    parameter
}

fn is_required(schema: &Value, name: &str) -> bool {
    let all = schema.get("required").and_then(Value::as_array);
    all.is_some_and(|all| all.iter().any(|one| one == name))
}

/// A parameter that is not there is left out; there is no `null` in a query.
fn without_null(mut schema: Value) -> Value {
    let Some(object) = schema.as_object_mut() else {
        return schema;
    };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = &mut kinds[..] {
            let kind = kind.take();
            object.insert("type".into(), kind);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [only] = &mut choices[..] {
            let only = only.take();
            object.remove("anyOf");
            if let Value::Object(only) = only {
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_in_a_path_are_those_of_its_parameters() {
        assert_eq!(names_in_path("/a/{b}/c/{*rest}"), ["b", "rest"]);
        assert!(names_in_path("/a").is_empty());
    }

    #[test]
    fn what_may_be_left_out_of_a_query_is_not_null() {
        let schema = json!({
            "properties": {
                "page": { "type": ["integer", "null"], "description": "Which page." },
                "state": { "anyOf": [{ "$ref": "#/x" }, { "type": "null" }] },
                "all": { "type": "boolean" },
            },
            "required": ["all"],
        });
        let all = parameters(&schema);
        let wanted = [
            json!({ "name": "all", "in": "query", "required": true, "schema": { "type": "boolean" } }),
            json!({
                "name": "page", "in": "query", "required": false,
                "description": "Which page.", "schema": { "type": "integer" },
            }),
            json!({ "name": "state", "in": "query", "required": false, "schema": { "$ref": "#/x" } }),
        ];
        for wanted in wanted {
            assert!(all.contains(&wanted), "{wanted} in {all:?}");
        }
    }

    #[test]
    fn a_type_says_what_the_parameters_of_a_path_are() {
        let kinds = |path: &str, schema: Value| -> Vec<Value> {
            let all = in_path(path, Some(&schema)).into_iter();
            all.map(|one| one["schema"]["type"].clone()).collect()
        };
        let number = json!({ "type": "integer" });
        assert_eq!(kinds("/{id}", number.clone()), ["integer"]);
        let pair = json!({ "type": "array", "prefixItems": [number, { "type": "string" }] });
        assert_eq!(kinds("/{a}/{b}", pair), ["integer", "string"]);
        let named = json!({ "type": "object", "properties": { "b": number } });
        assert_eq!(kinds("/{a}/{b}", named), ["string", "integer"]);
    }
}
