//! Words of other plugin systems, and what they are here: whoever comes from one brings its configuration along.
//!
//! Tables, for people to read and to add to. Each word has one sentence that says why it is none here, and one that says
//! what to do.

use super::tree::{Node, Tree};
use crate::{error::Fix, text::quoted};

/// What is said of a word.
pub(super) struct Advice {
    pub(super) message: String,
    pub(super) help: String,
    pub(super) fix: Option<Fix>,
}

/// Words of which the same is said.
struct Word {
    keys: &'static [&'static str],
    /// Why; `{}` is the word.
    why: &'static str,
    what: What,
}

/// What to do.
enum What {
    /// This, which only people can do.
    Do(&'static str),
    /// To remove it, which loses nothing.
    Remove(&'static str),
    /// If it is on, to remove it; if it is off, this.
    Switch { on: &'static str, off: &'static str },
    /// To move what is below it a level up.
    MoveUp,
    /// To look among the sections of the chassis.
    Sections,
}

/// Directly below `plugins:`, where else the names of plugins stand. No plugin can be called so.
const BELOW_PLUGINS: &[Word] = &[
    Word {
        keys: &["directories", "directory"],
        why: "plugins are linked, not loaded from directories",
        what: What::Do("remove it, and name the crate of each plugin in `chassis::link!(..)`"),
    },
    Word {
        keys: &["enabled"],
        why: "there is no switch for all plugins",
        what: What::Switch {
            on: "remove it: plugins that are linked take part",
            off: "write `enabled: false` in the section of each",
        },
    },
    Word {
        keys: &["auto_load"],
        why: "every plugin that is linked takes part",
        what: What::Switch {
            on: "remove it",
            off: "write `enabled: false` in the section of each that should not",
        },
    },
    Word {
        keys: &["hot_reload"],
        why: "`reload.watch` says whether a changed file reloads",
        what: What::Do("move it to `reload.watch`"),
    },
    Word {
        keys: &["max_plugins"],
        why: "this is a setting of `admission`",
        what: What::Do("move it to `admission.max_plugins`"),
    },
    Word {
        keys: &["configs"],
        why: "plugins stand directly below `plugins:`",
        what: What::MoveUp,
    },
    Word {
        keys: &["config"],
        why: "this belongs into the section of a plugin",
        what: What::Do("write `NAME: {config: ..}`"),
    },
    Word {
        keys: &["use"],
        why: "this belongs into the section of a plugin",
        what: What::Do("write `NAME: {use: ..}`"),
    },
    Word {
        keys: &["chassis"],
        why: "the chassis is no plugin",
        what: What::Sections,
    },
    // What stands under `/plugins/` for operators.
    Word {
        keys: &["status", "metrics", "graph", "health"],
        why: "no plugin can be called `{}`, it is reserved",
        what: What::Do("choose another name"),
    },
];

/// Beside `config:`, in the section of a plugin. A plugin may have settings of these names: its schema is asked first.
const BESIDE_CONFIG: &[Word] = &[
    Word {
        keys: &["name"],
        why: "the name of a plugin is the key of its section",
        what: What::Remove("remove it"),
    },
    Word {
        keys: &["version"],
        why: "the version of a plugin is that of its crate",
        what: What::Remove("remove it"),
    },
    Word {
        keys: &[
            "type",
            "transport",
            "executable",
            "endpoint",
            "args",
            "env",
            "work_dir",
            "path",
            "directory",
        ],
        why: "plugins are linked, not started or loaded",
        what: What::Remove("remove it, and name the crate in `chassis::link!(..)`"),
    },
    Word {
        keys: &["dependencies", "depends_on", "requires", "after", "before"],
        why: "what a plugin requires is said in its code",
        what: What::Do("write `#[plugin(requires = [..])]`"),
    },
    Word {
        keys: &["hash", "algorithm", "signature"],
        why: "plugins are linked, so there is no file to check",
        what: What::Remove("remove it"),
    },
];

/// Settings of the chassis under the names that others have for them: the section, the names, what to do.
const SETTINGS: &[(&str, &[&str], &str)] = &[
    ("", &["log_level", "logging"], "write `log: {filter: info}`"),
    (
        "",
        &["port", "host", "address"],
        "write `server: {listen: 127.0.0.1:8080}`",
    ),
    (
        "server",
        &["port", "host", "address"],
        "write `listen: 127.0.0.1:8080`",
    ),
    (
        "management",
        &["port", "host", "address"],
        "write `listen: 127.0.0.1:8081`",
    ),
];

/// Whether no plugin can have this name, because it means something else in `config.yaml` or under `/plugins/`.
pub(crate) fn is_reserved(name: &str) -> bool {
    find(BELOW_PLUGINS, name).is_some()
}

/// What to say of a key directly below `plugins:`; `sections` are those of the chassis.
pub(super) fn below_plugins(key: &str, value: &Tree, sections: &[&str]) -> Option<Advice> {
    let word = find(BELOW_PLUGINS, key)?;
    Some(word.advice(&format!("plugins.{key}"), key, value, sections))
}

/// What to say of a key beside `config:`.
pub(super) fn beside_config(key: &str, value: &Tree) -> Option<Advice> {
    Some(find(BESIDE_CONFIG, key)?.advice(key, key, value, &[]))
}

/// What to write instead of a key in a section of the chassis, or at the top.
pub(super) fn setting(section: &str, key: &str) -> Option<&'static str> {
    SETTINGS
        .iter()
        .find(|(of, keys, _)| *of == section && keys.contains(&key))
        .map(|(_, _, help)| *help)
}

fn find(words: &'static [Word], key: &str) -> Option<&'static Word> {
    words.iter().find(|word| word.keys.contains(&key))
}

impl Word {
    fn advice(&self, path: &str, key: &str, value: &Tree, sections: &[&str]) -> Advice {
        let (help, is_removed) = match &self.what {
            What::Do(help) => ((*help).to_owned(), false),
            What::Remove(help) => ((*help).to_owned(), true),
            What::Switch { on, off } => match value.node {
                Node::Bool(true) => ((*on).to_owned(), true),
                _ => ((*off).to_owned(), false),
            },
            What::MoveUp => up(value),
            What::Sections => {
                let sections = quoted(sections.iter().copied());
                let help = format!("its settings are sections beside `plugins:`: {sections}");
                (help, false)
            }
        };
        Advice {
            message: format!("`{path}`: {}", self.why.replace("{}", key)),
            help,
            fix: is_removed.then_some(Fix::Remove),
        }
    }
}

/// The plugins that are found a level too low; whether there are none.
fn up(value: &Tree) -> (String, bool) {
    let paths: Vec<String> = value
        .as_map()
        .into_iter()
        .flatten()
        .map(|(name, _)| format!("plugins.{name}"))
        .take(3)
        .collect();
    let named = quoted(paths.iter().map(String::as_str));
    match paths[..] {
        [] => ("remove it".to_owned(), true),
        [_] => (format!("move it up: {named}"), false),
        _ => (format!("move them up: {named}"), false),
    }
}
