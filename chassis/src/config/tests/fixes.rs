//! What is mended in a text, and what is left alone.

use super::*;
use crate::{
    config::{
        Origin,
        fix::{Fixed, apply},
    },
    error::Fix,
};
use proptest::prelude::*;

fn at(line: u64, column: u64, fix: Fix) -> Error {
    Error::msg("wrong")
        .from_origin(format!("config.yaml:{line}:{column}"))
        .with_fix(fix)
}

fn rename(to: &str) -> Fix {
    Fix::Rename { to: to.to_owned() }
}

fn under(key: &str) -> Fix {
    Fix::MoveUnder {
        key: key.to_owned(),
    }
}

fn replace(with: &str) -> Fix {
    Fix::Replace {
        with: with.to_owned(),
    }
}

fn fixed(text: &str, errors: impl IntoIterator<Item = Error>) -> Fixed {
    let errors: Vec<Error> = errors.into_iter().collect();
    apply("config.yaml", text, &errors.iter().collect::<Vec<_>>())
}

fn becomes(text: &str, errors: impl IntoIterator<Item = Error>, expected: &str) {
    let fixed = fixed(text, errors);
    assert_eq!(fixed.text, expected, "{:#?}", fixed.done);
    assert!(!fixed.done.is_empty());
}

fn is_left_alone(text: &str, error: Error) {
    let fixed = fixed(text, [error]);
    assert_eq!((fixed.text.as_str(), fixed.done.len()), (text, 0));
}

#[test]
fn keys_are_renamed() {
    becomes(
        "sever: {}  # s\n",
        [at(1, 1, rename("server"))],
        "server: {}  # s\n",
    );
    becomes("'a' : 1", [at(1, 1, rename("b"))], "'b' : 1");
    becomes(
        "x:\n- a: 1\n  c: 2\n",
        [at(2, 3, rename("b"))],
        "x:\n- b: 1\n  c: 2\n",
    );
    becomes(
        "é:\n  ü: 1\n",
        [at(2, 3, rename("a b"))],
        "é:\n  \"a b\": 1\n",
    );
    // The other one would be lost.
    is_left_alone("a: 1\nb: 2\n", at(1, 1, rename("b")));
    is_left_alone("{a: 1}\n", at(1, 2, rename("b")));
    is_left_alone("\"\\x61\": 1\n", at(1, 1, rename("b")));
    is_left_alone("? a\n: 1\n", at(1, 3, rename("b")));
    // Where it is used, it would be another key, too.
    is_left_alone("x: &x\n  a: 1\ny: *x\n", at(2, 3, rename("b")));
}

#[test]
fn scalars_are_replaced() {
    becomes(
        "a: yes # why\n",
        [at(1, 4, replace("true"))],
        "a: true # why\n",
    );
    becomes(
        "a:   \"10\"\t# why\r\n",
        [at(1, 6, replace("10"))],
        "a:   10\t# why\r\n",
    );
    becomes(
        "a:\n  - 'off'",
        [at(2, 5, replace("false"))],
        "a:\n  - false",
    );
    becomes(
        "a:\n  b: true\n",
        [at(2, 6, replace("{enabled: true}"))],
        "a:\n  b: {enabled: true}\n",
    );
    becomes("a: x#y #z\n", [at(1, 4, replace("1"))], "a: 1 #z\n");
    is_left_alone("a: {b: yes}\n", at(1, 8, replace("true")));
    is_left_alone("a: [yes, no]\n", at(1, 5, replace("true")));
    is_left_alone("a: yes\n  no\n", at(1, 4, replace("true")));
    is_left_alone("a: |\n  yes\n", at(1, 4, replace("true")));
    is_left_alone("a: &x yes\nb: *x\n", at(1, 7, replace("true")));
    is_left_alone("a: !!str yes\n", at(1, 10, replace("true")));
    is_left_alone("a: yes\n", at(1, 5, replace("true")));
    is_left_alone("a: yes\n", at(1, 4, replace("b: c: d")));
}

