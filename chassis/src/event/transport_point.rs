//! The point where plugins put transports of events: `events.transport`.

use super::transport::EventTransport;
use crate::{
    call::Site,
    error::{Error, Result, code},
    point::{Contributed, DeclaredPoint, Index, PointInfo, PointKind},
    scope::Scope,
};
use std::{any::Any, sync::Arc};

/// What a plugin puts at the point.
pub(crate) struct Brought(pub(crate) Arc<dyn EventTransport>);

/// The point where plugins put transports.
#[derive(Debug)]
pub struct TransportPoint {
    pub(crate) name: &'static str,
    index: Index,
}

/// A transport that takes part.
#[derive(Clone)]
pub(super) struct Carrier {
    pub(super) transport: Arc<dyn EventTransport>,
    pub(super) site: Arc<Site>,
}

/// Those of a generation.
#[derive(Default)]
struct Carriers(Vec<Carrier>);

impl TransportPoint {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self {
            name,
            index: Index::new(),
        }
    }

    /// The one that this plugin brings, in that generation.
    pub(super) fn of(&self, plugin: &str, scope: &Scope) -> Option<Carrier> {
        let carriers: &Carriers = self.index.handlers(self.name, scope).ok()?;
        let mut carriers = carriers.0.iter();
        carriers.find(|one| &*one.site.plugin == plugin).cloned()
    }
}

impl DeclaredPoint for TransportPoint {
    fn info(&self) -> PointInfo {
        PointInfo {
            name: self.name.into(),
            kind: PointKind::Call,
            description: String::new(),
            payload: "WireEvent",
            answer: "EventTransport",
            schema: None,
            on_failure: "tried again",
            sealed: false,
            origin: "".into(),
        }
    }

    fn index(&self) -> Option<&Index> {
        Some(&self.index)
    }

    fn assemble(&self, handlers: Vec<Contributed>) -> Result<Box<dyn Any + Send + Sync>> {
        let mut all = Carriers::default();
        let mut errors = Vec::new();
        for Contributed { handler, site, .. } in handlers {
            let plugin = Arc::clone(&site.plugin);
            let Ok(brought) = handler.downcast::<Brought>() else {
                let message = "the handler does not fit the point: a transport is put there with `cx.event_transport(..)`";
                errors.push(Error::new(code::POINT_MISMATCH, message).in_plugin(plugin));
                continue;
            };
            if all.0.iter().any(|other| other.site.plugin == plugin) {
                let message = "brings two transports of events";
                let error = Error::new(code::DUPLICATE, message).in_plugin(plugin);
                errors.push(
                    error.with_help(
                        "`events.transport` chooses by the name of the plugin: bring one",
                    ),
                );
                continue;
            }
            let transport = Arc::clone(&brought.0);
            all.0.push(Carrier { transport, site });
        }
        Error::all(errors).map_or(Ok(Box::new(all)), Err)
    }
}
