//! `#[on]`: what the method takes of an event, and the method.

use super::{block::Wiring, without_self};
use crate::attr::Target;
use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote, quote_spanned};

/// The subscription, without its keys but for `when`.
pub(super) fn expand_subscriber(wiring: &Wiring<'_>) -> TokenStream {
    let private = wiring.private;
    let Target::Topic(topic) = &wiring.contribution.target else {
        // Refused before.
        return TokenStream::new();
    };
    let place = wiring.place();
    let types = wiring.types();
    let names: Vec<TokenStream> = (0..types.len())
        .map(|index| format_ident!("__a{index}").to_token_stream())
        .collect();
    let taken = names.iter().zip(&types).map(|(name, (span, ty))| {
        quote_spanned!(*span=> let #name = <#ty as #private::FromMessage>::from_message(__message)?;)
    });
    let call = wiring.call(&names);
    let done = wiring.into(&quote!(IntoDone::into_done));
    let body = wiring.boxed(&quote! {
        #(#taken)*
        let __result = #call.await;
        #done
    });
    let when = wiring.contribution.options.when.iter().map(|(key, when)| {
        let when = without_self(when.to_token_stream(), wiring.self_ty);
        // At the key, because the compiler says there what it has to be.
        quote_spanned!(key.span()=> .when(#when))
    });
    quote! {
        #private::on(
            __to,
            #topic,
            &__this,
            #place,
            |__this, __message| #body,
        ) #(#when)*
    }
}
