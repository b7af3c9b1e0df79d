//! What is wrong with a value, and at which path and place: the error type of the reader.
//!
//! Going through JSON and `serde_path_to_error` would be shorter, but would give errors as text, from
//! which neither the unknown key nor the keys that are known could be read back.

use std::{borrow::Cow, fmt};

use serde::de::{Expected, Unexpected};

use super::{
    hint::Hint,
    path::Step,
    tree::{Node, Origin, Tree},
};
use crate::text::IN_NANOSECONDS;

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) problem: Problem,
    /// What to write instead, if that can be known.
    pub(super) hint: Box<Hint>,
    /// From the inside out: it grows while the error travels up.
    path: Vec<Step>,
    /// The innermost place known.
    pub(super) origin: Option<Origin>,
}

#[derive(Debug)]
pub(super) enum Problem {
    /// There is no such key.
    Unknown {
        key: String,
        known: &'static [&'static str],
    },
    /// There is no such choice.
    Choice {
        value: String,
        known: &'static [&'static str],
    },
    /// A key that must be there is not.
    Missing { key: &'static str },
    /// It is of the wrong type.
    Type { expected: String },
    /// It is not one of the numbers that are allowed.
    Number {
        /// None if it is not to be told.
        found: Option<String>,
        expected: String,
    },
    /// Anything else.
    Other(String),
}

impl Fault {
    fn new(problem: Problem) -> Self {
        Self {
            problem,
            hint: Box::default(),
            path: Vec::new(),
            origin: None,
        }
    }

    /// The path of the value, from the outside in.
    pub(super) fn path(&self) -> Vec<Step> {
        self.path.iter().rev().cloned().collect()
    }

    /// Names the place, unless one further in is named already.
    pub(super) fn at(mut self, place: &Origin) -> Self {
        self.origin.get_or_insert_with(|| place.clone());
        self
    }

    /// Says that it is about this very value, unless it is about one inside of it.
    pub(super) fn about(mut self, tree: &Tree) -> Self {
        if let (None, Problem::Type { expected }) = (&self.origin, &mut self.problem) {
            self.hint = Box::new(Hint::new(plain(expected), tree));
            *expected = format!("{}, found {}", plain(expected), tree.kind());
        }
        if self.origin.is_none() && tree.origin.is_elsewhere() {
            self.hide(tree);
        }
        self.at(tree.place())
    }

    /// Leaves out the value, which is not to be read where the error is read: variables and mounted files are where
    /// secrets are.
    fn hide(&mut self, tree: &Tree) {
        if let Problem::Number { found, .. } = &mut self.problem {
            *found = None;
        }
        let text = match (tree.as_text(), &tree.node) {
            (Some(text), _) => Cow::Borrowed(text),
            (None, Node::Number(number)) => Cow::Owned(number.to_string()),
            _ => return,
        };
        let text = &*text;
        match &mut self.problem {
            Problem::Choice { value, .. } => value.clear(),
            Problem::Other(message) if !text.is_empty() => {
                *message = message.replace(&format!("`{text}`"), "this value");
                // It is the same value, said in another way.
                let end = message.find(IN_NANOSECONDS).unwrap_or(message.len());
                message.truncate(end);
                let digits = text.find(|c: char| !c.is_ascii_digit());
                let number = &text[..digits.unwrap_or(text.len())];
                if let Some((before, written)) = message.split_once("; write `")
                    && !number.is_empty()
                    && written.starts_with(number)
                {
                    // Which unit to write is told all the same.
                    *message = format!("{before}; write `{}", written.replace(number, ".."));
                }
                *message = without_parts(message, text);
                // In a shorter one nobody hides anything, and it would be found where it is not meant.
                if text.len() > 3 {
                    *message = message.replace(text, "..");
                }
            }
            _ => {}
        }
    }

    /// Says that it is about the key of this value.
    pub(super) fn about_key(mut self, value: &Tree) -> Self {
        if let Problem::Type { expected } = &self.problem {
            self.problem = Problem::Other(format!("the key must be {}", plain(expected)));
        }
        self.at(value.key_place())
    }

    /// One step further out.
    pub(super) fn under(mut self, step: impl Into<Step>) -> Self {
        self.path.push(step.into());
        self
    }

    pub(super) fn expected(what: &str) -> Self {
        Self::new(Problem::Type {
            expected: what.to_owned(),
        })
    }
}

/// A message without what it quotes of a text: `` `hunter2` is not a unit of time ``, of `10hunter2`.
fn without_parts(message: &str, text: &str) -> String {
    // Nobody can tell a quote in the text from one around it: all from the first to the last may be the text.
    if text.contains('`')
        && let Some((before, rest)) = message.split_once('`')
        && let Some((_, after)) = rest.rsplit_once('`')
    {
        return format!("{before}`..`{after}");
    }
    let pieces = message.split('`').enumerate();
    let pieces = pieces.map(|(index, piece)| {
        let is_quoted = index % 2 == 1;
        match is_quoted && !piece.is_empty() && text.contains(piece) {
            true => "..",
            false => piece,
        }
    });
    pieces.collect::<Vec<_>>().join("`")
}

/// serde's names of types, for people who do not write Rust.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "u128" | "usize" => "a whole number",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "socket address" => "an address with a port",
        other => other,
    }
}

/// Whether a schema knows better what is expected: numbers and enums, in the words of [`plain`] and of the reader.
pub(super) fn is_rough(expected: &str) -> bool {
    [
        "a whole number",
        "an integer",
        "a number",
        "a string or a map",
    ]
    .iter()
    .any(|number| expected.starts_with(number))
}

/// What a number of the right kind has to be, too.
fn range(expected: &str) -> Option<&str> {
    Some(match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "i8" => "an integer from -128 to 127",
        "i16" => "an integer from -32768 to 32767",
        "i32" => "an integer from -2147483648 to 2147483647",
        "i64" | "isize" => "an integer of at most 64 bits",
        other => match other.strip_prefix("a nonzero ") {
            Some(kind) if kind.starts_with('u') => "a whole number, 1 or more",
            Some(_) => "an integer other than 0",
            None => plain(other),
        },
    })
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string()))
    }

    // The value is not told, here and below: it may be a secret, and the origin says where it is.
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Problem::Type {
            expected: expected.to_string(),
        })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let expected = range(&expected).unwrap_or(&expected).to_owned();
        // Without it, "expected an integer" would leave one guessing.
        let found = match found {
            Unexpected::Unsigned(value) => value.to_string(),
            Unexpected::Signed(value) => value.to_string(),
            Unexpected::Float(value) => value.to_string(),
            _ => {
                let message = format!("this value is not allowed here; expected {expected}");
                return Self::new(Problem::Other(message));
            }
        };
        Self::new(Problem::Number {
            found: Some(found),
            expected,
        })
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Choice {
            value: variant.to_owned(),
            known,
        })
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown {
            key: field.to_owned(),
            known,
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing { key: field })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unknown { key, .. } => write!(f, "`{key}` is not a known key"),
            Problem::Choice { value, .. } => write!(f, "`{value}` is not one of the choices"),
            Problem::Missing { key } => write!(f, "`{key}` is missing"),
            Problem::Type { expected } => write!(f, "expected {expected}"),
            Problem::Number {
                found: Some(found),
                expected,
            } => write!(f, "it is {found}; expected {expected}"),
            Problem::Number { expected, .. } => write!(f, "expected {expected}"),
            Problem::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}
