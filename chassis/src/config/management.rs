//! `management`: where operators are answered, and how they show who they are.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `management`: the listener for operators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ManagementSettings {
    /// Address and port; one that other machines reach needs `token_file`. Default: `127.0.0.1:8081`.
    pub listen: SocketAddr,
    /// A file of tokens, one in each line. Whoever asks has to send one: `Authorization: Bearer ..`, from this machine too. It
    /// is relative to the folder of the configuration file, and read again when it changes. Default: none.
    pub token_file: Option<PathBuf>,
}

impl ManagementSettings {
    /// What types can't say.
    pub(super) fn validate(&self, refuse: &mut impl FnMut(&str, &str, &str)) {
        if !self.listen.ip().is_loopback() && self.token_file.is_none() {
            refuse(
                "management.listen",
                "this is not a loopback address, and without `management.token_file` whoever reaches it steers the service",
                "set `management.token_file` to a file with a token (`openssl rand -hex 32` makes one), or write `127.0.0.1:8081`",
            );
        }
        if self
            .token_file
            .as_ref()
            .is_some_and(|file| file.as_os_str().is_empty())
        {
            refuse(
                "management.token_file",
                "it is empty",
                "name a file, or remove the key to ask for no token",
            );
        }
    }
}

impl Default for ManagementSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            token_file: None,
        }
    }
}
