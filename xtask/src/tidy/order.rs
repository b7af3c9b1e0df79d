//! The order of the modules of `chassis`: each uses only those below it in `lib.rs`.

use std::collections::HashMap;

use super::{
    File, Finding,
    mask::{self, is_word},
};

const SOURCE: &str = "chassis/src/";

/// A path that begins in the crate: its first name, and where that stands in the text.
type Use = (String, usize);

/// Finds every use of a module by one that stands below it.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(lib) = files
        .iter()
        .find(|file| file.path == format!("{SOURCE}lib.rs"))
    else {
        return vec![Finding::new(
            &format!("{SOURCE}lib.rs"),
            1,
            "the crate `chassis` has no lib.rs",
        )];
    };
    let lib = mask::without_tests(&mask::code(&lib.text));
    let modules = declared(&lib);
    let exports = exported(&lib, &modules);
    let floor = |name: &str| modules.iter().position(|module| module == name);

    let mut findings = Vec::new();
    for file in files {
        let Some((module, depth)) = module_of(&file.path) else {
            continue;
        };
        let Some(own) = floor(&module) else {
            if depth == 1 {
                let message = format!("`{module}` is not a module of lib.rs; declare or delete it");
                findings.push(Finding::new(&file.path, 1, message));
            }
            continue;
        };
        let text = mask::without_tests(&mask::code(&file.text));
        for (name, at) in uses(&text, depth) {
            let used = exports.get(&name).unwrap_or(&name);
            if floor(used).is_some_and(|used| used < own) {
                let message = format!(
                    "`{module}` uses `{used}`, which stands above it in lib.rs; move what both need into a module below them"
                );
                findings.push(Finding::new(&file.path, mask::line(&text, at), message));
            }
        }
    }
    findings
}

/// The top-level module that a file belongs to, and how deep in the tree it is; `None` if it is exempt.
fn module_of(path: &str) -> Option<(String, usize)> {
    let inner = path.strip_prefix(SOURCE)?.strip_suffix(".rs")?;
    let parts: Vec<&str> = inner.split('/').collect();
    let is_test = parts.contains(&"tests");
    if is_test || inner == "lib" {
        return None;
    }
    Some((parts[0].to_owned(), parts.len()))
}

/// The modules that a file declares, in its order.
fn declared(code: &str) -> Vec<String> {
    let words: Vec<(&str, usize)> = words(code);
    words
        .windows(2)
        .filter(|pair| pair[0].0 == "mod")
        .map(|pair| pair[1].0.to_owned())
        .collect()
}

/// The names that lib.rs re-exports: name to module.
fn exported(lib: &str, modules: &[String]) -> HashMap<String, String> {
    let mut exports = HashMap::new();
    for (at, _) in lib.match_indices("use ") {
        if at > 0 && is_word(lib.as_bytes()[at - 1]) {
            continue;
        }
        let tree = lib[at + 4..].split(';').next().unwrap_or_default();
        let tree = tree
            .trim()
            .trim_start_matches("crate::")
            .trim_start_matches("self::");
        let module = tree
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default();
        if modules.iter().any(|known| known == module) {
            // The words on the way to a name are taken along: a module of that name is at the root or not at all.
            let names = words(tree)
                .into_iter()
                .skip(1)
                .map(|(name, _)| name.to_owned());
            exports.extend(
                names
                    .filter(|name| !modules.contains(name))
                    .map(|name| (name, module.to_owned())),
            );
        }
    }
    exports
}

/// Every path that begins in the crate: `crate::x`, `crate::{x, y::z}`, and `super::x` where that is the crate.
fn uses(code: &str, depth: usize) -> Vec<Use> {
    let mut found = Vec::new();
    let supers = "super::".repeat(depth);
    for root in ["crate::", &supers] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].bytes().next_back();
            // `$crate::x` in a macro is a public path, used by others. `super::super::` is found once, at its start.
            if before.is_some_and(|byte| is_word(byte) || byte == b'$' || byte == b':') {
                continue;
            }
            let rest = &code[at + root.len()..];
            found.extend(
                heads(rest)
                    .into_iter()
                    .map(|(name, offset)| (name.to_owned(), at + root.len() + offset)),
            );
        }
    }
    found
}

