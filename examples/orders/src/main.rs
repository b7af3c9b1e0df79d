//! Runs the service; what it is made of stands in `lib.rs`.
#![forbid(unsafe_code)]

use orders as _;

fn main() -> std::process::ExitCode {
    chassis::main()
}
