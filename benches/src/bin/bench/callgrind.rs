//! Instructions, counted by callgrind: of all threads of a subject, outside of the kernel.
//!
//! A subject runs twice, and does its work more often the second time. The difference is what the work costs; what the
//! start costs is in neither.

use super::{
    Counts,
    client::Client,
    subject::{Subject, Work},
};
use chassis::{Context as _, Error, Result};
use chassis_benches::INJECT;
use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// The programs that are needed, and what is known of the machine.
#[derive(Debug)]
pub(crate) struct Tools {
    valgrind: PathBuf,
    pub(crate) valgrind_version: String,
    pub(crate) rustc: String,
    pub(crate) libc: String,
    pub(crate) has_avx2: bool,
}

/// How often a server answers: in the first run, and in the second.
const ANSWERS: (u64, u64) = (400, 2_000);
/// How often work without a network is done.
const TIMES: (u64, u64) = (1_000, 5_000);
/// How often points are used: so little work that what other threads do meanwhile would show.
const USES: (u64, u64) = (10_000, 60_000);

/// How often there are reloads: each is as much work as a thousand requests.
const RELOADS: (u64, u64) = (4, 24);

impl Tools {
    pub(crate) fn find() -> Result<Self> {
        let valgrind = env::var_os("VALGRIND").unwrap_or_else(|| "valgrind".into());
        let first_line = |command: &mut Command| {
            let output = command.output();
            let output = output.with_context_of(command)?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Ok::<_, Error>(text.lines().next().unwrap_or_default().trim().to_owned())
        };
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Ok(Self {
            valgrind_version: first_line(Command::new(&valgrind).arg("--version"))?,
            rustc: first_line(Command::new("rustc").arg("--version"))?,
            libc: first_line(Command::new("getconf").arg("GNU_LIBC_VERSION"))?,
            has_avx2: cpu.split_whitespace().any(|flag| flag == "avx2"),
            valgrind: valgrind.into(),
        })
    }

    /// What a reader has to know of the machine.
    pub(crate) fn machine(&self) -> String {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("a CPU", |model| model.trim_start_matches([' ', '\t', ':']));
        let cores = thread::available_parallelism().map_or(1, Into::into);
        format!(
            "{cores} cores of {model}, {}, {}, {}",
            self.libc, self.rustc, self.valgrind_version
        )
    }

