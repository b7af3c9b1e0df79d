//! `reload`, `enable`, `disable`: what is to change of the service that runs.

use super::{
    remote::{Service, ask, problem},
    say,
    table::{Cell, Colour, Table},
};
use crate::{chassis::ChassisBuilder, error::Result};
use clap::ArgMatches;
use http::Method;
use serde_json::Value;
use std::{path::Path, process::ExitCode};

/// What is to change, and how it is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Where it is asked for.
    path: String,
    query: Vec<&'static str>,
    is_dry: bool,
    as_json: bool,
}

/// The flags of these subcommands that are keys of a query too.
const FLAGS: &[(&str, &str)] = &[
    ("all", "all=true"),
    ("persist", "persist=true"),
    ("force", "force=true"),
    ("dry-run", "dry_run=true"),
];

impl Order {
    /// Of one of the subcommands.
    pub(super) fn of(verb: &str, own: &ArgMatches) -> Self {
        let path = match own.get_one::<String>("plugin") {
            Some(plugin) => format!("/plugins/{plugin}/{verb}"),
            None => format!("/{verb}"),
        };
        // Only some have it.
        let is_set = |flag: &str| matches!(own.try_get_one::<bool>(flag), Ok(Some(true)));
        let set = FLAGS.iter().filter(|(flag, _)| is_set(flag));
        Self {
            path,
            query: set.map(|(_, query)| *query).collect(),
            is_dry: is_set("dry-run"),
            as_json: is_set("json"),
        }
    }

    fn target(&self) -> String {
        match self.query[..] {
            [] => self.path.clone(),
            _ => format!("{}?{}", self.path, self.query.join("&")),
        }
    }

    /// Has it done; done when it is.
    pub(super) fn run(&self, builder: &ChassisBuilder, tokens: Option<&Path>) -> ExitCode {
        ask(builder, tokens, !self.is_dry, async |service: &Service| {
            self.ask(service).await
        })
    }

    async fn ask(&self, service: &Service) -> Result<bool> {
        let answer = service.send(Method::POST, &self.target(), None).await?;
        let is_done = answer.status.is_success();
        if self.as_json {
            say(&format!("{:#}", answer.body));
        }
        if !is_done {
            eprintln!("error: {}", problem(&answer.body));
        } else if !self.as_json {
            tell(&answer.body, self.is_dry);
        }
        Ok(is_done)
    }
}

/// What becomes of each instance, and why; of what was done only what is not as before.
fn tell(body: &Value, is_dry: bool) {
    let mut table = Table::new(&["plugin", "what", "why"], &std::io::stdout());
    let mut is_empty = true;
    for change in list(&body["instances"]) {
        let action = text(&change["action"]);
        let settings = names(&change["settings"]);
        let is_news = !matches!(&*action, "carried" | "idle") || !settings.is_empty();
        if !is_dry && !is_news {
            continue;
        }
        let why = match (text(&change["why"]), settings.is_empty()) {
            (why, true) => why,
            (why, false) if why.is_empty() => format!("other settings of its section: {settings}"),
            (why, false) => format!("{why}; other settings of its section: {settings}"),
        };
        table.row([
            text(&change["plugin"]).into(),
            action_cell(action),
            why.into(),
        ]);
        is_empty = false;
    }
    if !is_empty {
        say(&table.text());
    }
    let settings = names(&body["settings"]);
    if !settings.is_empty() {
        say(&format!(
            "settings of the service that are others: {settings}"
        ));
    }
    say(body["message"].as_str().unwrap_or("done"));
    warn(body);
}

/// What did not go well, though the reload did.
fn warn(body: &Value) {
    let idle = names(&body["not_running"]);
    if !idle.is_empty() {
        eprintln!("warning: not running: {idle}");
    }
    if body["drained"] == false {
        eprintln!("warning: requests of an old generation have outlived `reload.drain`");
    }
    if let Some(cut @ 1..) = body["streams_cut"].as_u64() {
        eprintln!(
            "warning: streams that were cut off, as they have outlived `reload.drain`: {cut}"
        );
    }
    for error in list(&body["stop_errors"]) {
        eprintln!("warning: {}", text(error));
    }
}

fn action_cell(action: String) -> Cell {
    let colour = match &*action {
        "added" => Colour::Green,
        "rebuilt" => Colour::Yellow,
        "removed" => Colour::Red,
        _ => Colour::Dim,
    };
    Cell::coloured(action, colour)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn names(value: &Value) -> String {
    let names: Vec<&str> = list(value).filter_map(Value::as_str).collect();
    names.join(", ")
}
