//! A YAML or JSON text becomes a tree. JSON needs no reader of its own: it is YAML.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{Location, Options, Spanned};

use super::{
    complaint::Complaint,
    tree::{Node, Origin, Tree},
};
use crate::error::{Error, Result, code};

/// The name that is tried if none is given.
pub(super) const DEFAULT_FILE: &str = "config.yaml";

/// What to do if a file is not there.
pub(super) const NAME_ANOTHER: &str = "create it, or name another file";

/// More than any configuration, and little enough to read into memory without a thought.
pub(super) const MAX_BYTES: u64 = 4 << 20;

/// Reads a file that must be there; `absent` is what to do if it is not.
pub(super) fn file(path: &Path, absent: &str) -> Result<Tree> {
    parse(&path.display().to_string(), &text(path, absent)?)
}

/// Reads a file that may be there; `None` if there is none, which is no error: nobody named it.
pub(super) fn optional_file(path: &Path) -> Result<Option<Tree>> {
    let text = optional_text(path)?;
    text.map(|text| parse(&path.display().to_string(), &text))
        .transpose()
}

/// What is in a file that may be there.
pub(super) fn optional_text(path: &Path) -> Result<Option<String>> {
    // Not `Path::exists`, which takes a file that may not be read for one that is not there.
    match path.try_exists() {
        Ok(false) => Ok(None),
        _ => text(path, NAME_ANOTHER).map(Some),
    }
}

fn text(path: &Path, absent: &str) -> Result<String> {
    read(path).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound => absent,
            io::ErrorKind::FileTooLarge => "is it the right file? no configuration is that large",
            _ => "is it a readable text file?",
        };
        let name = path.display().to_string();
        Error::new(
            code::CONFIG_UNREADABLE,
            format!("the file `{name}` can't be read: {error}"),
        )
        .with_help(help)
        .from_origin(name)
    })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 4MiB",
        ));
    }
    Ok(text)
}

/// A whole configuration: a map, or nothing.
pub(super) fn parse(name: &str, text: &str) -> Result<Tree> {
    let name: Arc<str> = name.into();
    let place = |line, column| Origin::File {
        name: name.clone(),
        line,
        column,
    };
    let raw = yaml(text).map_err(|error| {
        let origin = error
            .location()
            .map_or_else(|| place(0, 0), |at| place(at.line(), at.column()));
        let Complaint { message, help } = Complaint::of(&error);
        let message = format!("`{name}` is not valid YAML: {message}");
        let error = Error::new(code::CONFIG_UNREADABLE, message).from_origin(origin.to_string());
        match help {
            Some(help) => error.with_help(help),
            None => error,
        }
    })?;
    let root = tree(raw, &|at| place(at.line(), at.column()));
    match root.node {
        Node::Map(_) => Ok(root),
        // An empty file, or one in which everything is commented out.
        Node::Null => Ok(Tree::empty(root.origin)),
        _ => Err(Error::new(
            code::CONFIG_UNREADABLE,
            format!(
                "`{name}` holds {} instead of a map of sections",
                root.kind()
            ),
        )
        .with_help("write a section: `server: {listen: 127.0.0.1:8080}`")
        .from_origin(root.origin.to_string())),
    }
}

/// A value of an environment variable, all of one origin. `None` if it is not YAML.
pub(super) fn value(text: &str, origin: &Origin) -> Option<Tree> {
    Some(tree(yaml(text).ok()?, &|_| origin.clone()))
}

fn yaml(text: &str) -> Result<Spanned<Raw>, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, options())
}

fn options() -> Options {
    serde_saphyr::options! {
        // Norway: `no` is a country, and `on` is a key that people use.
        strict_booleans: true,
        // A tag that means nothing to us was written by somebody to whom it meant something.
        reject_unsupported_tags: true,
        // A file of 200 lines has some 500 nodes. The defaults take seconds to stop a bomb of
        // aliases; these take milliseconds.
        budget: serde_saphyr::budget! {
            max_events: 200_000,
            max_nodes: 50_000,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: 50_000,
            max_depth: 64,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
        },
    }
}

/// What the reader calls: any value, with the places of those inside.
enum Raw {
    Scalar(Node),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn tree(raw: Spanned<Raw>, place: &dyn Fn(Location) -> Origin) -> Tree {
    // Where it is used, not where an anchor defined it: that is what one would change.
    let origin = place(raw.referenced);
    let node = match raw.value {
        Raw::Scalar(node) => node,
        Raw::List(items) => Node::List(items.into_iter().map(|item| tree(item, place)).collect()),
        Raw::Map(entries) => {
            let mut map = BTreeMap::new();
            for (key, value) in entries {
                let mut value = tree(value, place);
                value.key = Some(place(key.referenced));
                map.insert(key.value, value);
            }
            Node::Map(map)
        }
    };
    Tree::new(node, origin)
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Node::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(Node::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Node::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(Node::Number(value.into())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Raw::Scalar(Node::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(Node::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            entries.push((key, map.next_value()?));
        }
        Ok(Raw::Map(entries))
    }
}
