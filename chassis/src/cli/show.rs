//! `plugins`, `graph`, `config`: what there is, without starting it.

use super::{
    arguments::Shown,
    places, say,
    table::{Cell, Table},
};
use crate::{chassis::ChassisBuilder, lifecycle::Lineup};
use serde_json::json;
use std::process::ExitCode;

/// The instances, in the order in which they start.
pub(super) fn plugins(builder: &ChassisBuilder, as_json: bool) -> ExitCode {
    let (_, lineup) = match builder.lineup() {
        Ok(found) => found,
        Err(error) => return places::refuse(builder, &error),
    };
    if as_json {
        let all: Vec<_> = in_order(&lineup)
            .map(|spec| {
                json!({
                    "name": &*spec.name,
                    "enabled": spec.is_enabled(),
                    "required": spec.is_required(),
                    "info": &*spec.registration.info,
                })
            })
            .collect();
        say(&format!("{:#}", json!(all)));
        return ExitCode::SUCCESS;
    }
    let header = [
        "plugin",
        "version",
        "takes part",
        "requires",
        "what it does",
    ];
    let mut table = Table::new(&header, &std::io::stdout());
    for spec in in_order(&lineup) {
        let info = &spec.registration.info;
        let takes_part = match (spec.is_enabled(), spec.is_required()) {
            (false, _) => "no, disabled",
            (true, true) => "yes, required",
            (true, false) => "yes",
        };
        let requires = info.requires.join(", ");
        table.row(
            [
                &*spec.name,
                &info.version.to_string(),
                takes_part,
                &requires,
                &info.description,
            ]
            .map(Cell::from),
        );
    }
    say(&table.text());
    ExitCode::SUCCESS
}

fn in_order(lineup: &Lineup) -> impl Iterator<Item = &crate::registry::Spec> {
    lineup
        .order
        .sequence
        .iter()
        .map(|&index| &lineup.specs[index])
}

/// The order, in one of four forms.
pub(super) fn graph(builder: &ChassisBuilder, format: &str) -> ExitCode {
    let (_, lineup) = match builder.lineup() {
        Ok(found) => found,
        Err(error) => return places::refuse(builder, &error),
    };
    let (order, nodes) = (&lineup.order, &lineup.nodes);
    match format {
        "json" => say(&format!("{:#}", order.to_json(nodes))),
        "mermaid" => say(&order.to_mermaid(nodes)),
        "dot" => say(&order.to_dot(nodes)),
        _ => say(&order.to_text(nodes)),
    }
    ExitCode::SUCCESS
}

/// The configuration, or what there is to configure.
pub(super) fn config(builder: &ChassisBuilder, shown: &Shown) -> ExitCode {
    match shown {
        Shown::Schema => match builder.schema() {
            Ok(schema) => say(&format!("{schema:#}")),
            Err(error) => return places::refuse(builder, &error),
        },
        Shown::Defaults => match builder.manual() {
            Ok(manual) => say(&manual),
            Err(error) => return places::refuse(builder, &error),
        },
        Shown::Markdown => match builder.tables() {
            Ok(tables) => say(&tables),
            Err(error) => return places::refuse(builder, &error),
        },
        Shown::Values | Shown::Diff => match builder.shown() {
            Ok(report) if *shown == Shown::Diff => say(&report.changes()),
            Ok(report) => say(&report.yaml()),
            Err(error) => return places::refuse(builder, &error),
        },
    }
    ExitCode::SUCCESS
}
