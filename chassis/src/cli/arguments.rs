//! What was asked for on the command line.

use super::steer::Order;
use crate::config::ConfigBuilder;
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser, error::ErrorKind};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// The exit code for arguments and configuration that can't be used (`EX_USAGE` of sysexits.h).
pub(super) const USAGE: u8 = 64;

/// What to do, and with which configuration.
#[derive(Debug)]
pub(super) struct Asked {
    config: Option<PathBuf>,
    profile: Option<String>,
    set: Vec<(String, String)>,
    /// For questions to a service that runs.
    pub(super) token_file: Option<PathBuf>,
    pub(super) what: What,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Run,
    Check {
        fix: bool,
    },
    Plugins {
        json: bool,
    },
    Graph {
        format: String,
    },
    Config(Shown),
    Status {
        json: bool,
    },
    /// Reload the service, or change what takes part.
    Steer(Order),
    Health {
        which: String,
    },
    /// The subcommands of plugins and of the service.
    Commands,
    /// One of them, with its arguments.
    Command {
        name: String,
        arguments: Vec<String>,
    },
}

/// What of the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Each value, with its origin.
    Values,
    Schema,
    Defaults,
    Markdown,
    /// What is other than by default.
    Diff,
}

impl Asked {
    /// Reads the arguments; the exit code where there is nothing more to do.
    pub(super) fn read(
        arguments: impl IntoIterator<Item = OsString>,
        service: &str,
    ) -> Result<Self, ExitCode> {
        let matches = command(service).try_get_matches_from(arguments);
        matches.map(|matches| Self::of(&matches)).map_err(|error| {
            // Help and versions are answers; they go to standard output.
            _ = error.print();
            match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(USAGE),
            }
        })
    }

    fn of(matches: &ArgMatches) -> Self {
        let set = matches.get_many::<String>("set").into_iter().flatten();
        Self {
            config: matches.get_one::<PathBuf>("config").cloned(),
            profile: matches.get_one::<String>("profile").cloned(),
            set: set
                .filter_map(|set| set.split_once('='))
                .map(|(path, value)| (path.to_owned(), value.to_owned()))
                .collect(),
            token_file: matches.subcommand().and_then(|(_, own)| {
                // Only some have it.
                own.try_get_one::<PathBuf>("token-file").ok()?.cloned()
            }),
            what: What::of(matches),
        }
    }

    /// Adds the layers that the command line names.
    pub(super) fn layers(&self, config: ConfigBuilder) -> ConfigBuilder {
        let mut config = match &self.config {
            Some(file) => config.file(file),
            None => config.default_file("."),
        }
        .process_environment();
        if let Some(profile) = &self.profile {
            config = config.profile(profile);
        }
        for (path, value) in &self.set {
            config = config.argument(path, value);
        }
        config
    }
}

impl What {
    fn of(matches: &ArgMatches) -> Self {
        let Some((name, own)) = matches.subcommand() else {
            return Self::Run;
        };
        let text = |id: &str| own.get_one::<String>(id).cloned().unwrap_or_default();
        match name {
            "run" => Self::Run,
            "check" => Self::Check {
                fix: own.get_flag("fix"),
            },
            "plugins" => Self::Plugins {
                json: own.get_flag("json"),
            },
            "graph" => Self::Graph {
                format: text("format"),
            },
            "config" if own.get_flag("schema") => Self::Config(Shown::Schema),
            "config" if own.get_flag("defaults") => Self::Config(Shown::Defaults),
            "config" if own.get_flag("markdown") => Self::Config(Shown::Markdown),
            "config" if own.get_flag("diff") => Self::Config(Shown::Diff),
            "config" => Self::Config(Shown::Values),
            "status" => Self::Status {
                json: own.get_flag("json"),
            },
            verb @ ("reload" | "enable" | "disable") => Self::Steer(Order::of(verb, own)),
            "health" => Self::Health {
                which: text("which"),
            },
            "commands" => Self::Commands,
            name => Self::Command {
                name: name.to_owned(),
                arguments: own
                    .get_many::<OsString>("")
                    .into_iter()
                    .flatten()
                    .map(|argument| argument.to_string_lossy().into_owned())
                    .collect(),
            },
        }
    }
}

/// The names of the subcommands that every service has: no plugin can have one of these.
pub(super) const OWN: &[&str] = &[
    "run", "check", "plugins", "graph", "config", "status", "reload", "enable", "disable",
    "health", "commands", "help",
];

