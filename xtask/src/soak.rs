//! `cargo xtask soak`: what a test run has no time for. The same tests, told by a variable to go on for longer.

use crate::process;

/// A test in its long form.
struct Part {
    name: &'static str,
    /// The test binary, and the name of the test in it.
    test: (&'static str, &'static str),
    /// What tells the test how often.
    variable: &'static str,
    count: &'static str,
}

const PARTS: &[Part] = &[
    // A million requests, of which nothing is left.
    Part {
        name: "requests",
        test: ("memory", "requests::"),
        variable: "CHASSIS_SOAK_REQUESTS",
        count: "1000000",
    },
    // Ten thousand reloads, of which nothing is left.
    Part {
        name: "leftovers",
        test: ("memory", "reloads::"),
        variable: "CHASSIS_SOAK_LEFTOVERS",
        count: "10000",
    },
    // 500 WebSockets over a hundred reloads; the process needs 1,100 descriptors.
    Part {
        name: "sockets",
        test: ("it", "reload::streams::sockets_of_what_goes_on_stay_open"),
        variable: "CHASSIS_SOAK_SOCKETS",
        count: "500",
    },
    // A thousand reloads under load, three of ten poisoned, with bodies that take two seconds: half an hour.
    Part {
        name: "reloads",
        test: ("it", "reload::poisoned::"),
        variable: "CHASSIS_SOAK_RELOADS",
        count: "1000",
    },
];

/// Runs those that are named, or all, one after the other: what one finds keeps no other from being run.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let is_known = |argument: &&String| PARTS.iter().any(|part| part.name == *argument);
    if let Some(argument) = arguments.iter().find(|argument| !is_known(argument)) {
        let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        return Err(format!(
            "`cargo xtask soak` knows no `{argument}`: it has {}",
            names.join(", ")
        ));
    }
    let is_wanted =
        |part: &&Part| arguments.is_empty() || arguments.iter().any(|name| name == part.name);
    let failed: Vec<String> = PARTS
        .iter()
        .filter(is_wanted)
        .filter_map(|part| run(part).err())
        .collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join("\n")),
    }
}

fn run(part: &Part) -> Result<(), String> {
    let (binary, test) = part.test;
    println!("\n{}: {} = {}", part.name, part.variable, part.count);
    let mut cargo = process::cargo("test --package chassis-tests --all-features --test");
    cargo.env(part.variable, part.count);
    process::loudly(cargo.args([binary, "--", "--nocapture", test]))
}
