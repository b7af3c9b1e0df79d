//! `${VAR}` and its like in the values of a file: per value, never on the text, so that what a variable
//! holds can't become a key.
//!
//! The forms are those of the POSIX shell (`:-`, `:?`) and of Docker Compose, with `${file:..}` for
//! secrets that are mounted as files.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    scalar::word,
    tree::{Node, Origin, Reference, Tree},
};
use crate::error::{Error, code};

/// How deep defaults may hold defaults.
const MAX_DEPTH: usize = 16;

/// The text of one value.
const MAX_VALUE: usize = 1 << 20;

/// All that references bring into one file: two that are a million bytes each can stand there often.
const MAX_TOTAL: usize = 16 << 20;

/// Where references lead to.
#[derive(Debug)]
pub(super) struct Interpolation<'a> {
    variables: &'a BTreeMap<String, String>,
    /// What paths are relative to: the directory of the file that they stand in.
    directory: &'a Path,
    /// The files that were read, or should have been.
    pub(super) files: Vec<PathBuf>,
    total: usize,
}

impl<'a> Interpolation<'a> {
    pub(super) fn new(variables: &'a BTreeMap<String, String>, directory: &'a Path) -> Self {
        Self {
            variables,
            directory,
            files: Vec::new(),
            total: 0,
        }
    }

    /// Replaces the references in all values of a file.
    pub(super) fn apply(&mut self, tree: &mut Tree, errors: &mut Vec<Error>) {
        match &mut tree.node {
            Node::Map(entries) => {
                for value in entries.values_mut() {
                    self.apply(value, errors);
                }
            }
            Node::List(items) => {
                for item in items {
                    self.apply(item, errors);
                }
            }
            Node::String(text) if text.contains("${") => {
                let text = std::mem::take(text);
                match self.value(&text, &tree.origin) {
                    Ok(value) => {
                        *tree = Tree {
                            key: tree.key.take(),
                            ..value
                        }
                    }
                    // It stays empty: what else is wrong can be found all the same.
                    Err(refused) => errors.push(refused.at(&tree.origin)),
                }
            }
            _ => {}
        }
    }

    fn value(&mut self, text: &str, at: &Origin) -> Result<Tree, Refused> {
        let mut expanded = Expanded::default();
        let rest = self.expand(text, false, 0, &mut expanded)?;
        debug_assert!(rest.is_empty(), "nothing ends a value but its end");
        let Some(to) = expanded.to else {
            // Only `$${`: a string it was, and a string it is.
            return Ok(Tree::new(Node::String(expanded.text), at.clone()));
        };
        let at = Arc::new(at.clone());
        Ok(word(&expanded.text, Origin::Reference { at, to }))
    }

    /// Expands a text to its end, or to the `}` that ends the default which it is; what is left of it.
    fn expand<'t>(
        &mut self,
        text: &'t str,
        in_default: bool,
        depth: usize,
        into: &mut Expanded,
    ) -> Result<&'t str, Refused> {
        if depth > MAX_DEPTH {
            return Err(Refused::new(
                "defaults are nested too deeply",
                "write it with fewer of them",
            ));
        }
        let mut rest = text;
        loop {
            let stop = rest.find(['$', '}']).unwrap_or(rest.len());
            into.push(&rest[..stop], &mut self.total)?;
            rest = &rest[stop..];
            if let Some(after) = rest.strip_prefix("$${") {
                into.push("${", &mut self.total)?;
                rest = after;
            } else if let Some(after) = rest.strip_prefix("${") {
                rest = self.reference(after, depth, into)?;
            } else if rest.starts_with('}') && in_default {
                return Ok(rest);
            } else if let Some(one) = rest.get(..1) {
                into.push(one, &mut self.total)?;
                rest = &rest[1..];
            } else if in_default {
                return Err(Refused::unclosed());
            } else {
                return Ok(rest);
            }
        }
    }

    /// A reference from after its `${`; what stands behind its `}`.
    fn reference<'t>(
        &mut self,
        text: &'t str,
        depth: usize,
        into: &mut Expanded,
    ) -> Result<&'t str, Refused> {
        let end = text.find('}').ok_or_else(Refused::unclosed)?;
        let operator = text[..end]
            .find(":-")
            .into_iter()
            .chain(text[..end].find(":?"))
            .min();
        let (name, rest) = text.split_at(operator.unwrap_or(end));
        let (to, found) = self.look_up(name)?;
        let found_something = found.as_ref().is_ok_and(|value| !value.is_empty());
        if let Some(default) = rest.strip_prefix(":-") {
            // The default is read in any case: what is wrong with it should not wait for the day it is needed.
            let mut other = Expanded::default();
            let total = self.total;
            let rest = self.expand(default, true, depth + 1, &mut other);
            let rest = match (rest, found_something) {
                (Ok(rest), _) => rest,
                // A reference in it that leads nowhere is no error as long as nobody follows it.
                (Err(refused), true) if refused.is_missing => end_of(default)?,
                (Err(refused), _) => return Err(refused),
            };
            match found.ok().filter(|_| found_something) {
                Some(value) => {
                    self.total = total;
                    into.push(&value, &mut self.total)?;
                    into.comes_from(to);
                }
                None => {
                    into.push(&other.text, &mut self.total)?;
                    into.comes_from(other.to.unwrap_or(to));
                }
            }
            return Ok(&rest[1..]);
        }
        if let Some(message) = rest.strip_prefix(":?") {
            let end = end_of(message)?;
            let (message, after) = (&message[..message.len() - end.len()], &end[1..]);
            match found.ok().filter(|_| found_something) {
                Some(value) => into.push(&value, &mut self.total)?,
                None if message.is_empty() => return Err(missing(&to, "it has to be set")),
                None => return Err(missing(&to, message)),
            }
            into.comes_from(to);
            return Ok(after);
        }
        into.push(&found.map_err(|why| missing(&to, &why))?, &mut self.total)?;
        into.comes_from(to);
        Ok(&rest[1..])
    }

    /// What a name leads to; inside, what is there or why nothing is.
    fn look_up(&mut self, name: &str) -> Result<(Reference, Result<String, String>), Refused> {
        if let Some(path) = name.strip_prefix("file:") {
            if path.is_empty() {
                return Err(Refused::form("${file:}"));
            }
            let whole = self.directory.join(path);
            let found = read(&whole).map_err(|error| error.to_string());
            self.files.push(whole);
            return Ok((Reference::File(path.into()), found));
        }
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let is_name =
            name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
        if !is_name {
            return Err(Refused::form(&format!("${{{name}}}")));
        }
        let found = self.variables.get(name).cloned();
        let found = found.ok_or_else(|| "there is no such variable in the environment".to_owned());
        Ok((Reference::Variable(name.into()), found))
    }
}

