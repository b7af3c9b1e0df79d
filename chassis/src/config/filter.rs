//! The filter of the log, as it is written in a setting or a variable.

use tracing_subscriber::{EnvFilter, filter::ParseError};

/// Reads levels by target: `info,orders=debug`.
///
/// What a span's fields have to be is taken as text, not as a regular expression: of a hundred characters, one can
/// take minutes to prepare, and all of the memory.
pub(crate) fn log_filter(text: &str) -> Result<EnvFilter, ParseError> {
    // With a space before it, `EnvFilter` cuts a directive at the wrong letters, or panics in the middle of one.
    let directives: Vec<&str> = text.split(',').map(str::trim).collect();
    EnvFilter::builder()
        .with_regex(false)
        .parse(directives.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_mean_nothing() {
        let shown = |text| log_filter(text).map(|filter| filter.to_string()).ok();
        let expected = shown("info,orders=debug");
        assert!(expected.is_some());
        assert_eq!(shown(" info,\torders=debug "), expected);
        assert!(shown("info,orders=loud").is_none());
        assert!(shown("info,orders = debug").is_none());
    }

    #[test]
    fn letters_of_any_language_do_no_harm() {
        for text in [
            " [\u{e9}]",
            " -*\u{feff}-=",
            "\u{a0}\u{e9}[\u{e9}{\u{e9}}]=info",
            "\u{e9}",
        ] {
            // Right or wrong, it is read to its end.
            _ = log_filter(text);
        }
    }

    #[test]
    fn values_of_fields_are_no_regular_expressions() {
        let text = format!("[{{id=[01]*1{}}}]=info", "[01]".repeat(24));
        assert!(log_filter(&text).is_ok());
    }
}
