//! The plugin that makes the key of the service on its first run, so that there is none in the repository and none built in.

use chassis::{ConfigLayer, Context as _, points::ConfigQuestion, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

/// Gives `jwt-authentication` the secret that tokens are signed with, from a file that it makes if there is none.
///
/// Who has a secret of their own sets `plugins.signing-key.enabled: false`, and `jwt_secret`.
#[plugin(stage = "bootstrap")]
#[derive(Debug)]
pub struct SigningKey(SigningKeyConfig);

/// What can be set under `plugins.signing-key.config`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SigningKeyConfig {
    /// The file with the secret.
    pub file: PathBuf,
}

impl Default for SigningKeyConfig {
    fn default() -> Self {
        Self {
            file: "target/orders/signing.key".into(),
        }
    }
}

impl Plugin for SigningKey {
    type Config = SigningKeyConfig;

    async fn init(config: SigningKeyConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self(config))
    }
}

/// The setting that it gives.
const SECRET: &str = "plugins.jwt-authentication.config.jwt_secret";

#[contributes]
impl SigningKey {
    #[provide(points::CONFIG_LOAD)]
    async fn load(&self, _: &ConfigQuestion) -> Result<ConfigLayer> {
        let file = self.0.file.clone();
        let origin = format!("signing-key {}", file.display());
        let shown = format!("`{}` can't be read or made", file.display());
        let read = tokio::task::spawn_blocking(move || read_or_make(&file)).await?;
        let secret = read.context(shown)?;
        Ok(ConfigLayer::new().text(SECRET, secret, origin).secret())
    }
}

fn read_or_make(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Ok(secret) => return Ok(secret.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    let secret = chassis_jwt_authentication::new_secret()?;
    let new = file.with_extension(format!("{}.new", std::process::id()));
    let made = write(&new, secret.expose()).and_then(|()| fs::hard_link(&new, file));
    fs::remove_file(&new)?;
    match made {
        Ok(()) => tracing::info!(file = %file.display(), "made a key to sign tokens with"),
        // Another process was first; nobody ever sees half a key.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    Ok(fs::read_to_string(file)?.trim().to_owned())
}

/// Readable for nobody else.
fn write(file: &Path, secret: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    writeln!(file, "{secret}")?;
    file.sync_all()
}
