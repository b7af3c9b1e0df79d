//! What a schema can demand of text, of numbers, and of a value as a whole.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::{
    super::{
        tree::{Node, Tree},
        units,
    },
    Checker, Violation, format, kind,
};
use crate::text::{did_you_mean, quoted};

/// As many choices as fit into one message.
const MAX_CHOICES: usize = 12;

impl<'s> Checker<'s> {
    pub(super) fn scalar(
        &mut self,
        tree: &Tree,
        words: &'s Map<String, Value>,
        out: &mut Vec<Violation>,
    ) {
        if let Some(allowed) = allowed(words)
            && !allowed.iter().any(|value| equals(tree, value))
        {
            // It has no length or range to speak of, then.
            return out.push(self.not_among(tree, &allowed));
        }
        if let Some(text) = kind::text(tree, words) {
            self.text(tree, text, words, out);
        } else if let Node::Number(number) = &tree.node {
            self.number(tree, number, words, out);
        }
    }

    /// A value that is none of the choices.
    pub(super) fn not_among(&self, tree: &Tree, allowed: &[&Value]) -> Violation {
        let something = allowed.iter().filter(|value| !value.is_null());
        let shown: Option<Vec<String>> = something.map(|value| show(value)).collect();
        let (message, names) = match shown {
            Some(names) if names.len() == 1 => (format!("it is not `{}`", names[0]), names),
            Some(names) if (2..=MAX_CHOICES).contains(&names.len()) => (
                format!(
                    "it is not one of {}",
                    quoted(names.iter().map(|name| &**name))
                ),
                names,
            ),
            names => (
                format!("it is not one of the {} allowed values", allowed.len()),
                names.unwrap_or_default(),
            ),
        };
        // The nearest of a secret's choices would tell what the secret is like.
        let help = match &tree.node {
            Node::String(text) if !self.is_secret(tree) && !tree.origin.is_elsewhere() => {
                did_you_mean(text, names.iter().map(|name| &**name))
            }
            _ => None,
        };
        Violation {
            help,
            ..self.violation(tree, message)
        }
    }

    fn text(
        &mut self,
        tree: &Tree,
        text: &str,
        words: &'s Map<String, Value>,
        out: &mut Vec<Violation>,
    ) {
        let length = text.chars().count() as u64;
        if let Some(least) = count(words, "minLength").filter(|least| length < *least) {
            let message = match length {
                0 => "it is empty".to_owned(),
                _ => format!("it is shorter than {}", plural(least, "character")),
            };
            out.push(self.violation(tree, message));
        }
        if let Some(most) = count(words, "maxLength").filter(|most| length > *most) {
            let message = format!("it is longer than {}", plural(most, "character"));
            out.push(self.violation(tree, message));
        }
        if let Some(pattern) = words.get("pattern").and_then(Value::as_str)
            && self.patterns.matches(pattern, text) == Some(false)
        {
            let message = match units::of_pattern(pattern) {
                Some(expected) => format!("it is not {expected}"),
                None => format!("it does not match the pattern `{pattern}`"),
            };
            out.push(self.violation(tree, message));
        }
        if let Some(format) = words.get("format").and_then(Value::as_str)
            && let Some(expected) = format::broken(format, text)
        {
            out.push(self.violation(tree, format!("it is not {expected}")));
        }
    }

    fn number(
        &self,
        tree: &Tree,
        number: &Number,
        words: &Map<String, Value>,
        out: &mut Vec<Violation>,
    ) {
        // In a variable or a mounted file it may be the number of a safe.
        let found = match self.is_secret(tree) || tree.origin.is_elsewhere() {
            true => String::new(),
            false => format!("it is {number}; "),
        };
        // One bound alone would only lead to the other.
        let whole = Some(kind::words(words)).filter(|words| words.contains(" to "));
        for (keyword, expected) in [
            ("minimum", "at least"),
            ("maximum", "at most"),
            ("exclusiveMinimum", "more than"),
            ("exclusiveMaximum", "less than"),
        ] {
            let Some(Value::Number(bound)) = words.get(keyword) else {
                continue;
            };
            let broken = compare(number, bound).is_some_and(|found| match keyword {
                "minimum" => found.is_lt(),
                "maximum" => found.is_gt(),
                "exclusiveMinimum" => found.is_le(),
                _ => found.is_ge(),
            });
            if broken {
                let is_of_range = !keyword.starts_with("exclusive");
                let message = match whole.as_ref().filter(|_| is_of_range) {
                    Some(range) => format!("{found}expected {range}"),
                    None => format!("{found}expected {expected} {bound}"),
                };
                out.push(self.violation(tree, message));
            }
        }
        if let Some(Value::Number(of)) = words.get("multipleOf")
            && !is_multiple(number, of)
        {
            let message = format!("{found}expected a multiple of {of}");
            out.push(self.violation(tree, message));
        }
    }

    fn is_secret(&self, tree: &Tree) -> bool {
        self.secret.contains(&std::ptr::from_ref(tree))
    }
}

/// A limit of a length or of a number of items.
pub(super) fn count(words: &Map<String, Value>, keyword: &str) -> Option<u64> {
    words.get(keyword)?.as_u64()
}

/// `1 item`, `2 items`
pub(super) fn plural(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// The values that `const` or `enum` leave, if one of them is there.
pub(super) fn allowed(words: &Map<String, Value>) -> Option<Vec<&Value>> {
    match words.get("const") {
        Some(value) => Some(vec![value]),
        None => Some(words.get("enum")?.as_array()?.iter().collect()),
    }
}

pub(super) fn equals(tree: &Tree, value: &Value) -> bool {
    match (&tree.node, &tree.text, value) {
        (Node::Number(a), _, Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        (_, Some(text), Value::String(value)) => **text == **value,
        _ => tree.to_json() == *value,
    }
}

/// A choice as one would write it; `None` for what needs more than a word.
fn show(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (a.as_i128(), b.as_i128()) {
        // Not as floats, which do not hold all integers.
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn is_multiple(number: &Number, of: &Number) -> bool {
    if let (Some(number), Some(of)) = (number.as_i128(), of.as_i128()) {
        return of == 0 || number % of == 0;
    }
    let (Some(number), Some(of)) = (number.as_f64(), of.as_f64()) else {
        return true;
    };
    // 0.3 is a multiple of 0.1 to everybody but the processor.
    let times = number / of;
    !times.is_finite() || (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
}
