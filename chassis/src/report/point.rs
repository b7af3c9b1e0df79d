//! What is told of extension points.

use super::{ContributionReport, contributions};
use crate::{
    call::CallStats,
    error::Result,
    generation::{self, Generation},
    instance::Instance,
    point::{PointInfo, PointKind},
    points,
    reload::Reloader,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// Everything that is known of an extension point.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PointReport {
    /// What it is.
    #[serde(flatten)]
    pub info: PointInfo,
    /// How its handlers work together: `type`, under the name that this crate uses.
    pub kind: PointKind,
    /// The payload, under the name that seed systems use.
    pub parameters: serde_json::Value,
    /// What handlers give back.
    pub return_type: &'static str,
    /// How many handlers stand there.
    pub handler_count: usize,
    /// The handlers, in order.
    pub handlers: Vec<HandlerReport>,
}

/// A handler at an extension point.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct HandlerReport {
    /// Whose it is.
    pub plugin: Arc<str>,
    /// The method, closure or route.
    pub handler: Arc<str>,
    /// Where it is written.
    pub origin: Arc<str>,
    /// Lower comes first.
    pub priority: i32,
    /// Why it stands where it does.
    pub why: String,
    /// Its figures.
    #[serde(flatten)]
    pub stats: CallStats,
}

impl PointReport {
    pub(crate) fn all(reloader: &Reloader) -> Result<Vec<Self>> {
        let lease = reloader.serving()?;
        Ok(Self::all_of(&lease.0))
    }

    pub(super) fn all_of(generation: &Generation) -> Vec<Self> {
        generation
            .points
            .iter()
            .map(|point| Self::of(generation, point))
            .collect()
    }

    fn of(generation: &Generation, point: &generation::PointEntry) -> Self {
        let mut handlers: Vec<HandlerReport> =
            point.handlers.iter().map(HandlerReport::of).collect();
        if is_by_path(&point.info.name) {
            handlers.extend(
                generation
                    .instances
                    .iter()
                    .flat_map(|instance| routes(generation, instance, &point.info.name)),
            );
        }
        if *point.info.name == *points::ROUTES.name {
            handlers.extend(generation.routers.iter().map(|mount| HandlerReport {
                plugin: Arc::clone(&mount.owner),
                handler: "axum router".into(),
                origin: Arc::clone(&mount.origin),
                priority: 0,
                why: BY_PATH.to_owned(),
                stats: generation.routes.mounted.read(),
            }));
        }
        Self {
            info: PointInfo::clone(&point.info),
            kind: point.info.kind,
            parameters: point
                .info
                .schema
                .clone()
                .unwrap_or_else(|| point.info.payload.into()),
            return_type: point.info.answer,
            handler_count: handlers.len(),
            handlers,
        }
    }
}

/// Routes have no order and no priority: the most specific path wins.
const BY_PATH: &str = "matched by its path";

/// Whether that is so at a point.
pub(super) fn is_by_path(point: &str) -> bool {
    point == points::ROUTES.name || point == points::PAGES.name
}

fn routes(generation: &Generation, instance: &Instance, point: &str) -> Vec<HandlerReport> {
    let of_routes = |report: ContributionReport| HandlerReport {
        plugin: Arc::clone(instance.name()),
        handler: report.handler,
        origin: report.origin,
        priority: 0,
        why: BY_PATH.to_owned(),
        stats: report.stats,
    };
    let all = contributions(generation, instance).into_iter();
    all.filter(|report| *report.point == *point)
        .map(of_routes)
        .collect()
}

impl HandlerReport {
    fn of(handler: &generation::HandlerEntry) -> Self {
        Self {
            plugin: Arc::clone(&handler.plugin),
            handler: Arc::clone(&handler.label),
            origin: Arc::clone(&handler.origin),
            priority: handler.priority,
            why: handler.why.clone(),
            stats: handler.stats.read(),
        }
    }
}
