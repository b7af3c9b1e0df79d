//! Whether a text is a pattern of topics: the same rules as at start, told where it is written.

use syn::LitStr;

/// The longest topic, in bytes.
const MAX: usize = 255;

pub(super) fn check_topic(topic: &LitStr) -> syn::Result<()> {
    let text = topic.value();
    let words = text.split('.').count();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let fits = |(index, word): (usize, &str)| match word {
        "*" => true,
        "**" => index + 1 == words,
        word => !word.is_empty() && word.chars().all(is_plain),
    };
    if text.len() <= MAX && text.split('.').enumerate().all(fits) {
        return Ok(());
    }
    let message = format!(
        "`{text}` is no pattern of topics: write dotted words, `order.placed`; a `*` is any word, and a `**` at the end one or more"
    );
    Err(syn::Error::new(topic.span(), message))
}
