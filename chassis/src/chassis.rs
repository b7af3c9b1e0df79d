//! The life of a service on one screen.

use crate::{
    config::{Config, ConfigBuilder, Overrides, Settings},
    error::{Error, Result},
    handle::ChassisHandle,
    http::Mount,
    listening::{Move, Which},
    management,
    metrics::Metrics,
    plugin::{LinkedPlugin, Registration, registration},
    registry::Registry,
    reload::Reloader,
    server::Server,
    status::PluginState,
    telemetry::Levels,
};
use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;

mod supervisor;
pub(crate) mod collecting;
pub(crate) mod exporting;
mod watching;
mod stalling;
mod survey;

use supervisor::Supervisor;
pub(crate) use survey::Whereabouts;

/// A service that is made of plugins: see [`Chassis::builder`].
#[derive(Debug)]
pub struct Chassis(());

/// What a configuration file does not say about a service.
///
/// ```no_run
/// use chassis::prelude::*;
///
/// # async fn run() -> Result<()> {
/// let running = Chassis::builder()
///     .router(axum::Router::new().route("/", axum::routing::get(|| async { "hello" })))
///     .set("server.listen", "127.0.0.1:0")
///     .start()
///     .await?;
/// println!("listening on {}", running.service_address());
/// running.stop().await;
/// # Ok(())
/// # }
/// ```
pub struct ChassisBuilder {
    pub(crate) config: ConfigBuilder,
    linked: bool,
    by_hand: Vec<Registration>,
    /// What is wrong with what it was told, until somebody wants to know.
    errors: Vec<Error>,
    routers: Vec<Mount>,
    listener: Option<TcpListener>,
    pub(crate) management: bool,
    /// Whether people watch it start: then a table stands for the lines about the plugins.
    pub(crate) is_watched: bool,
    /// What the facade `metrics` records into, if it records into this service.
    pub(crate) metrics: Arc<Metrics>,
    /// Those of the log, if it is the service's own.
    pub(crate) levels: Option<Arc<Levels>>,
    /// Cancelled by whoever wants the service to stop, also before it is up.
    pub(crate) stop: CancellationToken,
}

impl Chassis {
    /// A service with every plugin that is linked, and settings by default.
    pub fn builder() -> ChassisBuilder {
        ChassisBuilder {
            config: Config::builder().service(executable(), "0.0.0"),
            linked: true,
            by_hand: Vec::new(),
            errors: Vec::new(),
            routers: Vec::new(),
            listener: None,
            management: true,
            is_watched: false,
            metrics: Arc::default(),
            levels: None,
            stop: CancellationToken::new(),
        }
    }
}

impl ChassisBuilder {
    /// Names the service, for logs and management. By default it is called as its executable is.
    #[must_use]
    pub fn service(mut self, name: &str, version: &str) -> Self {
        self.config = self.config.service(name, version);
        self
    }

