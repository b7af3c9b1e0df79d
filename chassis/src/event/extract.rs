//! `Events` as an extractor: the bus of the chassis that the request came to.

use super::{bus::Bus, handle::Events, record::Behalf};
use crate::{
    error::{Error, Result},
    http::{Exchange, Known, RequestContext},
};
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::sync::Arc;

impl Events {
    fn of_request(cx: &RequestContext) -> Result<Self> {
        let scope = &cx.arrived.scope;
        let owner = cx.handling.info.as_ref().map(|info| &info.owner);
        let bus = Bus::of(scope).ok_or_else(|| Error::msg("there is no bus"))?;
        let source = owner.map_or_else(|| "service".into(), Arc::clone);
        let events = Self::new(bus.way(), source, Behalf::default());
        Ok(events.within(scope))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Events {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of_request(RequestContext::of(parts)?)
    }
}

impl Known for Events {
    fn known(exchange: &Exchange) -> Option<Result<Self>> {
        Some(Self::of_request(exchange.context()))
    }
}