/// The `}` that ends a default which nobody follows, or a message.
fn end_of(default: &str) -> Result<&str, Refused> {
    let mut open = 0;
    let mut rest = default;
    while let Some(stop) = rest.find(['$', '}']) {
        rest = &rest[stop..];
        if rest.starts_with('}') {
            if open == 0 {
                return Ok(rest);
            }
            open -= 1;
            rest = &rest[1..];
        } else if let Some(after) = rest.strip_prefix("$${") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            open += 1;
            rest = after;
        } else {
            rest = &rest[1..];
        }
    }
    Err(Refused::unclosed())
}

/// The content of a file, without the line ending that editors and `echo` put behind it.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_VALUE as u64 + 1)
        .read_to_string(&mut text)?;
    if text.len() > MAX_VALUE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 1MiB",
        ));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A value in the making.
#[derive(Default)]
struct Expanded {
    text: String,
    /// What it came from; of several a file, because that makes it a secret.
    to: Option<Reference>,
}

impl Expanded {
    fn push(&mut self, text: &str, total: &mut usize) -> Result<(), Refused> {
        self.text.push_str(text);
        *total += text.len();
        if self.text.len() > MAX_VALUE || *total > MAX_TOTAL {
            return Err(Refused::new(
                "what its references bring together is too long",
                "a value may have 1MiB, all of a file 16MiB",
            ));
        }
        Ok(())
    }

    fn comes_from(&mut self, to: Reference) {
        if self.to.is_none() || matches!(to, Reference::File(_)) {
            self.to = Some(to);
        }
    }
}

/// Why a value can't be had. It never tells what a variable or a file holds.
#[derive(Debug)]
struct Refused {
    message: String,
    help: String,
    /// Whether a reference leads nowhere, rather than being malformed.
    is_missing: bool,
}

impl Refused {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: help.into(),
            is_missing: false,
        }
    }

    fn form(what: &str) -> Self {
        Self::new(
            format!("`{what}` is not a reference"),
            "write `${NAME}`, `${NAME:-default}`, `${NAME:?message}` or `${file:PATH}`; `$${` is a plain `${`",
        )
    }

    fn unclosed() -> Self {
        Self::new(
            "a `${` has no `}`",
            "close it, or write `$${` for a plain `${`",
        )
    }

    fn at(self, origin: &Origin) -> Error {
        Error::new(code::CONFIG_REFERENCE, self.message)
            .with_help(self.help)
            .from_origin(origin.to_string())
    }
}

fn missing(to: &Reference, why: &str) -> Refused {
    let (name, help) = match to {
        Reference::Variable(name) => (
            format!("${{{name}}}"),
            format!("set it, or write a default: `${{{name}:-..}}`"),
        ),
        Reference::File(path) => (
            format!("${{file:{path}}}"),
            "create the file, or name another one".to_owned(),
        ),
    };
    Refused {
        is_missing: true,
        ..Refused::new(format!("`{name}`: {why}"), help)
    }
}
