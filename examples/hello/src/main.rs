//! The smallest service. Run it with `cargo run -p hello`, then `curl localhost:8080/hello/Ada`.
#![forbid(unsafe_code)]

use chassis::prelude::*;
use std::process::ExitCode;

/// Greets callers by name.
#[plugin]
async fn hello(cx: &mut PluginContext) -> Result<()> {
    cx.get("/hello/{name}", async |Path(name): Path<String>| {
        format!("Hello, {name}!\n")
    });
    Ok(())
}

fn main() -> ExitCode {
    chassis::main()
}
