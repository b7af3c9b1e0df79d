//! What lines look like.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::SystemTime;

fn written(line: &LogLine<'_>, format: Format, redact: &Redaction, is_colourful: bool) -> String {
    let mut bytes = b"before\n".to_vec();
    write(line, format, redact, is_colourful, &mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    text.strip_prefix("before\n").unwrap().to_owned()
}

fn line<'a>(message: &'a str, fields: &'a [(&'static str, LogValue)]) -> LogLine<'a> {
    let mut line = LogLine::new(tracing::Level::WARN, "shop::store", message);
    line.time = SystemTime::UNIX_EPOCH;
    (line.fields, line.service, line.version) = (fields, "shop", "1.2.3");
    line
}

#[test]
fn the_least_there_is_of_a_line() {
    let (line, redact) = (line("", &[]), Redaction::default());
    assert_eq!(
        written(&line, Format::Pretty, &redact, false),
        "1970-01-01T00:00:00.000000Z  WARN shop::store: service=shop@1.2.3\n"
    );
    assert_eq!(
        written(&line, Format::Json, &redact, false),
        "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"WARN\",\"target\":\"shop::store\",\
        \"message\":\"\",\"service\":\"shop\",\"version\":\"1.2.3\",\"fields\":{}}\n"
    );
}

#[test]
fn for_somebody_who_watches_it_has_colours() {
    let fields = [("id", LogValue::Int(-7))];
    assert_eq!(
        written(
            &line("gone", &fields),
            Format::Pretty,
            &Redaction::default(),
            true
        ),
        "\x1b[2m1970-01-01T00:00:00.000000Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mshop::store:\x1b[0m gone \
        \x1b[3mid\x1b[0m\x1b[2m=\x1b[0m-7 \x1b[3mservice\x1b[0m\x1b[2m=\x1b[0mshop@1.2.3\n"
    );
}

#[test]
fn numbers_that_json_does_not_have_are_texts() {
    let fields = [
        ("nan", LogValue::Float(f64::NAN)),
        ("endless", LogValue::Float(f64::NEG_INFINITY)),
        ("whole", LogValue::Float(2.0)),
    ];
    let text = written(
        &line("", &fields),
        Format::Json,
        &Redaction::default(),
        false,
    );
    let line: Value = serde_json::from_str(&text).unwrap();
    let expected = json!({"nan": "NaN", "endless": "-inf", "whole": 2.0});
    assert_eq!(line["fields"], expected);
}

#[test]
fn what_a_line_says_itself_is_not_said_twice() {
    let fields = [("plugin", LogValue::Text("orders".to_owned()))];
    let mut line = line("answered", &fields);
    line.plugin = Some("request-tracing");
    let redact = Redaction::default();
    let text = written(&line, Format::Pretty, &redact, false);
    assert_eq!(text.matches("plugin=").count(), 1, "{text}");
    let json: Value = serde_json::from_str(&written(&line, Format::Json, &redact, false)).unwrap();
    assert_eq!(
        (&json["plugin"], &json["fields"]["plugin"]),
        (&json!("request-tracing"), &json!("orders"))
    );
}

fn value() -> impl Strategy<Value = LogValue> {
    prop_oneof![
        any::<bool>().prop_map(LogValue::Bool),
        any::<i64>().prop_map(LogValue::Int),
        any::<u64>().prop_map(LogValue::Uint),
        any::<f64>().prop_map(LogValue::Float),
        text().prop_map(LogValue::Text),
        text().prop_map(LogValue::Shown),
    ]
}

/// With all that could end a line, or be taken for something else.
fn text() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        any::<char>(),
        prop::sample::select(vec![
            '\n', '\r', '\x1b', '\u{9b}', '\u{85}', '\u{2028}', '\u{202e}', '"', '\\', '\0', '{',
            '='
        ]),
    ];
    prop::collection::vec(letter, 0..20).prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #[test]
    fn a_line_is_one_line_whatever_is_in_it(
        (message, target, service, plugin) in (text(), text(), text(), text()),
        values in prop::collection::vec(value(), 0..4),
        in_span in value(),
    ) {
        let names = ["a", "b", "c", "d"];
        let fields: Vec<_> = names.into_iter().zip(values).collect();
        let mut span = LogSpan::new("span");
        span.fields.push(("inner", in_span));
        let spans = [span];
        let mut line = line(&message, &fields);
        (line.target, line.service, line.plugin) = (&target, &service, Some(&*plugin));
        line.spans = &spans;
        let redact = Redaction::new(["d", "/secret/"]).unwrap();

        let text = written(&line, Format::Json, &redact, false);
        prop_assert_eq!(text.matches('\n').count(), 1);
        prop_assert!(text.ends_with('\n') && !text.contains('\x1b'));
        let parsed: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&parsed["message"], &json!(message));
        prop_assert_eq!(&parsed["plugin"], &json!(plugin));
        for (name, value) in &fields {
            let expected = match value {
                _ if *name == "d" => json!("[redacted]"),
                LogValue::Text(text) | LogValue::Shown(text) => json!(text),
                LogValue::Int(value) => json!(value),
                LogValue::Uint(value) => json!(value),
                LogValue::Bool(value) => json!(value),
                _ => continue,
            };
            prop_assert_eq!(&parsed["fields"][name], &expected);
        }

        let text = written(&line, Format::Pretty, &redact, false);
        let inner = text.strip_suffix('\n').unwrap();
        prop_assert!(!inner.contains(is_harmful), "{:?}", inner);
    }
}
