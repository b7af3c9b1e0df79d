//! The order of contributions at a point: a pure function of their priorities and constraints.

use crate::{
    error::{Error, Result, code},
    text,
};
use std::sync::Arc;

/// What a contribution says about its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Whose it is; constraints are between plugins.
    pub(crate) plugin: Arc<str>,
    /// Lower comes first.
    pub(crate) priority: i32,
    pub(crate) after: Vec<Arc<str>>,
    pub(crate) before: Vec<Arc<str>>,
    /// Like `after`, but the other one must be there.
    pub(crate) requires: Vec<Arc<str>>,
}

/// The order, and why each stands where it does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) sequence: Vec<usize>,
    pub(crate) why: Vec<String>,
}

/// At each step takes the contribution with the lowest priority whose constraints are met; ties by name, then
/// by the order of declaration.
pub(crate) fn arrange(point: &str, wishes: &[Wish]) -> Result<Places> {
    let mut predecessors: Vec<Vec<usize>> = vec![Vec::new(); wishes.len()];
    let of = |plugin: &str| -> Vec<usize> {
        (0..wishes.len())
            .filter(|&other| &*wishes[other].plugin == plugin)
            .collect()
    };
    for (index, wish) in wishes.iter().enumerate() {
        for name in &wish.requires {
            if of(name).is_empty() {
                return Err(missing(point, wishes, wish, name));
            }
        }
        let earlier = wish
            .after
            .iter()
            .chain(&wish.requires)
            .flat_map(|name| of(name));
        predecessors[index].extend(earlier.filter(|&other| other != index));
        for other in wish
            .before
            .iter()
            .flat_map(|name| of(name))
            .filter(|&other| other != index)
        {
            predecessors[other].push(index);
        }
    }
    let mut places = Places::default();
    let mut placed = vec![false; wishes.len()];
    while places.sequence.len() < wishes.len() {
        let open = (0..wishes.len()).filter(|&index| !placed[index]);
        let key = |&index: &usize| {
            (
                wishes[index].priority,
                Arc::clone(&wishes[index].plugin),
                index,
            )
        };
        let free = open
            .clone()
            .filter(|&index| predecessors[index].iter().all(|&other| placed[other]));
        let Some(next) = free.min_by_key(key) else {
            return Err(cycle(point, wishes, &open.collect::<Vec<_>>()));
        };
        // Somebody of lower priority still waits: that is what a reader would wonder about.
        let overtaken = open
            .filter(|&index| key(&index) < key(&next))
            .min_by_key(key);
        places.why.push(why(wishes, &predecessors, next, overtaken));
        placed[next] = true;
        places.sequence.push(next);
    }
    Ok(places)
}

fn why(
    wishes: &[Wish],
    predecessors: &[Vec<usize>],
    index: usize,
    overtaken: Option<usize>,
) -> String {
    let mut why = format!("priority {}", wishes[index].priority);
    if !predecessors[index].is_empty() {
        let names = predecessors[index]
            .iter()
            .map(|&other| &*wishes[other].plugin);
        why.push_str(&format!(", after {}", text::quoted(names)));
    }
    if let Some(overtaken) = overtaken {
        why.push_str(&format!(
            ", before `{}`, which waits for another",
            wishes[overtaken].plugin
        ));
    }
    why
}

fn missing(point: &str, wishes: &[Wish], wish: &Wish, name: &str) -> Error {
    let message = format!("at `{point}` it requires `{name}`, which contributes nothing there");
    let mut error = Error::new(code::POINT_ORDER, message)
        .in_plugin(Arc::clone(&wish.plugin))
        .at(point);
    if let Some(help) = text::did_you_mean(name, wishes.iter().map(|wish| &*wish.plugin)) {
        error = error.with_help(help);
    }
    error
}

fn cycle(point: &str, wishes: &[Wish], open: &[usize]) -> Error {
    let mut names: Vec<&str> = open.iter().map(|&index| &*wishes[index].plugin).collect();
    names.sort_unstable();
    names.dedup();
    let message = format!(
        "the contributions of {} wait for each other",
        text::quoted(names)
    );
    Error::new(code::POINT_ORDER, message)
        .at(point)
        .with_help("remove one of their `after`, `before` and `requires`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wish(plugin: &str, priority: i32) -> Wish {
        Wish {
            plugin: plugin.into(),
            priority,
            ..Wish::default()
        }
    }

    fn names(wishes: &[Wish]) -> Vec<String> {
        let places = arrange("p", wishes).unwrap();
        places
            .sequence
            .iter()
            .map(|&index| wishes[index].plugin.to_string())
            .collect()
    }

    #[test]
    fn lower_priority_comes_first_and_names_break_ties() {
        assert_eq!(
            names(&[wish("b", 5), wish("c", -1), wish("a", 5)]),
            ["c", "a", "b"]
        );
    }

    #[test]
    fn a_constraint_wins_over_a_priority_and_says_so() {
        let wishes = [
            Wish {
                after: vec!["slow".into()],
                ..wish("fast", 1)
            },
            wish("slow", 100),
        ];
        let places = arrange("p", &wishes).unwrap();
        assert_eq!(places.sequence, [1, 0]);
        assert_eq!(
            places.why[0],
            "priority 100, before `fast`, which waits for another"
        );
        assert_eq!(places.why[1], "priority 1, after `slow`");
    }

    #[test]
    fn a_cycle_and_a_missing_one_are_named() {
        let wishes = [
            Wish {
                after: vec!["b".into()],
                ..wish("a", 0)
            },
            Wish {
                after: vec!["a".into()],
                ..wish("b", 0)
            },
        ];
        let error = arrange("p", &wishes).unwrap_err();
        assert_eq!(
            error.message(),
            "the contributions of `a`, `b` wait for each other"
        );
        let wishes = [
            Wish {
                requires: vec!["audit".into()],
                ..wish("a", 0)
            },
            wish("audits", 0),
        ];
        let error = arrange("p", &wishes).unwrap_err();
        assert_eq!(error.help(), Some("did you mean `audits`?"));
    }

    proptest! {
        #[test]
        fn the_order_of_declaration_is_irrelevant(
            priorities in proptest::collection::vec(-3_i32..3, 1..12),
            edges in proptest::collection::vec((0_usize..12, 0_usize..12), 0..12),
            shift in 0_usize..12,
        ) {
            let mut wishes: Vec<Wish> =
                priorities.iter().enumerate().map(|(i, p)| wish(&format!("p{i:02}"), *p)).collect();
            for (from, to) in edges {
                // Only forward edges: no cycle.
                if from < to && to < wishes.len() {
                    wishes[to].after.push(format!("p{from:02}").into());
                }
            }
            let expected = names(&wishes);
            let by = shift % wishes.len();
            wishes.rotate_left(by);
            prop_assert_eq!(names(&wishes), expected);
        }
    }
}
