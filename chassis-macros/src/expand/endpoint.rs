//! `#[get]` and its like: extractors, the method, its answer, as one future that borrows the plugin.

use super::{at, block::Wiring, spot_of_result, without_self};
use crate::attr::Target;
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ReturnType;

/// The route, without its keys.
pub(super) fn expand_endpoint(wiring: &Wiring<'_>, http: &str) -> TokenStream {
    let private = wiring.private;
    let http = Ident::new(http, Span::call_site());
    let path = match &wiring.contribution.target {
        Target::Path(path) => path.to_token_stream(),
        // Refused before.
        _ => return TokenStream::new(),
    };
    let place = wiring.place();
    let types = wiring.types();
    let names: Vec<Ident> = (0..types.len()).map(|i| format_ident!("__a{i}")).collect();
    let extracted = match (names.split_last(), types.split_last()) {
        (Some((name, names)), Some(((span, ty), types))) => {
            let parts = names.iter().zip(types).map(|(name, (span, ty))| {
                let extracted = quote_spanned! {*span=>
                    <#ty as #private::FromRequestParts<()>>::from_request_parts(&mut __parts, &()).await
                };
                or_answer(private, name, &extracted)
            });
            let parts = (!types.is_empty()).then(|| {
                quote! {
                    let (mut __parts, __body) = __request.into_parts();
                    #(#parts)*
                    let __request = #private::Request::from_parts(__parts, __body);
                }
            });
            let last = quote_spanned! {*span=>
                <#ty as #private::FromRequest<(), _>>::from_request(__request, &()).await
            };
            let last = or_answer(private, name, &last);
            quote!(#parts #last)
        }
        // Nothing is taken from the request, so it is not taken apart.
        _ => TokenStream::new(),
    };
    let idents = names.clone();
    let names: Vec<TokenStream> = names.iter().map(|name| quote!(#name)).collect();
    let call = wiring.call(&names);
    let answer = wiring.into(&quote!(IntoResponse::into_response));
    let body = wiring.boxed(&quote! {
        #extracted
        let __result = #call.await;
        #answer
    });
    // The future is to borrow the plugin only, so it gets the request before it begins.
    let (exchange, taken) = if types.is_empty() {
        (quote!(_), TokenStream::new())
    } else {
        let known = known(wiring, &types, &idents, &call, &answer);
        let taken = quote! {
            #known
            let __request = #private::request(__exchange);
        };
        (quote!(__exchange), taken)
    };
    // Only their names, for the one mistake that no bound can refuse: see `arguments`.
    let arguments = (!types.is_empty()).then(|| {
        let types = types.iter().map(|(_, ty)| ty);
        quote!(.arguments(&[#(::core::any::type_name::<#types>()),*]))
    });
    let described = described(wiring, &types);
    quote! {
        #private::endpoint(
            __to, &__this, #private::Method::#http, #path, #place, |__this, #exchange| { #taken #body }
        )#arguments #described
    }
}

/// What the document of the service says of it: its comment, and what the compiler finds out of its types.
fn described(wiring: &Wiring<'_>, types: &[(Span, TokenStream)]) -> TokenStream {
    let Wiring {
        private,
        docs,
        deprecated,
        signature,
        ..
    } = wiring;
    let types = types.iter().map(|(_, ty)| ty);
    let answer = match &signature.output {
        ReturnType::Default => Some(quote!(())),
        // What has no name can't be asked.
        ReturnType::Type(_, ty) => named(ty.to_token_stream()).map(|ty| {
            let ty = without_self(ty, wiring.self_ty);
            at(spot_of_result(signature), ty)
        }),
    };
    let answer = answer.into_iter();
    quote! {
        .described(#docs, #deprecated, |__to| {
            #[allow(unused_imports)]
            use #private::{
                AnswerBare as _, AnswerKnown as _, AnswerUnknown as _, ArgumentBare as _,
                ArgumentKnown as _, ArgumentUnknown as _,
            };
            #((&&&#private::Argument::<#types>::NEW).describe(__to);)*
            #((&&&#private::Answered::<#answer>::NEW).describe(__to);)*
            let _ = __to;
        })
    }
}

/// A type as it can be written outside of its function: without the names of lifetimes; none if there is an `impl` in it.
fn named(tokens: TokenStream) -> Option<TokenStream> {
    let mut written = TokenStream::new();
    let mut is_lifetime = false;
    for token in tokens {
        let token = match token {
            TokenTree::Ident(ident) if is_lifetime && ident != "static" => {
                Ident::new("_", ident.span()).into()
            }
            TokenTree::Ident(ident) if ident == "impl" => return None,
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), named(group.stream())?);
                inside.set_span(group.span());
                inside.into()
            }
            token => token,
        };
        is_lifetime = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
        written.extend([token]);
    }
    Some(written)
}

/// Calls the method without the request, if all that it takes is known already.
fn known(
    wiring: &Wiring<'_>,
    types: &[(Span, TokenStream)],
    names: &[Ident],
    call: &TokenStream,
    answer: &TokenStream,
) -> TokenStream {
    let private = wiring.private;
    let types: Vec<_> = types.iter().map(|(_, ty)| ty).collect();
    let body = wiring.boxed(&quote! {
        let __result = #call.await;
        #answer
    });
    quote! {
        '__known: {
            #[allow(unused_imports)]
            use #private::{AsksExchange as _, AsksRequest as _};
            #(
                let #names: #types = match (&#private::Argument::<#types>::NEW).known(__exchange) {
                    ::core::option::Option::Some(::core::result::Result::Ok(__value)) => __value,
                    ::core::option::Option::Some(::core::result::Result::Err(__error)) => {
                        return #private::refused(__error);
                    }
                    ::core::option::Option::None => break '__known,
                };
            )*
            return #body;
        }
    }
}

fn or_answer(private: &TokenStream, name: &Ident, extracted: &TokenStream) -> TokenStream {
    quote! {
        let #name = match #extracted {
            ::core::result::Result::Ok(__value) => __value,
            ::core::result::Result::Err(__rejection) => {
                return #private::IntoResponse::into_response(__rejection);
            }
        };
    }
}
