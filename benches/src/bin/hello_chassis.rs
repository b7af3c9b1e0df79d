//! `GET /` and `GET /{name}`, by the chassis as it is shipped, with as many pairs of hooks that do nothing as
//! `CHASSIS__PLUGINS__GREETER__CONFIG__PAIRS` says.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use chassis_benches::{Hello, inject, listen};
use std::{io, process::ExitCode};

/// Says hello.
#[plugin]
struct Greeter;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Config {
    /// How many pairs of hooks stand around the handlers.
    pairs: i32,
}

impl Plugin for Greeter {
    type Config = Config;

    async fn init(Config { pairs }: Config, cx: &mut PluginContext) -> Result<Self> {
        for pair in 0..pairs {
            cx.filter(&points::PRE_REQUEST, |_: &mut Exchange| {})
                .priority(pair);
            cx.filter(&points::POST_RESPONSE, |_: &mut Exchange| {})
                .priority(pair);
        }
        Ok(Self)
    }
}

#[contributes]
impl Greeter {
    #[get("/")]
    async fn hello(&self) -> Hello {
        inject();
        Hello
    }

    #[get("/{name}")]
    async fn hello_you(&self, _: Path<String>) -> Hello {
        inject();
        Hello
    }
}

fn main() -> io::Result<ExitCode> {
    let chassis = Chassis::builder().listener(listen()?);
    Ok(chassis.set("management.listen", "127.0.0.1:0").main())
}