/// `x` of `x::y`; `x` and `y` of `{x, y::{z}}`.
fn heads(rest: &str) -> Vec<(&str, usize)> {
    if !rest.starts_with('{') {
        return words(rest)
            .into_iter()
            .take(1)
            .filter(|(_, offset)| *offset == 0)
            .collect();
    }
    let (mut depth, mut expects) = (0, false);
    let mut heads = Vec::new();
    for (at, c) in rest.char_indices() {
        match c {
            '{' => (depth, expects) = (depth + 1, depth == 0),
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' => expects = depth == 1,
            _ if c.is_whitespace() => {}
            _ if expects => {
                heads.extend(words(&rest[at..]).first().map(|(name, _)| (*name, at)));
                expects = false;
            }
            _ => {}
        }
    }
    heads
}

/// All names and keywords, with their places.
fn words(code: &str) -> Vec<(&str, usize)> {
    let bytes = code.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..]
            .iter()
            .take_while(|byte| is_word(**byte))
            .count();
        if length > 0 {
            words.push((&code[at..at + length], at));
        }
        at += length.max(1);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// `top` above `middle` above `ground`, and one more file.
    fn findings(path: &str, text: &str) -> Vec<String> {
        let lib = "//! Crate.\npub mod top;\nmod middle;\n#[doc(hidden)]\npub mod ground;\n\
                   pub use ground::{Error, code};\npub use middle::plan::{Plan, Step as Next};\n";
        let files = [file("chassis/src/lib.rs", lib), file(path, text)];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check_use(path: &str, text: &str, expected: &[usize]) {
        let lines: Vec<usize> = findings(path, text)
            .iter()
            .map(|finding| finding.split(':').nth(1).unwrap().parse().unwrap())
            .collect();
        assert_eq!(lines, expected, "{path}: {text}");
    }

    #[test]
    fn downward_is_allowed_and_upward_is_not() {
        check_use(
            "chassis/src/top.rs",
            "use crate::middle::X;\nuse crate::ground;",
            &[],
        );
        check_use(
            "chassis/src/middle.rs",
            "use crate::ground::X;\nuse crate::top::Y;",
            &[2],
        );
        check_use(
            "chassis/src/ground.rs",
            "fn f() {\n    crate::middle::g();\n}",
            &[2],
        );
    }

    #[test]
    fn the_message_names_both() {
        let expected = "chassis/src/ground.rs:1: `ground` uses `top`, which stands above it in lib.rs; \
                        move what both need into a module below them";
        assert_eq!(
            findings("chassis/src/ground.rs", "use crate::top;"),
            [expected]
        );
    }

    #[test]
    fn files_in_a_folder_belong_to_its_module() {
        check_use(
            "chassis/src/middle/a.rs",
            "use crate::middle::b;\nuse crate::top::c;",
            &[2],
        );
        check_use("chassis/src/top/a/b.rs", "use crate::middle::b;", &[]);
    }

    #[test]
    fn groups_are_looked_into() {
        check_use(
            "chassis/src/ground.rs",
            "use crate::{\n    ground::{a, top},\n    middle::{b, c},\n    top,\n};",
            &[3, 4],
        );
    }

    #[test]
    fn names_that_lib_exports_stand_for_their_module() {
        check_use(
            "chassis/src/ground.rs",
            "use crate::{Error, Plan};\nuse crate::Next;",
            &[1, 2],
        );
        check_use("chassis/src/middle.rs", "use crate::code;", &[]);
    }

    #[test]
    fn super_is_the_crate_at_the_right_depth() {
        check_use("chassis/src/ground.rs", "use super::top;", &[1]);
        check_use(
            "chassis/src/ground/a.rs",
            "use super::top;\nuse super::super::top;",
            &[2],
        );
    }

    #[test]
    fn tests_docs_strings_and_macros_are_exempt() {
        let text = "/// [`crate::top`]\n#[cfg(test)]\nmod tests {\n    use crate::top;\n}\n\
                    const A: &str = \"crate::top\";\nmacro_rules! m { () => { $crate::top::x() } }";
        check_use("chassis/src/ground.rs", text, &[]);
        check_use("chassis/src/ground/tests.rs", "use crate::top;", &[]);
    }

    #[test]
    fn a_file_without_a_module_is_found() {
        assert_eq!(
            findings("chassis/src/forgotten.rs", ""),
            [
                "chassis/src/forgotten.rs:1: `forgotten` is not a module of lib.rs; declare or delete it"
            ],
        );
    }
}
