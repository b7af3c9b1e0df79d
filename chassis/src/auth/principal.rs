//! Who a caller is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Who a caller is, as an authenticator has found out. Handlers take it as an argument, hooks have
/// [`Exchange::principal`](crate::Exchange::principal).
///
/// ```
/// use chassis::prelude::*;
///
/// /// Greets who asks.
/// #[plugin]
/// async fn whoami(cx: &mut PluginContext) -> Result<()> {
///     cx.get("/whoami", async |caller: Principal| caller.subject).scopes(["profile:read"]);
///     Ok(())
/// }
/// ```
///
/// Where the route asks for nothing, the argument alone asks for a caller who is known; `Option<Principal>` does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Principal {
    /// What it is known by: the name of a user, of a service.
    pub subject: String,
    /// What it may do.
    #[serde(default)]
    pub scopes: BTreeSet<String>,
    /// What it is.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// What else was said of it.
    #[serde(default)]
    pub claims: Map<String, Value>,
}

impl Principal {
    /// Somebody who may do nothing yet.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            scopes: BTreeSet::new(),
            roles: BTreeSet::new(),
            claims: Map::new(),
        }
    }

    /// Adds something that it may do.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.insert(scope.into());
        self
    }

    /// Adds something that it is.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.insert(role.into());
        self
    }

    /// Adds something that was said of it.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Whether it may do this.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether it is this.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}
