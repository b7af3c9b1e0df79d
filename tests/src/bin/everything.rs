//! A service with every plugin of this repository: its schemas are what the tables of settings are written from.
#![forbid(unsafe_code)]

use chassis::Chassis;

chassis::link!(
    chassis_config_directory,
    chassis_greeter,
    chassis_jwt_authentication,
    chassis_request_tracing
);

fn main() -> std::process::ExitCode {
    Chassis::builder()
        // Without a key it would not start, and none is built in.
        .set("plugins.jwt-authentication.enabled", false)
        .set("plugins.jwt-authentication.required", false)
        .main()
}
