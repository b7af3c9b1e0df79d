//! `chassis::main`: arguments, runtimes, signals, exit codes.

use crate::{
    chassis::{Chassis, ChassisBuilder, Running},
    config::Config,
    error::{Result, code},
    handle::ChassisHandle,
    telemetry,
};
use std::{path::PathBuf, pin::pin, process::ExitCode, time::Duration};
use tokio::time::Instant;

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
/// SIGTERM and Ctrl-C stop it; a second one, a second later or more, ends it at once. SIGHUP reloads it.
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
        let config = match self.check() {
            Ok(config) => config,
            Err(error) => return refuse(&error.report()),
        };
        match run(self, &config) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
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

/// Whether it was a stop in peace.
fn run(builder: ChassisBuilder, config: &Config) -> Result<bool> {
    telemetry::init(&config.settings().log)?;
    match config.file() {
        Some(file) => tracing::info!("configuration from {}", file.display()),
        None => tracing::info!("no config.yaml here: all settings are the defaults"),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(live(builder));
    // A plugin that blocks a thread can't keep the process alive.
    runtime.shutdown_background();
    outcome
}

/// A signal that comes again this soon is the same one: GNU `timeout` sends it to the process and to its group.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// Starts, serves and stops, as the signals say; whether it was a stop in peace.
async fn live(builder: ChassisBuilder) -> Result<bool> {
    let mut signals = Signals::new()?;
    let Some(running) = start(builder, &mut signals).await? else {
        return Ok(false);
    };
    let handle = running.handle();
    let mut stopping = pin!(running.until_stopped());
    loop {
        tokio::select! {
            stopped = &mut stopping => return Ok(stopped.is_graceful()),
            signal = signals.next() => match signal {
                Signal::Reload => reload(&handle),
                Signal::End(name) => {
                    tracing::info!("{name}: stopping; a second signal ends at once");
                    break;
                }
            },
        }
    }
    let since = Instant::now();
    handle.shutdown();
    loop {
        tokio::select! {
            stopped = &mut stopping => return Ok(stopped.is_graceful()),
            signal = signals.next() => match signal {
                Signal::Reload => tracing::warn!("SIGHUP: no reload, the service is stopping"),
                Signal::End(name) => if is_second(name, since) {
                    return Ok(false);
                }
            },
        }
    }
}

/// The service, once it is up; none if a signal came before.
async fn start(builder: ChassisBuilder, signals: &mut Signals) -> Result<Option<Running>> {
    let stop = builder.stop.clone();
    let mut starting = pin!(builder.start());
    let (mut reload_after, mut given_up) = (false, None::<Instant>);
    let running = loop {
        tokio::select! {
            running = &mut starting => break running,
            signal = signals.next() => match (signal, given_up) {
                (Signal::Reload, _) => {
                    tracing::info!("SIGHUP: the service will reload once it is up");
                    reload_after = true;
                }
                (Signal::End(name), None) => {
                    tracing::warn!("{name}: the start is given up; a second signal ends at once");
                    given_up = Some(Instant::now());
                    stop.cancel();
                }
                (Signal::End(name), Some(since)) => if is_second(name, since) {
                    return Ok(None);
                }
            },
        }
    };
    match running {
        Err(error) if given_up.is_some() && error.code() == code::CLOSED => {
            tracing::info!("stopped before the service was up");
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(running) => {
            if reload_after {
                reload(&running.handle());
            }
            Ok(Some(running))
        }
    }
}

/// Whether a signal after the first is a second one, rather than the first again; either is logged.
fn is_second(name: &str, since: Instant) -> bool {
    let is_second = since.elapsed() >= SAME_SIGNAL;
    if is_second {
        tracing::warn!("a second signal ({name}) ended the service at once");
    } else {
        tracing::debug!("{name} came again at once: still stopping");
    }
    is_second
}

/// Begins a reload, which logs its own end.
fn reload(handle: &ChassisHandle) {
    tracing::info!("SIGHUP: reloading");
    let handle = handle.clone();
    tokio::spawn(async move { _ = handle.reload().await });
}

enum Signal {
    /// End the service; the name, for people.
    End(&'static str),
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "there is no such signal elsewhere")
    )]
    Reload,
}

/// The signals that a service obeys.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::End("SIGTERM"),
            _ = self.interrupt.recv() => Signal::End("Ctrl-C"),
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        _ = tokio::signal::ctrl_c().await;
        Signal::End("Ctrl-C")
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
