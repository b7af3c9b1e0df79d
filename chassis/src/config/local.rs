//! `config.local.yaml`: what operators have changed, and a restart remembers.
//!
//! It lies beside the configuration file, over files, environment and arguments, and under what operators have changed until
//! the next restart. The service writes it, and people may.

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    Overrides, load,
    manual::{plain, quoted},
};
use crate::error::{Error, Result, code};

/// What stands at the top of the file.
const HEAD: &str = "\
# Written by the service: what its operators have changed with `persist`, so that a restart remembers it.
# It lies over files, environment and arguments. Who edits it reloads the service; what the service writes next keeps all
# values, and no comment but this one. There may be secrets in it, and it is of this machine alone: do not commit it.
";

/// The name of a profile that would have the same file.
pub(super) const RESERVED: &str = "local";

/// Where it is: `config.local.yaml` beside `config.yaml`.
pub(super) fn beside(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!("{stem}.{RESERVED}.yaml"))
}

/// The file as it is, with its references as they are.
pub(crate) struct LocalFile {
    path: PathBuf,
    /// What is in it; none if it is not there.
    text: Option<String>,
    said: Overrides,
}

impl LocalFile {
    /// Reads it; one that is not there says nothing.
    ///
    /// # Errors
    ///
    /// If it is broken.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = load::optional_text(path)?;
        let parsed = text.as_deref().map(|text| {
            let name = path.display().to_string();
            load::parse(&name, text)
        });
        let said = parsed.transpose()?.map(|tree| tree.to_json());
        Ok(Self {
            path: path.to_owned(),
            text,
            said: Overrides::of(said.unwrap_or_default()),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is in it; if it is not there, what one holds that says nothing.
    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(HEAD)
    }

    /// What it would hold after a change; none if it says the same before.
    ///
    /// # Errors
    ///
    /// If that is more than a configuration may hold.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Overrides)) -> Result<Option<String>> {
        let mut said = self.said.clone();
        change(&mut said);
        if said == self.said {
            return Ok(None);
        }
        let mut text = HEAD.to_owned();
        block(&mut text, said.values(), 0);
        let name = self.path.display().to_string();
        let refuse = |message: String| {
            let help = "take back some of what it says: `null` in a patch, or `DELETE`";
            Error::new(code::CONFIG_INVALID, message)
                .with_help(help)
                .from_origin(name.clone())
        };
        if text.len() as u64 > load::MAX_BYTES {
            return Err(refuse(format!("`{name}` would be larger than 4MiB")));
        }
        // A service that writes what it does not read would not start any more.
        let read = load::parse(&name, &text)?;
        let is_read = Overrides::of(read.to_json()) == said;
        match is_read {
            true => Ok(Some(text)),
            false => Err(refuse(format!("`{name}` can't say that"))),
        }
    }

    /// Whether nobody has written it since it was read.
    ///
    /// It blocks.
    pub(crate) fn is_current(&self) -> bool {
        load::optional_text(&self.path).is_ok_and(|text| text == self.text)
    }
}

/// Without the values: some of them may be secrets.
impl fmt::Debug for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalFile")
            .field("path", &self.path)
            .field("said", &self.said)
            .finish_non_exhaustive()
    }
}

/// A value of which the file is not to take any part for a reference.
pub(crate) fn literal(value: &Value) -> Value {
    match value {
        Value::String(text) => text.replace("${", "$${").into(),
        Value::Array(items) => items.iter().map(literal).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| (key.clone(), literal(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Maps as YAML, a line for each key.
fn block(text: &mut String, entries: &Map<String, Value>, indent: usize) {
    for (key, value) in entries {
        let key = plain(key);
        _ = match value.as_object().filter(|inside| !inside.is_empty()) {
            Some(inside) => {
                _ = writeln!(text, "{:indent$}{key}:", "");
                block(text, inside, indent + 2);
                continue;
            }
            None => match value {
                Value::String(value) => writeln!(text, "{:indent$}{key}: {}", "", plain(value)),
                value => writeln!(text, "{:indent$}{key}: {}", "", flow(value)),
            },
        };
    }
}

/// What stands in brackets; unlike in a manual, what is nothing is said.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries = entries.iter();
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{}: {}", quoted(key), flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}
