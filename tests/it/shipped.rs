//! Each plugin of this repository, while clients ask without end: on, off and on again, with other settings by a patch and by a
//! file, with settings that are wrong, and without what it depends on. No request fails, and none sees two settings at once.
//!
//! A plugin is a row: a file here with its [`Row`], and with `breaks`, which takes away what it depends on.

mod story;
mod compression;
mod cors;
mod custom_metrics;
mod jwt_authentication;
mod rate_limit;
mod request_tracing;
mod security_headers;
mod timeout;

use crate::{client::Answer, structured_logging};
use chassis::ChassisBuilder;
use serde_json::Value;
use std::path::Path;
use story::Story;

/// A plugin, two settings for it, and how to tell them apart from outside.
struct Row {
    name: &'static str,
    with: fn(ChassisBuilder) -> ChassisBuilder,
    /// The first settings, and others for the same keys. The folder is the service's own.
    a: fn(&Path) -> Value,
    b: fn(&Path) -> Value,
    /// What is asked for, and what each request carries.
    path: &'static [&'static str],
    carries: &'static [(&'static str, &'static str)],
    tells: Tells,
}

/// What tells which settings there are.
enum Tells {
    /// Each answer; an error if it is of no settings, or of both.
    Answers(fn(&Answer) -> Result<Sees, String>),
    /// A counter at management's `/metrics`: the first one grows with each answer, the second one, or none. All answers are the same.
    Counters([&'static str; 2]),
}

/// What a client sees of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sees {
    A,
    B,
    /// That it is not there.
    Off,
}

/// Which of three it is, if it is one of them.
fn one_of(a: bool, b: bool, off: bool, answer: &Answer) -> Result<Sees, String> {
    match (a, b, off) {
        (true, false, false) => Ok(Sees::A),
        (false, true, false) => Ok(Sees::B),
        (false, false, true) => Ok(Sees::Off),
        _ => Err(format!("of no settings, or of several: {answer:?}")),
    }
}

macro_rules! rows {
    ($($plugin:ident)*) => {
        const ROWS: &[&Row] = &[$(&$plugin::ROW),*];
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $plugin() {
                let mut story = Story::begin(&$plugin::ROW).await;
                story.off_and_on().await;
                story.other_settings().await;
                story.wrong_settings().await;
                $plugin::breaks(&mut story).await;
                story.end().await;
            }
        )*
    };
}

rows! { compression cors custom_metrics jwt_authentication rate_limit request_tracing security_headers timeout }

/// A plugin, and the tests that go through the same with it.
type Elsewhere = (&'static str, &'static [fn()]);

/// A log is that of a process, and so are its tests.
const ELSEWHERE: &[Elsewhere] = &[("structured-logging", structured_logging::STORY)];

/// These are models to copy: a source of configuration, and a service.
const MODELS: &[&str] = &["config-directory", "greeter"];

#[test]
fn each_plugin_of_this_repository_has_a_row() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let crates = std::fs::read_dir(folder).unwrap();
    let names = crates.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter_map(|name| Some(name.strip_prefix("chassis-")?.to_owned()))
        .filter(|name| !MODELS.contains(&&**name))
        .collect();
    names.sort();
    let elsewhere = ELSEWHERE.iter().filter(|(_, tests)| !tests.is_empty());
    let rows = ROWS.iter().map(|row| row.name);
    let mut rows: Vec<_> = rows.chain(elsewhere.map(|(name, _)| *name)).collect();
    rows.sort_unstable();
    assert_eq!(rows, names);
}
