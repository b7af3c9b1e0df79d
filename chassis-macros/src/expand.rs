//! What we write.
//!
//! Tokens of ours are given the place of those that are wrong if ours do not compile: this is how the errors of the
//! compiler come to stand at what the user wrote.

mod plugin;
mod block;
mod endpoint;
mod point;
mod subscriber;

pub(crate) use self::{
    block::expand_block,
    plugin::{expand_plugin, fallback_plugin},
    point::expand_point,
};

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Path, ReturnType, Type, spanned::Spanned as _};

/// The one module that generated code refers to.
fn private(krate: &Path) -> TokenStream {
    quote!(#krate::__private)
}

/// File and line of these tokens. The line is theirs because the macro is called with their span.
fn place(span: Span) -> TokenStream {
    quote_spanned!(span=> file: ::core::file!(), line: ::core::line!())
}

/// The token that says most about a type: `Json` in `&mut axum::Json<String>`. (Only nightly can join spans.)
fn spot(ty: &Type) -> Span {
    match ty {
        Type::Reference(reference) => spot(&reference.elem),
        Type::Group(group) => spot(&group.elem),
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map_or_else(|| ty.span(), |segment| segment.ident.span()),
        _ => ty.span(),
    }
}

/// The same of what a function returns, or its name if it returns nothing.
fn spot_of_result(signature: &syn::Signature) -> Span {
    match &signature.output {
        ReturnType::Default => signature.ident.span(),
        ReturnType::Type(_, ty) => spot(ty),
    }
}

/// The tokens, all at one place, each resolved as before.
fn at(span: Span, tokens: TokenStream) -> TokenStream {
    let moved = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            let mut moved = Group::new(group.delimiter(), at(span, group.stream()));
            moved.set_span(group.span());
            token = moved.into();
        }
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(moved).collect()
}

/// `Self` has no meaning outside the impl block.
fn without_self(tokens: TokenStream, self_ty: &Type) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => self_ty.to_token_stream(),
            TokenTree::Group(group) => {
                let inside = without_self(group.stream(), self_ty);
                let mut replaced = Group::new(group.delimiter(), inside);
                replaced.set_span(group.span());
                TokenTree::Group(replaced).into()
            }
            token => token.into(),
        })
        .collect()
}
