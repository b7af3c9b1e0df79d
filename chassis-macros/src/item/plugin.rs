//! A struct or function with `#[plugin]`.

use super::docs;
use proc_macro2::TokenStream;
use syn::{Ident, Item, ItemFn};

/// What `#[plugin]` stands on.
pub(crate) struct PluginItem {
    /// As the user wrote it.
    pub(crate) tokens: TokenStream,
    pub(crate) form: Form,
    /// The first line of the doc comment.
    pub(crate) description: String,
}

/// Its form.
pub(crate) enum Form {
    /// A struct that is not generic.
    Struct(Ident),
    /// A function; its signature may be wrong.
    Function(Box<ItemFn>),
    /// Something that can't be a plugin.
    Other(Box<Item>),
}

impl PluginItem {
    pub(crate) fn parse(tokens: &TokenStream) -> syn::Result<Self> {
        let (form, description) = match syn::parse2(tokens.clone())? {
            Item::Struct(item) if item.generics.params.is_empty() => {
                (Form::Struct(item.ident), docs::first_line(&item.attrs))
            }
            Item::Fn(item) => {
                let description = docs::first_line(&item.attrs);
                (Form::Function(Box::new(item)), description)
            }
            other => (Form::Other(Box::new(other)), String::new()),
        };
        Ok(Self {
            tokens: tokens.clone(),
            form,
            description,
        })
    }
}
