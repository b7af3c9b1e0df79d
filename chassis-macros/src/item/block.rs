//! An impl block with `#[contributes]`, and its methods.

use super::docs;
use crate::{attr::Contribution, errors::Errors};
use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Attribute, ImplItem, Item, ItemImpl, Path, Signature, parse_quote};

/// What `#[contributes]` stands on.
pub(crate) struct Block {
    /// As the user wrote it, but for the attributes that are read here. (And two lints that would tell the user to write
    /// what they refuse.)
    pub(crate) tokens: TokenStream,
    pub(crate) item: Box<ItemImpl>,
    /// Those that contribute.
    pub(crate) methods: Vec<Method>,
}

/// A method that contributes.
pub(crate) struct Method {
    pub(crate) signature: Signature,
    /// Copied onto the wiring: a method that is not there can't be wired.
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) contributions: Vec<Contribution>,
    /// Its doc comment.
    pub(crate) docs: String,
    /// Whether it carries `#[deprecated]`.
    pub(crate) deprecated: bool,
}

impl Block {
    /// Reads the block. Attributes that are wrong are noted, and taken off as well: they would be mistakes of their
    /// own where they stand.
    pub(crate) fn parse(
        tokens: &TokenStream,
        krate: &Path,
        errors: &mut Errors,
    ) -> syn::Result<Self> {
        let mut item = match syn::parse2(tokens.clone())? {
            Item::Impl(item) => Box::new(item),
            other => {
                let message = "`#[contributes]` goes on an impl block: `impl Hello { .. }`";
                return Err(syn::Error::new_spanned(other, message));
            }
        };
        let mut methods = Vec::new();
        for method in &mut item.items {
            let ImplItem::Fn(method) = method else {
                continue;
            };
            let mut contributions = Vec::new();
            method
                .attrs
                .retain(|attribute| match Contribution::kind_of(attribute, krate) {
                    None => true,
                    Some((name, kind)) => {
                        contributions.extend(Contribution::parse(name, kind, attribute, errors));
                        false
                    }
                });
            if !contributions.is_empty() {
                method.attrs.insert(0, parse_quote! {
                    #[allow(clippy::unused_async, clippy::unused_self, reason = "its attribute asks for them")]
                });
                let docs = docs::text(&method.attrs);
                let deprecated =
                    (method.attrs.iter()).any(|attribute| attribute.path().is_ident("deprecated"));
                let cfgs = method
                    .attrs
                    .iter()
                    .filter(|attribute| attribute.path().is_ident("cfg"));
                methods.push(Method {
                    signature: method.sig.clone(),
                    cfgs: cfgs.cloned().collect(),
                    contributions,
                    docs,
                    deprecated,
                });
            }
        }
        Ok(Self {
            tokens: item.to_token_stream(),
            item,
            methods,
        })
    }
}
