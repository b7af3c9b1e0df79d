//! A static with `#[extension_point]`.

use super::docs;
use proc_macro2::TokenStream;
use syn::{Attribute, Ident, Item, StaticMutability, Type};

/// What `#[extension_point]` stands on.
pub(crate) struct PointItem {
    /// As the user wrote it.
    pub(crate) tokens: TokenStream,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) description: String,
    /// A `#[cfg]` holds for the registration too.
    pub(crate) cfgs: Vec<Attribute>,
}

impl PointItem {
    pub(crate) fn parse(tokens: &TokenStream) -> syn::Result<Self> {
        let wrong = "`#[extension_point]` goes on a `static`, like `pub static PRICE: FilterPoint<Price> = FilterPoint::new(\"shop.price\");`";
        let item = match syn::parse2(tokens.clone())? {
            Item::Static(item) => item,
            Item::Const(item) => return Err(syn::Error::new_spanned(item.const_token, wrong)),
            other => return Err(syn::Error::new_spanned(other, wrong)),
        };
        if let StaticMutability::Mut(token) = &item.mutability {
            return Err(syn::Error::new_spanned(
                token,
                "an extension point can't be `mut`",
            ));
        }
        let cfgs = item
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("cfg"));
        Ok(Self {
            description: docs::text(&item.attrs),
            cfgs: cfgs.cloned().collect(),
            ident: item.ident,
            ty: *item.ty,
            tokens: tokens.clone(),
        })
    }
}
