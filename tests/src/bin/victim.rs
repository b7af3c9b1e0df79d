//! A service that tests start and stop as a process: see `it/shutdown.rs` and `it/logs.rs`.
#![forbid(unsafe_code)]

use bytes::Bytes;
use chassis::{Body, axum::Extension, prelude::*};
use schemars::JsonSchema;
use serde::Deserialize;
use std::{io, process::ExitCode};

/// What the front needs.
#[plugin(required)]
struct Base {
    fails: Option<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    Init,
    /// `init` panics.
    Panic,
    /// `init` never ends.
    Hang,
    Stop,
}

impl Step {
    async fn init(step: Option<Self>) -> Result<()> {
        match step {
            Some(Self::Init) => Err(io::Error::other("init was told to fail").into()),
            Some(Self::Panic) => panic!("init was told to panic"),
            Some(Self::Hang) => {
                println!("hanging");
                std::future::pending().await
            }
            Some(Self::Stop) | None => Ok(()),
        }
    }
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct BaseConfig {
    /// The step that fails.
    fails: Option<Step>,
}

impl Plugin for Base {
    type Config = BaseConfig;

    async fn init(config: BaseConfig, _: &mut PluginContext) -> Result<Self> {
        let BaseConfig { fails } = config;
        Step::init(fails).await?;
        Ok(Self { fails })
    }

    async fn stop(&self) -> Result<()> {
        println!("base stopped");
        if self.fails == Some(Step::Stop) {
            return Err(io::Error::other("stop was told to fail").into());
        }
        Ok(())
    }
}

/// Answers requests.
#[plugin(requires = ["base"])]
struct Front;

impl Plugin for Front {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }

    async fn stop(&self) -> Result<()> {
        println!("front stopped");
        Ok(())
    }
}

#[contributes]
impl Front {
    #[get("/short")]
    async fn short(&self) -> &'static str {
        "short"
    }

    /// 64 KiB in 16 frames, without a length.
    #[get("/long")]
    async fn long(&self) -> Body {
        let frames = (0..16).map(|_| Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 4 << 10])));
        Body::from_stream(futures_util::stream::iter(frames))
    }

    #[post("/echo")]
    async fn echo(&self, body: Bytes) -> Bytes {
        // As a library does that knows of no chassis.
        metrics::describe_counter!("echoed", metrics::Unit::Bytes, "What was sent back.");
        metrics::counter!("echoed").increment(body.len() as u64);
        body
    }

    #[get("/hang")]
    async fn hang(&self) {
        println!("hanging");
        std::future::pending::<()>().await;
    }
}

/// What the service can do without.
#[plugin]
struct Vault;

impl Plugin for Vault {
    type Config = BaseConfig;

    async fn init(config: BaseConfig, _: &mut PluginContext) -> Result<Self> {
        Step::init(config.fails).await?;
        Ok(Self)
    }
}

/// Does not run if the vault does not.
#[plugin(requires = ["vault"])]
struct Accounts;

impl Plugin for Accounts {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

/// Answers that the log should tell of.
#[plugin]
struct Trouble;

impl Plugin for Trouble {
    type Config = NoConfig;

    async fn init(_: NoConfig, _: &mut PluginContext) -> Result<Self> {
        Ok(Self)
    }
}

#[contributes]
impl Trouble {
    /// Blocks its thread until a line comes in.
    #[get("/block")]
    async fn block(&self) -> String {
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .map_or_else(|_| String::new(), |_| line)
    }

    #[get("/fail")]
    async fn fail(&self) -> Result<()> {
        Err(io::Error::other("the disk is gone").into())
    }

    /// Has an event told, which fails.
    #[get("/tell")]
    async fn tell(&self, events: Events) -> Result<()> {
        events.publish_as("trouble.told", true)?;
        Ok(())
    }

    #[on("trouble.told")]
    async fn told(&self, _: Message) -> Result<()> {
        Err(io::Error::other("nobody listens").into())
    }

    #[get("/down")]
    async fn down(&self) -> (StatusCode, &'static str) {
        (StatusCode::INTERNAL_SERVER_ERROR, "the database is down")
    }

    /// Nobody puts that there.
    #[get("/absent/{id}")]
    async fn absent(&self, _: Extension<u8>) {}

    #[get("/panic")]
    async fn panic(&self) {
        panic!("the handler\nwas told to panic")
    }
}

/// Adds numbers, on the command line.
#[plugin]
async fn sums(cx: &mut PluginContext) -> Result<()> {
    cx.command("sum", "Adds numbers", async |call| {
        let mut sum = 0_i64;
        for text in call.arguments().iter().filter(|text| *text != "--") {
            let number: i64 = text
                .parse()
                .map_err(|_| Error::msg(format!("`{text}` is not a number")))?;
            sum += number;
        }
        println!("{sum}");
        Ok(())
    });
    Ok(())
}

fn main() -> ExitCode {
    chassis::main()
}
