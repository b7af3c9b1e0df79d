//! Two plugins that stamp a request wherever it comes by: before its handler, in it, and with the last chunk of its body.
//! What they are configured with is a version, the same for both, so that two generations in one request show.

use crate::{client::Answer, scripted::info};
use chassis::{
    Body, Contributions, FilterPoint, Plugin, PluginContext, Registration, prelude::*, units,
};
use futures::{StreamExt as _, stream};
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

/// The version of the plugin `hook`, as a generation has it.
#[extension_point]
static STAMP: FilterPoint<u64> = FilterPoint::new("test.stamp");

/// Where the load goes: two of three answers are slow.
pub(super) const PATHS: &[&str] = &["/fast", "/slow", "/slow"];

pub(super) fn stamps() -> [Registration; 2] {
    [
        Registration::new::<Hook>(info("hook")),
        Registration::new::<Pages>(info("pages")),
    ]
}

/// What an answer was stamped with: its generation and the version. All of it has to be the same.
pub(super) fn read(answer: &Answer) -> Result<(u64, u64), String> {
    if answer.status != 200 {
        return Err(format!("{answer:?}"));
    }
    let text = answer.text();
    let mut all = text.split(' ');
    let (hook, handler, last) = (all.next(), all.next(), all.next());
    if hook != handler || handler != last || all.next().is_some() {
        return Err(format!("several generations in one request: {text}"));
    }
    let (generation, version) = hook.and_then(|stamp| stamp.split_once('/')).ok_or(text)?;
    let number = |text: &str| text.parse().map_err(|_| format!("no number: {text}"));
    Ok((number(generation)?, number(version)?))
}

fn stamp(scope: &Scope, version: u64) -> String {
    format!("{}/{version}", scope.generation())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct HookConfig {
    version: u64,
}

struct Hook {
    version: u64,
    has_stopped: AtomicBool,
}

impl Plugin for Hook {
    type Config = HookConfig;

    async fn init(HookConfig { version }: HookConfig, _: &mut PluginContext) -> Result<Self> {
        let has_stopped = AtomicBool::new(false);
        Ok(Self {
            version,
            has_stopped,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let version = self.version;
        to.filter(&points::PRE_REQUEST, move |exchange: &mut Exchange| {
            let stamp = stamp(exchange.scope(), version);
            let stamp = stamp.parse().expect("a stamp is a header");
            exchange.headers_mut().insert("x-stamp", stamp);
        });
        let this = Arc::clone(self);
        to.filter(&STAMP, move |version: &mut u64| {
            assert!(!this.has_stopped.load(SeqCst), "asked after its stop");
            *version = this.version;
        });
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.has_stopped.store(true, SeqCst);
        Ok(())
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PagesConfig {
    version: u64,
    /// How long the slow answer takes after its first chunk.
    #[serde(with = "units::Time")]
    #[schemars(with = "String")]
    slow: Duration,
}

struct Pages {
    config: PagesConfig,
    has_stopped: AtomicBool,
}

impl Plugin for Pages {
    type Config = PagesConfig;

    async fn init(config: PagesConfig, _: &mut PluginContext) -> Result<Self> {
        let has_stopped = AtomicBool::new(false);
        Ok(Self {
            config,
            has_stopped,
        })
    }

    fn contribute(self: &Arc<Self>, to: &mut Contributions) -> Result<()> {
        let this = Arc::clone(self);
        to.get("/fast", async move |scope: Scope, headers: HeaderMap| {
            this.first(&scope, &headers) + &this.last(&scope).await
        });
        let this = Arc::clone(self);
        to.get("/slow", async move |scope: Scope, headers: HeaderMap| {
            let this = Arc::clone(&this);
            let first = this.first(&scope, &headers);
            let first = stream::once(async { Ok::<_, Infallible>(first) });
            let last = stream::once(async move {
                tokio::time::sleep(this.config.slow).await;
                Ok(this.last(&scope).await)
            });
            Body::from_stream(first.chain(last))
        });
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.has_stopped.store(true, SeqCst);
        Ok(())
    }
}

impl Pages {
    fn first(&self, scope: &Scope, headers: &HeaderMap) -> String {
        let hook = headers["x-stamp"].to_str().expect("a stamp is a text");
        format!("{hook} {} ", stamp(scope, self.config.version))
    }

    /// What is said with the last chunk: all plugins of the generation have to be there still.
    async fn last(&self, scope: &Scope) -> String {
        match STAMP.apply(scope, 0).await {
            Ok(version) if !self.has_stopped.load(SeqCst) => stamp(scope, version),
            Ok(_) => "its plugin has stopped".to_owned(),
            Err(error) => error.report(),
        }
    }
}
