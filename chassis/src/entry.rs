//! An entry of the registry of services: what is registered, and what is asked for.

use crate::{
    config::announced,
    error::{Error, Result, code},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

/// A service that is to be registered: [`Services::register`](crate::Services::register).
///
/// ```
/// use chassis::Service;
///
/// let service = Service::new("orders-grpc", "10.0.0.5", 50_051)
///     .version("1.2.0")
///     .tag("grpc")
///     .meta("zone", "eu-1");
/// ```
#[derive(Clone, Debug)]
pub struct Service(ServiceEntry);

impl Service {
    /// A service of this name, at this host or address and port. Its id is made of all three.
    pub fn new(name: impl Into<String>, address: impl Into<String>, port: u16) -> Self {
        let (name, address) = (name.into(), address.into());
        Self(ServiceEntry {
            id: format!("{name}-{address}-{port}"),
            name,
            address,
            port,
            version: String::new(),
            tags: Vec::new(),
            meta: BTreeMap::new(),
            health: ServiceHealth::Passing,
            registered_at: SystemTime::now(),
            owner: None,
        })
    }

    /// Another id: unique in the registry.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.0.id = id.into();
        self
    }

    /// Its version, for people.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.0.version = version.into();
        self
    }

    /// A word to find it by; it may be called again.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.0.tags.push(tag.into());
        self
    }

    /// Something else that is known of it; it may be called again.
    #[must_use]
    pub fn meta(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.meta.insert(key.into(), value.into());
        self
    }

    /// How it is; by default it is well.
    #[must_use]
    pub fn health(mut self, health: ServiceHealth) -> Self {
        self.0.health = health;
        self
    }
}

impl From<Service> for ServiceEntry {
    fn from(service: Service) -> Self {
        service.0
    }
}

/// A service that is registered.
///
/// A handler of `service.discover` makes them of a [`Service`]: `Service::new(..).into()`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = without_now)]
#[non_exhaustive]
pub struct ServiceEntry {
    /// What it is known by: unique in a registry.
    pub id: String,
    /// What it is called; several may have one name.
    pub name: String,
    /// A host or an address.
    pub address: String,
    /// The port; 0 if there is none.
    pub port: u16,
    /// The version, for people.
    #[serde(default)]
    pub version: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What else is known of it.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// How it is.
    #[serde(default)]
    pub health: ServiceHealth,
    /// Since when it is registered, in milliseconds since 1970.
    #[serde(default = "SystemTime::now", with = "millis")]
    #[schemars(with = "u64")]
    pub registered_at: SystemTime,
    /// The plugin that has registered it; none for the service itself.
    #[serde(default)]
    pub owner: Option<Arc<str>>,
}

/// A schema says the same whenever it is asked for; "now" is no default that can be written down.
fn without_now(schema: &mut schemars::Schema) {
    let registered_at = schema.pointer_mut("/properties/registered_at");
    registered_at
        .and_then(serde_json::Value::as_object_mut)
        .and_then(|property| property.remove("default"));
}

impl ServiceEntry {
    /// Whether it can be registered as it is.
    pub(crate) fn check(&self) -> Result<()> {
        let parts = [
            ("name", announced::check_word(&self.name)),
            ("id", announced::check_word(&self.id)),
            ("address", announced::check_word(&self.address)),
            ("version", announced::check_version(&self.version)),
            ("tags", announced::check_tags(&self.tags)),
            ("meta", announced::check_meta(&self.meta)),
        ];
        let wrong = parts.into_iter().find_map(|(part, checked)| {
            let what = checked.err()?;
            Some(format!(
                "a service can't be registered: its `{part}`: {what}"
            ))
        });
        wrong.map_or(Ok(()), |wrong| {
            Err(Error::new(code::SERVICE_INVALID, wrong))
        })
    }

    /// Whether it says the same as another one, since whenever and however it is.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let other = Self {
            registered_at: self.registered_at,
            health: self.health,
            ..other.clone()
        };
        *self == other
    }
}

/// How a registered service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceHealth {
    /// It is well.
    #[default]
    Passing,
    /// It serves, and somebody should look at it.
    Warning,
    /// It should be sent nothing.
    Critical,
}

impl fmt::Display for ServiceHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// Which services are asked for. A name is one, too.
///
/// ```
/// use chassis::ServiceQuestion;
///
/// let question = ServiceQuestion::new("orders").tag("eu").passing();
/// assert_eq!(question.tag.as_deref(), Some("eu"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ServiceQuestion {
    /// The name.
    pub name: String,
    /// Only those with this tag.
    #[serde(default)]
    pub tag: Option<String>,
    /// Only those that are `passing`.
    #[serde(default)]
    pub passing: bool,
}

impl ServiceQuestion {
    /// All services of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            tag: None,
            passing: false,
        }
    }

    /// Only those with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Only those that are [`Passing`](ServiceHealth::Passing).
    #[must_use]
    pub fn passing(mut self) -> Self {
        self.passing = true;
        self
    }

    /// Whether this one is asked for.
    pub(crate) fn takes(&self, entry: &ServiceEntry) -> bool {
        let has_tag = |tag| entry.tags.contains(tag);
        let is_well = !self.passing || entry.health == ServiceHealth::Passing;
        entry.name == self.name && self.tag.as_ref().is_none_or(has_tag) && is_well
    }
}

impl<T: Into<String>> From<T> for ServiceQuestion {
    fn from(name: T) -> Self {
        Self::new(name)
    }
}

/// Times in milliseconds since 1970.
mod millis {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::time::{Duration, SystemTime};

    pub(super) fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        let millis = since.unwrap_or_default().as_millis();
        to.serialize_u64(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        let since = Duration::from_millis(u64::deserialize(from)?);
        let time = SystemTime::UNIX_EPOCH.checked_add(since);
        time.ok_or_else(|| serde::de::Error::custom("this is no time"))
    }
}
