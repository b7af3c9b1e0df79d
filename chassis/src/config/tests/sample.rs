//! The sample configuration says what the code says.

use super::*;

const SAMPLE: &str = include_str!("../../../../config.yaml");

#[test]
fn it_says_the_defaults_exactly() {
    let config = yaml(SAMPLE).build().unwrap();
    assert_eq!(config.settings(), &Settings::default());
    assert_eq!(config.sections().names().count(), 0);
}

#[test]
fn it_has_every_setting() {
    fn leaves(tree: &Tree, path: &str, found: &mut Vec<String>) {
        match tree.as_map() {
            Some(map) => map.iter().for_each(|(key, value)| {
                leaves(value, &format!("{path}.{key}"), found);
            }),
            None => found.push(path.to_owned()),
        }
    }
    let (mut said, mut known) = (Vec::new(), Vec::new());
    leaves(&load::parse("config.yaml", SAMPLE).unwrap(), "", &mut said);
    leaves(Config::builder().build().unwrap().tree(), "", &mut known);
    // The name of the program is not for a sample to say; its keys stand there as comments.
    known.retain(|key| !key.starts_with(".service."));
    assert_eq!(said, known);
}

#[test]
fn the_commented_example_is_right_as_well() {
    let (_, example) = SAMPLE.split_once("for the plugin's own:\n#\n").unwrap();
    let (example, _) = example.split_once("plugins: {}").unwrap();
    let example = example
        .replace('#', " ")
        .lines()
        .fold(String::new(), |text, line| {
            // What follows the value was a comment before its `#` went.
            let end = line
                .find("   ")
                .filter(|end| *end > 4)
                .unwrap_or(line.len());
            text + line.trim_end().get(..end).unwrap_or(line.trim_end()) + "\n"
        });
    let text = example
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let indent = line.len() - line.trim_start().len();
            let value = line.trim_start().split("  ").next().unwrap_or_default();
            format!("{}{value}\n", " ".repeat(indent))
        });
    let config = yaml(&format!("plugins:\n{}", text.collect::<String>()))
        .build()
        .unwrap();
    let plugin = config.sections().get("request-tracing");
    assert_eq!(plugin.enabled, Some(true));
    assert_eq!(plugin.use_.as_deref(), Some("request-tracing"));
    assert_eq!(plugin.points["middleware.pre_request"].priority, Some(5));
    assert_eq!(
        plugin.config.unwrap().to_json(),
        json!({"correlation_header": "X-Correlation-ID", "timing_header": "X-Processing-Time"})
    );
    let discount = config.sections().get("discount").config.unwrap();
    assert_eq!(
        discount.to_json(),
        json!({"percent": 10, "from_cents": 10_000})
    );
}
