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
    // The name of the program is not for a file to say; its keys stand there as comments.
    known.retain(|key| !key.starts_with(".service."));
    assert_eq!(said, known);
    assert!(manual.contains("  # name:") && manual.contains("  # version:"));
}

#[test]
fn the_commented_example_is_right_as_well() {
    let (_, example) = SAMPLE.split_once("for the plugin's own:\n#\n").unwrap();
    let example: String = example
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| format!("{}\n", &line[2..]))
        .collect();
    let config = yaml(&format!("plugins:\n{example}")).build().unwrap();
    let plugin = config.sections().get("request-tracing");
    assert_eq!(plugin.enabled, Some(true));
    assert_eq!(plugin.required, Some(false));
    assert_eq!(plugin.use_.as_deref(), Some("request-tracing"));
    assert_eq!(plugin.priority, Some(0));
    assert_eq!(plugin.points["middleware.pre_request"].priority, Some(5));
}
