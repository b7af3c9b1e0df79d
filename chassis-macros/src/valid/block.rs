//! What can be wrong with a `#[contributes]` block as a whole.

use super::{method::check_method, path::shape};
use crate::{
    attr::{Kind, Target},
    errors::Errors,
    item::Block,
};
use syn::LitStr;

/// Notes all mistakes.
pub(crate) fn check_block(block: &Block, errors: &mut Errors) {
    let item = &block.item;
    if let Some((path, _)) = &item.trait_ {
        errors.at(
            path,
            "`#[contributes]` goes on an inherent impl block: `impl Hello { .. }`",
        );
        return;
    }
    if !item.generics.params.is_empty() {
        errors.at(
            &item.generics,
            "`#[contributes]` can't stand on a generic impl block; contribute by hand in `Plugin::contribute`",
        );
        return;
    }
    for method in &block.methods {
        check_method(method, errors);
    }
    check_routes(block, errors);
}

/// Two routes of one block can't be the same.
fn check_routes(block: &Block, errors: &mut Errors) {
    let mut seen: Vec<(&str, String, String)> = Vec::new();
    // Of methods with a `#[cfg]`, perhaps only one is there.
    for method in block.methods.iter().filter(|method| method.cfgs.is_empty()) {
        for contribution in &method.contributions {
            let (Kind::Route(http), Target::Path(path)) = (contribution.kind, &contribution.target)
            else {
                continue;
            };
            let route = (
                http,
                shape(&path.value()),
                method.signature.ident.to_string(),
            );
            match seen
                .iter()
                .find(|(http, shape, _)| (*http, shape) == (route.0, &route.1))
            {
                Some((_, _, other)) => errors.push(claimed_twice(http, path, other)),
                None => seen.push(route),
            }
        }
    }
}

fn claimed_twice(http: &str, path: &LitStr, other: &str) -> syn::Error {
    let message = format!(
        "`{http} {}` is answered by `{other}` already; give one of them another path",
        path.value()
    );
    syn::Error::new(path.span(), message)
}
