//! `TestChassis`: a service in a test, without ports, in virtual time; and what every transport of events has to do.

use crate::{
    chassis::{Chassis, ChassisBuilder, collecting::collect, exporting},
    error::{Error, Result},
    handle::ChassisHandle,
    http::{Body, Response, error_of},
    info::PluginInfo,
    lifecycle::{self, Anew},
    metrics::Recorder,
    plugin::{LinkedPlugin, Registration},
    reload::{Reloaded, Reloader, Wanted},
    status::PluginState,
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::{Serialize, de::DeserializeOwned};
use std::{net::SocketAddr, sync::Arc};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

mod transport;

pub use self::transport::{TransportEnds, transport_conformance};

/// A service in a test: no ports, no threads. Under `#[tokio::test(start_paused = true)]` its time is virtual, so that
/// deadlines pass at once.
///
/// ```
/// use chassis::{prelude::*, testing::TestChassis};
///
/// /// Answers `GET /ping`.
/// #[plugin]
/// async fn ping(cx: &mut PluginContext) -> Result<()> {
///     cx.get("/ping", async || "pong");
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let app = TestChassis::with::<ping>().start().await?;
/// assert_eq!(app.get("/ping").await.text(), "pong");
/// assert_eq!(app.get("/pong").await.status(), 404);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestChassis {
    reloader: Arc<Reloader>,
    handle: ChassisHandle,
}

/// A test service that is about to start.
#[derive(Debug)]
#[must_use = "a service is started by `start`"]
pub struct TestBuilder(ChassisBuilder);

impl TestChassis {
    /// A service with no plugins but those that are added.
    pub fn builder() -> TestBuilder {
        TestBuilder(Chassis::builder().without_linked_plugins())
    }

    /// A service with every plugin that is linked into the test.
    pub fn linked() -> TestBuilder {
        TestBuilder(Chassis::builder())
    }

    /// A service with this plugin.
    pub fn with<P: LinkedPlugin>() -> TestBuilder {
        Self::builder().plugin::<P>()
    }
}

impl TestBuilder {
    /// Adds a plugin that carries `#[plugin]`.
    pub fn plugin<P: LinkedPlugin>(self) -> Self {
        Self(self.0.plugin::<P>())
    }

    /// Adds a plugin that was registered by hand.
    pub fn register(self, registration: Registration) -> Self {
        Self(self.0.register(registration))
    }

    /// Takes this YAML as the configuration; errors call it `test.yaml`.
    pub fn config(self, yaml: impl Into<String>) -> Self {
        Self(self.0.config_text("test.yaml", yaml))
    }

    /// Sets one value, over whatever the configuration says.
    pub fn set(self, path: &str, value: impl Into<serde_json::Value>) -> Self {
        Self(self.0.set(path, value))
    }

    /// Reads the configuration from a file, which a test can change before it reloads.
    pub fn config_file(self, file: impl Into<std::path::PathBuf>) -> Self {
        Self(self.0.config_file(file))
    }

    /// Mounts an axum router.
    #[track_caller]
    pub fn router(self, router: axum::Router) -> Self {
        Self(self.0.router(router))
    }

    /// Starts the service on the runtime of the test.
    ///
    /// # Errors
    ///
    /// As [`ChassisBuilder::start`].
    pub async fn start(mut self) -> Result<TestChassis> {
        let reloader = self.0.prepare(&Handle::current())?;
        let config = reloader.read()?;
        _ = reloader.credentials(&config)?;
        let handle = ChassisHandle::new(&reloader, Handle::current(), CancellationToken::new());
        reloader.first(config, Vec::new()).await?;
        // A test captures it; nobody should have to guess why a route is not there.
        for plugin in handle.plugins().into_iter().flatten() {
            if let Some(reason) = plugin.reason() {
                eprintln!("plugin `{}` is {}: {reason}", plugin.name, plugin.state);
            }
        }
        reloader.started().await;
        tokio::spawn(collect(Arc::downgrade(&reloader)));
        tokio::spawn(exporting::export(Arc::downgrade(&reloader)));
        Ok(TestChassis { reloader, handle })
    }

    /// Starts a service that must not start, and gives its error.
    ///
    /// # Panics
    ///
    /// If it starts.
    pub async fn start_error(self) -> Error {
        match self.start().await {
            Ok(_) => panic!("the service has started, and should not have"),
            Err(error) => error,
        }
    }
}

