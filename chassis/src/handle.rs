//! The handle of a running service: in code what the management endpoints do over HTTP.

use crate::{
    config::{ConfigReport, ServiceSettings},
    error::{Error, Result, code},
    generation::Generation,
    http::{Body, Response},
    reload::{GenerationReport, Reloader},
    report::{Addresses, Explanation, PluginReport, PluginStatus, PointReport, ServiceReport},
    scope::Scope,
    service,
    services::{Holder, Services},
    telemetry::{ChangedLevel, Levels, LogReport},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock, Weak},
    thread,
    time::{Duration, Instant, SystemTime},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

mod change;
mod persisting;
mod eyes;

pub use persisting::Persisting;

/// The handle of a running service. Cheap to clone; it keeps nothing alive, and answers with the error `closed` once
/// the service has stopped.
#[derive(Clone)]
pub struct ChassisHandle {
    reloader: Weak<Reloader>,
    supervisor: Handle,
    stop: CancellationToken,
    birth: Arc<Birth>,
    /// Those of the log, if it is the service's own.
    levels: Option<Arc<Levels>>,
}

/// What is known of the service from its start on, and never changes.
struct Birth {
    started: SystemTime,
    since: Instant,
    told: OnceLock<ServiceSettings>,
}

impl ChassisHandle {
    pub(crate) fn new(
        reloader: &Arc<Reloader>,
        supervisor: Handle,
        stop: CancellationToken,
    ) -> Self {
        let birth = Birth {
            started: SystemTime::now(),
            since: Instant::now(),
            told: OnceLock::new(),
        };
        Self {
            reloader: Arc::downgrade(reloader),
            supervisor,
            stop,
            birth: Arc::new(birth),
            levels: None,
        }
    }

    pub(crate) fn with_log(mut self, levels: Option<Arc<Levels>>) -> Self {
        self.levels = levels;
        self
    }

    /// Tells what the service is called until its first generation says so.
    pub(crate) fn called(&self, service: &ServiceSettings) {
        _ = self.birth.told.set(service.clone());
    }

    pub(crate) fn reloader(&self) -> Result<Arc<Reloader>> {
        self.reloader
            .upgrade()
            .ok_or_else(|| Error::new(code::CLOSED, "the service has stopped"))
    }

    /// Whether requests are served, and should come: [`readiness`](Self::readiness) says why not.
    pub fn is_ready(&self) -> bool {
        self.reloader
            .upgrade()
            .is_some_and(|reloader| reloader.not_ready().is_none())
    }

    /// Enters the generation that serves now, for one unit of work.
    ///
    /// # Errors
    ///
    /// If nothing serves, yet or any more.
    pub fn enter(&self) -> Result<Scope> {
        self.reloader()?.current.scope().ok_or_else(|| {
            Error::new(
                code::CLOSED,
                "the service does not run yet, or not any more",
            )
        })
    }

    /// The registry of services. What is registered there stays until the service stops, or until it is deregistered.
    pub fn services(&self) -> Services {
        let reloader = self.reloader.upgrade();
        let desk = reloader.map_or_else(Weak::new, |reloader| Arc::downgrade(&reloader.desk));
        Services::new(desk, Holder::Handle)
    }

    /// Serves a request that did not come over `server.listen`: for other servers, and for programs that call themselves.
    /// It passes the same hooks and limits; `peer` is who sent it. As long as the body of the response lives, so does the
    /// generation that it comes from.
    ///
    /// ```
    /// # use chassis::{Body, prelude::*};
    /// # use std::net::SocketAddr;
    /// async fn warm_up(handle: chassis::ChassisHandle) -> Result<StatusCode> {
    ///     let request = Request::new(Body::empty());
    ///     let peer = SocketAddr::from(([127, 0, 0, 1], 0));
    ///     Ok(handle.serve(request, peer).await?.status())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If the service has stopped. Where nothing serves yet, the answer is 503.
    pub async fn serve(&self, request: http::Request<Body>, peer: SocketAddr) -> Result<Response> {
        let reloader = self.reloader()?;
        let (response, lease) = service::answer(&reloader.current, request, peer).await;
        Ok(service::held(response, lease).map(Body::new))
    }

