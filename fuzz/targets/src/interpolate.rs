//! References in a value, and variables that they lead to.

use std::collections::BTreeMap;

use arbitrary::{Arbitrary, Unstructured};
use chassis::{Config, code};
use serde_json::{Value, json};

use crate::{CANARY, FILE, is_told, refers_to_a_file, yaml};

/// More than this may be refused for its length alone.
const LONG: usize = 1 << 20;

#[derive(Arbitrary, Debug)]
struct Input {
    place: Place,
    pieces: Vec<Piece>,
    variables: Vec<(Name, Held)>,
}

/// Where the value stands: each of these is read in another way.
#[derive(Arbitrary, Debug)]
enum Place {
    Version,
    Address,
    Size,
    Time,
    Number,
    Network,
    Choice,
    Filter,
    Switch,
    Priority,
    OfPlugin,
}

/// A part of the value.
#[derive(Arbitrary, Debug)]
enum Piece {
    Text(String),
    /// `${A}`
    Variable(Name),
    /// `${A:-..}`
    Or(Name, Vec<Piece>),
    /// `${A:?message}`
    OrRefuse(Name, String),
    /// `$${`
    Plain,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    A,
    B,
    C,
    D,
}

/// What a variable holds.
#[derive(Arbitrary, Debug)]
enum Held {
    Text(String),
    /// What nobody may be told, with something before and after it.
    Secret(String, String),
}

/// What a value means, as far as this can be said from its pieces.
#[derive(Debug, PartialEq)]
enum Meaning {
    Text(String),
    /// A reference leads nowhere.
    Nothing,
    /// Something in a text may be taken for more than that.
    Unsure,
}

/// A value means what its pieces mean, whatever the variables hold; and nothing tells what they do.
pub fn interpolate(input: &[u8]) {
    if let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(input)) {
        holds(&input);
    }
}

fn holds(input: &Input) {
    let written = written(&input.pieces);
    if refers_to_a_file(&written) {
        return;
    }
    let variables: BTreeMap<Name, String> = input
        .variables
        .iter()
        .map(|(name, held)| (*name, held.text()))
        .collect();
    let environment = variables
        .iter()
        .map(|(name, value)| (format!("{name:?}"), value));
    let result = Config::builder()
        .yaml(FILE, yaml(&input.place.document(&written).to_string()))
        .environment(environment)
        .build();

    let longest = variables.values().map(String::len).max().unwrap_or(0);
    let meaning = match written.len() * (1 + longest) < LONG {
        true => meaning(&input.pieces, &variables, 0),
        false => Meaning::Unsure,
    };
    match (&result, meaning, &input.place) {
        (Err(error), Meaning::Nothing, _) => assert_eq!(error.code(), code::CONFIG_REFERENCE),
        (Ok(_), Meaning::Nothing, _) => panic!("`{written}` leads nowhere, and is accepted"),
        (Ok(config), Meaning::Text(text), Place::Version) => {
            assert_eq!(config.settings().service.version, text);
        }
        (Err(error), Meaning::Text(text), Place::Version) => {
            panic!("`{written}` is `{text}`, but {}", error.report())
        }
        _ => {}
    }
    if written.contains(CANARY) {
        return;
    }
    match result {
        // What is left are keys and places.
        Ok(config) => {
            let shown = format!("{config:?}").replace(&format!("{:?}", config.settings()), "");
            assert!(!shown.contains(CANARY), "{shown}");
        }
        Err(error) => {
            is_told(&error);
            let report = format!("{}\n{error:?}", error.report());
            assert!(!report.contains(CANARY), "{report}");
        }
    }
}

fn written(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Variable(name) => format!("${{{name:?}}}"),
        Piece::Or(name, pieces) => format!("${{{name:?}:-{}}}", written(pieces)),
        Piece::OrRefuse(name, message) => format!("${{{name:?}:?{message}}}"),
        Piece::Plain => "$${".to_owned(),
    };
    pieces.iter().map(text).collect()
}

fn meaning(pieces: &[Piece], variables: &BTreeMap<Name, String>, depth: usize) -> Meaning {
    if depth > 16 {
        return Meaning::Unsure;
    }
    let mut whole = String::new();
    let mut leads_nowhere = false;
    for piece in pieces {
        let meaning = match piece {
            Piece::Text(text) if text.contains('$') || (depth > 0 && text.contains('}')) => {
                Meaning::Unsure
            }
            // A reference may stand in it.
            Piece::OrRefuse(_, message) if message.contains(['$', '}']) => Meaning::Unsure,
            Piece::Text(text) => Meaning::Text(text.clone()),
            Piece::Plain => Meaning::Text("${".to_owned()),
            Piece::Variable(name) => found(variables.get(name)),
            Piece::OrRefuse(name, _) => found(variables.get(name).filter(|text| !text.is_empty())),
            Piece::Or(name, default) => {
                let text = variables.get(name).filter(|text| !text.is_empty());
                match (meaning(default, variables, depth + 1), text) {
                    (Meaning::Unsure, _) => Meaning::Unsure,
                    (_, Some(text)) => Meaning::Text(text.clone()),
                    (default, None) => default,
                }
            }
        };
        match meaning {
            Meaning::Text(text) => whole.push_str(&text),
            Meaning::Nothing => leads_nowhere = true,
            Meaning::Unsure => return Meaning::Unsure,
        }
    }
    match leads_nowhere {
        true => Meaning::Nothing,
        false => Meaning::Text(whole),
    }
}

fn found(text: Option<&String>) -> Meaning {
    text.map_or(Meaning::Nothing, |text| Meaning::Text(text.clone()))
}

impl Held {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.replace(CANARY, ""),
            Self::Secret(before, after) => format!("{before}{CANARY}{after}"),
        }
    }
}

impl Place {
    fn document(&self, value: &str) -> Value {
        match self {
            Self::Version => json!({"service": {"version": value}}),
            Self::Address => json!({"server": {"listen": value}}),
            Self::Size => json!({"server": {"max_body": value}}),
            Self::Time => json!({"server": {"request_timeout": value}}),
            Self::Number => json!({"server": {"max_connections": value}}),
            Self::Network => json!({"server": {"trusted_proxies": [value]}}),
            Self::Choice => json!({"log": {"format": value}}),
            Self::Filter => json!({"log": {"filter": value}}),
            Self::Switch => json!({"reload": {"watch": value}}),
            Self::Priority => json!({"plugins": {"a": {"priority": value}}}),
            Self::OfPlugin => json!({"plugins": {"a": {"config": {"key": value}}}}),
        }
    }
}
