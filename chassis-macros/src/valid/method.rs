//! What can be wrong with a method that contributes.

use super::{
    name::check_mention,
    path::{check_path, check_pattern},
    topic::check_topic,
};
use crate::{
    attr::{Contribution, Health, Kind, Target},
    errors::Errors,
    item::Method,
};
use quote::ToTokens as _;
use syn::{FnArg, GenericParam, Receiver, ReceiverKind, Safety, Signature, Type};

/// Notes all mistakes in the method and its attributes.
pub(super) fn check_method(method: &Method, errors: &mut Errors) {
    check_signature(method, errors);
    for contribution in &method.contributions {
        check_arguments(&method.signature, contribution.kind, errors);
        check_target(&contribution.target, errors);
        check_options(&method.signature, contribution, errors);
    }
}

/// What is the same for all attributes of the method.
fn check_signature(method: &Method, errors: &mut Errors) {
    let signature = &method.signature;
    let ident = &signature.ident;
    match signature.receiver() {
        None => errors.at(
            ident,
            format!(
                "`{ident}` must take `&self` (or `self: &Arc<Self>`): it is called on the plugin"
            ),
        ),
        Some(receiver) => check_receiver(receiver, errors),
    }
    let must_be_async = method
        .contributions
        .iter()
        .find(|one| one.kind != Kind::Filter);
    if let (None, Some(one)) = (&signature.asyncness, must_be_async) {
        let message = format!(
            "`#[{}]` needs an async method: write `async fn {ident}`",
            one.name
        );
        errors.at(signature.fn_token, message);
    }
    if let Safety::Unsafe(token) = &signature.safety {
        errors.at(token, "a method that contributes can't be `unsafe`");
    }
    let is_lifetime = |param: &GenericParam| matches!(param, GenericParam::Lifetime(_));
    if !signature.generics.params.iter().all(is_lifetime) {
        let message = "a method that contributes can't be generic: nobody says what the types are";
        errors.at(&signature.generics, message);
    }
    for argument in arguments(signature) {
        if let Type::ImplTrait(ty) = argument {
            errors.at(
                ty,
                "a method that contributes can't take `impl Trait`: name the type",
            );
        }
    }
}

fn check_receiver(receiver: &Receiver, errors: &mut Errors) {
    let shared = "all requests share the plugin: take `&self`, and keep what changes in a `Mutex` or an atomic";
    match &receiver.kind {
        ReceiverKind::Reference(_, _, Some(_)) => errors.at(receiver, shared),
        ReceiverKind::Reference(..) => {}
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                errors.at(receiver, shared);
            }
            Type::Reference(_) => {}
            _ => errors.at(receiver, "take `&self` or `self: &Arc<Self>`"),
        },
        _ => errors.at(
            receiver,
            "take `&self` or `self: &Arc<Self>`: the plugin is needed again",
        ),
    }
}

/// The arguments that the attribute gives to the method.
fn check_arguments(signature: &Signature, kind: Kind, errors: &mut Errors) {
    let arguments: Vec<&Type> = arguments(signature).collect();
    let (least, most, form) = match kind {
        // Any number of extractors; whether they are, the compiler knows.
        Kind::Route(_) => return,
        Kind::Filter => (1, 1, "a filter takes the value, `&mut T`"),
        Kind::Action => (1, 1, "an action takes what it is told, `&T`"),
        Kind::Provide => (0, 1, "`#[provide]` takes the question, `&T`, or nothing"),
        Kind::Call => (1, 1, "`#[call]` takes the question, `&T`"),
        Kind::On => (
            1,
            2,
            "`#[on]` takes what happened, `Arc<T>`, or the `Message`, or both",
        ),
        Kind::Health => (0, 0, "a health check takes nothing"),
        Kind::Metrics => (0, 0, "`#[metrics]` takes nothing"),
        Kind::Around => (2, 2, "an around takes `request: Request, next: Next<'_>`"),
    };
    if arguments.len() < least {
        return errors.at(&signature.ident, format!("{form}, beside `&self`"));
    }
    if let Some(too_many) = arguments.get(most) {
        let else_ = if most > 0 { ", and nothing else" } else { "" };
        return errors.at(too_many, format!("{form}{else_} beside `&self`"));
    }
    let [Type::Reference(argument)] = &*arguments else {
        return;
    };
    match kind {
        Kind::Filter if argument.mutability.is_none() && signature.asyncness.is_some() => {
            let value = argument.elem.to_token_stream();
            errors.at(argument, format!("{form}: write `&mut {value}`"));
        }
        Kind::Action | Kind::Provide | Kind::Call if argument.mutability.is_some() => {
            let value = argument.elem.to_token_stream();
            errors.at(
                argument,
                format!("{form}: write `&{value}`; only filters change what they get"),
            );
        }
        _ => {}
    }
}

fn check_target(target: &Target, errors: &mut Errors) {
    match target {
        Target::Path(path) => {
            errors.ok(check_path(path));
        }
        Target::Named(name) => {
            let text = name.value();
            if text.is_empty() || text.contains(char::is_whitespace) {
                let message =
                    format!("`{text}` is not the name of a point; write one like `shop.price`");
                errors.push(syn::Error::new(name.span(), message));
            }
        }
        Target::Topic(topic) => {
            errors.ok(check_topic(topic));
        }
        Target::Implied | Target::Point(_) => {}
    }
}

fn check_options(signature: &Signature, contribution: &Contribution, errors: &mut Errors) {
    let options = &contribution.options;
    check_health(&options.health, errors);
    for name in options
        .after
        .iter()
        .chain(&options.before)
        .chain(&options.requires)
    {
        errors.ok(check_mention(name));
    }
    if let Some(pattern) = &options.routes {
        errors.ok(check_pattern(pattern));
    }
    if let (Kind::Filter, None, Some((key, _))) =
        (contribution.kind, &signature.asyncness, &options.deadline)
    {
        let message = format!(
            "a sync filter can't be stopped, so it has no deadline; write `async fn {}`, or remove `deadline`",
            signature.ident,
        );
        errors.at(key, message);
    }
}

/// The names that stand in a path: `/health/{group}`, `plugin/check`.
fn check_health(health: &Health, errors: &mut Errors) {
    let may_be_in_it = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    for name in health.name.iter().chain(&health.groups) {
        let text = name.value();
        if text.is_empty() || text.len() > 64 || !text.chars().all(may_be_in_it) {
            let message =
                format!("`{text}` is not a name here: write up to 64 letters, digits, `-` and `_`");
            errors.push(syn::Error::new(name.span(), message));
        }
    }
    for group in &health.groups {
        let text = group.value();
        if matches!(&*text, "live" | "ready" | "startup" | "all") {
            let message =
                format!("`/health/{text}` means something else: give the group another name");
            errors.push(syn::Error::new(group.span(), message));
        }
    }
}

/// The types of the arguments but for `self`.
fn arguments(signature: &Signature) -> impl Iterator<Item = &Type> {
    signature
        .inputs
        .iter()
        .filter_map(|argument| match argument {
            FnArg::Typed(argument) => Some(&*argument.ty),
            FnArg::Receiver(_) => None,
        })
}
