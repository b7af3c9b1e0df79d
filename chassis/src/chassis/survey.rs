//! What can be known of a service that is not started.

use super::ChassisBuilder;
use crate::{
    config::{self, Config, ConfigReport, Origin},
    credentials::Credentials,
    error::{Error, Result},
    generation::Lease,
    lifecycle::Lineup,
    registry::{Asked, Registry},
    reload::Reloader,
    scope::Scope,
};
use serde_json::Value;
use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::runtime::Handle;

/// Where a service may be that runs.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    Known(SocketAddr),
    /// The default, because of this.
    Guessed(SocketAddr, Error),
}

impl ChassisBuilder {
    fn registry(&self) -> Result<Registry> {
        Registry::new(self.linked, self.by_hand.clone())
    }

    /// Reads the configuration and looks for errors; nothing is built.
    pub(crate) fn check(&self) -> Result<Config> {
        let registry = self.registry()?;
        let config = registry.accept(self.config.clone().draft(), Asked::Not)?;
        Self::check_tokens(&config)?;
        Ok(config)
    }

    /// Whether the tokens of operators can be read, if the configuration asks for any.
    pub(crate) fn check_tokens(config: &Config) -> Result<()> {
        config
            .token_file()
            .map_or(Ok(()), |file| Credentials::read(file).map(drop))
    }

    /// Where the tokens are that the running service asks for, if the configuration says so.
    pub(crate) fn token_file(&self) -> Option<PathBuf> {
        self.config.clone().draft().token_file()
    }

    /// Where the running service is asked. A mistake in the file that nobody has reloaded yet says nothing of the service,
    /// least of all that it is not healthy; but where the file can't be read at all, the address may be a guess.
    pub(crate) fn management_address(&self) -> Result<Whereabouts> {
        let draft = self.config.clone().draft();
        if let Some((address, _)) = draft.management_address() {
            return Ok(Whereabouts::Known(address));
        }
        let without_file = self.config.clone().no_file().draft();
        let error = draft.finish(Vec::new(), |_| None).err();
        match (without_file.management_address(), error) {
            (Some((address, Origin::Default)), Some(error)) => {
                Ok(Whereabouts::Guessed(address, error))
            }
            (Some((address, _)), _) => Ok(Whereabouts::Known(address)),
            (None, error) => {
                Err(error.unwrap_or_else(|| Error::msg("there is no `management.listen`")))
            }
        }
    }

    /// The configuration, and the instances that it makes, in order.
    pub(crate) fn lineup(&self) -> Result<(Config, Lineup)> {
        let registry = self.registry()?;
        let config = registry.accept(self.config.clone().draft(), Asked::Not)?;
        let lineup = Lineup::of(&registry, &config)?;
        Ok((config, lineup))
    }

    /// The configuration as it is shown.
    pub(crate) fn shown(&self) -> Result<ConfigReport> {
        let registry = self.registry()?;
        let config = registry.accept(self.config.clone().draft(), Asked::Not)?;
        let schemas = registry.schemas(&config);
        Ok(config.report(&schemas))
    }

    /// The JSON Schema of a whole configuration file.
    pub(crate) fn schema(&self) -> Result<Value> {
        let registry = self.registry()?;
        Ok(config::schema_of(&registry.all_schemas()))
    }

    /// A configuration file with every setting.
    pub(crate) fn manual(&self) -> Result<String> {
        let registry = self.registry()?;
        Ok(config::manual_of(&registry.all_schemas()))
    }

    /// Tables of all settings, in Markdown.
    pub(crate) fn tables(&self) -> Result<String> {
        let registry = self.registry()?;
        Ok(config::tables_of(&registry.all_schemas()))
    }

    /// The names of the keys that plugins call secret.
    pub(crate) fn secret_keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        if let Ok(registry) = self.registry() {
            for (_, schema) in registry.all_schemas() {
                collect_secret_keys(&schema, &mut keys);
            }
        }
        keys
    }

    /// Builds the plugins, and starts none.
    pub(crate) async fn build_only(mut self) -> Result<BuiltOnly> {
        let reloader = self.prepare(&Handle::current())?;
        let config = reloader.read()?;
        reloader.build_only(config).await?;
        let lease: Arc<Lease> = reloader.serving()?;
        Ok(BuiltOnly {
            scope: Scope::new(lease),
            reloader,
        })
    }
}

/// Plugins that were built, for as long as they are needed.
#[derive(Debug)]
pub(crate) struct BuiltOnly {
    scope: Scope,
    reloader: Arc<Reloader>,
}

impl BuiltOnly {
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }
}

impl Drop for BuiltOnly {
    fn drop(&mut self) {
        self.reloader.abandon();
    }
}

fn collect_secret_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(entries) => {
            for (key, property) in entries
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                if property["writeOnly"] == true {
                    keys.insert(key.to_lowercase());
                }
            }
            entries
                .values()
                .for_each(|inside| collect_secret_keys(inside, keys));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|inside| collect_secret_keys(inside, keys)),
        _ => {}
    }
}
