//! `#[extension_point]`: the static is put on the list of points.

use super::{at, place, private, spot};
use crate::item::PointItem;
use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::Path;

/// The static unchanged, and an element of the list.
pub(crate) fn expand_point(krate: &Path, item: &PointItem) -> TokenStream {
    let private = private(krate);
    let PointItem {
        tokens,
        ident,
        ty,
        description,
        cfgs,
    } = item;
    let place = place(ident.span());
    // At the type, because that is what is wrong if it is not a point.
    let point = at(spot(ty), ident.to_token_stream());
    let point = quote_spanned!(spot(ty)=> &#point);
    quote! {
        #tokens

        #(#cfgs)*
        const _: () = {
            #[#private::linkme::distributed_slice(#private::POINTS)]
            #[linkme(crate = #private::linkme)]
            static __POINT: #private::LinkedPoint = #private::LinkedPoint {
                point: #point,
                description: #description,
                krate: ::core::env!("CARGO_PKG_NAME"),
                #place,
            };
        };
    }
}
