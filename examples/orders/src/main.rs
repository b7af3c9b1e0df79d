//! Runs the service; what it is made of stands in `lib.rs`.
#![forbid(unsafe_code)]

use chassis::Chassis;
use orders as _;

fn main() -> std::process::ExitCode {
    // `chassis::main()` would do; so the version is told as well.
    Chassis::builder()
        .service(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        .main()
}