#[test]
fn keys_are_removed() {
    becomes(
        "# first\na: 1\n# second\nb:\n  - 1\n  # inside\n  - 2\n\n# third\nc: 3\n",
        [at(4, 1, Fix::Remove)],
        "# first\na: 1\n# second\n\n# third\nc: 3\n",
    );
    becomes(
        "b:\n- 1\n-\n  - 2\nc: 3\n",
        [at(1, 1, Fix::Remove)],
        "c: 3\n",
    );
    becomes(
        "a:\n  b: |\n    # c\n\n    d\n  e: 1",
        [at(2, 3, Fix::Remove)],
        "a:\n  e: 1",
    );
    becomes("p:\n  enabled: true\n", [at(2, 3, Fix::Remove)], "p:\n");
    becomes("a: 1\n", [at(1, 1, Fix::Remove)], "");
    is_left_alone("a:\n  - b: 1\n    c: 2\n", at(2, 5, Fix::Remove));
    is_left_alone("a: {b: 1}\n", at(1, 5, Fix::Remove));
}

#[test]
fn keys_move_together() {
    let moves = [
        at(3, 5, under("config")),
        at(6, 5, under("config")),
        at(7, 5, under("config")),
    ];
    becomes(
        "p:\n  a:\n    x: 1  # one\n    enabled: true\n    # about y\n    y:\n    z: [1,\n      2]\n\n  # about b\n  b:\n",
        moves,
        "p:\n  a:\n    config:\n      x: 1  # one\n      # about y\n      y:\n      z: [1,\n        2]\n    enabled: true\n\n  # about b\n  b:\n",
    );
    // Below what is there, as deep as that is, wherever it is.
    becomes(
        "a:\n  x: 1\n  config:  # ours\n       y: 2\n\nb: 1",
        [at(2, 3, under("config"))],
        "a:\n  config:  # ours\n       y: 2\n       x: 1\n\nb: 1",
    );
    becomes(
        "a:\r\n    config:\r\n    x:\r\n    - 1\r\n    - |\r\n      t\r\n\r\n      u",
        [at(3, 5, under("config"))],
        "a:\r\n    config:\r\n        x:\r\n        - 1\r\n        - |\r\n          t\r\n\r\n          u",
    );
    becomes(
        "a:\n  x: 1\n  config:\n    y: 2",
        [at(2, 3, under("config"))],
        "a:\n  config:\n    y: 2\n    x: 1\n",
    );
    becomes(
        "max: 3\n",
        [at(1, 1, under("admission"))],
        "admission:\n  max: 3\n",
    );
    is_left_alone("a:\n  x: 1\n  config: {}\n", at(2, 3, under("config")));
    is_left_alone(
        "a:\n  x: 1\n  config:\n    x: 2\n",
        at(2, 3, under("config")),
    );
    is_left_alone("a:\n  x: 1\n  config: 5\n", at(2, 3, under("config")));
    is_left_alone("a: {x: 1}\n", at(1, 5, under("config")));
}

#[test]
fn one_inside_of_another() {
    let fixed = fixed(
        "my_plugin:\n  x:\n    y: yes\n",
        [
            at(1, 1, rename("my-plugin")),
            at(2, 3, under("config")),
            at(3, 8, replace("true")),
            at(3, 8, replace("false")),
        ],
    );
    assert_eq!(fixed.text, "my-plugin:\n  config:\n    x:\n      y: true\n");
    assert_eq!(
        fixed.done,
        [
            "config.yaml:1:1: `my_plugin` renamed to `my-plugin`",
            "config.yaml:2:3: `x` moved under `config`",
            "config.yaml:3:8: `y` rewritten",
        ]
    );
}

#[test]
fn other_files_and_other_places_are_left_alone() {
    let text = "a: 1\n";
    for origin in [
        "other.yaml:1:1",
        "config.yaml",
        "config.yaml:1",
        "config.yaml:0:0",
        "config.yaml:9:9",
        "config.yaml:1:1 (${A})",
        "environment A",
    ] {
        is_left_alone(
            text,
            Error::msg("wrong")
                .from_origin(origin)
                .with_fix(Fix::Remove),
        );
    }
    is_left_alone(text, Error::msg("wrong").from_origin("config.yaml:1:1"));
    is_left_alone("a: [", at(1, 1, Fix::Remove));
}

