//! The automation of this repository: `cargo xtask <command>`, one file per command.

#![forbid(unsafe_code)]

use std::process::ExitCode;

mod bench;
mod bless;
mod ci;
mod deny;
mod errors;
mod fuzz;
mod metrics;
mod schemathesis;
mod settings;
mod soak;
mod test;
mod tidy;
mod tool;
mod process;

/// A command: what is typed, what it does, and how. It gets the arguments after its name.
type Command = (
    &'static str,
    &'static str,
    fn(&[String]) -> Result<(), String>,
);

const COMMANDS: &[Command] = &[
    (
        "test",
        "every test; what follows `--` goes to the test binaries",
        test::command,
    ),
    (
        "bench",
        "what the chassis costs; --check compares with the record, --record rewrites it",
        bench::command,
    ),
    (
        "ci",
        "all that CI runs: fmt, clippy, docs, tidy, deny, gate, test",
        ci::command,
    ),
    (
        "tidy",
        "the house rules that no other tool knows",
        tidy::command,
    ),
    (
        "bless",
        "rewrite the recorded outputs of tests; read the diff before you commit it",
        bless::command,
    ),
    ("errors", "rewrite docs/errors.md", errors::command),
    (
        "settings",
        "rewrite config.yaml and the tables of settings in the READMEs of plugins",
        settings::command,
    ),
    (
        "soak",
        "long forms of tests: [requests] [leftovers] [sockets] [reloads]; all take three quarters of an hour",
        soak::command,
    ),
    ("metrics", "rewrite METRICS.md", metrics::command),
    (
        "deny",
        "licences, banned crates, sources and advisories (installs cargo-deny)",
        deny::command,
    ),
    (
        "fuzz",
        "look for inputs that break the configuration: [TARGET] [--seconds N]; needs nightly",
        fuzz::command,
    ),
    (
        "schemathesis",
        "ask a service what nobody would, and compare the answers with its documents: [--seconds N]; needs python3",
        schemathesis::command,
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some((.., run)) = COMMANDS.iter().find(|(command, ..)| command == name) else {
        eprint!("there is no command `{name}`\n\n{}", usage());
        return ExitCode::from(2);
    };
    match run(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // A command that has said everything already ends with an empty message.
            if !message.is_empty() {
                eprintln!("{}", message.trim_end());
            }
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = "usage: cargo xtask <command>\n\n".to_owned();
    for (name, purpose, _) in COMMANDS {
        text.push_str(&format!("  {name:<14}{purpose}\n"));
    }
    text
}
