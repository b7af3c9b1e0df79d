//! One request and its answer, as hooks see them.

use super::{
    Body, Request, Response,
    chain::Chain,
    layer::Slot,
    request::{ClientAddr, RequestContext, RequestId},
    route::RouteInfo,
    table::{Handling, RouteTable},
};
use crate::{
    error::{Error, Result, code},
    scope::Scope,
};
use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Limited};
use std::{any::Any, fmt, mem, net::SocketAddr, sync::Arc};
use tokio::time::Instant;

/// How a request ended, as far as is known when a post-response hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing has answered yet.
    Pending,
    /// The handler answered, or the chassis itself did with 404, 405 or 413.
    Answered,
    /// A hook, an around or a layer answered before the handler was called.
    AnsweredEarly,
    /// Something failed: a hook, the handler's guard, a mounted service.
    Failed,
    /// The handler panicked.
    Panicked,
    /// The request took longer than it may, or an around or a layer gave up on what is inside it.
    Deadline,
    /// The client went away; nobody reads the answer.
    ClientGone,
}

/// One request and its answer, as hooks see them: heads, not bodies.
///
/// On the way in, a hook may read and change the head of the request. On the way out it may read and change the
/// head of the response; method, path, route and what was [kept](Self::keep) are still there, the headers of the
/// request are not (the handler had them).
pub struct Exchange {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) extensions: Extensions,
    pub(super) body: Body,
    pub(super) response: Response,
    /// The headers that hooks have set on the way in, once there is an answer.
    early: HeaderMap,
    pub(super) outcome: Outcome,
    pub(super) cx: Arc<RequestContext>,
    pub(super) table: Arc<RouteTable>,
    pub(super) chain: Arc<Chain>,
    /// How many positions of the chain have been entered and not been left.
    pub(super) entered: usize,
    /// The innermost segment of the chain that was begun.
    pub(super) reached: usize,
    /// The instance whose hook is being called: what is kept is kept for it.
    pub(super) owner: u32,
    pub(super) max_body: usize,
    buffered: Option<Bytes>,
    kept: Vec<(u32, Box<dyn Any + Send>)>,
    started: Instant,
    rerouted: bool,
    /// Where the exchange itself is while it travels through a tower layer, and this is only its shell.
    pub(super) away: Option<Arc<Slot>>,
}

impl Exchange {
    pub(crate) fn new(
        request: http::Request<Body>,
        table: Arc<RouteTable>,
        scope: Scope,
        request_id: RequestId,
        client: ClientAddr,
        peer: SocketAddr,
        max_body: usize,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let (handling, params) = table.find(&parts.method, &parts.uri);
        let chain = Arc::clone(&handling.chain);
        Self {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            extensions: parts.extensions,
            body,
            response: Response::default(),
            early: HeaderMap::new(),
            outcome: Outcome::Pending,
            cx: Arc::new(RequestContext {
                scope,
                handling,
                params,
                request_id,
                client,
                peer,
            }),
            table,
            chain,
            entered: 0,
            reached: 0,
            owner: 0,
            max_body,
            buffered: None,
            kept: Vec::new(),
            started: Instant::now(),
            rerouted: false,
            away: None,
        }
    }

    /// The method of the request.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URI of the request.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Changes the URI of the request. The route stays the one that was matched, unless
    /// [`reroute`](Self::reroute) is called as well.
    pub fn set_uri(&mut self, uri: Uri) {
        self.uri = uri;
    }

    /// Has the route looked up again after this hook, for the URI and method as they are then. The hooks stay
    /// those of the route that was matched first.
    pub fn reroute(&mut self) {
        self.rerouted = true;
    }

    /// The HTTP version of the request.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The headers of the request; on the way out there are none.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The headers of the request, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The extensions of the request: what is put here, handlers can extract.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// The body of the request, if this hook asked for it with `body = buffered(..)`.
    pub fn body(&self) -> Option<&Bytes> {
        self.buffered.as_ref()
    }

    /// The route that was matched; none for 404 and 405, and below a mounted router.
    pub fn route(&self) -> Option<&RouteInfo> {
        self.cx.handling.info.as_deref()
    }

    /// The generation that this request sees.
    pub fn scope(&self) -> &Scope {
        &self.cx.scope
    }

    /// The id of the request.
    pub fn request_id(&self) -> &RequestId {
        &self.cx.request_id
    }

    /// The address that the request came from.
    pub fn client_addr(&self) -> ClientAddr {
        self.cx.client
    }

    /// When the head of the request had arrived.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How the request ended; [`Outcome::Pending`] on the way in.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The status of the response. On the way in it is 200, and means nothing.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Changes the status of the response.
    pub fn set_status(&mut self, status: StatusCode) {
        *self.response.status_mut() = status;
    }

