//! Any text as a configuration file.

use chassis::{Config, ConfigBuilder, Error, Result, Settings};
use serde_json::Value;

use crate::{FILE, each, is_told, refers_to_a_file, yaml};

/// It is read without a panic, twice as the same, and what is wrong has a place inside of the text. What was read can be
/// written down and read again; what is JSON, too, means what it means there.
pub fn load(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if refers_to_a_file(&text) {
        return;
    }
    let result = file(&text).build();
    match (&result, file(&text).build()) {
        (Ok(first), Ok(second)) => {
            assert_eq!(format!("{first:?}"), format!("{second:?}"));
            is_read_back(first.settings());
        }
        (Err(first), Err(second)) => {
            assert_eq!(first.report(), second.report());
            is_told(first);
            each(first).for_each(|error| is_inside(error, &text));
        }
        _ => panic!("read twice, it is right once"),
    }
    means_the_same_as_json(&text, &result);
}

fn file(text: &str) -> ConfigBuilder {
    Config::builder().yaml(FILE, text)
}

/// The settings, written as they show themselves, are the same again.
fn is_read_back(settings: &Settings) {
    let written = serde_json::to_string(settings).unwrap();
    let read = file(&yaml(&written).replace("${", "$${")).build();
    let read = read.unwrap_or_else(|error| panic!("{written}\n{}", error.report()));
    assert_eq!(read.settings(), settings);
}

/// `config.yaml:12:7` is in a text of twelve lines or more.
fn is_inside(error: &Error, text: &str) {
    let Some(origin) = error.origin() else {
        return;
    };
    let place = origin.strip_prefix(FILE).expect("nothing else was read");
    let Some(line) = place.split(':').nth(1) else {
        return;
    };
    let line: usize = line.parse().unwrap();
    let lines = text.split(['\n', '\r']).count();
    assert!((1..=lines).contains(&line), "{origin} of {lines} lines");
}

/// A JSON text through the reader of YAML, and its sections set one by one.
fn means_the_same_as_json(text: &str, read: &Result<Config>) {
    let Ok(Value::Object(sections)) = serde_json::from_str(text) else {
        return;
    };
    if sections.keys().any(|key| key.contains('"'))
        || Value::Object(sections.clone()).to_string().contains("${")
    {
        return;
    }
    let set = sections
        .into_iter()
        .fold(Config::builder(), |builder, (key, value)| {
            builder.set(format!("\"{key}\""), value)
        });
    if let (Ok(set), Ok(read)) = (set.build(), read) {
        assert_eq!(set.settings(), read.settings());
    }
}
