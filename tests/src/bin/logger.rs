//! A service whose plugins log, and write the log: see `it/structured_logging.rs`.
#![forbid(unsafe_code)]

use chassis::{LogLines, LogSettings, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{process::ExitCode, time::Duration};
use tracing::Instrument as _;

chassis::link!(chassis_structured_logging);

/// Logs what it is asked for.
#[plugin]
#[derive(Clone)]
struct Talker;

impl Plugin for Talker {
    type Config = NoConfig;

    async fn init(_: NoConfig, cx: &mut PluginContext) -> Result<Self> {
        cx.background().spawn("waker", async {
            tracing::info!("awake in a task");
            Ok(())
        });
        Ok(Self)
    }
}

#[contributes]
impl Talker {
    /// In all levels.
    #[get("/levels")]
    async fn levels(&self) {
        tracing::error!(target: "talker::store", "level");
        tracing::warn!(target: "talker::store", "level");
        tracing::info!(target: "talker::store", "level");
        tracing::debug!(target: "talker::store", "level");
        tracing::trace!(target: "talker::store", "level");
        tracing::info!("levels told");
    }

    /// With fields, of which some are secret.
    #[get("/orders/{id}")]
    async fn order(&self, Path(id): Path<u64>) {
        let span = tracing::info_span!("paying", token = "abc", attempt = 1);
        async {
            tracing::info!(
                id,
                password = "hunter2",
                card = "4111111111111111",
                ratio = 0.5,
                done = true,
                debug = ?Some("x y"),
                "paid with 4111111111111111"
            );
        }
        .instrument(span)
        .await;
    }

    /// With what could be taken for a line of its own.
    #[get("/harm")]
    async fn harm(&self) {
        let text =
            "one\n2026-01-01T00:00:00.000000Z ERROR forged: two\r\x1b[31m\u{9b}31m\u{202e}\"\\";
        tracing::info!(text, shown = %text, "{text}");
        tracing::info!("harm told");
    }

    /// The same line so many times.
    #[get("/again/{times}")]
    async fn again(&self, Path(times): Path<u32>) {
        for _ in 0..times {
            tracing::warn!(of = "it", "again");
        }
        tracing::info!("again told");
    }

    /// With so many events.
    #[get("/tell/{times}")]
    async fn tell(&self, Path(times): Path<u32>, events: Events) -> Result<()> {
        for number in 0..times {
            let told = serde_json::json!({"number": number, "user": {"password": "hunter2", "name": "Ada"}});
            events.publish_as("talker.told", told)?;
        }
        Ok(())
    }

    /// As a library does that knows of the crate `log` only.
    #[get("/log")]
    async fn log(&self) {
        log::warn!(target: "library::inner", "old school");
    }
}

/// Writes lines in a way of its own.
#[plugin(stage = "bootstrap")]
struct Liner;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct LinerConfig {
    /// Whether it writes any.
    writes: bool,
    /// Its own levels.
    levels: Option<String>,
}

impl Plugin for Liner {
    type Config = LinerConfig;

    async fn init(config: LinerConfig, cx: &mut PluginContext) -> Result<Self> {
        if config.writes {
            cx.provide(&points::TELEMETRY_LINES, async move |said: &LogSettings| {
                let levels = config.levels.clone().unwrap_or(said.filter.clone());
                LogLines::new(|line| {
                    // What it logs itself is not its own to write.
                    tracing::info!("inside");
                    assert!(!line.message.contains("again"), "no more");
                    eprintln!("OWN {} {:?} {}", line.level, line.plugin, line.message);
                })
                .filter(&levels)
            })
            .priority(-1)
            .deadline(Duration::from_secs(1));
        }
        Ok(Self)
    }
}

fn main() -> ExitCode {
    chassis::main()
}
