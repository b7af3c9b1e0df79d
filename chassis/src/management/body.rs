//! Bodies of requests.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads a JSON object into a type. By itself, serde would take a list for a struct as well.
pub(super) fn object<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let object: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(Value::Object(object))
}
