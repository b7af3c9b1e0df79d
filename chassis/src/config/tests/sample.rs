//! What a configuration file with every setting says, and the sample which is one.

use super::*;
use crate::config::manual_of;

const SAMPLE: &str = include_str!("../../../../config.yaml");

#[test]
fn the_sample_says_the_defaults_exactly() {
    let config = yaml(SAMPLE).build().unwrap();
    assert_eq!(config.settings(), &Settings::default());
}

#[test]
fn it_has_every_setting_of_the_chassis() {
    fn leaves(tree: &Tree, path: &str, found: &mut Vec<String>) {
        match tree.as_map() {
            Some(map) => map.iter().for_each(|(key, value)| {
                leaves(value, &format!("{path}.{key}"), found);
            }),
            None => found.push(path.to_owned()),
        }
    }
    let manual = manual_of(&[]);
    let (mut said, mut known) = (Vec::new(), Vec::new());
    leaves(&load::parse("config.yaml", &manual).unwrap(), "", &mut said);
    leaves(Config::builder().build().unwrap().tree(), "", &mut known);
    // What has no default, and the name of the program, which is not for a file to say, stand there as comments.
    known.retain(|key| key == ".service.tags" || !key.starts_with(".service."));
    known.retain(|key| key != ".metrics.listen" && key != ".management.token_file");
    assert_eq!(said, known);
    for key in ["name", "version", "listen", "token_file"] {
        assert!(manual.contains(&format!("  # {key}:")), "{key}");
    }
}

/// The lines of comments between two others, as what they comment out.
fn commented(from: &str, to: &str) -> String {
    let (_, example) = SAMPLE.split_once(from).unwrap();
    let (example, _) = example.split_once(to).unwrap();
    let lines = example
        .lines()
        .map(|line| line.get(2..).unwrap_or_default());
    format!("plugins:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_commented_example_is_right_as_well() {
    let example = commented("for the plugin's own:\n#\n", "#\n# Those that are linked");
    let config = yaml(&example).build().unwrap();
    let plugin = config.sections().get("request-tracing");
    assert_eq!(plugin.enabled, Some(true));
    assert_eq!(plugin.required, Some(false));
    assert_eq!(plugin.use_.as_deref(), Some("request-tracing"));
    assert_eq!(plugin.priority, Some(0));
    assert_eq!(plugin.points["middleware.pre_request"].priority, Some(5));
}

#[test]
fn the_plugins_can_be_taken_out_of_their_comments() {
    let config = yaml(&commented("with their defaults:\n#\n", "plugins: {}"))
        .build()
        .unwrap();
    assert_eq!(config.sections().names().count(), 15);
    assert_eq!(
        config.sections().get("discount").config.unwrap().to_json(),
        json!({"percent": 10, "from_cents": 10_000})
    );
}
