//! Closures around what is inside them.

use crate::http::{Around, Next, Request, Response};
use futures_util::FutureExt as _;

/// An async closure or function at `middleware.around`.
pub trait AroundClosureFn<'a>: FnOnce(Request, Next<'a>) -> Self::Future {
    #[doc(hidden)]
    type Future: Future<Output = Self::Out> + Send + 'a;
    #[doc(hidden)]
    type Out: axum::response::IntoResponse;
}

impl<'a, F, Fut, Out> AroundClosureFn<'a> for F
where
    F: FnOnce(Request, Next<'a>) -> Fut,
    Fut: Future<Output = Out> + Send + 'a,
    Out: axum::response::IntoResponse,
{
    type Future = Fut;
    type Out = Out;
}

pub(super) struct AroundClosure<F>(pub(super) F);

impl<F> Around for AroundClosure<F>
where
    F: for<'a> AroundClosureFn<'a> + Clone + Send + Sync + 'static,
{
    fn call<'a>(
        &'a self,
        request: Request,
        next: Next<'a>,
    ) -> crate::call::BoxFuture<'a, Response> {
        let future = self.0.clone()(request, next);
        Box::pin(future.map(axum::response::IntoResponse::into_response))
    }
}
