//! One connection: HTTP/1 or HTTP/2, with a watchdog, and a way to end in peace.

use super::{Shared, activity::Activity, socket::Socket, upgraded::Upgraded};
use crate::{http::Body, service};
use http::{HeaderValue, Method, StatusCode, Version, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
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
    let socket = Socket::new(stream, Arc::clone(&shared), Arc::clone(&activity), slot);
    let socket = TokioIo::new(socket);
    let shard = shared.current.shard();

    let handle = {
        let (shared, activity) = (Arc::clone(&shared), Arc::clone(&activity));
        move |request: http::Request<Incoming>| {
            let (shared, activity) = (Arc::clone(&shared), Arc::clone(&activity));
            async move {
                let in_flight = activity.request();
                let is_http1 = request.version() < Version::HTTP_2;
                let is_connect = request.method() == Method::CONNECT;
                let request = request.map(Body::new);
                let (mut response, lease) =
                    service::serve_until(&shared.cut, &shared.current, shard, request, peer).await;
                let is_upgrade = is_http1
                    && (response.status() == StatusCode::SWITCHING_PROTOCOLS
                        || is_connect && response.status().is_success());
                if is_http1 && !is_upgrade && shared.draining.is_cancelled() {
                    // A client that honours this never meets a closed connection.
                    response
                        .headers_mut()
                        .insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                if is_upgrade {
                    activity.upgrade(lease.clone());
                }
                Ok::<_, Infallible>(service::held(response, (lease, in_flight)))
            }
        }
    };

    let builder = builder(&shared);
    let mut connection = pin!(builder.serve_connection_with_upgrades(socket, service_fn(handle)));
    let mut leaving: Option<Instant> = None;
    let (mut was_asked, mut was_counted) = (false, false);
    let first_look = shared
        .settings
        .header_timeout
        .min(shared.settings.idle_timeout);
    let mut watchdog = pin!(tokio::time::sleep(first_look));
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if activity.is_upgraded() {
                    activity.hand_over(Upgraded::new(Arc::clone(&shared), peer));
                }
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "connection ended with an error");
                }
                return;
            }
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
                    connection.as_mut().graceful_shutdown();
                } else {
                    watchdog.as_mut().reset(Instant::now());
                }
            }
            // Only then: each branch that is on costs something at every poll.
            () = shared.roll_call.cancelled(), if leaving.is_some() && !was_counted => {
                was_counted = true;
                shared.busy.fetch_add(usize::from(activity.is_busy()), Relaxed);
            }
            () = watchdog.as_mut() => match next_look(&shared, &activity, leaving) {
                Verdict::LookAgain(after) => {
                    watchdog.as_mut().reset(Instant::now() + after);
                }
                Verdict::Leave if was_asked && !activity.is_busy() => {
                    tracing::debug!(%peer, "connection closed: the client did not say goodbye");
                    return;
                }
                Verdict::Leave => {
                    was_asked = true;
                    activity.leave();
                    connection.as_mut().graceful_shutdown();
                    watchdog.as_mut().reset(Instant::now() + shared.settings.idle_timeout);
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

fn builder(shared: &Shared) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // hyper's own time-out for heads costs a timer per request; the watchdog is one per connection.
    let max_header = shared.settings.max_header;
    builder
        .http1()
        .writev(false)
        .max_buf_size(max_header.max(8_192))
        .header_read_timeout(None);
    let list = u32::try_from(max_header).unwrap_or(u32::MAX);
    builder
        .http2()
        .max_header_list_size(list)
        .max_concurrent_streams(256);
    builder
}

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