fn command(service: &str) -> Command {
    let sub = |name: &'static str, about: &'static str| Command::new(name).about(about);
    let which = [
        flag("schema", "The JSON Schema of all that can be set"),
        flag(
            "defaults",
            "A configuration file with every setting, its default and what it means",
        ),
        flag("markdown", "The same as tables, for documentation"),
        flag("diff", "Only what is other than by default"),
    ];
    Command::new(service.to_owned())
        .version(format!("(chassis {})", env!("CARGO_PKG_VERSION")))
        .about(format!("Runs {service}, or looks into it. Without a subcommand it runs."))
        .after_help(
            "Environment variables of the form CHASSIS__SERVER__LISTEN override the file; RUST_LOG replaces `log.filter`.\n\
             Plugins may have subcommands of their own: `commands` lists them.",
        )
        .args([
            Arg::new("config")
                .long("config")
                .short('c')
                .value_name("FILE")
                .global(true)
                .value_parser(clap::value_parser!(PathBuf))
                .help("The configuration; by default ./config.yaml, if there is one"),
            Arg::new("profile")
                .long("profile")
                .value_name("NAME")
                .global(true)
                .help("Lays config.NAME.yaml over it; by default CHASSIS_PROFILE"),
            Arg::new("set")
                .long("set")
                .value_name("PATH=VALUE")
                .global(true)
                .action(ArgAction::Append)
                .value_parser(setting)
                .help("Sets one value, over files and environment: server.listen=127.0.0.1:0"),
        ])
        .allow_external_subcommands(true)
        .subcommands([
            sub("run", "Runs the service (so does no subcommand at all)"),
            sub(
                "check",
                "Checks configuration, plugins and their order; starts nothing",
            )
            .arg(flag(
                "fix",
                "Rewrites in the files what has one obvious fix",
            )),
            sub("plugins", "Lists the plugins, in order").arg(flag("json", "As JSON")),
            sub("graph", "Shows the order of the plugins").arg(
                Arg::new("format")
                    .long("format")
                    .value_name("FORMAT")
                    .default_value("text")
                    .value_parser(PossibleValuesParser::new(["text", "json", "mermaid", "dot"]))
                    .help("How"),
            ),
            sub("config", "Shows the configuration, and where each value comes from")
                .args(which)
                .group(clap::ArgGroup::new("what").args(["schema", "defaults", "markdown", "diff"])),
            sub("status", "Asks the running service how it is")
                .args([flag("json", "As JSON"), token_file()]),
            sub("reload", "Reloads the running service, or one of its plugins").args([
                plugin("Builds this one anew, and those that require it")
                    .required(false)
                    .conflicts_with("all"),
                flag("all", "Builds all plugins anew"),
                dry_run(),
                flag("json", "As JSON"),
                token_file(),
            ]),
            sub("enable", "Lets a plugin of the running service take part").args([
                plugin("Which"),
                persist(),
                dry_run(),
                flag("json", "As JSON"),
                token_file(),
            ]),
            sub("disable", "Keeps a plugin of the running service out").args([
                plugin("Which"),
                persist(),
                flag("force", "Also one that guards the service"),
                dry_run(),
                flag("json", "As JSON"),
                token_file(),
            ]),
            sub("health", "Asks the running service for its health; the exit code tells").args([
                Arg::new("which")
                    .default_value("ready")
                    .value_parser(of_health)
                    .help("`live`, `ready`, `startup`, `all`, or a group of checks"),
                token_file(),
            ]),
            sub("commands", "Lists the subcommands of plugins"),
        ])
}

fn plugin(help: &'static str) -> Arg {
    Arg::new("plugin")
        .value_name("PLUGIN")
        .required(true)
        .value_parser(name_of_plugin)
        .help(help)
}

fn persist() -> Arg {
    flag(
        "persist",
        "Writes it to config.local.yaml, so that a restart remembers it",
    )
}

fn dry_run() -> Arg {
    flag("dry-run", "Only says what would change, and why")
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .help(help)
        .action(ArgAction::SetTrue)
}

fn token_file() -> Arg {
    Arg::new("token-file")
        .long("token-file")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help("The first token in it is shown to the service; by default `management.token_file`")
}

fn of_health(text: &str) -> Result<String, String> {
    match stands_in_a_path(text) {
        true => Ok(text.to_owned()),
        false => Err("write `live`, `ready`, `startup`, `all`, or the name of a group".to_owned()),
    }
}

fn name_of_plugin(text: &str) -> Result<String, String> {
    match stands_in_a_path(text) {
        true => Ok(text.to_owned()),
        false => Err("write the name of a plugin: `request-tracing`".to_owned()),
    }
}

fn stands_in_a_path(text: &str) -> bool {
    let may_be_in_it = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(may_be_in_it)
}

fn setting(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((path, _)) if !path.is_empty() => Ok(text.to_owned()),
        _ => Err("write a path and a value: `server.listen=127.0.0.1:0`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound_and_every_name_is_reserved() {
        let mut command = command("orders");
        command.build();
        command.clone().debug_assert();
        for name in command.get_subcommands().map(Command::get_name) {
            assert!(OWN.contains(&name), "{name}");
        }
    }
}
