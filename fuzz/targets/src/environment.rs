//! Variables and arguments as layers of a configuration.

use std::{borrow::Cow, collections::BTreeMap, ffi::OsString};

use chassis::{Config, ConfigBuilder};
use serde_json::Value;

use crate::{CANARY, FILE, each, is_told};

/// Something that variables may mean by other names.
const BELOW: &str = "plugins: {some-plugin: {config: {api.Key: x, list: [1, {a: b}], none: }}}";

/// A line of the input.
enum Line<'a> {
    /// `NAME=value`
    Variable(&'a [u8], &'a [u8]),
    /// `--set path=value`
    Argument(Cow<'a, str>, Cow<'a, str>),
    /// `code path=value`
    Code(Cow<'a, str>, Value),
}

/// Each error names the variable or the argument; what a variable holds is not told, and the order of variables means
/// nothing.
pub fn environment(input: &[u8]) {
    let lines: Vec<Line<'_>> = input.split(|byte| *byte == b'\n').map(line).collect();
    let mut variables: BTreeMap<OsString, OsString> = BTreeMap::new();
    let mut builder = Config::builder().yaml(FILE, BELOW);
    for line in &lines {
        builder = match line {
            Line::Variable(name, value) => {
                variables.insert(os(name), os(value));
                builder
            }
            Line::Argument(path, value) => builder.argument(&**path, &**value),
            Line::Code(path, value) => builder.set(&**path, value.clone()),
        };
    }
    let forward = shown(builder.clone().environment(variables.clone()));
    let backward = shown(builder.clone().environment(variables.into_iter().rev()));
    assert_eq!(forward, backward);
    let variables = lines.iter().filter_map(|line| match line {
        Line::Variable(name, value) => Some((os(name), os(value))),
        _ => None,
    });
    let Err(error) = builder.environment(variables).build() else {
        return;
    };
    is_told(&error);
    for error in each(&error) {
        let origin = error.origin().unwrap_or("nowhere");
        let named = lines.iter().any(|line| line.is(origin));
        assert!(named, "no line is `{origin}`: {}", error.report());
    }
    if lines.iter().all(Line::is_discreet) {
        assert!(!error.report().contains(CANARY), "{}", error.report());
    }
}

fn line(line: &[u8]) -> Line<'_> {
    let (name, value) = match line.iter().position(|byte| *byte == b'=') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &b""[..]),
    };
    let text = String::from_utf8_lossy(value);
    if let Some(path) = name.strip_prefix(b"--set ") {
        return Line::Argument(String::from_utf8_lossy(path), text);
    }
    if let Some(path) = name.strip_prefix(b"code ") {
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text.into_owned()));
        return Line::Code(String::from_utf8_lossy(path), value);
    }
    Line::Variable(name, value)
}

/// What comes of it: the settings and the keys, or the errors.
fn shown(builder: ConfigBuilder) -> String {
    match builder.build() {
        Ok(config) => format!("{config:?}"),
        Err(error) => error.report(),
    }
}

impl Line<'_> {
    /// Whether an error from there is about this.
    fn is(&self, origin: &str) -> bool {
        match self {
            Self::Variable(b"CHASSIS_PROFILE", value) => {
                origin == format!("profile {}", String::from_utf8_lossy(value))
            }
            Self::Variable(name, _) => {
                origin == format!("environment {}", String::from_utf8_lossy(name))
            }
            Self::Argument(path, _) => origin == format!("--set {path}"),
            Self::Code(..) => origin == "code",
        }
    }

    /// Whether it holds what may not be told, or nothing of that kind. (The keys of a map may be told.)
    fn is_discreet(&self) -> bool {
        match self {
            Self::Variable(name, value) => {
                let (name, value) = (
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value),
                );
                !name.contains(CANARY)
                    && (!value.contains(CANARY)
                        || (name != "CHASSIS_PROFILE" && !value.contains('{')))
            }
            Self::Argument(path, value) => !path.contains(CANARY) && !value.contains(CANARY),
            Self::Code(path, value) => {
                !path.contains(CANARY) && !value.to_string().contains(CANARY)
            }
        }
    }
}

#[cfg(unix)]
fn os(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn os(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}
