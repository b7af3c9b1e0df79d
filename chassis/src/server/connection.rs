//! One connection: HTTP/1 or HTTP/2, with a watchdog, and a way to end in peace.

use super::{
    Shared,
    activity::{Activity, InFlight},
    bell::Belled,
    socket::Socket,
    upgraded::Upgraded,
};
use crate::{
    error::BoxError,
    generation::{Lease, StreamKind},
    http::Held,
    metrics::Active,
    service,
};
use http::{HeaderValue, Method, StatusCode, Version, header};
use hyper::{
    body::Incoming,
    rt::bounds::Http2ServerConnExec,
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit, time::Instant};

/// Serves a connection to its end, or to its upgrade. It keeps its slot until its socket is closed.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    slot: Option<OwnedSemaphorePermit>,
) {
    // Without this, answers that need more than one write can wait 40 ms for an acknowledgement.
    _ = stream.set_nodelay(true);
    let activity = Activity::new();
    let mut socket = Socket::new(stream, Arc::clone(&shared), Arc::clone(&activity), slot);
    let should_leave = AtomicBool::new(false);
    let mut watch = Belled::new(watch(&shared, &activity, peer, &should_leave));

    let is_http2 = {
        let mut begins = pin!(socket.is_http2());
        poll_fn(|cx| {
            if let Poll::Ready(is_http2) = begins.as_mut().poll(cx) {
                return Poll::Ready(Some(is_http2));
            }
            if watch.poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            // It is to leave before it has said anything: HTTP/1 knows how.
            match should_leave.load(Relaxed) {
                true => Poll::Ready(Some(Ok(false))),
                false => Poll::Pending,
            }
        })
        .await
    };
    let is_http2 = match is_http2 {
        Some(Ok(is_http2)) => is_http2,
        Some(Err(error)) => return ended_badly(peer, &error),
        None => return,
    };

    let client = Client {
        shard: shared.current.shard(),
        shared: Arc::clone(&shared),
        activity: Arc::clone(&activity),
        peer,
    };
    let socket = TokioIo::new(socket);
    let ended = if is_http2 {
        // Each of its streams is a task.
        let client = Arc::new(client);
        let answer = service_fn(move |request| {
            let client = Arc::clone(&client);
            async move { answer(&client, request).await }
        });
        let connection = http2(&shared).serve_connection(socket, answer);
        speak(pin!(connection), &mut watch, &activity, &should_leave).await
    } else {
        let answer = service_fn(|request| answer(&client, request));
        let connection = http1(&shared).serve_connection(socket, answer);
        let connection = pin!(connection.with_upgrades());
        speak(connection, &mut watch, &activity, &should_leave).await
    };
    if activity.is_upgraded() && ended.is_some() {
        activity.hand_over(Upgraded::new(Arc::clone(&shared), peer));
    }
    if let Some(Err(error)) = ended {
        ended_badly(peer, &error);
    }
}

fn ended_badly(peer: SocketAddr, error: &impl std::fmt::Display) {
    tracing::debug!(%peer, %error, "connection ended with an error");
}

/// Speaks HTTP to the end of the connection; none if the watch ended it.
async fn speak<C: Connection>(
    mut connection: Pin<&mut C>,
    watch: &mut Belled<impl Future<Output = ()>>,
    activity: &Activity,
    should_leave: &AtomicBool,
) -> Option<hyper::Result<()>> {
    poll_fn(|cx| {
        activity.poll();
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if watch.poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            if !should_leave.load(Relaxed) {
                return Poll::Pending;
            }
            should_leave.store(false, Relaxed);
            connection.as_mut().leave();
        }
    })
    .await
}

/// A connection of either HTTP.
trait Connection: Future<Output = hyper::Result<()>> {
    /// Ends it in peace.
    fn leave(self: Pin<&mut Self>);
}

impl<S> Connection for http1::UpgradeableConnection<Io, S>
where
    Self: Future<Output = hyper::Result<()>>,
    S: HttpService<Incoming>,
    S::Error: Into<BoxError>,
    S::ResBody: http_body::Body<Error: Into<BoxError>> + 'static,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Connection for http2::Connection<Io, S, TokioExecutor>
where
    Self: Future<Output = hyper::Result<()>>,
    S: HttpService<Incoming>,
    S::Error: Into<BoxError>,
    S::ResBody: http_body::Body<Error: Into<BoxError>> + 'static,
    TokioExecutor: Http2ServerConnExec<S::Future, S::ResBody>,
{
    fn leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

type Io = TokioIo<Socket>;

fn http1(shared: &Shared) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // hyper's own time-out for heads costs a timer per request; the watchdog is one per connection.
    builder
        .writev(false)
        .max_buf_size(shared.settings.max_header.max(8_192))
        .header_read_timeout(None);
    builder
}

fn http2(shared: &Shared) -> http2::Builder<TokioExecutor> {
    let list = u32::try_from(shared.settings.max_header).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .max_header_list_size(list)
        .max_concurrent_streams(256);
    builder
}

/// Whoever is at the other end of a connection.
struct Client {
    shared: Arc<Shared>,
    activity: Arc<Activity>,
    shard: usize,
    peer: SocketAddr,
}

