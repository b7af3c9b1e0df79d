//! Tower layers in the onion.
//!
//! A layer wants a service that owns everything it needs; an exchange is borrowed by those outside. So the exchange
//! travels through a layer in a slot in the request's extensions: the shell that stays behind knows the slot, and
//! whoever gives up on the inside (a time-out layer, a client that went away) puts the exchange back into it.

use super::{Body, Request, Response, exchange::Exchange};
use crate::{
    call::{BoxFuture, Site},
    error::{BoxError, Error, Result, code},
};
use bytes::Bytes;
use http_body::Body as HttpBody;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tower::{Layer, Service, ServiceExt as _, timeout::error::Elapsed, util::BoxCloneSyncService};

/// A tower layer with what it stands around, for one generation.
pub(crate) struct Layered {
    pub(crate) site: Arc<Site>,
    pub(crate) service: BoxCloneSyncService<Request, Response, BoxError>,
}

/// A tower layer as an instance contributes it. It is applied anew for each generation: what it shares between
/// requests has to sit in the layer, not in the service it makes.
pub(crate) type LayerFn =
    Arc<dyn Fn() -> BoxCloneSyncService<Request, Response, BoxError> + Send + Sync>;

/// Makes a contribution of a layer.
pub(crate) fn erase<L, B>(layer: L) -> LayerFn
where
    L: Layer<Inside> + Send + Sync + 'static,
    L::Service: Service<Request, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Error: Into<BoxError>,
    <L::Service as Service<Request>>::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Arc::new(move || {
        let service = layer.layer(Inside(()));
        let service = service
            .map_response(|response: http::Response<B>| response.map(Body::new))
            .map_err(Into::into);
        BoxCloneSyncService::new(service)
    })
}

/// Where an exchange is on its way through a layer.
pub(crate) struct Slot {
    segment: usize,
    exchange: Mutex<Option<Exchange>>,
}

impl Slot {
    fn take(&self) -> Option<Exchange> {
        self.exchange
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn put(&self, exchange: Exchange) {
        *self.exchange.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }
}

/// Sends an exchange through a layer.
pub(super) async fn travel(
    layered: &Layered,
    segment: usize,
    exchange: &mut Exchange,
) -> Result<Response> {
    let mut request = exchange.take_request();
    let slot = Arc::new(Slot {
        segment,
        exchange: Mutex::new(Some(exchange.take())),
    });
    request.extensions_mut().insert(Arc::clone(&slot));
    exchange.away = Some(slot);
    let service = layered.service.clone();
    let failed = |error: BoxError| {
        // tower's own time-out keeps its meaning for the client.
        let code = if error.is::<Elapsed>() {
            code::DEADLINE
        } else {
            code::INTERNAL
        };
        Error::new(code, format!("a tower layer failed: {error}")).with_source(error)
    };
    let answer = async { service.oneshot(request).await.map_err(failed) };
    let response = layered.site.run(answer).await;
    recall(exchange);
    response
}

/// Gets an exchange back that travelled through a layer, if it did.
pub(super) fn recall(exchange: &mut Exchange) {
    while let Some(slot) = exchange.away.take() {
        if let Some(home) = slot.take() {
            *exchange = home;
        }
    }
}

/// What a layer stands around: the rest of the chain.
#[derive(Clone, Debug)]
pub struct Inside(());

impl Service<Request> for Inside {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        Box::pin(async move {
            let slot = request.extensions_mut().remove::<Arc<Slot>>();
            let Some((slot, exchange)) = slot.and_then(|slot| slot.take().map(|ex| (slot, ex)))
            else {
                let message =
                    "a tower layer made a request of its own, without the extensions of the first";
                return Ok(super::problem(Error::msg(message)));
            };
            let mut home = GoesHome {
                slot,
                exchange: Some(exchange),
            };
            let (segment, exchange) = (home.slot.segment, home.exchange.as_mut());
            let Some(exchange) = exchange else {
                return Ok(Response::default());
            };
            exchange.put_request(request);
            let chain = Arc::clone(exchange.chain());
            chain.inner(segment, exchange).await;
            Ok(exchange.lend_response())
        })
    }
}

/// Puts an exchange back into its slot, also if the future that has it is dropped.
struct GoesHome {
    slot: Arc<Slot>,
    exchange: Option<Exchange>,
}

impl Drop for GoesHome {
    fn drop(&mut self) {
        if let Some(mut exchange) = self.exchange.take() {
            recall(&mut exchange);
            self.slot.put(exchange);
        }
    }
}
