//! Rust text with everything blanked out that is not code: comments, strings, tests.
//!
//! Bytes are replaced by spaces, one by one, so that what is left stays on its line.

/// Blanks comments, and the inside of strings and characters.
pub(crate) fn code(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at < out.len() {
        let length = skipped(
            &text.as_bytes()[at..],
            at.checked_sub(1).map(|before| text.as_bytes()[before]),
        );
        if length == 0 {
            at += 1;
            continue;
        }
        blank(&mut out[at..at + length]);
        at += length;
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Blanks every item that stands under `#[cfg(test)]`, or `#[cfg(all(test, ..))]`, in what [`code`] returned.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test,"] {
        let mut from = 0;
        while let Some(found) = code[from..].find(attribute) {
            let start = from + found;
            let end = start + item_length(&code.as_bytes()[start..]);
            blank(&mut out[start..end]);
            from = end;
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// The line, counted from one, on which the byte `at` stands.
pub(crate) fn line(text: &str, at: usize) -> usize {
    text.as_bytes()[..at]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// How long the comment, string or character is that `rest` begins with; 0 if it begins with none.
fn skipped(rest: &[u8], before: Option<u8>) -> usize {
    let begins_word = !before.is_some_and(is_word);
    match rest {
        [b'/', b'/', ..] => position(rest, b"\n").unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest, b'"'),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        [b'\'', ..] => character(rest),
        [b'r', b'"' | b'#', ..] if begins_word => raw(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if begins_word => raw(rest, 2),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'x'`, but not the lifetime `'x`.
fn character(rest: &[u8]) -> usize {
    let Some(first) = std::str::from_utf8(&rest[1..rest.len().min(5)])
        .or_else(|error| std::str::from_utf8(&rest[1..=error.valid_up_to()]))
        .ok()
        .and_then(|text| text.chars().next())
    else {
        return 0;
    };
    let end = 1 + first.len_utf8();
    if first != '\'' && rest.get(end) == Some(&b'\'') {
        end + 1
    } else {
        0
    }
}

/// `r"..."`, `r#"..."#`; not the raw name `r#type`.
fn raw(rest: &[u8], prefix: usize) -> usize {
    let hashes = rest[prefix..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let start = prefix + hashes + 1;
    if rest.get(start - 1) != Some(&b'"') {
        return 0;
    }
    let mut end = b"\"".to_vec();
    end.resize(1 + hashes, b'#');
    position(&rest[start..], &end).map_or(rest.len(), |found| start + found + end.len())
}

/// From an attribute to the end of its item: the first `;` or the brace that closes the first one,
/// outside of all parentheses and brackets.
fn item_length(rest: &[u8]) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            b'(' | b'[' => others += 1,
            b')' | b']' => others = others.saturating_sub(1),
            b'{' => braces += 1,
            b'}' if braces <= 1 && others == 0 => {
                // `use a::{b};` has both.
                let spaces = rest[at + 1..]
                    .iter()
                    .take_while(|byte| byte.is_ascii_whitespace())
                    .count();
                let end = at + 1 + spaces;
                return if rest.get(end) == Some(&b';') {
                    end + 1
                } else {
                    at + 1
                };
            }
            b'}' => braces = braces.saturating_sub(1),
            b';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window == wanted)
}

/// Whether a byte can be part of a name.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let masked = code(text);
        assert_eq!(masked.len(), text.len(), "bytes stay where they are");
        assert_eq!(
            masked.split_whitespace().collect::<Vec<_>>().join(" "),
            expected
        );
    }

    #[test]
    fn comments_are_blanked() {
        check("a // b\nc /* d /* e */ f */ g", "a c g");
        check("/// [`crate::x`]\nfn f() {}", "fn f() {}");
    }

    #[test]
    fn strings_are_blanked() {
        check(r#"f("a // b \" c"); g"#, "f( ); g");
        check(r###"f(r#"a " b"#, br"\", c"d"); g"###, "f( , , c ); g");
        check(
            "let r#type = 1; for x in 0..r {}",
            "let r#type = 1; for x in 0..r {}",
        );
    }

    #[test]
    fn characters_are_blanked_and_lifetimes_are_not() {
        check(r"f('a', '\'', '\u{1F600}', '{', 'é')", "f( , , , , )");
        check(
            "fn f<'a>(x: &'a str, y: &'static str)",
            "fn f<'a>(x: &'a str, y: &'static str)",
        );
    }

    #[test]
    fn test_code_is_blanked() {
        let text = "use a;\n#[cfg(test)]\nmod tests { fn f() { [0; 2]; } }\nuse b;\n#[cfg(test)]\nmod tests;\nuse c;";
        let left = without_tests(text);
        assert_eq!(
            left.split_whitespace().collect::<Vec<_>>().join(" "),
            "use a; use b; use c;"
        );
        assert_eq!(line(&left, left.find("use c").unwrap()), 7);
    }

    #[test]
    fn the_attributes_of_a_test_item_are_part_of_it() {
        let text = "#[cfg(all(test, unix))]\n#[expect(dead_code)]\nuse crate::{a, b};\nuse c;";
        assert_eq!(without_tests(text).trim(), "use c;");
    }
}
