//! The list between the parentheses of an attribute: `POINT, priority = 10, required`.

use crate::errors::Errors;
use proc_macro2::TokenStream;
use syn::{
    Expr, Ident, Path, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream, Parser as _},
    parse_quote,
    punctuated::Punctuated,
};

/// The arguments of one attribute.
#[derive(Default)]
pub(crate) struct Args {
    /// The first argument, if it has no key: a point, or the path of a route.
    pub(crate) first: Option<Expr>,
    pub(crate) named: Vec<Arg>,
    /// Arguments without a key where there must be one.
    misplaced: Vec<Expr>,
}

/// `key = value`, or a bare `key`.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    pub(crate) value: Option<Expr>,
}

/// Keys that may be given any number of times, where they are known.
const REPEATABLE: &[&str] = &["with"];

/// One argument, before it is known whether the attribute begins with one that has no key.
enum Raw {
    Keyed(Arg),
    Plain(Expr),
}

impl Parse for Raw {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        // `any`: `crate` is a key.
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) {
            let key = input.call(Ident::parse_any)?;
            let equals: Token![=] = input.parse()?;
            if input.is_empty() || input.peek(Token![,]) {
                return Err(syn::Error::new_spanned(
                    equals,
                    format!("`{key} =` needs a value"),
                ));
            }
            return Ok(Self::Keyed(Arg {
                key,
                value: Some(input.parse()?),
            }));
        }
        Ok(Self::Plain(input.parse()?))
    }
}

impl Args {
    /// Reads the arguments; `with_first` if the attribute begins with one that has no key.
    pub(crate) fn parse(tokens: TokenStream, with_first: bool) -> syn::Result<Self> {
        let raw = Punctuated::<Raw, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut args = Self::default();
        for (position, raw) in raw.into_iter().enumerate() {
            match raw {
                Raw::Keyed(arg) => args.named.push(arg),
                Raw::Plain(first) if with_first && position == 0 => args.first = Some(first),
                Raw::Plain(first) if with_first && args.first.is_none() => {
                    return Err(syn::Error::new_spanned(
                        first,
                        "this comes first, before the keys",
                    ));
                }
                Raw::Plain(expr) => match as_ident(&expr) {
                    Some(key) => args.named.push(Arg { key, value: None }),
                    None => args.misplaced.push(expr),
                },
            }
        }
        Ok(args)
    }

    /// Gives each argument to `read`, which says whether it knows the key. Unknown and repeated keys are mistakes, but
    /// for those in [`REPEATABLE`].
    pub(crate) fn read(
        self,
        attribute: &str,
        keys: &[&str],
        errors: &mut Errors,
        mut read: impl FnMut(&str, Arg) -> syn::Result<()>,
    ) {
        for expr in self.misplaced {
            errors.at(
                expr,
                format!("expected `key = value`; {}", those(attribute, keys)),
            );
        }
        let mut seen: Vec<String> = Vec::new();
        for arg in self.named {
            let key = arg.key.unraw().to_string();
            if !keys.contains(&&*key) {
                errors.at(&arg.key, unknown(attribute, &key, keys));
            } else if seen.contains(&key) && !REPEATABLE.contains(&&*key) {
                errors.at(&arg.key, format!("`{key}` is given twice; keep one"));
            } else {
                errors.ok(read(&key, arg));
                seen.push(key);
            }
        }
    }
}

fn unknown(attribute: &str, key: &str, keys: &[&str]) -> String {
    if matches!(key, "dependencies" | "depends_on" | "depends") && keys.contains(&"requires") {
        return format!("unknown key `{key}`; write `requires`");
    }
    format!("unknown key `{key}`; {}", those(attribute, keys))
}

fn those(attribute: &str, keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match &*keys {
        [one] => format!("the only key of `#[{attribute}]` is {one}"),
        _ => format!("the keys of `#[{attribute}]` are {}", keys.join(", ")),
    }
}

fn as_ident(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    }
}

/// The path of the `chassis` crate.
pub(crate) fn default_krate() -> Path {
    parse_quote!(::chassis)
}

/// Reads an attribute that takes `crate = path` and nothing else.
pub(crate) fn krate_only(attribute: &str, tokens: TokenStream, errors: &mut Errors) -> Path {
    let mut krate = default_krate();
    if let Some(args) = errors.ok(Args::parse(tokens, false)) {
        args.read(attribute, &["crate"], errors, |_, arg| {
            krate = arg.path()?;
            Ok(())
        });
    }
    krate
}
