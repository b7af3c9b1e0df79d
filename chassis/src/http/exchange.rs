//! One request and its answer, as hooks see them.

use super::{
    Body, Request, Response,
    body::limited,
    chain::Chain,
    gate::Judged,
    layer::Slot,
    outcome::Outcome,
    problem::problem,
    request::{Arrived, ClientAddr, RequestContext},
    route::RouteInfo,
    table::{Handling, RouteTable},
    timing::Timing,
};
use crate::{
    error::{BoxError, Error, Result, code},
    metrics::RouteMeter,
    request_id::RequestId,
    scope::Scope,
};
use bytes::Bytes;
use http::{
    Extensions, HeaderMap, Method, StatusCode, Uri, Version, header::Entry, request::Parts,
};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt as _, Limited};
use std::{
    any::Any,
    fmt, mem,
    sync::{Arc, LazyLock, OnceLock},
};
use tokio::time::Instant;

/// One request and its answer, as hooks see them: heads rather than bodies.
///
/// On the way in, a hook may read and change the head of the request. On the way out it may read and change the
/// head of the response; method, path, route and what was [kept](Self::keep) are still there, the headers of the
/// request are not (the handler had them).
pub struct Exchange {
    /// As hooks have left it; once a handler has the request, only its method, URI and version.
    head: Parts,
    body: Body,
    /// Whether the request came with a body.
    pub(super) has_body: bool,
    /// None on the way in.
    pub(super) response: Option<Response>,
    /// The headers of the response that hooks have set on the way in.
    early: Option<HeaderMap>,
    pub(super) outcome: Outcome,
    pub(crate) cx: RequestContext,
    /// The same, for whoever keeps it. Most requests are answered without anybody who does.
    pub(super) shared: Option<Arc<RequestContext>>,
    pub(super) table: Arc<RouteTable>,
    /// That of the route that was matched first, once another was.
    first: Option<Arc<Chain>>,
    /// How many positions of the chain have been entered and not been left.
    pub(super) entered: usize,
    /// The innermost segment of the chain that was begun.
    pub(super) reached: usize,
    /// The instance whose hook is being called: what is kept is kept for it.
    pub(super) owner: u32,
    pub(super) max_body: usize,
    buffered: Option<Bytes>,
    kept: Vec<(u32, Box<dyn Any + Send>)>,
    rerouted: bool,
    /// What took how long, if somebody may know.
    pub(super) timing: Option<Box<Timing>>,
    /// What the gate before its route has decided.
    pub(super) judged: Option<Box<Judged>>,
    /// Where the exchange itself is while it travels through a tower layer, and this is only its shell.
    pub(super) away: Option<Arc<Slot>>,
}

