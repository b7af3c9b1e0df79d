//! What only a process has: a log, and an answer to `status`.

use super::{Setting, in_real_time};
use crate::{
    client::Raw,
    command_line::{EVERYTHING, VICTIM, run, with},
    process::Process,
};
use serde_json::Value;
use std::fs;

pub(super) fn name(setting: Setting) -> String {
    status(setting, 0)
}

pub(super) fn version(setting: Setting) -> String {
    status(setting, 1)
}

/// A word of what `status` says of a running service.
fn status(setting: Setting, word: usize) -> String {
    let directory = with(&setting.yaml());
    let service = Process::start(EVERYTHING, directory.path());
    let listen = format!("management.listen={}", service.management);
    let said = run(EVERYTHING, directory.path(), &["status", "--set", &listen]);
    let told = said.out.split(' ').nth(word);
    told.unwrap_or_else(|| panic!("{}", said.err)).to_owned()
}

/// The answer of management to somebody without a token.
pub(super) fn stranger(setting: Setting) -> String {
    let directory = with(&setting.yaml());
    let tokens = directory.path().join("tokens");
    fs::write(tokens, "0123456789abcdef\n").expect("there is room");
    let service = Process::start(EVERYTHING, directory.path());
    in_real_time(async {
        let mut raw = Raw::connect(service.management).await;
        raw.get("/plugins").await.status.as_u16().to_string()
    })
}

/// The levels of the lines of a service that does not come up.
pub(super) fn levels(setting: Setting) -> String {
    let log = failed(setting);
    let levels = ["ERROR", "WARN", "INFO", "DEBUG"].into_iter();
    let told = levels.filter(|level| log.contains(&format!(" {level} ")));
    told.collect::<Vec<_>>().join(", ")
}

pub(super) fn format(setting: Setting) -> String {
    let log = failed(setting);
    let is_json =
        |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object());
    match log.lines().filter(|line| is_json(line)).count() {
        0 => "text".to_owned(),
        count if count == log.lines().count() => "JSON".to_owned(),
        _ => log,
    }
}

fn failed(setting: Setting) -> String {
    let directory = with(&setting.yaml());
    let arguments = [
        "--set=server.listen=127.0.0.1:0",
        "--set=management.listen=127.0.0.1:0",
        "--set=plugins.base.config.fails=init",
    ];
    let said = run(VICTIM, directory.path(), &arguments);
    assert_eq!(said.code, Some(1), "{}", said.err);
    said.err
}

/// What a service says that has a directory with another greeting at hand.
pub(super) fn directory(setting: Setting) -> String {
    let directory = with(&setting.yaml());
    let settings = directory.path().join("settings.d");
    fs::create_dir(&settings).expect("there is room");
    let greeting = settings.join("plugins.greeter.config.greeting");
    fs::write(greeting, "Ahoy\n").expect("there is room");
    let service = Process::start(EVERYTHING, directory.path());
    in_real_time(async {
        let mut raw = Raw::connect(service.service).await;
        raw.get("/hello/Ada").await.text().to_owned()
    })
}