    /// The headers of the response.
    pub fn response_headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The headers of the response, to be changed. What a hook sets on the way in is on the answer, whatever it
    /// will be, unless the answer has a header of that name itself.
    pub fn response_headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }

    /// Keeps a value for this plugin's other hook, until the response is out. One of each type.
    pub fn keep<K: Send + 'static>(&mut self, value: K) {
        let owner = self.owner;
        self.kept
            .retain(|(of, kept)| *of != owner || !kept.is::<K>());
        self.kept.push((owner, Box::new(value)));
    }

    /// What this plugin's other hook has kept.
    pub fn kept<K: Send + 'static>(&self) -> Option<&K> {
        self.kept
            .iter()
            .filter(|(of, _)| *of == self.owner)
            .find_map(|(_, kept)| kept.downcast_ref())
    }

    /// Reads the body, once for all hooks that ask for it.
    pub(super) async fn buffer(&mut self, limit: usize) -> Result<()> {
        if let Some(bytes) = &self.buffered {
            return if bytes.len() > limit {
                Err(too_large(limit))
            } else {
                Ok(())
            };
        }
        let body = Limited::new(mem::take(&mut self.body), limit);
        let bytes = match body.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(too_large(limit));
            }
            Err(error) => {
                return Err(Error::new(
                    code::BAD_REQUEST,
                    format!("the body can't be read: {error}"),
                ));
            }
        };
        self.body = Body::from(bytes.clone());
        self.buffered = Some(bytes);
        Ok(())
    }

    /// A hook that failed has asked for nothing.
    pub(super) fn forget_reroute(&mut self) {
        self.rerouted = false;
    }

    /// Looks the route up again, if a hook asked for it.
    #[inline]
    pub(super) fn follow_reroute(&mut self) {
        if mem::take(&mut self.rerouted) {
            let (handling, params) = self.table.find(&self.method, &self.uri);
            let RequestContext {
                scope,
                request_id,
                client,
                peer,
                ..
            } = &*self.cx;
            let (scope, request_id) = (scope.clone(), request_id.clone());
            let (client, peer) = (*client, *peer);
            self.cx = Arc::new(RequestContext {
                scope,
                handling,
                params,
                request_id,
                client,
                peer,
            });
        }
    }

    /// The request, for a handler. Method and URI stay behind as copies for the way out.
    pub(super) fn take_request(&mut self) -> Request {
        let mut request = Request::new(mem::take(&mut self.body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = mem::take(&mut self.headers);
        *request.extensions_mut() = mem::take(&mut self.extensions);
        request.extensions_mut().insert(Arc::clone(&self.cx));
        request
    }

    /// The request, as an around or a layer has left it.
    pub(super) fn put_request(&mut self, request: Request) {
        let (parts, body) = request.into_parts();
        self.method = parts.method;
        self.uri = parts.uri;
        self.version = parts.version;
        self.headers = parts.headers;
        self.extensions = parts.extensions;
        self.body = body;
    }

    /// The answer; headers that hooks have set on the way in are added to it.
    pub(super) fn put_response(&mut self, mut response: Response, outcome: Outcome) {
        if self.outcome == Outcome::Pending {
            self.early = mem::take(self.response.headers_mut());
        }
        // They stay: an around, a layer or a hook on the way out may put another answer in place of this one.
        if !self.early.is_empty() && response.extensions_mut().remove::<HasEarly>().is_none() {
            for name in self.early.keys() {
                if !response.headers().contains_key(name) {
                    for value in self.early.get_all(name) {
                        response.headers_mut().append(name, value.clone());
                    }
                }
            }
        }
        self.response = response;
        self.outcome = outcome;
    }

    pub(crate) fn take_response(&mut self) -> Response {
        mem::take(&mut self.response)
    }

    /// The answer, for an around or a layer to pass on, or to put another in its place.
    pub(super) fn lend_response(&mut self) -> Response {
        let mut response = self.take_response();
        if !self.early.is_empty() {
            response.extensions_mut().insert(HasEarly);
        }
        response
    }

    pub(super) fn handling(&self) -> &Arc<Handling> {
        &self.cx.handling
    }

    /// The exchange itself, leaving a shell behind.
    pub(super) fn take(&mut self) -> Self {
        let shell = Self {
            method: Method::GET,
            uri: Uri::default(),
            version: self.version,
            headers: HeaderMap::new(),
            extensions: Extensions::new(),
            body: Body::empty(),
            response: Response::default(),
            early: HeaderMap::new(),
            outcome: self.outcome,
            cx: Arc::clone(&self.cx),
            table: Arc::clone(&self.table),
            chain: Arc::clone(&self.chain),
            entered: 0,
            reached: 0,
            owner: 0,
            max_body: self.max_body,
            buffered: None,
            kept: Vec::new(),
            started: self.started,
            rerouted: false,
            away: None,
        };
        mem::replace(self, shell)
    }
}

/// On an answer that has the headers already that hooks have set on the way in: a hook on the way out may have
/// removed them on purpose.
#[derive(Clone)]
struct HasEarly;

fn too_large(limit: usize) -> Error {
    Error::new(
        code::BODY_TOO_LARGE,
        format!("the body is larger than {limit} bytes"),
    )
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // Whoever drops an exchange before its end (the client went away, a layer gave up) owes the hooks that
        // have seen the request their way out.
        if self.entered > 0 {
            let mut rest = self.take();
            rest.outcome = Outcome::ClientGone;
            Chain::abandon(rest);
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("route", &self.route().map(|route| &route.path))
            .field("status", &self.response.status())
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
