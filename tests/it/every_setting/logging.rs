//! What is logged, and which events are kept, as `structured-logging` has it.

use super::{Row, Setting, in_real_time, row};
use crate::structured_logging::command;
use crate::{client::Raw, shutdown::Victim};
use serde_json::Value;
use tempfile::TempDir;

#[rustfmt::skip] // It is a table.
pub(super) const ROWS: &[Row] = &[
    row("plugins.structured-logging.config.format", "json", "text", "JSON", format),
    row("plugins.structured-logging.config.level", "debug", "ERROR, WARN, INFO", "ERROR, WARN, INFO, DEBUG", levels),
    row("plugins.structured-logging.config.levels.talker", "debug", "ERROR, WARN, INFO", "ERROR, WARN, INFO, DEBUG", levels),
    row("plugins.structured-logging.config.redact", "[card]", "paying{token, password", "card", redacted),
    row("plugins.structured-logging.config.repeat_limit.lines", "3", "110 of 110", "3 of 110", repeated),
    row("plugins.structured-logging.config.repeat_limit.every", "1m", "110 of 110", "100 of 110", repeated),
    row("plugins.structured-logging.config.audit.topics", "[talker.*]", "", "audit.jsonl", topics),
    row("plugins.structured-logging.config.audit.file", "told.jsonl", "audit.jsonl", "told.jsonl", file),
    row("plugins.structured-logging.config.audit.rotate.size", "1KiB", "one file", "several files", sizes),
    row("plugins.structured-logging.config.audit.rotate.keep", "2", "11 files", "3 files", kept),
];

/// What a service logs while it is asked for something, from its start to its end; and what is in its folder then.
fn logged(setting: Setting, paths: &[&str], more: &[&str]) -> (Vec<String>, TempDir) {
    in_real_time(async {
        let folder = tempfile::tempdir().expect("there is room");
        let mut command = command(folder.path(), &setting.yaml());
        command.args(
            more.iter()
                .map(|value| format!("--set=plugins.structured-logging.config.{value}")),
        );
        let mut victim = Victim::run(command).await;
        let mut raw = Raw::connect(victim.address).await;
        for path in paths {
            assert_eq!(raw.get(path).await.status, 200);
        }
        drop(raw);
        victim.terminate().await;
        let mut lines = Vec::new();
        while let Ok(Some(line)) = victim.log.next_line().await {
            lines.push(line);
        }
        (lines, folder)
    })
}

pub(super) fn format(setting: Setting) -> String {
    let (lines, _folder) = logged(setting, &["/levels"], &[]);
    let line = lines.iter().find(|line| line.contains("levels told"));
    match serde_json::from_str::<Value>(line.expect("it is told")) {
        Ok(_) => "JSON".to_owned(),
        Err(_) => "text".to_owned(),
    }
}

pub(super) fn levels(setting: Setting) -> String {
    let (lines, _folder) = logged(setting, &["/levels"], &[]);
    let told = |level: &&str| {
        let text = format!(" {level} talker::store");
        lines.iter().any(|line| line.contains(&text))
    };
    let all = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].into_iter();
    all.filter(told).collect::<Vec<_>>().join(", ")
}

pub(super) fn redacted(setting: Setting) -> String {
    let (lines, _folder) = logged(setting, &["/orders/7"], &[]);
    let line = lines.iter().find(|line| line.contains("paid with"));
    let fields = line.expect("it is told").split(' ');
    let hidden = fields.filter_map(|field| field.strip_suffix("=\"[redacted]\""));
    hidden.collect::<Vec<_>>().join(", ")
}

pub(super) fn repeated(setting: Setting) -> String {
    let (lines, _folder) = logged(setting, &["/again/110"], &[]);
    let written = lines.iter().filter(|line| line.contains(": again of="));
    format!("{} of 110", written.count())
}

const TOPICS: &str = "audit.topics=[talker.told]";

/// The files of events, and how many are in the first.
fn files(setting: Setting, times: u32, more: &[&str]) -> Vec<String> {
    let (_, folder) = logged(setting, &[&format!("/tell/{times}")], more);
    let files = std::fs::read_dir(folder.path()).expect("it is there");
    let names = files.map(|file| file.expect("it is there").file_name());
    let names = names.map(|name| name.into_string().expect("it is text"));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".jsonl")).collect();
    names.sort();
    names
}

pub(super) fn topics(setting: Setting) -> String {
    files(setting, 3, &[]).join(", ")
}

pub(super) fn file(setting: Setting) -> String {
    files(setting, 3, &[TOPICS]).join(", ")
}

pub(super) fn sizes(setting: Setting) -> String {
    match files(setting, 20, &[TOPICS]).len() {
        1 => "one file".to_owned(),
        _ => "several files".to_owned(),
    }
}

pub(super) fn kept(setting: Setting) -> String {
    let files = files(setting, 100, &[TOPICS, "audit.rotate.size=1KiB"]);
    format!("{} files", files.len())
}
