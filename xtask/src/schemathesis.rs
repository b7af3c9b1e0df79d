//! `cargo xtask schemathesis`: asks a service what nobody would, and compares the answers with its documents. Schemathesis comes
//! from PyPI into `target/tools`; it asks on 127.0.0.1, and nowhere else.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::{self, program},
    tool,
};

/// The version that is installed: another one may find other things, on a day that nobody chose.
const VERSION: &str = "4.32.5";

/// How long each document is tried if nothing is said.
const SECONDS: u64 = 60;

/// How long the service may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is tried: a name, and what the line of the log begins with that tells its address.
const DOCUMENTS: [(&str, &str); 2] = [
    ("service", "service on http://"),
    ("management", "management on http://"),
];

/// Tries both documents of the example service; fails if an answer is not as they say.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let seconds = parse(arguments)?;
    let has_python = program("python3").args(["-m", "venv", "--help"]).output();
    if !has_python.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: schemathesis needs python3 with `venv` (Debian: python3-venv)");
        return Ok(());
    }
    let schemathesis = install()?;
    println!("building; the first time it takes minutes");
    process::quietly(&mut process::cargo("build --package orders"))?;
    let token = token()?;
    let (mut service, addresses) = start()?;
    let mut failed = String::new();
    for (name, address) in addresses {
        println!("\n{name}: {seconds}s at most");
        let outcome = run(&schemathesis, &address, &token, seconds);
        let ended = service.try_wait().map_err(|error| error.to_string())?;
        if let Some(status) = ended {
            return Err(format!(
                "{failed}the service has ended ({status}) while it was asked"
            ));
        }
        if let Err(reason) = outcome {
            failed.push_str(&format!("{name}: {reason}\n"));
        }
    }
    end(service)?;
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed),
    }
}