async fn answer(
    client: &Client,
    mut request: http::Request<Incoming>,
) -> Result<http::Response<Held<(Option<(Option<Arc<Lease>>, Active)>, InFlight)>>, Infallible> {
    let Client {
        shared,
        activity,
        shard,
        peer,
    } = client;
    let in_flight = activity.request();
    let is_http1 = request.version() < Version::HTTP_2;
    let is_connect = request.method() == Method::CONNECT;
    let Some(lease) = shared.current.enter(*shard) else {
        return Ok(service::held(service::closed(), (None, in_flight)));
    };
    let is_measured = service::is_measured(&shared.current, &mut request, *peer);
    let mut exchange = service::begin(&lease, request, *peer, activity.arrived());
    if is_measured {
        exchange.measure();
    }
    let counting = service::Counting::new(&exchange);
    service::serve(&mut exchange, &lease, &counting, &shared.cut).await;
    let mut response = service::finish(&mut exchange, &counting);
    let is_upgrade = is_http1
        && (response.status() == StatusCode::SWITCHING_PROTOCOLS
            || is_connect && response.status().is_success());
    if is_http1 && !is_upgrade && shared.is_draining.load(Relaxed) {
        // A client that honours this never meets a closed connection.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let streams = &shared.current.streams;
    if is_upgrade {
        let (route, passed) = (exchange.route_shared(), exchange.passed());
        let stream = streams.open(StreamKind::Upgraded, &lease.0, route, &passed);
        let to = response.headers().get(header::UPGRADE);
        let is_websocket = to.is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        activity.upgrade(stream, is_websocket);
    }
    let (response, lease) = service::keep(response, &exchange, lease, streams);
    Ok(service::held(
        response,
        (Some((lease, counting.active)), in_flight),
    ))
}

/// Waits for the end that a connection does not come to by itself. Before that it says when the connection should
/// leave in peace.
async fn watch(shared: &Shared, activity: &Activity, peer: SocketAddr, should_leave: &AtomicBool) {
    let mut leaving: Option<Instant> = None;
    let (mut was_asked, mut was_counted) = (false, false);
    let first_look = shared
        .settings
        .header_timeout
        .min(shared.settings.idle_timeout);
    let mut look = pin!(tokio::time::sleep(first_look));
    loop {
        tokio::select! {
            () = shared.cut.cancelled() => {
                if activity.is_busy() {
                    shared.cut_off.fetch_add(1, Relaxed);
                    tracing::warn!(%peer, "connection cut off: it took longer than `shutdown.grace`");
                }
                return;
            }
            () = shared.draining.cancelled(), if leaving.is_none() => {
                leaving = Some(Instant::now());
                if activity.is_http2() {
                    // GOAWAY; streams that are open, or on their way, are finished.
                    should_leave.store(true, Relaxed);
                } else {
                    look.as_mut().reset(Instant::now());
                }
            }
            () = shared.roll_call.cancelled(), if leaving.is_some() && !was_counted => {
                was_counted = true;
                shared.busy.fetch_add(usize::from(activity.is_busy()), Relaxed);
            }
            () = look.as_mut() => match next_look(shared, activity, leaving) {
                Verdict::LookAgain(after) => {
                    look.as_mut().reset(Instant::now() + after);
                }
                Verdict::Leave if was_asked && !activity.is_busy() => {
                    tracing::debug!(%peer, "connection closed: the client did not say goodbye");
                    return;
                }
                Verdict::Leave => {
                    was_asked = true;
                    activity.leave();
                    should_leave.store(true, Relaxed);
                    look.as_mut().reset(Instant::now() + shared.settings.idle_timeout);
                }
                Verdict::TooSlow => {
                    tracing::debug!(%peer, "connection closed: its request head took longer than `server.header_timeout`");
                    activity.give_up();
                    return;
                }
            }
        }
    }
}

/// How often a busy connection is looked at, at most.
const BUSY: Duration = Duration::from_millis(100);

enum Verdict {
    LookAgain(Duration),
    /// Idle for too long: end in peace.
    Leave,
    TooSlow,
}

fn next_look(shared: &Shared, activity: &Activity, leaving: Option<Instant>) -> Verdict {
    let settings = &shared.settings;
    if let Some(pending) = activity.head_pending() {
        if pending >= settings.header_timeout {
            return Verdict::TooSlow;
        }
        return Verdict::LookAgain(settings.header_timeout - pending);
    }
    // It turned out to be HTTP/2 after the drain had begun: GOAWAY does there what waiting does for HTTP/1.
    if leaving.is_some() && activity.is_http2() {
        return Verdict::Leave;
    }
    // Somebody who is about to send a request on a connection that looks idle should get his answer, with
    // `Connection: close` on it. So an idle connection is not closed at once.
    let (patience, idle) = match leaving {
        Some(since) => (
            shared.idle_linger,
            activity.idle().map(|idle| idle.min(since.elapsed())),
        ),
        None => (settings.idle_timeout, activity.idle()),
    };
    match idle {
        Some(idle) if idle >= patience => Verdict::Leave,
        // A head may begin to arrive in the meantime, and be slow.
        Some(idle) => Verdict::LookAgain((patience - idle).min(settings.header_timeout)),
        // `idle_linger` may be 0.
        None => Verdict::LookAgain(patience.min(settings.header_timeout).max(BUSY)),
    }
}
