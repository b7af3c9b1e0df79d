//! What the reader of YAML has against a text, in words for who wrote it.

use serde_saphyr::{Error, UserMessageFormatter};

/// What is wrong, and what to write instead, if that is known.
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) help: Option<&'static str>,
}

impl Complaint {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => Self::of(error),
            Error::DuplicateMappingKey { key: Some(key), .. } => Self {
                message: format!("the key `{key}` is there twice"),
                help: Some("remove one of them"),
            },
            Error::MultipleDocuments { .. } => Self::new(
                "it has more than one document",
                "remove the line `---` between them",
            ),
            Error::Budget { .. }
            | Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. } => Self::new(
                "it is too large or too complex",
                "write it with fewer aliases (`*a`), or with fewer values",
            ),
            // Neither the tag nor the alias is told: who wrote it may have meant a password.
            Error::UnsupportedTag { .. } => Self::new(
                "it has a tag that means nothing here",
                "a text that begins with `!` stands in quotes",
            ),
            Error::UnknownAnchor { .. } => Self::new(
                "it has an alias of something that is not there",
                "a text that begins with `*` stands in quotes",
            ),
            other => {
                let message = text(other);
                let help = help(&message);
                Self { message, help }
            }
        }
    }

    fn new(message: &str, help: &'static str) -> Self {
        Self {
            message: message.to_owned(),
            help: Some(help),
        }
    }
}

/// As the reader says it, but without the place, which is ours to tell. For users: for developers it names
/// options of the reader.
fn text(error: &Error) -> String {
    let message = error.render_with_formatter(&UserMessageFormatter);
    let message = message.split(" at line ").next().unwrap_or_default();
    match message {
        "expected string scalar" => "a key has to be a text".to_owned(),
        "recursion limit exceeded" => "it is nested too deeply".to_owned(),
        // It writes `@'.
        message => match message.strip_prefix("unexpected character: `") {
            Some(character) => {
                format!(
                    "unexpected character `{}`",
                    character.trim_end_matches('\'')
                )
            }
            None => message.to_owned(),
        },
    }
}

/// What is most likely meant. By its text, for the reader tells most of this in no other way.
fn help(message: &str) -> Option<&'static str> {
    let of = |part: &str| message.contains(part);
    if of("unexpected character") {
        return Some(match of("\\u{") {
            true => "remove it, or write it as an escape in double quotes",
            false => "a text that begins with it stands in quotes",
        });
    }
    if of("tabs disallowed") {
        Some("indent with spaces")
    } else if of("mapping values are not allowed") {
        Some("the keys of a map stand below each other; a text with `: ` in it stands in quotes")
    } else if of("illegal placement of ':'") {
        Some("is a bracket above not closed? a text with `: ` in it stands in quotes")
    } else if of("a key has to be a text") {
        Some("a text that begins with `{` or `[` stands in quotes")
    } else if of("multiline quoted scalar") {
        Some("is a quote above not closed?")
    } else {
        None
    }
}
