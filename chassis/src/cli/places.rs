//! Errors with the line of the file that is to blame.

use super::{
    USAGE,
    table::{Colour, is_coloured},
};
use crate::{
    chassis::ChassisBuilder,
    error::{Error, code},
    secret::REDACTED,
    text::visible,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    process::ExitCode,
    sync::Arc,
};

/// Words in the name of a key whose value is nobody's business.
const TELLING: &[&str] = &[
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "credential",
    "private",
    "key",
    "dsn",
    "auth",
];

/// Tells what is wrong with a configuration, on standard error: there is no log yet.
pub(super) fn refuse(builder: &ChassisBuilder, error: &Error) -> ExitCode {
    let mut places = Places {
        is_coloured: is_coloured(&std::io::stderr()),
        secret_keys: builder.secret_keys(),
        files: BTreeMap::new(),
    };
    eprint!("{}", places.report(error));
    let count = 1 + error.others().len();
    if count > 1 {
        eprintln!("{count} errors");
    }
    ExitCode::from(USAGE)
}

/// The files that errors speak of.
struct Places {
    is_coloured: bool,
    /// The keys that plugins call secret.
    secret_keys: BTreeSet<String>,
    files: BTreeMap<String, Option<Arc<str>>>,
}

impl Places {
    /// No line of it has a character that moves the cursor: neither of a message nor of a file.
    fn report(&mut self, error: &Error) -> String {
        let mut text = String::new();
        for error in std::iter::once(error).chain(error.others()) {
            let title = self.paint(Colour::Red, "error");
            _ = write!(text, "{title}: ");
            let report = error.report_alone();
            let mut lines = report.lines();
            _ = writeln!(text, "{}", visible(lines.next().unwrap_or_default()));
            for line in lines {
                match line.strip_prefix("  at: ") {
                    Some(origin) => text.push_str(&self.place(origin, is_about_key(error))),
                    None => _ = writeln!(text, "{}", visible(line)),
                }
            }
            text.push('\n');
        }
        text
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        match self.is_coloured {
            true => colour.paint(text),
            false => text.to_owned(),
        }
    }

    /// The origin, and if it is a line of a file, the line with a caret under the place.
    fn place(&mut self, origin: &str, is_key: bool) -> String {
        let arrow = self.paint(Colour::Blue, "-->");
        let mut text = format!("  {arrow} {}\n", visible(origin));
        let Some((file, line, column)) = parse(origin) else {
            return text;
        };
        let Some(mut shown) = self.line(file, line) else {
            return text;
        };
        if is_key {
            shown = key_alone(&shown, column);
        }
        // What is masked ends before the place: there is nothing to point at.
        let width = width(shown.chars().skip(column - 1));
        if width == 0 && shown.ends_with(REDACTED) {
            _ = writeln!(text, "   {line} | {shown}");
            return text;
        }
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let bar = self.paint(Colour::Blue, "|");
        let carets = "^".repeat(width.max(1));
        let before: String = shown
            .chars()
            .take(column - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        _ = writeln!(text, "   {margin} {bar}");
        _ = writeln!(
            text,
            "   {} {bar} {shown}",
            self.paint(Colour::Blue, &number)
        );
        _ = writeln!(
            text,
            "   {margin} {bar} {before}{}",
            self.paint(Colour::Red, &carets)
        );
        text
    }

    /// A line of a file, without what may be a secret.
    fn line(&mut self, file: &str, line: usize) -> Option<String> {
        let text = self
            .files
            .entry(file.to_owned())
            .or_insert_with(|| fs::read_to_string(file).ok().map(Into::into))
            .clone()?;
        let lines: Vec<&str> = text.lines().collect();
        let shown = *lines.get(line.checked_sub(1)?)?;
        if shown.len() > 200 || shown.chars().any(|c| c.is_control() && c != '\t') {
            return None;
        }
        let is_item = shown.trim_start().starts_with("- ");
        if !shown.contains(':') && !is_item {
            // A line of a longer text; nobody knows whose.
            return None;
        }
        if self.is_below_secret(&lines, line - 1) {
            return None;
        }
        Some(self.masked(shown))
    }

    /// Whether one of the keys above, to which the line belongs, is that of a secret.
    fn is_below_secret(&self, lines: &[&str], index: usize) -> bool {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut deepest =
            indent(lines[index]) + usize::from(lines[index].trim_start().starts_with('-'));
        for line in lines[..index]
            .iter()
            .rev()
            .filter(|line| !line.trim().is_empty())
        {
            if indent(line) >= deepest || line.trim_start().starts_with('#') {
                continue;
            }
            deepest = indent(line);
            if self.is_secret(line) {
                return true;
            }
        }
        false
    }

    fn is_secret(&self, text: &str) -> bool {
        let text = text.split(':').next().unwrap_or_default().to_lowercase();
        let text = text
            .trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '"' | '\'' | '{' | ','));
        let known = TELLING.iter().copied();
        let known = known.chain(self.secret_keys.iter().map(String::as_str));
        TELLING.iter().any(|word| text.contains(word))
            || self.secret_keys.contains(text)
            || known.into_iter().any(|secret| is_misspelt(text, secret))
    }

    /// The line up to the value of the first key in it that may be a secret.
    fn masked(&self, line: &str) -> String {
        let mut start = 0;
        while let Some(colon) = line[start..].find(':') {
            let colon = start + colon;
            let key = line[..colon].rsplit([',', '{']).next().unwrap_or_default();
            let value = &line[colon + 1..];
            let reference = reference(value);
            if self.is_secret(key) && !value.trim().is_empty() && reference.is_none() {
                return format!("{}: {REDACTED}", &line[..colon]);
            }
            start = colon + 1 + reference.unwrap_or(0);
        }
        crate::text::mask_credentials(line)
    }
}