    /// Reads this configuration file, which must exist. Environment variables of the form `CHASSIS__SERVER__LISTEN`
    /// override it.
    #[must_use]
    pub fn config_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = self.config.file(file).process_environment();
        self
    }

    /// Takes this text as a configuration file; `name` is what errors call it.
    #[must_use]
    pub fn config_text(mut self, name: &str, yaml: impl Into<String>) -> Self {
        self.config = self.config.yaml(name, yaml);
        self
    }

    /// Sets one value, over whatever the file and the environment say: `.set("server.listen", "127.0.0.1:0")`.
    #[must_use]
    pub fn set(mut self, path: &str, value: impl Into<serde_json::Value>) -> Self {
        self.config = self.config.set(path, value);
        self
    }

    /// Adds a plugin that carries `#[plugin]`. One that is linked takes part anyway.
    #[must_use]
    pub fn plugin<P: LinkedPlugin>(mut self) -> Self {
        match registration::<P>() {
            Ok(registration) => self.by_hand.push(registration),
            Err(error) => self.errors.push(error),
        }
        self
    }

    /// Adds a plugin that was registered by hand.
    #[must_use]
    pub fn register(mut self, registration: Registration) -> Self {
        self.by_hand.push(registration);
        self
    }

    /// Leaves out all linked plugins: only those that are added by hand take part.
    #[must_use]
    pub fn without_linked_plugins(mut self) -> Self {
        self.linked = false;
        self
    }

    /// Mounts an axum router beneath the routes of the plugins: with its state, nested routers, layers, fallback. It may
    /// be called again.
    #[must_use]
    #[track_caller]
    pub fn router(mut self, router: axum::Router) -> Self {
        self.routers.push(Mount::here("service".into(), router));
        self
    }

    /// The same with an OpenAPI 3.1 document that tells what the router answers, as
    /// [`Contributions::router_with_openapi`](crate::Contributions::router_with_openapi).
    #[must_use]
    #[track_caller]
    pub fn router_with_openapi(
        mut self,
        router: axum::Router,
        document: serde_json::Value,
    ) -> Self {
        let mount = Mount::here("service".into(), router);
        self.routers.push(mount.described(document));
        self
    }

    /// Listens on a socket that is bound already, rather than on `server.listen`.
    #[must_use]
    pub fn listener(mut self, listener: TcpListener) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Starts the service on the runtime that this is called on. Every plugin has started when it is done.
    ///
    /// The log is left to the caller; [`main`](Self::main) is for programs that leave everything to the chassis.
    ///
    /// # Errors
    ///
    /// If the configuration is wrong, an address is taken, the plugins can't be put in order, or a required one fails.
    pub async fn start(self) -> Result<Running> {
        let supervisor = Supervisor::on_a_thread()?;
        self.start_on(supervisor).await
    }

    pub(crate) async fn start_on(mut self, supervisor: Supervisor) -> Result<Running> {
        let workers = Handle::current();
        let reloader = self.prepare(&workers)?;
        let config = reloader.read()?;
        let credentials = reloader.credentials(&config)?;
        let settings = config.settings().clone();
        let alive = Alive(Arc::clone(&reloader));
        let stop = self.stop.clone();
        if let Some(levels) = &self.levels {
            _ = reloader.log.set(Arc::clone(levels));
        }
        let handle = ChassisHandle::new(&reloader, supervisor.handle().clone(), stop.clone())
            .with_log(self.levels.take());

        let server = Arc::new(Server::new(
            Arc::clone(&reloader.current),
            settings.server.clone(),
            settings.shutdown.idle_linger,
            workers.clone(),
        ));
        let mut operators = Vec::new();
        if self.management {
            let (handle, runtime) = (handle.clone(), supervisor.handle().clone());
            let management = management::Listener::new(handle, credentials.clone(), runtime);
            operators.push((Which::Management, Arc::new(management)));
        }
        let metrics = management::Listener::of_metrics(handle.clone(), supervisor.handle().clone());
        operators.push((Which::Metrics, Arc::new(metrics)));
        let listening = &reloader.listening;
        listening.add(Which::Service, Arc::clone(&server) as _);
        for (which, listener) in &operators {
            listening.add(*which, Arc::clone(listener) as _);
        }
        // Before anything starts: a taken port should be told at once, and addresses be known.
        let handed = self.listener.take();
        let handed = handed.map(|listener| listening.take(Which::Service, listener));
        let mut moves: Vec<_> = handed.transpose()?.into_iter().collect();
        moves.extend(listening.prepare(&config, &moves)?);
        listening.note(&moves);
        handle.called(&settings.service);
        let (service, others) = moves.into_iter().partition(Move::is_of_service);
        listening.begin(others).await;

        let look = stalling::look(Arc::downgrade(&reloader));
        supervisor.handle().spawn(look);
        let first = Arc::clone(&reloader);
        let mut first = supervisor
            .handle()
            .spawn(async move { first.first(config, service).await });
        tokio::select! {
            made = &mut first => made??,
            () = stop.cancelled() => {
                // What was begun is rolled back, not left behind.
                reloader.warn_of_waiting();
                reloader.begin_closing();
                first.await??;
            }
        }
        reloader.started().await;
        let watch = watching::reload_on_change(Arc::clone(&reloader));
        let watching = supervisor.handle().spawn(watch);
        if let Some(credentials) = credentials {
            let until = Arc::clone(&reloader);
            let reread = watching::reread_on_change(credentials, until, settings.reload.poll);
            supervisor.handle().spawn(reread);
        }
        let collect = collecting::collect(Arc::downgrade(&reloader));
        supervisor.handle().spawn(collect);
        let export = exporting::export(Arc::downgrade(&reloader));
        supervisor.handle().spawn(export);

        let running = Running {
            reloader,
            server,
            settings,
            supervisor,
            stop,
            handle,
            operators: operators
                .into_iter()
                .map(|(_, listener)| listener)
                .collect(),
            watching,
            _alive: alive,
        };
        running.announce(self.is_watched);
        Ok(running)
    }

    /// Everything but the sockets: what a test needs.
    pub(crate) fn prepare(&mut self, workers: &Handle) -> Result<Arc<Reloader>> {
        Error::all(std::mem::take(&mut self.errors)).map_or(Ok(()), Err)?;
        if cfg!(panic = "abort") {
            tracing::warn!(
                "built with `panic = \"abort\"`: a panic in a plugin ends the process, and can't be contained"
            );
        }
        let registry = Registry::new(self.linked, std::mem::take(&mut self.by_hand))?;
        let config = self.config.clone();
        let source = Box::new(move |overrides: &Overrides| {
            config.clone().overrides(overrides.clone()).draft()
        });
        Ok(Arc::new(Reloader::new(
            registry,
            source,
            std::mem::take(&mut self.routers),
            workers.clone(),
            Arc::clone(&self.metrics),
        )))
    }
}

impl fmt::Debug for ChassisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChassisBuilder")
            .field("plugins", &self.by_hand)
            .finish_non_exhaustive()
    }
}

