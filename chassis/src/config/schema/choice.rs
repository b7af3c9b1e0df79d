//! `anyOf` and `oneOf`: whether one of the forms fits; if none does, what is most likely meant.

use std::mem;

use serde_json::{Map, Value};

use super::{
    super::tree::{Node, Tree},
    Checker, Violation, inside, kind, list, resolve,
    scalar::{allowed, equals},
    table,
};

/// How many references and choices are looked through for what a form is like.
const MAX_HOPS: usize = 8;

impl<'s> Checker<'s> {
    pub(super) fn choice(
        &mut self,
        tree: &Tree,
        branches: &'s [Value],
        exclusive: bool,
        out: &mut Vec<Violation>,
    ) {
        if branches.is_empty() {
            return;
        }
        // "Or nothing" is how an optional value is described. This one is something.
        let mut forms: Vec<&Value> = branches.iter().filter(|form| !is_null(form)).collect();
        if forms.is_empty() || (self.strict && matches!(tree.node, Node::Null)) {
            forms = branches.iter().collect();
        }
        let tried: Vec<(&Value, Vec<Violation>)> = forms
            .into_iter()
            .map(|form| (form, self.attempt(tree, form)))
            .collect();
        let fitting = || tried.iter().filter(|(_, found)| found.is_empty());
        match fitting().count() {
            0 => out.extend(self.nearest(tree, tried)),
            1 => {}
            // Text from the environment is a string and a number at a time.
            _ if !exclusive || self.cut || tree.text.is_some() => {}
            _ => {
                let fitting: Vec<&Value> = fitting().map(|(form, _)| *form).collect();
                let strictly = fitting.into_iter().filter(|form| self.fits(tree, form));
                if strictly.count() > 1 && !self.cut {
                    let message = "it has more than one of the forms that exclude each other here";
                    out.push(self.violation(tree, message));
                }
            }
        }
    }