fn parse(arguments: &[String]) -> Result<u64, String> {
    let wrong = || "write nothing, or `--seconds N`".to_owned();
    match arguments {
        [] => Ok(SECONDS),
        [key, number] if key == "--seconds" => {
            let number = number.parse::<u64>().ok().filter(|number| *number > 0);
            number.ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// Schemathesis, in an environment of its own.
fn install() -> Result<PathBuf, String> {
    let folder = tool::target().join(format!("tools/schemathesis-{VERSION}"));
    let program_of = |name: &str| match cfg!(windows) {
        true => folder.join("Scripts").join(format!("{name}.exe")),
        false => folder.join("bin").join(name),
    };
    let schemathesis = program_of("schemathesis");
    if schemathesis.is_file() {
        return Ok(schemathesis);
    }
    println!("installing schemathesis {VERSION}");
    let mut venv = program("python3");
    process::quietly(venv.args(["-m", "venv"]).arg(&folder))?;
    let mut pip = program(program_of("pip"));
    let pip = pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    process::quietly(pip.arg(format!("schemathesis=={VERSION}")))?;
    Ok(schemathesis)
}

/// Addresses by the names of documents.
type Addresses = Vec<(&'static str, String)>;

/// What a program says.
type Output = Box<dyn std::io::Read + Send>;

/// The example. It does not run in the root of the repository: there is a configuration in it.
fn orders() -> Command {
    let binary = tool::target().join(format!("debug/orders{}", env::consts::EXE_SUFFIX));
    let mut orders = program(&binary);
    orders.current_dir(tool::target().join("tools"));
    orders
}

/// A token of somebody who may do everything there, signed with the key that the first run makes.
fn token() -> Result<String, String> {
    let mut token = orders();
    token.args(["token", "--sub", "schemathesis", "--ttl", "2h"]);
    token.args(["--scope", "orders:read orders:write"]);
    let said = process::said(&mut token)?;
    Ok(said.lines().last().unwrap_or_default().to_owned())
}

/// Starts the example on free ports, and waits until it says which.
fn start() -> Result<(Child, Addresses), String> {
    let mut orders = orders();
    for key in ["SERVER", "MANAGEMENT"] {
        orders.env(format!("CHASSIS__{key}__LISTEN"), "127.0.0.1:0");
    }
    orders
        .env("RUST_LOG", "info")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    let mut service = orders
        .spawn()
        .map_err(|error| format!("can't run the example: {error}"))?;
    let (sender, lines) = mpsc::channel();
    // Both are read to their end: a service that can't write would wait.
    let read = |output: Option<Output>, sender: mpsc::Sender<String>| {
        thread::spawn(move || {
            let lines = output.map(|output| BufReader::new(output).lines());
            for line in lines.into_iter().flatten().map_while(Result::ok) {
                // Nobody listens once the addresses are known.
                _ = sender.send(line);
            }
        });
    };
    read(
        service.stdout.take().map(|out| Box::new(out) as Output),
        sender.clone(),
    );
    read(
        service.stderr.take().map(|out| Box::new(out) as Output),
        sender,
    );
    let began = Instant::now();
    let mut addresses = Addresses::new();
    while addresses.len() < DOCUMENTS.len() {
        let left = PATIENCE.saturating_sub(began.elapsed());
        let Ok(line) = lines.recv_timeout(left) else {
            _ = service.kill();
            _ = service.wait();
            return Err("the service does not say where it listens".to_owned());
        };
        let found = DOCUMENTS.iter().find_map(|(name, marker)| {
            let (_, rest) = line.split_once(marker)?;
            Some((*name, rest.split_whitespace().next()?.to_owned()))
        });
        addresses.extend(found);
    }
    addresses.sort_by_key(|(name, _)| DOCUMENTS.iter().position(|(other, _)| name == other));
    Ok((service, addresses))
}

/// Asks with all checks. Each exception stands in `schemathesis.toml` with its reason.
fn run(schemathesis: &Path, address: &str, token: &str, seconds: u64) -> Result<(), String> {
    let mut command = program(schemathesis);
    // Where it writes what it remembers.
    command.current_dir(tool::target().join("tools"));
    command
        .arg("--config-file")
        .arg(process::root().join("xtask/schemathesis.toml"))
        .arg("run")
        .arg(format!("http://{address}/openapi.json"))
        .args(["--checks", "all", "--warnings", "off", "--no-color"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--max-time", &seconds.to_string()])
        .args(["--request-timeout", "30"])
        // No proxy of the machine is asked.
        .env("NO_PROXY", "127.0.0.1");
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    // It ends by itself; if it does not, it is ended.
    let last = Instant::now() + Duration::from_secs(seconds) + 2 * PATIENCE;
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("schemathesis says no ({status})")),
            None if Instant::now() < last => thread::park_timeout(Duration::from_millis(100)),
            None => {
                _ = child.kill();
                _ = child.wait();
                return Err("schemathesis did not end in time".to_owned());
            }
        }
    }
}

/// Asks the service to stop, and waits until it has.
fn end(mut service: Child) -> Result<(), String> {
    if cfg!(unix) {
        let pid = service.id().to_string();
        process::quietly(program("kill").args(["-TERM", &pid]))?;
        let last = Instant::now() + PATIENCE;
        while Instant::now() < last {
            match service.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the service did not end well ({status})")),
                None => thread::park_timeout(Duration::from_millis(100)),
            }
        }
    }
    _ = service.kill();
    _ = service.wait();
    match cfg!(unix) {
        true => Err("the service did not end in time".to_owned()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_of_seconds_can_be_said() {
        let parse = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            super::parse(&arguments)
        };
        assert_eq!(parse(&[]), Ok(SECONDS));
        assert_eq!(parse(&["--seconds", "5"]), Ok(5));
        for wrong in [&["--seconds", "0"][..], &["5"], &["--seconds", "x"]] {
            assert!(parse(wrong).unwrap_err().contains("--seconds"));
        }
    }
}
