//! The names of plugins.

use syn::{Ident, LitStr, ext::IdentExt as _};

/// Names that mean something else in `config.yaml` or under `/plugins/`; what, is said in `chassis/src/config/foreign.rs`.
const RESERVED: &[&str] = &[
    "status",
    "metrics",
    "graph",
    "health",
    "config",
    "directories",
    "enabled",
    "directory",
    "auto_load",
    "hot_reload",
    "max_plugins",
    "configs",
    "use",
    "chassis",
];

/// The name of a type or function, in kebab case: `HTTPHello` is `http-hello`.
pub(crate) fn kebab(ident: &Ident) -> String {
    let text: Vec<char> = ident.unraw().to_string().chars().collect();
    let mut name = String::new();
    for (i, &c) in text.iter().enumerate() {
        let after = i.checked_sub(1).and_then(|before| text.get(before));
        let next = text.get(i + 1);
        let begins_a_word = c.is_uppercase()
            && after.is_some_and(|&after| {
                let ends_an_acronym =
                    after.is_uppercase() && next.is_some_and(|n| n.is_lowercase());
                after.is_lowercase() || after.is_numeric() || ends_an_acronym
            });
        if begins_a_word {
            name.push('-');
        }
        match c {
            '_' => name.push('-'),
            c => name.extend(c.to_lowercase()),
        }
    }
    name
}

/// Whether a plugin may have this name.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if RESERVED.contains(&name) {
        return Err(format!("`{name}` is a reserved name; choose another"));
    }
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let begins_with_letter = name.starts_with(|c: char| c.is_ascii_lowercase());
    if begins_with_letter && name.len() <= 64 && name.split('-').all(is_word) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is not a plugin name; write lower-case words joined by hyphens, like `request-tracing`"
    ))
}

/// Whether this can be the name of a plugin, an instance or a capability somewhere: those of others are not ours to
/// judge.
pub(super) fn check_mention(name: &LitStr) -> syn::Result<()> {
    let text = name.value();
    if !text.is_empty() && text.chars().all(may_be_in_a_name) {
        return Ok(());
    }
    let message = match text.split_once(|c| !may_be_in_a_name(c)) {
        Some((name, _)) if !name.is_empty() => {
            format!("`{text}` is not a name; versions go into `requires`, here write `{name}`")
        }
        _ => format!("`{text}` is not a name; write that of a plugin, like `request-tracing`"),
    };
    Err(syn::Error::new(name.span(), message))
}

pub(super) fn may_be_in_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':')
}

#[cfg(test)]
mod tests {
    use super::{check_name, kebab};
    use quote::format_ident;

    #[test]
    fn a_type_is_named_in_kebab_case() {
        let check = |ident: &str, name: &str| assert_eq!(kebab(&format_ident!("{ident}")), name);
        check("Hello", "hello");
        check("RequestTracing", "request-tracing");
        check("HTTPHello", "http-hello");
        check("HTTP2Server", "http2-server");
        check("OAuth2", "o-auth2");
        check("UserDB", "user-db");
        check("rate_limit", "rate-limit");
        check("r#use", "use");
    }

    #[test]
    fn a_name_is_lower_case_words() {
        for good in ["hello", "http-hello", "oauth2"] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in [
            "",
            "Hello",
            "a--b",
            "-a",
            "a-",
            "2fa",
            "a_b",
            "größe",
            &"a".repeat(65),
        ] {
            assert!(
                check_name(bad).is_err_and(|said| said.contains("not a plugin name")),
                "{bad}"
            );
        }
        assert!(check_name("use").is_err_and(|said| said.contains("reserved")));
    }
}
