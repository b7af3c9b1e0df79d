//! The run itself: runtimes, signals, and how the process ends.

use super::{
    USAGE, places,
    table::{Cell, Table},
};
use crate::{
    chassis::{ChassisBuilder, Running},
    config::{Config, LogFormat},
    error::{Result, code},
    handle::ChassisHandle,
    telemetry,
};
use std::{io::IsTerminal as _, pin::pin, process::ExitCode, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Runs the service until it is told to stop.
pub(super) fn run(mut builder: ChassisBuilder) -> ExitCode {
    let config = match builder.check() {
        Ok(config) => config,
        Err(error) => return places::refuse(&builder, &error),
    };
    // A table for people who watch it start; lines for whoever reads them later.
    let log = &config.settings().log;
    builder.is_watched = log.format == LogFormat::Pretty && std::io::stderr().is_terminal();
    match run_with(builder, &config) {
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

/// Whether it was a stop in peace.
fn run_with(mut builder: ChassisBuilder, config: &Config) -> Result<bool> {
    let log = telemetry::init(&config.settings().log, &builder.metrics.stalls)?;
    builder.levels = Some(Arc::new(log));
    telemetry::record(&builder.metrics, &config.settings().metrics);
    match config.file() {
        Some(file) => tracing::info!("configuration from {}", file.display()),
        None => tracing::info!("no config.yaml here: all settings are the defaults"),
    }
    if let Some(profile) = config.profile() {
        tracing::info!("with the profile {profile}");
    }
    if let Some(local) = config.local_file().filter(|file| file.exists()) {
        tracing::info!("with what operators have changed: {}", local.display());
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
    let (stop, is_watched) = (builder.stop.clone(), builder.is_watched);
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
            if is_watched {
                eprint!("{}", table(&running.handle()));
            }
            if reload_after {
                reload(&running.handle());
            }
            Ok(Some(running))
        }
    }
}

/// The plugins in order, and how long each took, for people.
fn table(handle: &ChassisHandle) -> String {
    let header = ["plugin", "version", "state", "init", "start", "reason"];
    let mut table = Table::new(&header, &std::io::stderr());
    for report in handle.plugins().into_iter().flatten() {
        let (init, start) = report.took_ms();
        let took =
            |ms: Option<f64>| Cell::from(ms.map_or(String::new(), |ms| format!("{ms:.1}ms")));
        table.row([
            (*report.name).into(),
            (*report.version).into(),
            Cell::state(report.state),
            took(init),
            took(start),
            report.reason().unwrap_or_default().into(),
        ]);
    }
    table.text()
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
    // What was changed while another one was running is to be seen as well.
    tokio::spawn(async move { _ = handle.reload_in_turn().await });
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
