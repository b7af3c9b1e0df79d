//! The start of a process: how long until its first answer, how much memory it has then, how large its file is.

use super::{
    callgrind::{OfCommand as _, Server, beside},
    client::Client,
};
use chassis::{Context as _, Result};
use serde::Serialize;
use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What one program does at its start.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Start {
    pub(crate) program: &'static str,
    /// From exec to the first 200, in milliseconds: the median of all rounds, and the fastest.
    pub(crate) median_ms: f64,
    pub(crate) min_ms: f64,
    /// Resident after the first answer, in KiB.
    pub(crate) resident_kib: u64,
    /// The file, in KiB, with its symbols.
    pub(crate) size_kib: u64,
}

const PROGRAMS: [&str; 6] = [
    "hello_hyper",
    "hello_axum",
    "hello_chassis",
    "start_10",
    "start_100",
    "start_1000",
];

/// Each program starts so often; they take turns, so that a slow minute of the machine is one for all.
const ROUNDS: usize = 15;

pub(crate) fn measure() -> Result<Vec<Start>> {
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); PROGRAMS.len()];
    let mut resident = vec![0; PROGRAMS.len()];
    for _ in 0..ROUNDS {
        for (index, program) in PROGRAMS.iter().enumerate() {
            let (time, kib) = once(program).context(format!("`{program}`"))?;
            took[index].push(time);
            resident[index] = kib;
        }
    }
    let starts = PROGRAMS.iter().zip(took).zip(resident);
    let start = |((&program, mut took), resident_kib): ((_, Vec<Duration>), _)| {
        took.sort_unstable();
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        Ok(Start {
            program,
            median_ms: millis(took[took.len() / 2]),
            min_ms: millis(took[0]),
            resident_kib,
            size_kib: fs::metadata(beside(program))?.len() / 1_024,
        })
    };
    starts.map(start).collect()
}

/// Starts a program, asks it once, and ends it.
fn once(program: &'static str) -> Result<(Duration, u64)> {
    let mut command = Command::new(beside(program));
    command
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let since = Instant::now();
    let mut server = Server(command.spawn().with_context_of(&command)?);
    Client::connect(server.address()?, "/")?.ask()?;
    let took = since.elapsed();
    let status = fs::read_to_string(format!("/proc/{}/status", server.0.id()))?;
    let resident = status.lines().find_map(|line| {
        let kib = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
        kib.parse().ok()
    });
    server.terminate()?;
    Ok((took, resident.context("there is no VmRSS")?))
}
