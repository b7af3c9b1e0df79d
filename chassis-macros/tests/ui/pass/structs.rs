//! Struct plugins, with every key.

use chassis::{__private::LinkedPlugin as _, prelude::*};

/// Greets callers.
///
/// At length.
#[plugin(
    name = "http-hello",
    version = "1.2.3",
    requires = ["users", "cache ^1.2", "chassis ^0.1"],
    after = ["audit"],
    before = "log",
    provides = ["greeting 1.3"],
    exclusive = ["port 9000"],
    tags = ["http", "example"],
    required,
    stage = "bootstrap"
)]
#[derive(Debug)]
pub struct Hello {
    greeting: Arc<str>,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
pub struct Config {
    greeting: String,
}

impl Plugin for Hello {
    type Config = Config;

    async fn init(config: Config, _: &mut PluginContext) -> Result<Self> {
        Ok(Self { greeting: config.greeting.into() })
    }
}

#[plugin]
struct HTTPRequestTracing;

impl Plugin for HTTPRequestTracing {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {
    let info = Hello::INFO;
    assert_eq!((info.name, info.version, info.description), ("http-hello", "1.2.3", "Greets callers."));
    assert_eq!(info.requires, ["users", "cache ^1.2", "chassis ^0.1"]);
    assert_eq!((info.after, info.before, info.provides), (&["audit"][..], &["log"][..], &["greeting 1.3"][..]));
    assert_eq!(info.exclusive, ["port 9000"]);
    assert_eq!((info.tags, info.required, info.bootstrap), (&["http", "example"][..], true, true));
    assert!(info.file.ends_with("structs.rs"));
    assert_eq!(info.line, 21);

    let info = HTTPRequestTracing::INFO;
    assert_eq!((info.name, info.version), ("http-request-tracing", env!("CARGO_PKG_VERSION")));
    assert_eq!((info.krate, info.description), (env!("CARGO_PKG_NAME"), ""));
    assert!(!info.required && !info.bootstrap);
}
