//! What can be wrong with `#[plugin]`, and with what it stands on.

use super::{
    name::{check_mention, check_name, kebab},
    requirement::{check_capability, check_requirement, check_version},
};
use crate::{
    attr::PluginAttr,
    errors::Errors,
    item::{Form, PluginItem},
};
use syn::{FnArg, Generics, Ident, Item, ItemFn, Safety, Type};

/// Notes all mistakes.
pub(crate) fn check_plugin(attr: &PluginAttr, item: &PluginItem, errors: &mut Errors) {
    match &item.form {
        Form::Struct(ident) => check_ident(attr, ident, errors),
        Form::Function(function) => {
            check_ident(attr, &function.sig.ident, errors);
            check_function(function, errors);
        }
        Form::Other(item) => errors.push(unfit(item)),
    }
    check_keys(attr, errors);
}

fn check_keys(attr: &PluginAttr, errors: &mut Errors) {
    if let Some(name) = &attr.name
        && let Err(said) = check_name(&name.value())
    {
        errors.push(syn::Error::new(name.span(), said));
    }
    if let Some(version) = &attr.version {
        errors.ok(check_version(version));
    }
    for requirement in &attr.requires {
        errors.ok(check_requirement(requirement));
    }
    for name in attr.after.iter().chain(&attr.before) {
        errors.ok(check_mention(name));
    }
    for capability in &attr.provides {
        errors.ok(check_capability(capability));
    }
    for resource in &attr.exclusive {
        if resource.value().trim().is_empty() {
            errors.at(
                resource,
                "this names nothing; write what can't be there twice: `\"port 9000\"`",
            );
        }
    }
}

fn check_ident(attr: &PluginAttr, ident: &Ident, errors: &mut Errors) {
    if attr.name.is_some() {
        return;
    }
    let name = kebab(ident);
    if check_name(&name).is_err() {
        let message =
            format!("`{name}` can't be the name of a plugin; write `#[plugin(name = \"..\")]`");
        errors.at(ident, message);
    }
}

fn check_function(function: &ItemFn, errors: &mut Errors) {
    let signature = &function.sig;
    let ident = &signature.ident;
    if signature.asyncness.is_none() {
        errors.at(
            signature.fn_token,
            format!("a function plugin is async: write `async fn {ident}`"),
        );
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "a function plugin can't be `unsafe`");
    }
    if !signature.generics.params.is_empty() {
        errors.at(&signature.generics, "a function plugin can't be generic");
    }
    let arguments: Vec<&FnArg> = signature.inputs.iter().collect();
    match &*arguments {
        [FnArg::Receiver(receiver), ..] => errors.at(
            receiver,
            "a function plugin is a free function; put `#[plugin]` on the struct",
        ),
        [] => errors.at(ident, format!("a function plugin takes its context: write `{ident}(cx: &mut PluginContext)`")),
        [FnArg::Typed(config), FnArg::Typed(cx)]
            if is_mut_reference(&config.ty) && !matches!(*cx.ty, Type::Reference(_)) =>
        {
            errors.at(config, "the context comes last: write `(config: .., cx: &mut PluginContext)`");
        }
        [_] | [_, _] => {}
        [_, _, more, ..] => errors.at(
            more,
            "a function plugin takes its context, and before that its config: `(config: .., cx: &mut PluginContext)`",
        ),
    }
}

fn unfit(item: &Item) -> syn::Error {
    let a_struct = "`#[plugin]` goes on a struct or on an async function";
    match item {
        Item::Struct(item) => generic(&item.ident, &item.generics),
        Item::Enum(item) => syn::Error::new_spanned(
            item.enum_token,
            format!("{a_struct}, not on an enum; keep the enum in a field of a struct"),
        ),
        Item::Union(item) => {
            syn::Error::new_spanned(item.union_token, format!("{a_struct}, not on a union"))
        }
        Item::Trait(item) => syn::Error::new_spanned(
            item.trait_token,
            format!("{a_struct}, not on a trait; put it on what implements the trait"),
        ),
        Item::Impl(item) => syn::Error::new_spanned(
            item.impl_token,
            format!("{a_struct}; on an impl block write `#[contributes]`"),
        ),
        other => syn::Error::new_spanned(other, a_struct),
    }
}

fn generic(ident: &Ident, generics: &Generics) -> syn::Error {
    let holes = vec![".."; generics.params.len()].join(", ");
    let message = format!(
        "`#[plugin]` can't stand on a generic struct: there would be one plugin for each type; implement `Plugin` by hand, and register it with `Registration::new::<{ident}<{holes}>>(info)`"
    );
    syn::Error::new_spanned(generics, message)
}

fn is_mut_reference(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some())
}
