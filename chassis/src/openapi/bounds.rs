//! Numbers: a `u64` ends somewhere, and `"format": "uint64"` says so to people only.

use serde_json::{Map, Value, json};

/// Writes down the bounds of all whole numbers whose format has some, where nothing narrower stands.
pub(super) fn set(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(set),
        Value::Object(all) => {
            if let Some((least, most)) = of_format(all) {
                all.entry("minimum").or_insert(least);
                all.entry("maximum").or_insert(most);
            }
            all.values_mut().for_each(set);
        }
        _ => {}
    }
}

fn of_format(schema: &Map<String, Value>) -> Option<(Value, Value)> {
    let is_whole = match schema.get("type")? {
        Value::String(kind) => kind == "integer",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "integer"),
        _ => false,
    };
    let format = schema.get("format").and_then(Value::as_str)?;
    Some(match format {
        _ if !is_whole => return None,
        "uint8" => (json!(0), json!(u8::MAX)),
        "uint16" => (json!(0), json!(u16::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint64" => (json!(0), json!(u64::MAX)),
        "uint" => (json!(0), json!(usize::MAX)),
        "int8" => (json!(i8::MIN), json!(i8::MAX)),
        "int16" => (json!(i16::MIN), json!(i16::MAX)),
        "int32" => (json!(i32::MIN), json!(i32::MAX)),
        "int64" => (json!(i64::MIN), json!(i64::MAX)),
        "int" => (json!(isize::MIN), json!(isize::MAX)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_its_type_does() {
        let mut schemas = json!({
            "id": { "type": "integer", "format": "uint64", "minimum": 0 },
            "percent": { "type": ["integer", "null"], "format": "int32", "maximum": 100 },
            "share": { "type": "number", "format": "double" },
        });
        set(&mut schemas);
        assert_eq!(schemas["id"]["maximum"], u64::MAX);
        assert_eq!(schemas["percent"]["minimum"], i32::MIN);
        assert_eq!(schemas["percent"]["maximum"], 100);
        assert_eq!(
            schemas["share"],
            json!({ "type": "number", "format": "double" })
        );
    }
}