    /// All instances that are known, in plugin order.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn plugins(&self) -> Result<Vec<PluginReport>> {
        Ok(PluginReport::all(&*self.reloader()?))
    }

    /// One instance.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the error names the nearest.
    pub fn plugin(&self, name: &str) -> Result<PluginReport> {
        PluginReport::one(&*self.reloader()?, name)
    }

    /// All instances at a glance, by name.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn status(&self) -> Result<BTreeMap<Arc<str>, PluginStatus>> {
        let all = self.plugins()?;
        Ok(all
            .iter()
            .map(|report| (Arc::clone(&report.name), report.status()))
            .collect())
    }

    /// Why a plugin stands where it stands, or does not run. It answers while the service starts, too.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the error names the nearest, and the line that may be missing.
    pub fn explain(&self, name: &str) -> Result<Explanation> {
        Explanation::of(&*self.reloader()?, name)
    }

    /// All extension points, with what stands at them.
    ///
    /// # Errors
    ///
    /// If nothing serves.
    pub fn extension_points(&self) -> Result<Vec<PointReport>> {
        PointReport::all(&*self.reloader()?)
    }

    /// The order of the plugins, as JSON.
    ///
    /// # Errors
    ///
    /// If nothing serves.
    pub fn graph(&self) -> Result<Value> {
        self.in_generation(|generation| generation.order.to_json(&generation.nodes))
    }

    /// The order of the plugins, as a flowchart for Mermaid.
    ///
    /// # Errors
    ///
    /// If nothing serves.
    pub fn graph_mermaid(&self) -> Result<String> {
        self.in_generation(|generation| generation.order.to_mermaid(&generation.nodes))
    }

    /// The order of the plugins, as a graph for `dot -Tsvg`.
    ///
    /// # Errors
    ///
    /// If nothing serves.
    pub fn graph_dot(&self) -> Result<String> {
        self.in_generation(|generation| generation.order.to_dot(&generation.nodes))
    }

    fn in_generation<R>(&self, read: impl FnOnce(&Generation) -> R) -> Result<R> {
        Ok(read(&self.reloader()?.serving()?.0))
    }

    /// The service as a whole: its name, its age, where it listens.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn info(&self) -> Result<ServiceReport> {
        let reloader = self.reloader()?;
        let lease = reloader.current.enter(0);
        let told = self.birth.told.get().cloned().unwrap_or_default();
        let config = lease.as_ref().map(|lease| &lease.0.config);
        let service = config.map_or(told, |config| config.settings().service.clone());
        Ok(ServiceReport {
            name: service.name,
            version: service.version,
            chassis: env!("CARGO_PKG_VERSION"),
            ready: reloader.not_ready().is_none(),
            generation: lease.as_ref().map(|lease| lease.0.number),
            probation: reloader.probation(),
            plugins: reloader.records().len(),
            started: self.birth.started,
            uptime_ms: u64::try_from(self.birth.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            pid: std::process::id(),
            addresses: Addresses::of(&reloader.listening),
            config_file: config.and_then(|config| config.file()).map(Into::into),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cpus: thread::available_parallelism().ok().map(Into::into),
            debug: cfg!(debug_assertions),
        })
    }

    /// The configuration of the generation that serves, with the origin of each value and without the secrets.
    ///
    /// # Errors
    ///
    /// If nothing serves.
    pub fn config(&self) -> Result<ConfigReport> {
        let reloader = self.reloader()?;
        let lease = reloader.serving()?;
        let schemas = reloader.registry.schemas(&lease.0.config);
        Ok(lease.0.config.report(&schemas))
    }

    /// The generations that serve, drain, or have ended lately; the newest first.
    ///
    /// # Errors
    ///
    /// If the service has stopped.
    pub fn generations(&self) -> Result<Vec<GenerationReport>> {
        Ok(self.reloader()?.generations())
    }

    /// The levels of the log.
    pub fn log_levels(&self) -> LogReport {
        self.levels
            .as_ref()
            .map_or_else(LogReport::of_nobody, |levels| levels.report())
    }

    /// Gives a target of the log (`orders::store`; `root` is all that no other names) another level, from `off` to `trace`,
    /// for a time of at most a day. What `log.filter` says of targets below it stays.
    ///
    /// # Errors
    ///
    /// If the log is not the service's own: only [`main`](crate::main) installs one (`log.not_owned`). If the target, the
    /// level or the time is none.
    pub fn set_log_level(
        &self,
        target: &str,
        level: &str,
        lasts: Duration,
    ) -> Result<ChangedLevel> {
        self.levels()?.set(target, level, lasts, &self.supervisor)
    }

    /// Gives a target of the log its own level back, before its time.
    ///
    /// # Errors
    ///
    /// If the log is not the service's own, or the target has its own level.
    pub fn reset_log_level(&self, target: &str) -> Result<()> {
        self.levels()?.reset(target)
    }

    fn levels(&self) -> Result<&Arc<Levels>> {
        self.levels.as_ref().ok_or_else(|| {
            let message =
                "the log is not this service's: somebody else has installed it, or nobody";
            Error::new(code::LOG_NOT_OWNED, message).with_help(
                "`chassis::main` installs one; what you have installed is yours to change",
            )
        })
    }

    /// Asks the service to stop, as SIGTERM does.
    pub fn shutdown(&self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for ChassisHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChassisHandle")
            .field("ready", &self.is_ready())
            .finish_non_exhaustive()
    }
}
