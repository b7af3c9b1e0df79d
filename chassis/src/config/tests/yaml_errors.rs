//! YAML that is none, or that means something else than it seems to.

use super::*;

fn origin_and_message(text: &str) -> String {
    let error = yaml(text).build().unwrap_err();
    assert_eq!(error.code(), code::CONFIG_UNREADABLE);
    format!("{}: {}", error.origin().unwrap(), error.message())
}

#[test]
fn they_name_the_place() {
    for (text, expected) in [
        ("server: {listen: [}", "config.yaml:1:"),
        ("server:\n  listen: 1\n  listen: 2\n", "config.yaml:3:3: "),
        ("server:\n\tlisten: 1\n", "config.yaml:2:"),
        ("a: 1\n---\nb: 2\n", "config.yaml:3:1: "),
        (
            "- a\n- b\n",
            "config.yaml:1:1: `config.yaml` holds a list instead of a map",
        ),
        ("x: !weird y\n", "config.yaml:1:"),
        ("x: .inf\n", "config.yaml:1:"),
        ("x: *nowhere\n", "config.yaml:1:"),
    ] {
        let found = origin_and_message(text);
        assert!(found.starts_with(expected), "{text:?}: {found}");
        assert!(!found.contains('\n'), "{found}");
    }
}

#[test]
fn they_say_what_to_write() {
    for (text, expected) in [
        (
            "a: 1\nb: 2\na: 3\n",
            "the key `a` is there twice (remove one of them)",
        ),
        (
            "a: 1\n---\nb: 2\n",
            "it has more than one document (remove the line `---` between them)",
        ),
        (
            "a:\n\tb: 1\n",
            "tabs disallowed within this context (block indentation) (indent with spaces)",
        ),
        (
            "a: {{ b }}\n",
            "a key has to be a text (a text that begins with `{` or `[` stands in quotes)",
        ),
        (
            "a: @b\n",
            "unexpected character `@` (a text that begins with it stands in quotes)",
        ),
        (
            "a: \u{1b}b\n",
            "unexpected character `\\u{1b}` (remove it, or write it as an escape in double quotes)",
        ),
        // A password without quotes is not told.
        (
            "a: !hunter2\n",
            "it has a tag that means nothing here (a text that begins with `!` stands in quotes)",
        ),
        (
            "a: *hunter2\n",
            "it has an alias of something that is not there (a text that begins with `*` stands in quotes)",
        ),
    ] {
        let found = lines(&yaml(text).build().unwrap_err());
        let found = found[0].split_once(" is not valid YAML: ").unwrap().1;
        assert_eq!(found, expected, "{text:?}");
    }
}

#[test]
fn norway_is_a_country() {
    let text = "plugins: {x: {config: {country: no, on: y, version: 1.10, big: 9007199254740993}}}";
    let config = yaml(text)
        .build()
        .unwrap()
        .sections()
        .get("x")
        .config
        .unwrap();
    assert_eq!(
        config.to_json(),
        json!({"country": "no", "on": "y", "version": 1.1, "big": 9_007_199_254_740_993_u64})
    );
}

#[test]
fn bombs_are_stopped_at_once() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
    }
    let found = origin_and_message(&bomb);
    assert!(found.contains("too large or too complex"), "{found}");
    let found = origin_and_message(&format!("x: {}", "[".repeat(100_000)));
    assert!(found.ends_with("it is nested too deeply"), "{found}");
}