/// Texts that are YAML, and texts that are now and then.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![pieces(), block(3).prop_map(|lines| lines.join("\n"))]
}

/// The lines of a map in block style.
fn block(depth: u32) -> BoxedStrategy<Vec<String>> {
    let scalar = prop::sample::select(vec![
        ":",
        ": yes",
        ": '1' # f",
        ": {a: 1}",
        ": &x 1",
        ": |\n      # h",
        ": a\n      b",
    ]);
    let value = scalar.prop_map(|scalar| vec![scalar.to_owned()]);
    let value = match depth {
        0 => value.boxed(),
        _ => {
            let below = (
                prop::sample::select(vec![":", ": # g", ":\n"]),
                block(depth - 1),
            );
            let below = below.prop_map(|(first, lines)| {
                let lines = lines.into_iter().map(|line| format!("  {line}"));
                std::iter::once(first.to_owned()).chain(lines).collect()
            });
            prop_oneof![value, below].boxed()
        }
    };
    let keys = prop::sample::select(vec!["a", "b", "c", "'d'", "config", "# e\nf"]);
    prop::collection::btree_map(keys, value, 1..4)
        .prop_map(|entries| {
            let lines = entries.into_iter().map(|(key, mut lines)| {
                lines[0].insert_str(0, key);
                lines
            });
            lines.flatten().collect()
        })
        .boxed()
}

/// Where there is something to mend.
fn places(tree: &Tree) -> Vec<(u64, u64)> {
    let inside = tree.as_map().into_iter().flatten();
    let inside = inside.flat_map(|(_, tree)| places(tree));
    let here = [Some(&tree.origin), tree.key.as_ref()]
        .into_iter()
        .flatten();
    here.filter_map(Origin::in_file).chain(inside).collect()
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "config",
        ":",
        ": ",
        ":\n",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        " ",
        "\t",
        "- ",
        "yes",
        "1",
        "'",
        "\"",
        "\\",
        "#",
        " # c",
        "|",
        ">",
        "{",
        "}",
        "[",
        "]",
        ",",
        "&x",
        "*x",
        "!t",
        "?",
        "---",
        "é",
        "\u{feff}",
        "\r",
        "a:\n  b: 1\n",
        "  config:\n    c: 2\n",
        "<<: *x",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn any_fix() -> impl Strategy<Value = Fix> {
    let word = || {
        prop::sample::select(vec![
            "a", "b", "config", "", "x y", "{b: 1}", "\n", "'", "a: b",
        ])
    };
    prop_oneof![
        word().prop_map(rename),
        word().prop_map(under),
        word().prop_map(replace),
        Just(Fix::Remove),
    ]
}

proptest! {
    #[test]
    fn nothing_is_ever_broken(
        text in text(),
        fixes in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..12, any_fix()), 1..5),
    ) {
        let places = load::parse("config.yaml", &text).map_or_else(|_| Vec::new(), |tree| places(&tree));
        let errors = fixes.into_iter().map(|(index, column, fix)| match places.len() {
            // Now and then a place where nothing is.
            0 => at(column / 2, column, fix),
            _ if column == 0 => at(2, 2, fix),
            len => {
                let (line, column) = places[index.index(len)];
                at(line, column, fix)
            }
        });
        let fixed = fixed(&text, errors);
        prop_assert_eq!(fixed.done.is_empty(), fixed.text == text);
        if !fixed.done.is_empty() {
            prop_assert!(load::parse("config.yaml", &fixed.text).is_ok(), "{}", fixed.text);
            let comments = |text: &str| text.matches("# ").count();
            let removed = fixed.done.iter().any(|done| done.ends_with("removed"));
            prop_assert!(removed || comments(&fixed.text) == comments(&text), "{}", fixed.text);
        }
    }

    #[test]
    fn without_a_fix_nothing_changes(text in text(), line in 0_u64..8, column in 0_u64..12) {
        let error = Error::msg("wrong").from_origin(format!("config.yaml:{line}:{column}"));
        prop_assert_eq!(fixed(&text, [error]).text, text);
    }
}
