//! The paths of routes.

use syn::LitStr;

/// Whether this can be the path of a route: `/orders/{id}`, `/files/{*rest}`.
pub(super) fn check_path(path: &LitStr) -> syn::Result<()> {
    path_error(&path.value()).map_or(Ok(()), |said| Err(syn::Error::new(path.span(), said)))
}

/// Whether this can say which routes a hook is for: the path of one, or `/orders/**`.
pub(super) fn check_pattern(pattern: &LitStr) -> syn::Result<()> {
    let text = pattern.value();
    let path = text.strip_suffix("/**").unwrap_or(&text);
    let said = match path {
        "" if !text.is_empty() => return Ok(()),
        path if path.contains("**") => Some(format!(
            "`{text}` is not a pattern of routes; `**` stands at the end, after `/`"
        )),
        path => path_error(path),
    };
    said.map_or(Ok(()), |said| Err(syn::Error::new(pattern.span(), said)))
}

/// What two paths have in common that match the same requests.
pub(super) fn shape(path: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix('{') {
        Some(rest) if rest.starts_with('*') => "{*}".to_owned(),
        Some(rest) if rest.ends_with('}') => "{}".to_owned(),
        _ => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn path_error(path: &str) -> Option<String> {
    if path.is_empty() {
        return Some("a path can't be empty; write `/`".into());
    }
    if !path.starts_with('/') {
        let whole = corrected(path);
        return Some(match path_error(&whole) {
            None => format!("a path begins with `/`; write `{whole}`"),
            // Not one mistake in the place of another.
            Some(_) => "a path begins with `/`".to_owned(),
        });
    }
    if path.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#')) {
        return Some(format!(
            "`{path}` is not a path; take a query with the `Query` extractor"
        ));
    }
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if let Some(today) = today(segment) {
            return Some(format!(
                "`{segment}` is how axum 0.7 writes it; write `{today}`"
            ));
        }
        match parameter(segment) {
            Err(said) => return Some(format!("{said} in `{path}`; write `{{id}}`")),
            Ok(Some("" | "*")) => {
                return Some(format!(
                    "a parameter in `{path}` has no name; write `{{id}}`"
                ));
            }
            Ok(Some(name)) if name.starts_with('*') && segments.peek().is_some() => {
                return Some(format!(
                    "`{{{name}}}` takes all the rest, so it stands at the end"
                ));
            }
            Ok(_) => {}
        }
    }
    None
}

/// What a segment in the style of axum 0.7 is today: `{id}` for `:id`, `{*rest}` for `*rest`.
fn today(segment: &str) -> Option<String> {
    if let Some(name) = segment.strip_prefix(':') {
        let name = if name.is_empty() { "id" } else { name };
        return Some(format!("{{{name}}}"));
    }
    let name = segment.strip_prefix('*')?;
    let name = if name.is_empty() { "rest" } else { name };
    Some(format!("{{*{name}}}"))
}

/// A path without its `/`, as it was meant.
fn corrected(path: &str) -> String {
    let segments = path
        .split('/')
        .map(|segment| today(segment).unwrap_or_else(|| segment.to_owned()));
    segments.fold(String::new(), |path, segment| path + "/" + &segment)
}

/// The name of the parameter in a segment. `{{` and `}}` are braces as such.
fn parameter(segment: &str) -> Result<Option<&str>, &'static str> {
    let mut name = None;
    let mut open = None;
    let mut chars = segment.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        let doubled = open.is_none() && chars.peek().is_some_and(|(_, next)| *next == c);
        match (c, open) {
            ('{' | '}', None) if doubled => {
                chars.next();
            }
            ('{', None) if name.is_some() => return Err("there are two parameters in one segment"),
            ('{', None) => open = Some(i + 1),
            ('}', Some(start)) => {
                name = Some(&segment[start..i]);
                open = None;
            }
            ('{', Some(_)) => return Err("a `{` is not closed"),
            ('}', None) => return Err("a `}` closes nothing"),
            _ => {}
        }
    }
    if open.is_some() {
        Err("a `{` is not closed")
    } else {
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{check_pattern, path_error, shape};
    use proc_macro2::Span;
    use syn::LitStr;

    fn says(path: &str, part: &str) {
        let said = path_error(path).unwrap_or_default();
        assert!(said.contains(part), "`{path}`: {said}");
    }

    #[test]
    fn a_path_is_written_as_axum_writes_it() {
        for good in [
            "/",
            "/orders/{id}",
            "/files/{*rest}",
            "/a/{b}/c",
            "/{{braces}}",
            "/v1-{id}",
        ] {
            assert_eq!(path_error(good), None);
        }
        says("", "empty");
        says("orders", "write `/orders`");
        says("u/:id", "write `/u/{id}`");
        says(":a/:b/*", "write `/{a}/{b}/{*rest}`");
        assert_eq!(path_error("u/{").unwrap(), "a path begins with `/`");
        says("/orders/:id", "write `{id}`");
        says("/orders/:", "write `{id}`");
        says("/files/*rest", "write `{*rest}`");
        says("/files/*", "write `{*rest}`");
        says("/{id", "not closed");
        says("/{a{b}}", "not closed");
        says("/id}", "closes nothing");
        says("/{a}{b}", "two parameters");
        says("/{}", "no name");
        says("/{*all}/more", "at the end");
        says("/a?b=c", "`Query`");
    }

    #[test]
    fn a_pattern_may_end_in_two_stars() {
        let good = |text| check_pattern(&LitStr::new(text, Span::call_site())).is_ok();
        assert!(good("/**") && good("/orders/**") && good("/orders/{id}") && good("/{id}/**"));
        assert!(!good("") && !good("orders/**") && !good("/**/x") && !good("/orders**"));
    }

    #[test]
    fn the_names_of_parameters_do_not_tell_routes_apart() {
        assert_eq!(shape("/a/{id}/b"), shape("/a/{name}/b"));
        assert_ne!(shape("/a/{id}"), shape("/a/{*id}"));
    }
}