    /// The subject under callgrind; its counts go to `out`.
    fn command(&self, program: &str, out: &Path) -> Command {
        let mut command = Command::new(&self.valgrind);
        let mut file = std::ffi::OsString::from("--callgrind-out-file=");
        file.push(out);
        command
            .args(["--tool=callgrind", "-q"])
            .arg(file)
            .arg(beside(program))
            // Settings of whoever runs this would be settings of the subject.
            .env_remove("RUST_LOG")
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LIB_BACKTRACE")
            .env("TOKIO_WORKER_THREADS", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// Another program of this crate.
pub(crate) fn beside(program: &str) -> PathBuf {
    let bench = env::current_exe().unwrap_or_default();
    bench.with_file_name(format!("{program}{}", env::consts::EXE_SUFFIX))
}

/// Where results go: `bench` in the folder for what is built.
pub(crate) fn results() -> PathBuf {
    let bench = env::current_exe().unwrap_or_default();
    let target = bench.ancestors().nth(2).map(Path::to_path_buf);
    target.unwrap_or_default().join("bench")
}

/// Counts all subjects, as many at a time as there are cores: counts do not depend on how busy the machine is.
/// `added` says how many instructions a subject is to be slower.
pub(crate) fn count_all(
    tools: &Tools,
    subjects: &[Subject],
    added: &(dyn Fn(&Subject) -> u64 + Sync),
) -> Result<Counts> {
    let folder = results().join("callgrind");
    fs::create_dir_all(&folder)?;
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(Ok(Counts::new()));
    let work = || {
        while let Some(subject) = subjects.get(next.fetch_add(1, Relaxed)) {
            let count = count(tools, subject, added(subject), &folder);
            let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            match (count, &mut *counts) {
                (Ok(count), Ok(counts)) => {
                    eprintln!("{:<36}{count:>10.0}", subject.name);
                    counts.insert(subject.name.clone(), count);
                }
                (Err(error), Ok(_)) => {
                    *counts = Err(error).context(format!("`{}`", subject.name));
                }
                (_, Err(_)) => return,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(work);
        }
    });
    counts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What the work of a subject costs each time.
fn count(tools: &Tools, subject: &Subject, added: u64, folder: &Path) -> Result<f64> {
    let (few, many) = match subject.work {
        Work::Server { .. } => ANSWERS,
        Work::InProcess { .. } if subject.name.starts_with("points") => USES,
        Work::InProcess { .. } if subject.name.starts_with("reload") => RELOADS,
        Work::InProcess { .. } => TIMES,
    };
    let total = |times: u64| {
        let file = format!("{}.{times}.out", subject.name.replace('/', "-"));
        let out = folder.join(file);
        // One of an earlier run would be taken for this one's.
        _ = fs::remove_file(&out);
        match &subject.work {
            Work::Server {
                program,
                path,
                environment,
            } => {
                let mut command = tools.command(program, &out);
                command.envs(environment.iter().map(|(key, value)| (key, value)));
                serve(command.env(INJECT, added.to_string()), path, times)?;
            }
            Work::InProcess { program } => {
                let mut command = tools.command(program, &out);
                command.arg(&subject.name).arg(times.to_string());
                let status = command.env(INJECT, added.to_string()).status();
                if !status.with_context_of(&command)?.success() {
                    return Err(Error::msg(format!("`{command:?}` failed")));
                }
            }
        }
        instructions(&out)
    };
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let each = (total(many)? as f64 - total(few)? as f64) / (many - few) as f64;
    Ok(each)
}

/// Runs a server, asks it so many times over one connection, and ends it.
fn serve(command: &mut Command, path: &str, times: u64) -> Result<()> {
    let child = command.stdout(Stdio::piped()).spawn();
    let mut server = Server(child.with_context_of(command)?);
    let mut client = Client::connect(server.address()?, path)?;
    for _ in 0..times {
        client.ask()?;
    }
    drop(client);
    server.terminate()
}

/// A server that is ended in any case.
#[derive(Debug)]
pub(crate) struct Server(pub(crate) Child);

impl Server {
    /// Where it listens: the first thing that it says.
    pub(crate) fn address(&mut self) -> Result<std::net::SocketAddr> {
        let said = self.0.stdout.take().context("its output is not ours")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        line.trim()
            .parse()
            .context("the subject did not say where it listens")
    }

    /// Ends it as an operator would, and waits for its end.
    pub(crate) fn terminate(&mut self) -> Result<()> {
        // There is no safe call for it; every shell has it built in.
        let kill = format!("kill -TERM {}", self.0.id());
        Command::new("sh").args(["-c", &kill]).status()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// The total in a file of callgrind.
fn instructions(out: &Path) -> Result<u64> {
    let text = fs::read_to_string(out).context(format!("callgrind left no {}", out.display()))?;
    let total = text.lines().find_map(|line| {
        line.strip_prefix("summary: ")
            .or_else(|| line.strip_prefix("totals: "))
    });
    let total = total.and_then(|total| total.trim().parse().ok());
    total.context(format!("there is no total in {}", out.display()))
}

/// An error of a command names it.
pub(crate) trait OfCommand<T> {
    fn with_context_of(self, command: &Command) -> Result<T>;
}

impl<T> OfCommand<T> for std::io::Result<T> {
    fn with_context_of(self, command: &Command) -> Result<T> {
        let program = command.get_program().display().to_string();
        self.context(format!("can't run `{program}`"))
    }
}
