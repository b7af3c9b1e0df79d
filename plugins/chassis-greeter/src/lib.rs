//! Greets callers by name: the model of a service plugin.
//!
//! A service plugin answers requests. This one answers `GET /hello/{name}`, and has one setting: what it says
//! before the name. Read it from the top: the plugin, its config, its life, its work, its tests.
//!
//! ```
//! use chassis::testing::TestChassis;
//! use chassis_greeter::Greeter;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> chassis::Result<()> {
//! let app = TestChassis::with::<Greeter>().start().await?;
//! assert_eq!(app.get("/hello/Ada").await.text(), "Hello, Ada!");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use chassis::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

/// Greets callers at `GET /hello/{name}`.
#[plugin]
#[derive(Debug)]
pub struct Greeter {
    greeting: String,
}

/// What can be set under `plugins.greeter.config`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GreeterConfig {
    /// What to say before the name; not empty.
    pub greeting: String,
}

impl Default for GreeterConfig {
    fn default() -> Self {
        Self {
            greeting: "Hello".to_owned(),
        }
    }
}

impl Plugin for Greeter {
    type Config = GreeterConfig;

    fn validate(config: &GreeterConfig, found: &mut Violations) {
        if config.greeting.trim().is_empty() {
            found
                .refuse("greeting", "it is empty")
                .with_help("give it a word, or remove the key to have the default");
        }
    }

    async fn init(config: GreeterConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self {
            greeting: config.greeting,
        })
    }
}

#[contributes]
impl Greeter {
    #[get("/hello/{name}")]
    async fn hello(&self, Path(name): Path<String>) -> String {
        format!("{}, {name}!", self.greeting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chassis::testing::TestChassis;

    #[tokio::test]
    async fn it_greets_by_name() {
        let app = TestChassis::with::<Greeter>().start().await.unwrap();
        let answer = app.get("/hello/Ada%20Lovelace").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text(), "Hello, Ada Lovelace!");
    }

    #[tokio::test]
    async fn the_greeting_can_be_set() {
        let app =
            TestChassis::with::<Greeter>().config("plugins: {greeter: {config: {greeting: Ahoy}}}");
        let app = app.start().await.unwrap();
        assert_eq!(app.get("/hello/Ada").await.text(), "Ahoy, Ada!");
    }

    #[tokio::test]
    async fn an_empty_greeting_is_refused_with_its_place() {
        let app = TestChassis::with::<Greeter>()
            .config("plugins:\n  greeter:\n    config:\n      greeting: ' '\n");
        let error = app.start_error().await;
        assert_eq!(error.origin(), Some("test.yaml:4:17"));
        assert_eq!(
            error.message(),
            "`plugins.greeter.config.greeting`: it is empty"
        );
    }

    #[tokio::test]
    async fn a_misspelt_key_is_named() {
        let app = TestChassis::with::<Greeter>().set("plugins.greeter.config.greetign", "Ahoy");
        let error = app.start_error().await.report();
        assert!(
            error.contains("greetign") && error.contains("did you mean `greeting`"),
            "{error}"
        );
    }
}
