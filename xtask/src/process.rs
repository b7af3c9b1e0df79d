//! Other programs: how they are started, and what they said.

use std::{
    env,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// A program that runs in the root of the repository and reads nothing.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).stdin(Stdio::null());
    // `cargo run` tells us about the package `xtask`. Build scripts of dependencies would see that, and
    // run again each time that cargo is called without it.
    for (key, _) in env::vars_os() {
        if key
            .to_str()
            .is_some_and(|key| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(key);
        }
    }
    command
}

/// Cargo, with these arguments separated by spaces.
pub(crate) fn cargo(arguments: &str) -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments.split_whitespace());
    command
}

/// Runs it to its end and keeps what it says, to be shown if it fails.
pub(crate) fn quietly(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| cant_start(command, &error))?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(text.into_owned())
    } else {
        Err(format!(
            "{text}\n`{}` failed ({})",
            shown(command),
            output.status
        ))
    }
}

/// Runs it to its end; what it writes to standard output, if it succeeds.
pub(crate) fn said(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| cant_start(command, &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{text}\n`{}` failed ({})",
        shown(command),
        output.status
    ))
}

/// Runs it to its end and lets it speak for itself.
pub(crate) fn loudly(command: &mut Command) -> Result<(), String> {
    let status = command
        .status()
        .map_err(|error| cant_start(command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` failed ({status})", shown(command)))
    }
}

/// Like [`quietly`], but ends it when it takes longer than `limit`.
pub(crate) fn within(limit: Duration, command: &mut Command) -> Result<String, String> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| cant_start(command, &error))?;
    let (sender, ended) = mpsc::channel();
    let stderr = child.stderr.take();
    thread::spawn(move || {
        let mut text = Vec::new();
        // Its standard error ends when it does.
        _ = stderr.map(|mut stderr| stderr.read_to_end(&mut text));
        _ = sender.send(String::from_utf8_lossy(&text).into_owned());
    });
    let Ok(text) = ended.recv_timeout(limit) else {
        _ = child.kill();
        _ = child.wait();
        return Err(format!("`{}` took longer than {limit:?}", shown(command)));
    };
    let status = child.wait().map_err(|error| cant_start(command, &error))?;
    if status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}

/// Runs it to its end; what it writes to standard output is shown at once and also given to `line`.
/// Says whether it succeeded.
pub(crate) fn listening(command: &mut Command, mut line: impl FnMut(&str)) -> Result<bool, String> {
    command.stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| cant_start(command, &error))?;
    let mut pending = Vec::new();
    let mut chunk = [0; 8192];
    if let Some(mut output) = child.stdout.take() {
        loop {
            let read = output
                .read(&mut chunk)
                .map_err(|error| cant_start(command, &error))?;
            if read == 0 {
                break;
            }
            // Not line by line: a test that hangs has only written half of its line.
            let mut stdout = io::stdout().lock();
            _ = stdout
                .write_all(&chunk[..read])
                .and_then(|()| stdout.flush());
            pending.extend_from_slice(&chunk[..read]);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let rest = pending.split_off(end + 1);
                line(String::from_utf8_lossy(&pending).trim_end());
                pending = rest;
            }
        }
    }
    let status = child.wait().map_err(|error| cant_start(command, &error))?;
    Ok(status.success())
}

fn cant_start(command: &Command, error: &io::Error) -> String {
    format!("can't run `{}`: {error}; is it installed?", shown(command))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let mut text = program.to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
