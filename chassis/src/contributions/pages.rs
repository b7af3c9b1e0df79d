//! Pages of plugins on the management listener: the short way to `management.routes`.

use super::{Contributions, Place};
use crate::http::{HandlerEndpoint, RouteContribution};
use axum::handler::Handler;
use http::Method;
use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

/// How long a page may take, unless it says otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a page is, for the index.
#[derive(Clone)]
pub(crate) struct About(pub(crate) String);

impl Contributions {
    /// Answers `GET` at `/plugins/{name}/pages` and this path, on the management listener: for operators, and behind the same
    /// guard and the same tokens as all else there. `"/"` is `/plugins/{name}/pages` itself.
    ///
    /// ```
    /// use chassis::prelude::*;
    ///
    /// /// Keeps jobs.
    /// #[plugin]
    /// async fn queue(cx: &mut PluginContext) -> Result<()> {
    ///     // At `http://127.0.0.1:8081/plugins/queue/pages/jobs/7`.
    ///     cx.management_get("/jobs/{id}", async |Path(id): Path<u32>| format!("job {id} waits"))
    ///         .about("what a job waits for");
    ///     cx.management_post("/drain", async || StatusCode::NO_CONTENT).about("let no more jobs in");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// The handler is anything that axum takes as one, but with the path extractors of the chassis. It runs where the handlers of
    /// the service run, so that one that hangs keeps no other endpoint waiting; no hook, around or layer stands around it. It has
    /// 10 s (30 s with its body, whatever it says), and its body, which is read to its end before it is sent, may have 8 MiB. At
    /// most 16 pages are answered at a time. A body that is sent to it has to be JSON, of at most 64 KiB; the token is not told.
    ///
    /// It is a handler at `management.routes`, and listed in `GET /`. It goes with its instance.
    #[track_caller]
    pub fn management_get<H, T>(&mut self, path: &str, handler: H) -> PlacedPage<'_>
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.management_route(Method::GET, path, handler)
    }

    /// Answers `POST` on the management listener; see [`management_get`](Self::management_get). As any change there, it is
    /// logged, and goes on if the client does not wait for the answer.
    #[track_caller]
    pub fn management_post<H, T>(&mut self, path: &str, handler: H) -> PlacedPage<'_>
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        self.management_route(Method::POST, path, handler)
    }

    /// Answers a method on the management listener; see [`management_get`](Self::management_get).
    #[track_caller]
    pub fn management_route<H, T>(
        &mut self,
        method: Method,
        path: &str,
        handler: H,
    ) -> PlacedPage<'_>
    where
        H: Handler<T, ()> + Sync,
        T: 'static,
    {
        let endpoint = Arc::new(HandlerEndpoint {
            handler,
            arguments: PhantomData,
        });
        let whole = match path {
            "/" => format!("/plugins/{}/pages", self.owner),
            path if path.starts_with('/') => format!("/plugins/{}/pages{path}", self.owner),
            // It is refused as it was written.
            path => path.to_owned(),
        };
        let route = self.make_route(method, &whole, Place::caller(), endpoint);
        let index = self.pages.len();
        self.pages.push(RouteContribution {
            arguments: std::any::type_name::<T>().to_owned(),
            deadline: Some(DEADLINE),
            ..route
        });
        PlacedPage {
            route: &mut self.pages[index],
        }
    }
}

/// A page that was just put.
pub struct PlacedPage<'t> {
    route: &'t mut RouteContribution,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "it is put already; what follows is by the way"
)]
impl PlacedPage<'_> {
    /// Says what the page is, for the index of the management endpoints.
    pub fn about(self, text: impl Into<String>) -> Self {
        let info = Arc::make_mut(&mut self.route.info);
        info.metadata.insert(About(text.into()));
        self
    }

    /// How long the page may take; at most 30 s, with its body.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.route.deadline = Some(deadline);
        self
    }
}

impl fmt::Debug for PlacedPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.route.info.fmt(f)
    }
}
