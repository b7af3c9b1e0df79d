//! How long requests may take where a plugin says so, by route: shorter or longer than `server.request_timeout`.

use super::{exchange::Exchange, pattern::RoutePattern, route::RouteInfo};
use crate::{
    error::{Error, code},
    text,
};
use http::Method;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// How long requests to some routes may take, as an instance contributes it.
#[derive(Debug)]
pub(crate) struct RequestTime {
    pub(crate) routes: RoutePattern,
    pub(crate) timeout: Duration,
    /// The path of the setting that says so.
    pub(crate) setting: Arc<str>,
    /// How many have taken longer.
    pub(crate) expired: AtomicU64,
}

/// Those of all instances, in their order: the first that is for a request holds.
#[derive(Debug, Default)]
pub(super) struct Times(Box<[Arc<RequestTime>]>);

impl Times {
    pub(super) fn new(all: &[Arc<RequestTime>]) -> Self {
        Self(all.into())
    }

    pub(super) fn patterns(&self) -> impl Iterator<Item = &RoutePattern> {
        self.0.iter().map(|time| &time.routes)
    }

    /// That of a declared route; the chassis's own have none.
    pub(super) fn of_route(&self, route: &RouteInfo) -> Option<Arc<RequestTime>> {
        let mut all = self.0.iter().filter(|_| !route.is_own());
        all.find(|time| time.routes.is_route(&route.method, &route.path))
            .cloned()
    }

    /// That of a request which no declared route has matched.
    #[cold]
    fn of_path(&self, method: &Method, path: &str) -> Option<&Arc<RequestTime>> {
        let mut all = self.0.iter();
        all.find(|time| time.routes.is_path(method, path))
    }
}

impl Exchange {
    /// How long this request may take, if its route has a time of its own.
    #[inline]
    pub(super) fn time(&self) -> Option<&Arc<RequestTime>> {
        let (handling, times) = (self.handling(), &self.table.times);
        if handling.info.is_some() || times.0.is_empty() {
            return handling.time.as_ref();
        }
        times.of_path(self.method(), self.uri().path())
    }
}

/// A request has taken longer than it may.
#[cold]
pub(super) fn expired(time: Option<&RequestTime>, limit: Duration) -> Error {
    let setting = match time {
        Some(time) => {
            time.expired.fetch_add(1, Relaxed);
            &*time.setting
        }
        None => "server.request_timeout",
    };
    let message = format!(
        "the request took longer than {}",
        text::show_duration(limit)
    );
    Error::new(code::DEADLINE, message).with_help(format!("`{setting}` sets how long it may take"))
}
