//! The subcommands of plugins: the plugins are built, not started, and asked at `cli.commands`.

use super::{
    USAGE,
    arguments::OWN,
    places, say,
    table::{Cell, Table},
};
use crate::{
    call::catch_async,
    chassis::ChassisBuilder,
    command::{CliCommand, CommandCall},
    error::{Error, Result, code},
    points::CLI_COMMANDS,
    scope::Scope,
    telemetry, text,
};
use std::{process::ExitCode, sync::Arc};

/// Lists them.
pub(super) fn list(builder: ChassisBuilder) -> ExitCode {
    with_plugins(builder, async |commands, _| {
        if commands.is_empty() {
            say("no plugin has a subcommand");
        }
        let mut table = Table::new(&["command", "plugin", "what it does"], &std::io::stdout());
        for (plugin, command) in commands {
            table.row([command.name(), &plugin, command.about()].map(Cell::from));
        }
        say(&table.text());
        Ok(())
    })
}

/// Runs one.
pub(super) fn run(builder: ChassisBuilder, name: String, arguments: Vec<String>) -> ExitCode {
    with_plugins(builder, async move |commands, scope| {
        let found = commands.iter().find(|(_, command)| command.name() == name);
        let Some((plugin, command)) = found else {
            let names = commands.iter().map(|(_, command)| command.name());
            let near = text::did_you_mean(&name, names.chain(OWN.iter().copied()));
            let error = Error::new(
                code::UNKNOWN_COMMAND,
                format!("there is no subcommand `{name}`"),
            );
            return Err(error.with_help(near.unwrap_or_else(|| {
                "`--help` lists those of every service, `commands` those of plugins".to_owned()
            })));
        };
        let called = command.run(CommandCall::new(arguments, scope));
        let done = catch_async(called).await.unwrap_or_else(|panic| {
            let message = format!("panicked: {}", panic.text);
            Err(Error::new(code::PANIC, message))
        });
        done.map_err(|error| error.in_plugin(Arc::clone(plugin)))
    })
}

type Found = Vec<(Arc<str>, CliCommand)>;

fn with_plugins(
    builder: ChassisBuilder,
    act: impl AsyncFnOnce(Found, Scope) -> Result<()>,
) -> ExitCode {
    let config = match builder.check() {
        Ok(config) => config,
        Err(error) => return places::refuse(&builder, &error),
    };
    let done = telemetry::init(&config.settings().log, &builder.metrics.stalls).and_then(|_| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let done = runtime.block_on(async {
            let built = builder.build_only().await?;
            let provided = CLI_COMMANDS.ask(built.scope(), &()).await;
            Error::all(provided.failed).map_or(Ok(()), Err)?;
            let answers = provided.answers.into_iter();
            let found: Found = answers
                .map(|answer| (answer.plugin, answer.value))
                .collect();
            check(&found)?;
            act(found, built.scope().clone()).await
        });
        // A plugin that blocks a thread can't keep the process alive.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.report());
            // As `run` does it.
            let is_usage = error.code() == code::UNKNOWN_COMMAND;
            match is_usage || error.code().name().starts_with("config.") {
                true => ExitCode::from(USAGE),
                false => ExitCode::FAILURE,
            }
        }
    }
}

/// Two of one name, or one that every service has: which is meant, nobody could know.
fn check(found: &Found) -> Result<()> {
    let mut errors = Vec::new();
    for (index, (plugin, command)) in found.iter().enumerate() {
        let name = command.name();
        let other = found[..index]
            .iter()
            .find(|(_, other)| other.name() == name);
        let message = match other {
            Some((other, _)) => format!("`{other}` and `{plugin}` both have a subcommand `{name}`"),
            None if OWN.contains(&name) => {
                format!("`{plugin}` has a subcommand `{name}`, which every service has already")
            }
            None => continue,
        };
        let error = Error::new(code::DUPLICATE, message).in_plugin(Arc::clone(plugin));
        errors.push(error.with_help("give it another name"));
    }
    Error::all(errors).map_or(Ok(()), Err)
}
