//! Each attribute from beginning to end: read, find what is wrong, write.

use crate::{
    attr::{self, PluginAttr},
    errors::Errors,
    expand,
    item::{Block, PluginItem, PointItem},
    valid,
};
use proc_macro2::{Span, TokenStream};
use quote::quote;

#[cfg(test)]
mod tests;

/// `#[plugin]`.
pub(crate) fn plugin(attr: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let attr = PluginAttr::parse(attr, &mut errors);
    let Some(item) = errors.ok(PluginItem::parse(tokens)) else {
        return with(tokens, errors);
    };
    valid::check_plugin(&attr, &item, &mut errors);
    if errors.is_empty() {
        return expand::expand_plugin(&attr, &item);
    }
    with(&expand::fallback_plugin(&attr, &item), errors)
}

/// `#[contributes]`.
pub(crate) fn contributes(attr: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let krate = attr::krate_only("contributes", attr, &mut errors);
    let block = Block::parse(tokens, &krate, &mut errors);
    let Some(block) = errors.ok(block) else {
        return with(tokens, errors);
    };
    valid::check_block(&block, &mut errors);
    if errors.is_empty() {
        return expand::expand_block(&krate, &block);
    }
    with(&block.tokens, errors)
}

/// `#[extension_point]`.
pub(crate) fn extension_point(attr: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let krate = attr::krate_only("extension_point", attr, &mut errors);
    match errors.ok(PointItem::parse(tokens)) {
        Some(item) if errors.is_empty() => expand::expand_point(&krate, &item),
        _ => with(tokens, errors),
    }
}

/// `#[get]`, `#[filter]` and the others, where no `#[contributes]` has read them.
pub(crate) fn alone(name: &str, tokens: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let message = format!("`#[{name}]` alone does nothing: put `#[contributes]` on the impl block");
    errors.push(syn::Error::new(Span::call_site(), message));
    with(tokens, errors)
}

fn with(tokens: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.finish();
    quote!(#tokens #errors)
}
