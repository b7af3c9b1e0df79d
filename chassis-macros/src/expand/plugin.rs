//! `#[plugin]`: the plugin's own facts, and its registration.

use super::{place, private, spot, spot_of_result};
use crate::{
    attr::PluginAttr,
    item::{Form, PluginItem},
    valid::kebab,
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{FnArg, Ident, Item, ItemFn, PatType};

/// The item unchanged, and what makes it a plugin.
pub(crate) fn expand_plugin(attr: &PluginAttr, item: &PluginItem) -> TokenStream {
    let (ident, function) = match &item.form {
        Form::Struct(ident) => (ident, TokenStream::new()),
        Form::Function(function) => (&function.sig.ident, function_plugin(attr, function)),
        // Refused before.
        Form::Other(_) => return item.tokens.clone(),
    };
    let private = private(&attr.krate);
    let tokens = &item.tokens;
    let linked = linked(attr, ident, &item.description);
    let lint = matches!(item.form, Form::Function(_))
        .then(|| quote!(#[allow(clippy::unused_async, reason = "`#[plugin]` asks for it")]));
    quote! {
        #lint
        #tokens
        #function
        #linked
        const _: () = {
            #private::inventory::submit! {
                #private::Linked(#private::registration::<#ident>)
            }
        };
    }
}

/// What to write instead after a mistake, so that the rest of the program does not miss the plugin: that would be a
/// second error for one mistake.
pub(crate) fn fallback_plugin(attr: &PluginAttr, item: &PluginItem) -> TokenStream {
    let tokens = &item.tokens;
    let ident = match &item.form {
        Form::Struct(ident) => ident,
        Form::Other(item) => match &**item {
            Item::Enum(item) if item.generics.params.is_empty() => &item.ident,
            Item::Union(item) if item.generics.params.is_empty() => &item.ident,
            _ => return tokens.clone(),
        },
        Form::Function(function) if function.sig.receiver().is_some() => return tokens.clone(),
        Form::Function(function) => {
            let ident = &function.sig.ident;
            let no_config = no_config(attr);
            let plugin = plugin_of_function(
                attr,
                function,
                &no_config,
                &quote!(::core::result::Result::Ok(Self {})),
            );
            let linked = linked(attr, ident, "");
            return quote!(#tokens #plugin #linked);
        }
    };
    let linked = linked(attr, ident, "");
    quote!(#tokens #linked)
}

/// `LinkedPlugin`: everything that is known before the plugin is built.
fn linked(attr: &PluginAttr, ident: &Ident, description: &str) -> TokenStream {
    let private = private(&attr.krate);
    let name = attr
        .name
        .as_ref()
        .map_or_else(|| kebab(ident), syn::LitStr::value);
    let version = match &attr.version {
        Some(version) => quote!(#version),
        None => quote!(::core::env!("CARGO_PKG_VERSION")),
    };
    let PluginAttr {
        requires,
        after,
        before,
        provides,
        exclusive,
        tags,
        required,
        bootstrap,
        ..
    } = attr;
    let place = place(ident.span());
    quote! {
        #[automatically_derived]
        impl #private::LinkedPlugin for #ident {
            const INFO: #private::StaticInfo = #private::StaticInfo {
                name: #name,
                version: #version,
                description: #description,
                authors: ::core::env!("CARGO_PKG_AUTHORS"),
                license: ::core::env!("CARGO_PKG_LICENSE"),
                homepage: ::core::env!("CARGO_PKG_HOMEPAGE"),
                repository: ::core::env!("CARGO_PKG_REPOSITORY"),
                requires: &[#(#requires),*],
                after: &[#(#after),*],
                before: &[#(#before),*],
                provides: &[#(#provides),*],
                exclusive: &[#(#exclusive),*],
                tags: &[#(#tags),*],
                required: #required,
                bootstrap: #bootstrap,
                krate: ::core::env!("CARGO_PKG_NAME"),
                module: ::core::module_path!(),
                #place,
            };
        }
    }
}

/// The type of a function's name, and its life: `init` is the function.
fn function_plugin(attr: &PluginAttr, function: &ItemFn) -> TokenStream {
    let ident = &function.sig.ident;
    let arguments: Vec<&PatType> = function
        .sig
        .inputs
        .iter()
        .filter_map(|argument| match argument {
            FnArg::Typed(argument) => Some(argument),
            FnArg::Receiver(_) => None,
        })
        .collect();
    let context = arguments
        .last()
        .map_or_else(|| ident.span(), |cx| spot(&cx.ty));
    let context = quote_spanned!(context=> __cx);
    // At the return type, because that is what is wrong if it is not a result of nothing.
    let done = quote_spanned!(spot_of_result(&function.sig)=> __done);
    let (config, call) = match &*arguments {
        [config, _] => {
            let ty = &config.ty;
            (quote!(#ty), quote!(#ident(__config, #context)))
        }
        _ => (no_config(attr), quote!(#ident(#context))),
    };
    let private = private(&attr.krate);
    let body = quote! {
        let __done = #call.await;
        #private::IntoDone::into_done(#done)?;
        ::core::result::Result::Ok(Self {})
    };
    plugin_of_function(attr, function, &config, &body)
}

fn plugin_of_function(
    attr: &PluginAttr,
    function: &ItemFn,
    config: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    let private = private(&attr.krate);
    let ident = &function.sig.ident;
    let vis = &function.vis;
    let doc = format!("The plugin of the function `{ident}`, as a type.");
    // At the function's name, because that is where a future that can't be sent is reported.
    let future = quote_spanned! {ident.span()=>
        impl ::core::future::Future<Output = #private::Result<Self>> + ::core::marker::Send
    };
    let body = quote_spanned!(ident.span()=> async move { #body });
    quote! {
        #[doc = #doc]
        #[allow(non_camel_case_types, unreachable_pub, reason = "it is named like the function")]
        #vis struct #ident {}

        #[automatically_derived]
        impl #private::Plugin for #ident {
            type Config = #config;

            #[allow(unused_qualifications, clippy::all, clippy::pedantic, reason = "generated by `#[plugin]`")]
            fn init(__config: #config, __cx: &mut #private::PluginContext) -> #future {
                #body
            }
        }
    }
}

fn no_config(attr: &PluginAttr) -> TokenStream {
    let private = private(&attr.krate);
    quote!(#private::NoConfig)
}
