//! Descriptions: doc comments of Rust as text for people who do not read Rust.

/// The paragraphs, each on one line, without the sentence that tells the default: the default stands
/// beside it.
pub(super) fn paragraphs(description: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in description.lines() {
        if line.trim().is_empty() {
            paragraphs.push(String::new());
        }
        for word in line.split_whitespace() {
            if let Some(paragraph) = paragraphs.last_mut() {
                if !paragraph.is_empty() {
                    paragraph.push(' ');
                }
                paragraph.push_str(word);
            }
        }
    }
    paragraphs
        .iter()
        .map(|paragraph| without_links(without_default(paragraph)))
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

fn without_default(text: &str) -> &str {
    let Some(at) = text.rfind("Default: ") else {
        return text;
    };
    let (before, sentence) = text.split_at(at);
    let before = before.trim_end();
    let begins = before.is_empty() || before.ends_with(['.', '!', '?', ':', ';']);
    // With another sentence behind it, it may be the one that explains it.
    if begins && !sentence.contains(". ") {
        before
    } else {
        text
    }
}

/// `` [`Name`](path) `` and `` [`Name`] `` become `` `Name` ``, and `[text](path)` becomes `text`.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        rest = match link(after) {
            Some((shown, after)) => {
                plain.push_str(shown);
                after
            }
            // `[10.0.0.0/8]` is a list.
            None => {
                plain.push('[');
                after
            }
        };
    }
    plain + rest
}

/// What a link shows, and what follows it.
fn link(text: &str) -> Option<(&str, &str)> {
    let (shown, after) = text.split_once(']')?;
    if let Some(target) = after.strip_prefix('(') {
        return Some((shown, target.split_once(')')?.1));
    }
    let is_code = shown.len() > 2 && shown.starts_with('`') && shown.ends_with('`');
    is_code.then_some((shown, after))
}

/// Lines of at most so many characters, unless a word is longer.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
