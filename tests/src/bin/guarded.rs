//! A service that asks who callers are. It is not part of `everything`: there, all is for everybody.
#![forbid(unsafe_code)]

// No secret is built in: it has one from a directory.
chassis::link!(chassis_config_directory, chassis_jwt_authentication);

fn main() -> std::process::ExitCode {
    chassis::main()
}
