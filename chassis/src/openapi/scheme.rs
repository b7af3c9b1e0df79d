//! How callers can say who they are.

use serde_json::{Value, json};

/// A way in which callers can say who they are, for the document of the service: see
/// [`Contributions::security_scheme`](crate::Contributions::security_scheme).
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityScheme(Value);

impl SecurityScheme {
    /// `Authorization: Bearer ..`, with tokens of this format: `JWT`.
    pub fn bearer(format: &str) -> Self {
        Self(json!({ "type": "http", "scheme": "bearer", "bearerFormat": format }))
    }

    /// `Authorization: Basic ..`.
    pub fn basic() -> Self {
        Self(json!({ "type": "http", "scheme": "basic" }))
    }

    /// A key in this header.
    pub fn api_key(header: &str) -> Self {
        Self(json!({ "type": "apiKey", "in": "header", "name": header }))
    }

    /// Any other, as OpenAPI 3.1 writes it: an object with a `type`, such as `openIdConnect` or `mutualTLS`. It is put into the
    /// document as it is.
    pub fn other(object: Value) -> Self {
        Self(object)
    }

    /// Says more of it: where callers get a token from, perhaps.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        if let Value::Object(all) = &mut self.0 {
            all.insert("description".to_owned(), text.into().into());
        }
        self
    }

    pub(crate) fn value(&self) -> &Value {
        &self.0
    }
}

/// Whether a component may have this name.
pub(crate) fn is_component_name(name: &str) -> bool {
    let may_be_in_it = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !name.is_empty() && name.bytes().all(may_be_in_it)
}
