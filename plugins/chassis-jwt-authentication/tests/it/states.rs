//! The states that it comes into while the service runs: in each of them, no route that is protected answers with a success to who
//! is not known, and what its authors have opened goes on.

use crate::made::{NAME, PROTECTED, SECRET, Signer, get, orders, settings, token};
use chassis::{
    PluginInfo, PluginState, Registration, code,
    prelude::*,
    testing::{TestBuilder, TestChassis},
};
use chassis_jwt_authentication::JwtAuthentication;
use serde_json::{Value, json};
use std::{fs, time::Duration};

/// Holds something that can't be there twice: a reload of it stops it first, and with it those that require it.
#[plugin(exclusive = ["the vault"])]
struct Vault;

#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct VaultConfig {
    /// Whether it can't be built.
    fails: bool,
    /// Whether it can't be built again.
    fails_again: bool,
}

impl Plugin for Vault {
    type Config = VaultConfig;

    async fn init(config: VaultConfig, cx: &mut PluginContext) -> Result<Self> {
        let is_again = cx.previous::<VaultConfig>().is_some();
        if is_again {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        match config.fails || is_again && config.fails_again {
            true => Err(Error::msg("the vault is locked")),
            false => Ok(Self),
        }
    }
}

/// Has a route that its author opens, and one that takes a second.
#[plugin]
async fn desk(cx: &mut PluginContext) -> Result<()> {
    cx.get("/desk", async || "desk").public();
    cx.get("/slow", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .public();
    Ok(())
}

/// A service in which it requires the vault.
fn service() -> TestBuilder {
    let info = PluginInfo::new(NAME, "1.0.0").unwrap().requires(["vault"]);
    let builder = TestChassis::with::<Vault>()
        .register(Registration::new::<JwtAuthentication>(info))
        .plugin::<orders>()
        .plugin::<desk>();
    let Value::Object(settings) = settings() else {
        panic!("settings are a map");
    };
    settings.into_iter().fold(builder, |builder, (key, value)| {
        builder.set(&format!("plugins.{NAME}.config.{key}"), value)
    })
}

fn right() -> String {
    let roles = json!({"roles": ["auditor"], "scope": "orders:read orders:write"});
    token(&Signer::secret(SECRET), &roles)
}

/// Nobody passes, and what is for everybody goes on.
async fn is_shut(app: &TestChassis, code: &str) {
    for path in PROTECTED {
        for token in ["", "guess", &right()] {
            let answer = get(app, path, token).await;
            assert_eq!(answer.status(), 503, "{path}: {}", answer.text());
            assert_eq!(answer.json::<Value>()["code"], code, "{path}");
        }
    }
    assert_eq!(get(app, "/desk", "").await.text(), "desk");
}

/// Those pass who are known, and nobody else.
async fn is_guarded(app: &TestChassis) {
    for path in PROTECTED {
        assert_eq!(get(app, path, &right()).await.status(), 200, "{path}");
        for token in ["", "guess"] {
            assert_eq!(get(app, path, token).await.status(), 401, "{path}");
        }
    }
    for path in ["/desk", "/products"] {
        assert_eq!(get(app, path, "").await.status(), 200, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_it_is_suspended_nobody_passes() {
    let app = Arc::new(service().start().await.unwrap());
    is_guarded(&app).await;
    // A request that it may be asked for holds it, for a second.
    let asking = Arc::clone(&app);
    let slow = tokio::spawn(async move { get(&asking, "/slow", "").await.status() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reloading = Arc::clone(&app);
    let reload = tokio::spawn(async move { reloading.handle().reload_plugin("vault").await });
    for state in [PluginState::Suspended, PluginState::Stopped] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(app.state(NAME), state);
        is_shut(&app, "plugin.away").await;
        // Its settings say so, and they are known though it is away.
        assert_eq!(get(&app, "/products", "").await.text(), "products");
    }
    assert_eq!(slow.await.unwrap(), 200);
    reload.await.unwrap().unwrap();
    is_guarded(&app).await;
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_if_what_it_requires_can_t_be_built_anew() {
    let app = service().set("plugins.vault.config.fails_again", true);
    let app = app.start().await.unwrap();
    is_guarded(&app).await;
    let error = app.handle().reload_plugin("vault").await.unwrap_err();
    let told = error.report();
    assert!(told.contains("runs again as it did before"), "{told}");
    is_guarded(&app).await;
}

#[tokio::test]
async fn while_what_it_requires_is_not_there_nobody_passes() {
    let locked = || service().set("plugins.vault.config.fails", true);
    let required = locked().set(&format!("plugins.{NAME}.required"), true);
    assert_eq!(required.start_error().await.code(), code::REQUIRED);
    let app = locked().set(&format!("plugins.{NAME}.required"), false);
    let app = app.start().await.unwrap();
    assert_eq!(app.state(NAME), PluginState::Blocked);
    is_shut(&app, "auth.unavailable").await;
}

#[tokio::test]
async fn operators_can_disable_it_and_then_nobody_passes() {
    let app = service().set(&format!("plugins.{NAME}.required"), true);
    let app = app.start().await.unwrap();
    let error = app.handle().disable(NAME).await.unwrap_err();
    assert!(error.report().contains(NAME), "{}", error.report());
    is_guarded(&app).await;

    let app = service().set(&format!("plugins.{NAME}.required"), false);
    let app = app.start().await.unwrap();
    app.handle().disable(NAME).await.unwrap();
    assert_eq!(app.state(NAME), PluginState::Disabled);
    is_shut(&app, "auth.unavailable").await;
    app.handle().enable(NAME).await.unwrap();
    is_guarded(&app).await;
}

/// Panics if it is told to.
#[plugin]
struct Moody;

#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MoodyConfig {
    panics: bool,
}

impl Plugin for Moody {
    type Config = MoodyConfig;

    async fn init(config: MoodyConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.get("/moody", async move || -> &'static str {
            assert!(!config.panics, "it was told to");
            "well"
        })
        .public();
        Ok(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_reload_has_opened_is_shut_if_it_is_taken_back() {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let write = |public: &str, panics: bool| {
        let yaml = format!(
            "reload: {{probation: {{enabled: true, panics: 1}}}}\nplugins:\n  moody: {{config: {{panics: {panics}}}}}\n  {NAME}: {{config: {{jwt_secret: \"{SECRET}\", public: [{public}]}}}}\n"
        );
        fs::write(file.path(), yaml).unwrap();
    };
    write("", false);
    let app = TestChassis::with::<JwtAuthentication>()
        .plugin::<orders>()
        .plugin::<Moody>();
    let app = app.config_file(file.path()).start().await.unwrap();
    assert_eq!(get(&app, "/silent", "").await.status(), 401);
    write("/silent", true);
    app.reload().await.unwrap();
    assert_eq!(get(&app, "/silent", "").await.status(), 200);
    assert_eq!(get(&app, "/moody", "").await.status(), 500);
    while app.handle().info().unwrap().generation < Some(3) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(get(&app, "/silent", "").await.status(), 401);
    assert_eq!(get(&app, "/moody", "").await.text(), "well");
}
