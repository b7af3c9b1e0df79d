//! A service with every plugin of this repository: its schemas are what the tables of settings are written from.
#![forbid(unsafe_code)]

chassis::link!(
    chassis_compression,
    chassis_config_directory,
    chassis_cors,
    chassis_custom_metrics,
    chassis_greeter,
    chassis_rate_limit,
    chassis_request_tracing,
    chassis_security_headers,
    chassis_structured_logging,
    chassis_timeout
);

fn main() -> std::process::ExitCode {
    chassis::main()
}