    /// What is wrong with the value, if it has none of the forms.
    fn nearest(&self, tree: &Tree, tried: Vec<(&'s Value, Vec<Violation>)>) -> Vec<Violation> {
        let forms: Vec<&Value> = tried.iter().map(|(form, _)| *form).collect();
        let mut near = tried;
        if near.len() > 1 {
            near.retain(|(form, _)| self.admits(tree, form, MAX_HOPS));
        }
        if near.len() > 1 {
            let choices = near.iter().map(|(form, _)| self.choices(form, MAX_HOPS));
            if let Some(choices) = choices.collect::<Option<Vec<_>>>() {
                return vec![self.not_among(tree, &choices.concat())];
            }
            if let Some(found) = self.untagged(tree, &near) {
                return found;
            }
            near.retain(|(form, _)| self.is_meant(tree, form));
        }
        if let [(_, found)] = &mut near[..] {
            return mem::take(found);
        }
        let mut kinds = Vec::new();
        if !forms.iter().any(|form| self.admits(tree, form, MAX_HOPS)) {
            for form in &forms {
                self.kinds(form, MAX_HOPS, &mut kinds);
            }
        }
        vec![match kinds.is_empty() {
            false => self.expected(tree, &kinds.join(" or ")),
            true => Violation {
                help: self.needs(&forms),
                ..self.violation(tree, "it has none of the forms that are allowed here")
            },
        }]
    }

    /// A wrong value of the key that tells the forms apart: `kind: ..`.
    fn untagged(
        &self,
        tree: &Tree,
        near: &[(&'s Value, Vec<Violation>)],
    ) -> Option<Vec<Violation>> {
        let mut tags = near.iter().map(|(form, _)| {
            let form = self.form(form)?;
            let tag = |(name, schema): (&'s String, &'s Value)| Some((name, schema.get("const")?));
            table(form, "properties").find_map(tag)
        });
        let (name, first) = tags.next()??;
        let mut choices = vec![first];
        for tag in tags {
            let (other, choice) = tag?;
            if other != name {
                return None;
            }
            choices.push(choice);
        }
        let (key, value) = tree
            .as_map()?
            .iter()
            .find(|(key, value)| *key == name || inside::means(key, value, name))?;
        if choices.iter().any(|choice| equals(value, choice)) {
            return None;
        }
        if matches!(value.node, Node::Null) && !self.strict {
            return Some(Vec::new());
        }
        let mut violation = self.not_among(value, &choices);
        violation.path.push(key.into());
        Some(vec![violation])
    }

    /// Whether the keys of a map say that this form is meant: the constant ones are right, or if there
    /// are none, those that it can't do without are there.
    fn is_meant(&self, tree: &Tree, form: &'s Value) -> bool {
        let (Some(entries), Some(form)) = (tree.as_map(), self.form(form)) else {
            return false;
        };
        let entry = |name: &str| {
            entries
                .iter()
                .find(|(key, value)| *key == name || inside::means(key, value, name))
        };
        let mut constants = table(form, "properties")
            .filter_map(|(name, schema)| Some((name, schema.get("const")?)))
            .peekable();
        if constants.peek().is_some() {
            return constants.all(|(name, constant)| {
                entry(name).is_some_and(|(_, value)| equals(value, constant))
            });
        }
        let mut required = list(form, "required").iter().filter_map(Value::as_str);
        required.all(|name| entry(name).is_some())
    }

    /// The keys that the forms can't do without.
    fn needs(&self, forms: &[&'s Value]) -> Option<String> {
        let needs = forms.iter().map(|form| {
            let names = list(self.form(form)?, "required").iter();
            let names: Vec<String> = names
                .filter_map(Value::as_str)
                .map(|name| format!("`{name}`"))
                .collect();
            (!names.is_empty()).then(|| names.join(" and "))
        });
        let needs = needs.collect::<Option<Vec<String>>>()?;
        Some(format!("it needs {}", needs.join(", or ")))
    }

    /// The schema that a form is in the end.
    fn form(&self, form: &'s Value) -> Option<&'s Map<String, Value>> {
        let mut form = form;
        for _ in 0..MAX_HOPS {
            let words = form.as_object()?;
            match words.get("$ref").and_then(Value::as_str) {
                // With words of its own beside the reference, it is those that tell forms apart.
                Some(reference) if !words.contains_key("properties") => {
                    form = resolve(self.root, reference)?;
                }
                _ => return Some(words),
            }
        }
        None
    }

    /// Whether the value is of the type of this form.
    fn admits(&self, tree: &Tree, form: &'s Value, hops: usize) -> bool {
        let Some(words) = form.as_object() else {
            return form != &Value::Bool(false);
        };
        if !kind::fits(tree, words) {
            return false;
        }
        let Some(hops) = hops.checked_sub(1) else {
            return true;
        };
        let any = |keyword| {
            let forms = list(words, keyword);
            forms.is_empty() || forms.iter().any(|form| self.admits(tree, form, hops))
        };
        let referenced = words.get("$ref").and_then(Value::as_str);
        referenced
            .and_then(|reference| resolve(self.root, reference))
            .is_none_or(|form| self.admits(tree, form, hops))
            && list(words, "allOf")
                .iter()
                .all(|form| self.admits(tree, form, hops))
            && any("anyOf")
            && any("oneOf")
    }

    /// The types of a form, in words.
    fn kinds(&self, form: &'s Value, hops: usize, out: &mut Vec<String>) {
        let (Some(words), Some(hops)) = (form.as_object(), hops.checked_sub(1)) else {
            return;
        };
        if words.contains_key("type") {
            let kind = kind::words(words);
            if !out.contains(&kind) {
                out.push(kind);
            }
            return;
        }
        let referenced = words.get("$ref").and_then(Value::as_str);
        let referenced = referenced.and_then(|reference| resolve(self.root, reference));
        let forms = ["allOf", "anyOf", "oneOf"];
        let forms = forms.into_iter().flat_map(|keyword| list(words, keyword));
        for form in referenced.into_iter().chain(forms) {
            self.kinds(form, hops, out);
        }
    }

    /// All values of this form, if it is a choice of some.
    fn choices(&self, form: &'s Value, hops: usize) -> Option<Vec<&'s Value>> {
        let (words, hops) = (form.as_object()?, hops.checked_sub(1)?);
        if let Some(values) = allowed(words) {
            return Some(values);
        }
        let inner = match words.get("$ref").and_then(Value::as_str) {
            Some(reference) => return self.choices(resolve(self.root, reference)?, hops),
            None => list(words, "oneOf").iter().chain(list(words, "anyOf")),
        };
        let choices = inner.map(|form| self.choices(form, hops));
        let choices = choices.collect::<Option<Vec<_>>>()?.concat();
        (!choices.is_empty()).then_some(choices)
    }
}

fn is_null(form: &Value) -> bool {
    form.as_object()
        .is_some_and(|words| kind::named(words) == ["null"])
}
