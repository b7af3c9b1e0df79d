//! Doc comments as text.

use syn::{Attribute, Expr, Lit, Meta};

/// The first line that says something.
pub(super) fn first_line(attributes: &[Attribute]) -> String {
    lines(attributes)
        .into_iter()
        .find(|line| !line.is_empty())
        .unwrap_or_default()
}

/// All of it.
pub(super) fn text(attributes: &[Attribute]) -> String {
    lines(attributes).join("\n").trim().to_owned()
}

/// A `///` line is one attribute, a `/** */` comment one of several lines.
fn lines(attributes: &[Attribute]) -> Vec<String> {
    let comments = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(syn::ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        });
    let unindented = |line: &str| {
        let line = line.trim_end();
        line.strip_prefix(' ').unwrap_or(line).to_owned()
    };
    // Not `lines`: an empty `///` line is a line.
    comments
        .flat_map(|comment| comment.split('\n').map(unindented).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{first_line, text};
    use syn::{ItemStruct, parse_quote};

    #[test]
    fn a_doc_comment_is_text() {
        let item: ItemStruct = parse_quote! {
            ///
            /// Greets callers.
            ///
            ///     code
            #[doc = include_str!("elsewhere.md")]
            struct Hello;
        };
        assert_eq!(first_line(&item.attrs), "Greets callers.");
        assert_eq!(text(&item.attrs), "Greets callers.\n\n    code");
        assert_eq!(first_line(&[]), "");
    }
}
