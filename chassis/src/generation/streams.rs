//! Answers without an end in sight: upgraded connections, and bodies whose length nobody knows. They hold the instances
//! that they pass through, and not the generation that they began in.

use super::{
    Generation,
    list::{List, Passing},
};
use crate::{http::RouteInfo, instance::Record};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::SystemTime,
};
use tokio_util::sync::CancellationToken;

/// What sort of stream it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StreamKind {
    /// A connection that speaks HTTP no more: a WebSocket.
    Upgraded,
    /// Server-sent events.
    Events,
    /// Any other body whose length is not known.
    Body,
}

/// The streams that are open, of all generations.
#[derive(Debug, Default)]
pub(crate) struct Streams(List<Stream>);

/// One that is open.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) kind: StreamKind,
    /// The generation that it began in.
    pub(crate) generation: u64,
    pub(crate) route: Option<Arc<RouteInfo>>,
    pub(crate) since: SystemTime,
    /// The instances that it passes through.
    records: Vec<Arc<Record>>,
    /// One of them is about to stop: whoever can come to an end by himself, should.
    pub(crate) leave: CancellationToken,
    /// One of them stops now.
    pub(crate) cut: CancellationToken,
    /// It has ended.
    pub(crate) gone: CancellationToken,
}

/// A stream, as long as it is open.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    number: u64,
    pub(crate) stream: Arc<Stream>,
}

impl Streams {
    /// A stream begins, which passes through plugins of these names.
    pub(crate) fn open(
        self: &Arc<Self>,
        kind: StreamKind,
        generation: &Generation,
        route: Option<Arc<RouteInfo>>,
        passed: &[Arc<str>],
    ) -> OpenStream {
        let records = generation.records.iter();
        let records = records.filter(|record| passed.contains(&record.name));
        let stream = Arc::new(Stream {
            kind,
            generation: generation.number,
            route,
            since: SystemTime::now(),
            records: records.cloned().collect(),
            leave: CancellationToken::new(),
            cut: CancellationToken::new(),
            gone: CancellationToken::new(),
        });
        OpenStream {
            streams: Arc::clone(self),
            number: self.0.open(&stream),
            stream,
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        self.0.all()
    }

    /// Cuts off those that pass through an instance which has stopped: of requests that have outlived `reload.drain`.
    pub(crate) fn cut_late(&self) {
        self.0.cut_late();
    }

    /// The generations in which they have begun.
    pub(crate) fn generations(&self) -> BTreeSet<u64> {
        let all = self.0.all();
        all.iter().map(|stream| stream.generation).collect()
    }

    /// Those that pass through one of these instances.
    pub(crate) fn through(&self, records: &[Arc<Record>]) -> Vec<Arc<Stream>> {
        let these: HashSet<_> = records.iter().map(Arc::as_ptr).collect();
        let mut all = self.all();
        all.retain(|stream| {
            let mut passed = stream.records.iter();
            passed.any(|record| these.contains(&Arc::as_ptr(record)))
        });
        all
    }
}

impl Passing for Stream {
    fn is_late(&self) -> bool {
        let mut records = self.records.iter();
        records.any(|record| record.gone.load(Relaxed))
    }

    fn cut(&self) {
        self.leave.cancel();
        self.cut.cancel();
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.0.close(self.number);
        self.stream.gone.cancel();
    }
}
