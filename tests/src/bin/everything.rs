//! A service with every plugin of this repository: its schemas are what the tables of settings are written from.
#![forbid(unsafe_code)]

chassis::link!(
    chassis_config_directory,
    chassis_greeter,
    chassis_rate_limit,
    chassis_request_tracing
);

fn main() -> std::process::ExitCode {
    chassis::main()
}
