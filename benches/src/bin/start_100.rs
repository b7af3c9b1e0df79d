//! A service with 100 plugins and one route.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use chassis_benches::{Hello, listen, walk};
use std::{io, process::ExitCode};

include!(concat!(env!("OUT_DIR"), "/plugins_100.rs"));

/// Says hello.
#[plugin]
async fn greeter(cx: &mut PluginContext) -> Result<()> {
    cx.get("/", async || Hello);
    Ok(())
}

fn main() -> io::Result<ExitCode> {
    if std::env::args().any(|argument| argument == "--walk") {
        println!("{}", walk());
        return Ok(ExitCode::SUCCESS);
    }
    let chassis = Chassis::builder().listener(listen()?);
    let chassis = chassis.set("management.listen", "127.0.0.1:0");
    // A line for each plugin is not what is measured.
    Ok(chassis.set("log.filter", "warn").main())
}