impl TestChassis {
    /// Sends a `GET`.
    pub async fn get(&self, path: &str) -> TestResponse {
        self.request(Method::GET, path).await
    }

    /// Sends a `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> TestResponse {
        self.send(json(Method::POST, path, body)).await
    }

    /// Sends a request without a body.
    pub async fn request(&self, method: Method, path: &str) -> TestResponse {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("the path of a test is valid");
        self.send(request).await
    }

    /// Sends any request. It comes from 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If the body of the response fails.
    pub async fn send(&self, request: Request<Body>) -> TestResponse {
        let (head, body) = self.send_streaming(request).await.into_parts();
        let body = body
            .collect()
            .await
            .expect("the body of the response can be read")
            .to_bytes();
        TestResponse {
            error: error_of(&head.extensions),
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// Sends any request, and gives the response with its body unread. As long as the body lives, so does the
    /// generation that it comes from.
    pub async fn send_streaming(&self, request: Request<Body>) -> Response {
        let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
        let served = self.handle.serve(request, peer).await;
        served.expect("the service lives as long as the test")
    }

    /// The metrics of the service, as `GET /metrics` shows them.
    ///
    /// # Panics
    ///
    /// Not as long as this exists.
    pub fn metrics(&self) -> String {
        self.handle
            .metrics()
            .expect("the service lives as long as the test")
    }

    /// Has recorded into this service what this function records through the facade `metrics`: what `chassis::main` does for
    /// the whole process.
    pub fn recording<R>(&self, work: impl FnOnce() -> R) -> R {
        let recorder = Recorder::new(Arc::clone(&self.reloader.metrics));
        metrics::with_local_recorder(&recorder, work)
    }

    /// The handle of the service.
    pub fn handle(&self) -> &ChassisHandle {
        &self.handle
    }

    /// The state of an instance.
    ///
    /// # Panics
    ///
    /// If there is no such instance.
    pub fn state(&self, plugin: &str) -> PluginState {
        self.handle
            .plugin(plugin)
            .expect("there is such a plugin")
            .state
    }

    /// Builds the next generation.
    ///
    /// # Errors
    ///
    /// As [`ChassisHandle::reload`].
    pub async fn reload(&self) -> Result<Reloaded> {
        self.reloader.reload(Wanted::default()).await
    }

    /// Builds the next generation, and every instance of it anew.
    ///
    /// # Errors
    ///
    /// As [`ChassisHandle::reload_all`].
    pub async fn reload_all(&self) -> Result<Reloaded> {
        self.reloader.reload(Anew::All.into()).await
    }

    /// Stops the plugins; their errors.
    pub async fn stop(self) -> Vec<Error> {
        self.reloader.stop(exporting::last(&self.reloader)).await
    }
}

/// A JSON request, for [`TestChassis::send`].
///
/// # Panics
///
/// If the path is not one, or the body has no JSON form.
pub fn json(method: Method, path: &str, body: &impl Serialize) -> Request<Body> {
    let body = serde_json::to_vec(body).expect("the body of a test has a JSON form");
    let request = Request::builder().method(method).uri(path);
    let request = request
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len());
    request
        .body(Body::from(body))
        .expect("the path of a test is valid")
}

/// A response, read to its end.
#[derive(Clone, Debug)]
pub struct TestResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    error: Option<Arc<Error>>,
}

impl TestResponse {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header, if it is there and a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The error behind the answer, if the chassis knows one: also what the client is not told.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// All headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as a text.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is a text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).expect("the body is JSON of this type")
    }
}

/// The names of these plugins in the order in which they start.
///
/// ```
/// use chassis::{PluginInfo, testing};
///
/// let web = PluginInfo::new("web", "1.0.0")?.requires(["store ^2"]);
/// let store = PluginInfo::new("store", "2.1.0")?;
/// assert_eq!(testing::order(&[web, store])?, ["store", "web"]);
/// # Ok::<(), chassis::Error>(())
/// ```
///
/// # Errors
///
/// If there is none: something is missing, of another version, or in a cycle. All errors are gathered.
pub fn order(plugins: &[PluginInfo]) -> Result<Vec<String>> {
    let nodes: Vec<_> = plugins.iter().map(|info| info.node(&info.name)).collect();
    let order = lifecycle::order(&nodes)?;
    Ok(order
        .sequence
        .iter()
        .map(|&index| nodes[index].name.to_string())
        .collect())
}
