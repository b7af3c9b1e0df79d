//! `chassis::main`: arguments, runtimes, signals, exit codes.

use crate::{
    chassis::{Chassis, ChassisBuilder, Stopped},
    config::Config,
    error::{Error, Result},
    telemetry,
};
use std::{path::PathBuf, process::ExitCode};

/// The exit code for arguments and configuration that can't be used (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// Runs a service: all plugins that are linked, the arguments of the process, its environment, its signals.
///
/// ```text
/// Usage: orders [--config FILE]
///
///   --config FILE   the configuration; by default ./config.yaml, if there is one
///   --help          show this
///   --version       show the version of the chassis
/// ```
///
/// The exit code is 0 after a stop in peace, 1 after a failed start or a stop that had to cut something off, and 64 for
/// arguments or a configuration that can't be used.
pub fn main() -> ExitCode {
    Chassis::builder().main()
}

impl ChassisBuilder {
    /// [`main`], with what this builder says.
    pub fn main(mut self) -> ExitCode {
        match arguments(std::env::args_os().skip(1)) {
            Ok(Asked::Run { config }) => {
                self.config = match config {
                    Some(file) => self.config.file(file),
                    None => self.config.default_file("."),
                }
                .process_environment();
            }
            Ok(Asked::Help) => {
                println!("{}", help());
                return ExitCode::SUCCESS;
            }
            Ok(Asked::Version) => {
                println!("chassis {}", env!("CARGO_PKG_VERSION"));
                return ExitCode::SUCCESS;
            }
            Err(message) => return refuse(&format!("{message}\n\n{}", help())),
        }
        let config = match self.build_config() {
            Ok(config) => config,
            Err(error) => return refuse(&error.report()),
        };
        match run(self, &config) {
            Ok(stopped) if stopped.is_graceful() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => {
                let is_config = error.code().name().starts_with("config.");
                // Where the log is off, it must be said all the same.
                if tracing::enabled!(tracing::Level::ERROR) {
                    tracing::error!("{}", error.report());
                } else {
                    eprintln!("error: {}", error.report());
                }
                if is_config {
                    ExitCode::from(USAGE)
                } else {
                    ExitCode::FAILURE
                }
            }
        }
    }
}

fn run(builder: ChassisBuilder, config: &Config) -> Result<Stopped> {
    telemetry::init(&config.settings().log)?;
    match config.file() {
        Some(file) => tracing::info!("configuration from {}", file.display()),
        None => tracing::info!("no config.yaml here: all settings are the defaults"),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::new()?;
        let starting = builder.start();
        let running = tokio::select! {
            running = starting => running?,
            name = signals.next() => return Err(Error::msg(format!("{name} came before the service was up"))),
        };
        let handle = running.handle();
        let stopping = running.until_stopped();
        let mut stopping = std::pin::pin!(stopping);
        tokio::select! {
            stopped = &mut stopping => return Ok(stopped),
            name = signals.next() => tracing::info!("{name}: stopping; a second signal ends at once"),
        }
        handle.shutdown();
        tokio::select! {
            stopped = stopping => Ok(stopped),
            name = signals.next() => Err(Error::msg(format!("a second signal ({name}) ended the service at once"))),
        }
    });
    // A plugin that blocks a thread can't keep the process alive.
    runtime.shutdown_background();
    outcome
}

/// The signals that end a service.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "Ctrl-C",
        }
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> &'static str {
        _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}

enum Asked {
    Run { config: Option<PathBuf> },
    Help,
    Version,
}

fn arguments(arguments: impl Iterator<Item = std::ffi::OsString>) -> Result<Asked, String> {
    let mut config = None;
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        match &*text {
            "--help" | "-h" => return Ok(Asked::Help),
            "--version" | "-V" => return Ok(Asked::Version),
            "--config" | "-c" => {
                let file = arguments
                    .next()
                    .ok_or("`--config` needs a file: `--config FILE`")?;
                config = Some(PathBuf::from(file));
            }
            _ => match text.strip_prefix("--config=") {
                Some(file) => config = Some(PathBuf::from(file)),
                None => return Err(format!("unknown argument `{text}`")),
            },
        }
    }
    Ok(Asked::Run { config })
}

fn help() -> String {
    let program = std::env::args().next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    format!(
        "Usage: {program} [--config FILE]\n\n  \
         --config FILE   the configuration; by default ./config.yaml, if there is one\n  \
         --help          show this\n  \
         --version       show the version of the chassis\n\n\
         Environment variables of the form CHASSIS__SERVER__LISTEN override the file;\n\
         RUST_LOG replaces `log.filter`."
    )
}

/// There is no log yet: on standard error.
fn refuse(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(USAGE)
}