/// A service that runs. Dropped, it ends at once; [`stop`](Self::stop) ends it in peace.
#[derive(Debug)]
pub struct Running {
    reloader: Arc<Reloader>,
    server: Arc<Server>,
    settings: Settings,
    supervisor: Supervisor,
    stop: CancellationToken,
    handle: ChassisHandle,
    /// Those who answer operators and scrapers.
    operators: Vec<Arc<management::Listener>>,
    watching: JoinHandle<()>,
    _alive: Alive,
}

/// Dropped, nothing serves any more and no task runs: for services that are dropped rather than stopped, and for starts
/// that are given up half way.
#[derive(Debug)]
struct Alive(Arc<Reloader>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// How a service ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stopped {
    /// How many connections had to be cut off, because `shutdown.grace` was over.
    pub cut_off: usize,
    /// What went wrong when the plugins were stopped, each with its plugin.
    pub errors: Vec<Error>,
}

impl Stopped {
    /// Whether nothing was cut off, and nothing failed.
    pub fn is_graceful(&self) -> bool {
        self.cut_off == 0 && self.errors.is_empty()
    }
}

impl Running {
    /// Where the service listens. A reload may change it.
    pub fn service_address(&self) -> SocketAddr {
        let address = self.reloader.listening.address(Which::Service);
        // There always is one: a service has `server.listen`, or was handed a listener.
        address.unwrap_or(self.settings.server.listen)
    }

    /// Where the management endpoints listen. A reload may change it.
    pub fn management_address(&self) -> Option<SocketAddr> {
        self.reloader.listening.address(Which::Management)
    }

    /// Where metrics are listened for, if `metrics.listen` is set. A reload may change it.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.reloader.listening.address(Which::Metrics)
    }

    /// A handle to the service, for other tasks.
    pub fn handle(&self) -> ChassisHandle {
        self.handle.clone()
    }

    /// Waits until somebody calls [`ChassisHandle::shutdown`], and then stops.
    pub async fn until_stopped(self) -> Stopped {
        self.stop.cancelled().await;
        self.stop().await
    }

    /// Stops: not ready, then deregistered, then no new connections, then the end of those that are open, then the plugins in reverse.
    pub async fn stop(self) -> Stopped {
        let Self {
            reloader,
            server,
            settings,
            supervisor,
            operators,
            watching,
            _alive,
            ..
        } = self;
        reloader.begin_closing();
        // The load balancer looks away first.
        tokio::time::sleep(settings.shutdown.delay).await;
        if !reloader.desk.leave_untold() {
            let leaving = Arc::clone(&reloader);
            let leave = async move { leaving.leave().await };
            _ = supervisor.handle().spawn(leave).await;
        }
        let cut_off = server.drain(settings.shutdown.grace).await;
        let stopping = Arc::clone(&reloader);
        let stopping = supervisor
            .handle()
            .spawn(async move { stopping.stop(exporting::last(&stopping)).await });
        let errors = stopping.await.unwrap_or_else(|error| vec![error.into()]);
        // Until now it has answered; whoever binds its port next must find it free.
        for listener in operators {
            listener.end().await;
        }
        // It holds what was stopped, so that handles would find it.
        _ = watching.await;
        supervisor.end();
        let stopped = Stopped { cut_off, errors };
        if stopped.is_graceful() {
            tracing::info!("stopped");
        } else {
            tracing::warn!(
                cut_off,
                errors = stopped.errors.len(),
                "stopped, but not in peace"
            );
        }
        stopped
    }

    /// One line per plugin, in order, one per address, and one for all that do not run.
    fn announce(&self, is_watched: bool) {
        let service = &self.settings.service;
        let reports = self.handle.plugins().unwrap_or_default();
        for report in reports.into_iter().filter(|_| !is_watched) {
            let (init, start) = report.took_ms();
            let took = init.map(|init| format!("{:.1}ms", init + start.unwrap_or(0.0)));
            let took = took.map(tracing::field::display);
            let plugin = (report.plugin != report.name).then_some(&*report.plugin);
            let (name, version, state) = (&report.name, &report.version, report.state);
            if state.is_alive() || state == PluginState::Disabled {
                tracing::info!(
                    plugin,
                    took,
                    reason = report.reason(),
                    "{name} {version} {state}"
                );
            } else {
                tracing::warn!(
                    plugin,
                    took,
                    reason = report.reason(),
                    "{name} {version} {state}"
                );
            }
        }
        if let Some(address) = self.management_address() {
            tracing::info!("management on http://{address}");
        }
        if let Some(address) = self.metrics_address() {
            tracing::info!("metrics on http://{address}/metrics");
        }
        tracing::info!(service = %service.name, version = %service.version, "service on http://{}", self.service_address());
        self.reloader.warn_of_idle();
    }
}

/// The name of the program, without its directory and ending.
pub(crate) fn executable() -> String {
    let path = std::env::current_exe().ok();
    let name = path
        .as_deref()
        .and_then(|path| path.file_stem())
        .map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "service".to_owned())
}
