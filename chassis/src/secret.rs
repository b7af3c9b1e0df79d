//! A value that is shown to nobody.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{borrow::Cow, fmt};

/// What stands where a secret would be shown.
pub(crate) const REDACTED: &str = "***";

/// What is said of a value that is not what the secret should be; its schema may say more.
pub(crate) const UNREADABLE: &str = "the secret can't be read as what it should be";

/// A secret in the configuration of a plugin: it is not shown in `Debug`, logs, errors, on the command line or by the
/// management endpoints. What is read from `${file:..}` is not shown either, whatever its type.
///
/// It keeps a value from being shown by mistake; it does not wipe memory.
///
/// ```
/// use chassis::Secret;
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Debug, Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct DatabaseConfig {
///     /// `${file:/run/secrets/database}` keeps it out of the configuration file.
///     password: Secret,
/// }
///
/// # let config: DatabaseConfig = serde_json::from_str(r#"{"password": "hunter2"}"#)?;
/// assert_eq!(format!("{:?}", config), r#"DatabaseConfig { password: *** }"#);
/// assert_eq!(config.password.expose(), "hunter2");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    /// A value that is to be secret from here on.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Whoever calls this answers for what becomes of it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What the type says of a value that it can't read may repeat the value.
        T::deserialize(deserializer)
            .map(Self)
            .map_err(|_| D::Error::custom(UNREADABLE))
    }
}

/// It never leaves by this way: what is serialised is that there is one.
impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<T: JsonSchema> JsonSchema for Secret<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Secret_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert("writeOnly".to_owned(), true.into());
        schema.insert("format".to_owned(), "password".into());
        schema
    }
}