impl Exchange {
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a request is large, and each call moves it"
    )]
    pub(crate) fn new<B>(
        request: http::Request<B>,
        table: &Arc<RouteTable>,
        arrived: Arrived,
        max_body: usize,
    ) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (handling, params) = table.find(request.method(), request.uri());
        // Most requests have no body; it needs no box then.
        let has_body = !request.body().is_end_stream();
        let (head, body) = request.into_parts();
        Self {
            head,
            body: match has_body {
                true => Body::new(body),
                false => Body::empty(),
            },
            has_body,
            response: None,
            early: None,
            outcome: Outcome::Pending,
            cx: RequestContext {
                arrived,
                handling,
                params,
                principal: OnceLock::new(),
            },
            shared: None,
            table: Arc::clone(table),
            first: None,
            entered: 0,
            reached: 0,
            owner: 0,
            max_body,
            buffered: None,
            kept: Vec::new(),
            rerouted: false,
            timing: None,
            judged: None,
            away: None,
        }
    }

    /// Puts an error into the body once more of it was read than is allowed.
    #[inline]
    pub(crate) fn limit_body(&mut self) {
        if self.has_body {
            let body = mem::take(&mut self.body);
            self.body = limited(&mut self.head, body, self.max_body);
        }
    }

    /// The method of the request.
    pub fn method(&self) -> &Method {
        &self.head.method
    }

    /// The URI of the request.
    pub fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// Changes the URI of the request. The route stays the one that was matched, unless
    /// [`reroute`](Self::reroute) is called as well.
    pub fn set_uri(&mut self, uri: Uri) {
        self.head.uri = uri;
    }

    /// Has the route looked up again after this hook, for the URI and method as they are then. The hooks stay
    /// those of the route that was matched first.
    pub fn reroute(&mut self) {
        self.rerouted = true;
    }

    /// The HTTP version of the request.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The headers of the request; on the way out there are none.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The headers of the request, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.head.headers
    }

    /// The extensions of the request: what is put here, handlers can extract.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.head.extensions
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
        &self.cx.arrived.scope
    }

    /// The id of the request.
    pub fn request_id(&self) -> &RequestId {
        self.cx.arrived.scope.cause().id()
    }

    /// The address that the request came from.
    pub fn client_addr(&self) -> ClientAddr {
        self.cx.arrived.client
    }

    /// Whether the client came by https: a proxy that `server.trusted_proxies` lists says so in `X-Forwarded-Proto`; anybody
    /// else's word does not count.
    pub fn is_secure(&self) -> bool {
        self.cx.arrived.is_secure
    }

    /// When the head of the request had arrived.
    pub fn started(&self) -> Instant {
        self.cx.arrived.at
    }

    /// How the request ended; [`Outcome::Pending`] on the way in.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The status of the response. On the way in it is 200, and means nothing.
    pub fn status(&self) -> StatusCode {
        self.response
            .as_ref()
            .map_or(StatusCode::OK, Response::status)
    }

    /// Changes the status of the response; on the way in there is none.
    pub fn set_status(&mut self, status: StatusCode) {
        if let Some(response) = &mut self.response {
            *response.status_mut() = status;
        }
    }

    /// The headers of the response.
    pub fn response_headers(&self) -> &HeaderMap {
        match (&self.response, &self.early) {
            (Some(response), _) => response.headers(),
            (None, Some(early)) => early,
            (None, None) => &NO_HEADERS,
        }
    }

    /// The headers of the response, to be changed. What a hook sets on the way in is on the answer, whatever it
    /// will be, unless the answer has a header of that name itself.
    pub fn response_headers_mut(&mut self) -> &mut HeaderMap {
        match &mut self.response {
            Some(response) => response.headers_mut(),
            None => self.early.get_or_insert_default(),
        }
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
        if self.rerouted {
            self.find_route();
        }
    }

    #[cold]
    fn find_route(&mut self) {
        self.rerouted = false;
        self.first
            .get_or_insert(Arc::clone(&self.cx.handling.chain));
        let (handling, params) = self.table.find(self.method(), self.uri());
        self.cx.handling = handling;
        self.cx.params = params;
        if let Some(shared) = self.shared.take() {
            let now = shared.arrived.scope.cause();
            self.cx.arrived.scope.cause_mut().take_trace(now);
        }
    }

    /// The request, for a handler. Method and URI stay behind as copies for the way out.
    pub(crate) fn take_request(&mut self) -> Request {
        let mut request = Request::new(mem::take(&mut self.body));
        request.method_mut().clone_from(&self.head.method);
        request.uri_mut().clone_from(&self.head.uri);
        *request.version_mut() = self.head.version;
        mem::swap(request.headers_mut(), &mut self.head.headers);
        mem::swap(request.extensions_mut(), &mut self.head.extensions);
        let cx = &self.cx;
        let shared = self.shared.get_or_insert_with(|| Arc::new(cx.clone()));
        // An around hands on the request that has it already.
        let known: Option<&Arc<RequestContext>> = request.extensions().get();
        if !known.is_some_and(|known| Arc::ptr_eq(known, shared)) {
            request.extensions_mut().insert(Arc::clone(shared));
        }
        request
    }

    /// A handler that had no use for the request has left it behind. On the way out nobody should see the difference.
    #[inline]
    pub(super) fn leave_request(&mut self) {
        if self.entered == 0 {
            return;
        }
        self.head.headers.clear();
        self.head.extensions.clear();
    }

    /// The request, as an around or a layer has left it.
    pub(super) fn put_request(&mut self, request: Request) {
        (self.head, self.body) = request.into_parts();
    }

    /// The answer; headers that hooks have set on the way in are added to it.
    pub(super) fn put_response(&mut self, mut response: Response, outcome: Outcome) {
        if let Some(early) = &self.early {
            add(early, &mut response);
        }
        self.response = Some(response);
        self.outcome = outcome;
    }

    /// The guard has caught a failure.
    #[cold]
    pub(super) fn fail(&mut self, error: Error) {
        let outcome = match error.code() {
            code if code == code::PANIC => Outcome::Panicked,
            code if code == code::DEADLINE => Outcome::Deadline,
            _ => Outcome::Failed,
        };
        self.put_response(problem(error), outcome);
    }

    /// Whether only the head of the answer was asked for.
    pub(crate) fn is_head(&self) -> bool {
        self.cx.arrived.is_head
    }

    /// The answer, once there is one.
    pub(crate) fn response(&self) -> Option<&Response> {
        self.response.as_ref()
    }

    pub(crate) fn take_response(&mut self) -> Response {
        self.response.take().unwrap_or_default()
    }

    /// The answer, for an around or a layer to pass on, or to put another in its place.
    pub(super) fn lend_response(&mut self) -> Response {
        let mut response = self.take_response();
        if self.early.is_some() {
            response.extensions_mut().insert(HasEarly);
        }
        response
    }

    /// The chain that it goes through.
    pub(super) fn chain(&self) -> &Arc<Chain> {
        self.first.as_ref().unwrap_or(&self.cx.handling.chain)
    }

    pub(super) fn handling(&self) -> &Arc<Handling> {
        &self.cx.handling
    }

    /// Where its route is counted.
    pub(crate) fn meter(&self) -> &Arc<RouteMeter> {
        &self.cx.handling.meter
    }

    /// The exchange itself, leaving a shell behind.
    pub(super) fn take(&mut self) -> Self {
        let shell = Self {
            head: no_head(),
            body: Body::empty(),
            has_body: self.has_body,
            response: None,
            early: None,
            outcome: self.outcome,
            cx: self.cx.clone(),
            shared: self.shared.clone(),
            table: Arc::clone(&self.table),
            first: self.first.clone(),
            entered: 0,
            reached: 0,
            owner: 0,
            max_body: self.max_body,
            buffered: None,
            kept: Vec::new(),
            rerouted: false,
            timing: None,
            judged: None,
            away: None,
        };
        mem::replace(self, shell)
    }
}

/// On an answer that has the headers already that hooks have set on the way in: a hook on the way out may have
/// removed them on purpose.
#[derive(Clone)]
struct HasEarly;

/// Adds the headers that hooks have set on the way in. They stay: an around, a layer or a hook on the way out may put
/// another answer in place of this one.
fn add(early: &HeaderMap, response: &mut Response) {
    if response.extensions_mut().remove::<HasEarly>().is_some() {
        return;
    }
    for name in early.keys() {
        // What the answer says itself goes before.
        if let Entry::Vacant(place) = response.headers_mut().entry(name) {
            let mut values = early.get_all(name).iter().cloned();
            if let Some(first) = values.next() {
                let mut place = place.insert_entry(first);
                values.for_each(|value| place.append(value));
            }
        }
    }
}

static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

fn no_head() -> Parts {
    http::Request::new(()).into_parts().0
}

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
            .field("method", self.method())
            .field("uri", self.uri())
            .field("route", &self.route().map(|route| &route.path))
            .field("status", &self.status())
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}
