//! The start of a process: how long until its first answer, how much memory it has then, how large its file is.

use super::{
    callgrind::{OfCommand as _, Server, beside, results},
    client::Client,
};
use chassis::{Context as _, Result};
use serde::Serialize;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Command, Stdio},
    thread,
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

/// A program, and whether it is a service as it is shipped: those of this crate say where they listen, and answer `GET /`; that one
/// is told where to listen, and asked whether it is ready.
type Program = (&'static str, bool);

const PROGRAMS: [Program; 7] = [
    ("hello_hyper", false),
    ("hello_axum", false),
    ("hello_chassis", false),
    (ORDERS, true),
    ("start_10", false),
    ("start_100", false),
    ("start_1000", false),
];

/// The example with all plugins of this repository that are for services.
pub(crate) const ORDERS: &str = "orders";

/// Each program starts so often; they take turns, so that a slow minute of the machine is one for all.
const ROUNDS: usize = 15;

pub(crate) fn measure() -> Result<Vec<Start>> {
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); PROGRAMS.len()];
    let mut resident = vec![0; PROGRAMS.len()];
    // The first time is for the key that `orders` makes on its first run, and for what the kernel has not read yet.
    for round in 0..=ROUNDS {
        for (index, program) in PROGRAMS.iter().enumerate() {
            let (time, kib) = once(*program).context(format!("`{}`", program.0))?;
            if round > 0 {
                took[index].push(time);
            }
            resident[index] = kib;
        }
    }
    let starts = PROGRAMS.iter().zip(took).zip(resident);
    let start = |((&(program, _), mut took), resident_kib): ((_, Vec<Duration>), _)| {
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

/// Starts a program, asks it until it answers 200, and ends it.
fn once((program, is_service): Program) -> Result<(Duration, u64)> {
    let mut command = Command::new(beside(program));
    command
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut given = None;
    if is_service {
        // Where no `config.yaml` is, and where its key may stay.
        let folder = results().join("start");
        fs::create_dir_all(&folder)?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        given = Some(free);
        command
            .current_dir(folder)
            .env("CHASSIS__SERVER__LISTEN", free.to_string())
            .env("CHASSIS__MANAGEMENT__LISTEN", "127.0.0.1:0");
    }
    let since = Instant::now();
    let mut server = Server(command.spawn().with_context_of(&command)?);
    match given {
        Some(address) => until_ready(address)?,
        None => Client::connect(server.address()?, "/")?.ask()?,
    }
    let took = since.elapsed();
    let status = fs::read_to_string(format!("/proc/{}/status", server.0.id()))?;
    let resident = status.lines().find_map(|line| {
        let kib = line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?;
        kib.parse().ok()
    });
    server.terminate()?;
    Ok((took, resident.context("there is no VmRSS")?))
}

/// Asks again and again, and waits so long in between: it would take time from a service that has two cores.
const PAUSE: Duration = Duration::from_micros(200);
/// A service that is not ready by then will not be.
const PATIENCE: Duration = Duration::from_secs(30);

#[expect(
    clippy::disallowed_methods,
    reason = "a program without a runtime, that has nothing else to do"
)]
fn until_ready(address: SocketAddr) -> Result<()> {
    let since = Instant::now();
    loop {
        let asked = Client::connect(address, "/readyz").and_then(|mut client| client.ask());
        match asked {
            Err(error) if since.elapsed() > PATIENCE => {
                return Err(error).context("it does not become ready");
            }
            Err(_) => thread::sleep(PAUSE),
            Ok(()) => return Ok(()),
        }
    }
}
