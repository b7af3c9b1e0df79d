//! Configuration from a directory of files, as Kubernetes mounts ConfigMaps and Secrets: the model of a source of
//! configuration.
//!
//! A source gives values at `config.load`, over those of the configuration file and under those of the environment. This
//! one takes each file of a directory for a key: `server.max_body` holds `4MiB`. Read it from the top: the plugin, its
//! config, its life, its work, its tests.
//!
//! ```
//! use chassis::testing::TestChassis;
//! use chassis_config_directory::ConfigDirectory;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().display().to_string();
//! std::fs::write(directory.path().join("service.name"), "orders\n")?;
//! let app = TestChassis::with::<ConfigDirectory>()
//!     .set("plugins.config-directory.config.directory", path)
//!     .start()
//!     .await?;
//! assert_eq!(app.handle().info()?.name, "orders");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::{ConfigLayer, Context as _, points::ConfigQuestion, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Gives the files of a directory as configuration: the name of each is a key, its content the value.
#[plugin(stage = "bootstrap")]
#[derive(Debug)]
pub struct ConfigDirectory(ConfigDirectoryConfig);

/// What can be set under `plugins.config-directory.config`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConfigDirectoryConfig {
    /// The directory. Without it nothing is read.
    pub directory: Option<PathBuf>,
    /// Whether the values are secret: then they are shown nowhere.
    pub secret: bool,
}

/// More than Kubernetes lets into a ConfigMap or a Secret.
const MAX_BYTES: u64 = 2 << 20;

impl Plugin for ConfigDirectory {
    type Config = ConfigDirectoryConfig;

    async fn init(config: ConfigDirectoryConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self(config))
    }
}

#[contributes]
impl ConfigDirectory {
    #[provide(points::CONFIG_LOAD)]
    async fn load(&self, _: &ConfigQuestion) -> Result<ConfigLayer> {
        let Some(directory) = self.0.directory.clone() else {
            return Ok(ConfigLayer::new());
        };
        let is_secret = self.0.secret;
        let read = move || {
            let layer = layer(&directory)?;
            Ok(if is_secret { layer.secret() } else { layer })
        };
        tokio::task::spawn_blocking(read).await?
    }
}

/// The files of a directory, in the order of their names.
fn layer(directory: &Path) -> Result<ConfigLayer> {
    let shown = directory.display();
    let entries =
        fs::read_dir(directory).context(format!("the directory `{shown}` can't be read"))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name());
    }
    names.sort();
    let mut layer = ConfigLayer::new().watch(directory);
    for name in names {
        let path = directory.join(&name);
        // `..data` and `..2026_11_24` are how Kubernetes swaps all files at once; editors leave hidden files too.
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        // Through links: every file of a ConfigMap is one.
        if !fs::metadata(&path)?.is_file() {
            continue;
        }
        let origin = format!("config-directory {}", path.display());
        let text = read(&path).context(format!("`{}` can't be read", path.display()))?;
        layer = match Path::new(name)
            .extension()
            .and_then(|ending| ending.to_str())
        {
            Some("yaml" | "yml" | "json") => layer.document(text, path.display().to_string()),
            _ => layer.text(name, without_line_end(&text), origin),
        };
    }
    Ok(layer)
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MAX_BYTES {
        return Err(std::io::Error::other("it is larger than 2MiB"));
    }
    Ok(text)
}

/// Without the line end that editors and `echo` put behind a value.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests;