/// Whether an error is about a key, whatever stands behind it.
fn is_about_key(error: &Error) -> bool {
    [code::CONFIG_UNKNOWN_KEY, code::CONFIG_UNKNOWN_PLUGIN].contains(&error.code())
}

/// The line without the value of the key at this column: nobody knows whether it is that of a secret.
fn key_alone(line: &str, column: usize) -> String {
    let start: usize = line.chars().take(column - 1).map(char::len_utf8).sum();
    match line[start..].find(": ").map(|colon| start + colon + 1) {
        Some(end) if !line[end..].trim_start().starts_with('#') => format!("{} ..", &line[..end]),
        _ => line.to_owned(),
    }
}

/// How long the key or the value is that begins here.
fn width(text: impl Iterator<Item = char>) -> usize {
    let mut text = text.peekable();
    let mut width = 0;
    while let Some(c) = text.next() {
        let ends_key = c == ':' && text.peek().is_none_or(|next| next.is_whitespace());
        if ends_key || c.is_whitespace() || matches!(c, ',' | ']' | '}' | '#') {
            break;
        }
        width += 1;
    }
    width
}

/// Whether a key is one letter away from that of a secret. Short ones are that from too many others.
fn is_misspelt(key: &str, secret: &str) -> bool {
    let words = key.split(['_', '-', '.', ' ']).chain([key]);
    secret.len() > 4
        && words
            .into_iter()
            .any(|word| strsim::damerau_levenshtein(word, secret) == 1)
}

/// The length of a value that is a reference and nothing else: that is no secret, what it leads to is.
fn reference(value: &str) -> Option<usize> {
    let at = value.find(|c: char| !c.is_whitespace() && !matches!(c, '"' | '\''))?;
    let name = value[at..].strip_prefix("${")?;
    let end = name.find('}')?;
    let is_path = name[..end].starts_with("file:");
    let is_name = name[..end]
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_');
    let rest = name[end + 1..].trim_start_matches(['"', '\'']);
    let is_all = rest.is_empty() || rest.starts_with(is_end);
    (is_all && (is_path && !name[..end].contains(":-") || is_name)).then_some(at + 2 + end + 1)
}

fn is_end(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ']' | '}' | '#')
}

/// `config.yaml:12:7 (${PORT})` taken apart.
pub(super) fn parse(origin: &str) -> Option<(&str, usize, usize)> {
    let origin = origin.split(" (").next()?;
    let mut parts = origin.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let file = parts.next()?;
    let is_config = [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| file.ends_with(ending));
    (is_config && column > 0).then_some((file, line, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(files: &[(&str, &str)]) -> Places {
        let files = files.iter();
        Places {
            is_coloured: false,
            secret_keys: BTreeSet::from(["combination".to_owned()]),
            files: files
                .map(|(name, text)| ((*name).to_owned(), Some(Arc::from(*text))))
                .collect(),
        }
    }

    #[test]
    fn what_may_be_a_secret_is_masked() {
        let places = places(&[]);
        for (line, shown) in [
            ("token: hunter2", "token: ***"),
            (
                "{open: true, combination: 1}",
                "{open: true, combination: ***",
            ),
            // Misspelt, it is none the less secret.
            ("tokn: hunter2", "tokn: ***"),
            ("db_passwort: hunter2", "db_passwort: ***"),
            ("combinaton: 1", "combinaton: ***"),
            ("open: true", "open: true"),
            ("kex: 1", "kex: 1"),
            // A reference is as good as the name of a secret; a default may be one.
            ("token: ${TOKEN} # it", "token: ${TOKEN} # it"),
            ("token: \"${file:a/b}\"", "token: \"${file:a/b}\""),
            (
                "{token: '${A}', password: x}",
                "{token: '${A}', password: ***",
            ),
            ("token: ${TOKEN:-hunter2}", "token: ***"),
            ("token: ${file:a:-hunter2}", "token: ***"),
            ("token: ${TOKEN}hunter2", "token: ***"),
            ("token: hunter2${TOKEN}", "token: ***"),
        ] {
            assert_eq!(places.masked(line), shown);
        }
    }

    #[test]
    fn no_line_moves_the_cursor() {
        let mut places = places(&[("config.yaml", "a: \u{1b}[2J\n")]);
        let error = Error::msg("`\u{1b}[2J` is wrong")
            .from_origin("config.yaml:1:4")
            .with_help("remove \r");
        assert_eq!(
            places.report(&error),
            "error: `\\u{1b}[2J` is wrong\n  --> config.yaml:1:4\n  help: remove \\r\n\n"
        );
    }
}
