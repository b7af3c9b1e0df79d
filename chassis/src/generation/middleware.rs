//! One order for all middleware: pairs of hooks, arounds and tower layers.

use super::assemble::{HandlerEntry, Put};
use crate::{
    contributions::Contribution,
    error::{Error, Result, code},
    http::{AroundFn, Exchange, LayerFn, Layered, Link, LinkKind, Position, Response},
    point::{
        Entry, FilterFn,
        order::{self, Wish},
    },
    points,
};
use std::{any::Any, collections::BTreeMap, sync::Arc};

type ByPoint<'a> = BTreeMap<Arc<str>, Vec<Put<'a>>>;
type Reports = BTreeMap<Arc<str>, Vec<HandlerEntry>>;

/// Something that stands at one place of the onion.
enum Piece<'a> {
    /// A pre-request hook, a post-response hook, or the pair of one instance.
    Hooks(Option<Put<'a>>, Option<Put<'a>>),
    Around(Put<'a>),
    Layer(Put<'a>),
}

/// Takes all middleware out of `by_point`, and puts it in one order. Also what is shown of it.
pub(super) fn chain(by_point: &mut ByPoint<'_>) -> Result<(Vec<Link>, Reports)> {
    let mut take = |point: &str| by_point.remove(point).unwrap_or_default();
    let mut pieces = pair(
        take(points::PRE_REQUEST.name),
        take(points::POST_RESPONSE.name),
    );
    pieces.extend(take(points::AROUND.name).into_iter().map(Piece::Around));
    pieces.extend(take(points::LAYERS.name).into_iter().map(Piece::Layer));

    let wishes: Vec<Wish> = pieces.iter().map(Piece::wish).collect();
    let places = order::arrange("middleware", &wishes)?;
    let mut reports = Reports::new();
    for point in [points::PRE_REQUEST.name, points::POST_RESPONSE.name] {
        reports.insert(point.into(), Vec::new());
    }
    for point in [points::AROUND.name, points::LAYERS.name] {
        reports.insert(point.into(), Vec::new());
    }
    let mut links = Vec::with_capacity(pieces.len());
    for (&index, why) in places.sequence.iter().zip(&places.why) {
        let piece = &pieces[index];
        links.push(piece.link()?);
        for put in piece.puts() {
            let reports = reports
                .entry(Arc::clone(&put.contribution.point))
                .or_default();
            reports.push(put.report(why.clone()));
        }
    }
    // The way out is the way in, backwards.
    if let Some(reports) = reports.get_mut(points::POST_RESPONSE.name) {
        reports.reverse();
    }
    Ok((links, reports))
}

/// A pre-request and a post-response hook of one instance that have the same priority and routes are one place: the
/// first with the first, and so on.
fn pair<'a>(pres: Vec<Put<'a>>, mut posts: Vec<Put<'a>>) -> Vec<Piece<'a>> {
    let same = |pre: &Put<'a>, post: &Put<'a>| {
        pre.owner == post.owner
            && pre.wish.priority == post.wish.priority
            && pre.contribution.routes == post.contribution.routes
    };
    let mut pieces = Vec::new();
    for pre in pres {
        let post = posts
            .iter()
            .position(|post| same(&pre, post))
            .map(|index| posts.remove(index));
        pieces.push(Piece::Hooks(Some(pre), post));
    }
    pieces.extend(posts.into_iter().map(|post| Piece::Hooks(None, Some(post))));
    pieces
}

impl<'a> Piece<'a> {
    fn puts(&self) -> impl Iterator<Item = &Put<'a>> {
        let (one, other) = match self {
            Self::Hooks(pre, post) => (pre.as_ref(), post.as_ref()),
            Self::Around(put) | Self::Layer(put) => (Some(put), None),
        };
        one.into_iter().chain(other)
    }

    fn wish(&self) -> Wish {
        let mut wishes = self.puts().map(|put| put.wish.clone());
        let mut wish = wishes.next().unwrap_or_default();
        for other in wishes {
            wish.after.extend(other.after);
            wish.before.extend(other.before);
            wish.requires.extend(other.requires);
        }
        wish
    }

    /// Refuses what was said of it and nobody would obey.
    fn check(&self) -> Result<()> {
        let is_hook = matches!(self, Self::Hooks(..));
        for put in self.puts() {
            put.check()?;
            let is_pre = *put.contribution.point == *points::PRE_REQUEST.name;
            if put.contribution.buffered.is_some() && !is_pre {
                return Err(put.meaningless("only a pre-request hook can have the body buffered"));
            }
            if put.contribution.skip_on_failure && !is_hook {
                return Err(put.meaningless("only a hook can be skipped when it fails"));
            }
        }
        Ok(())
    }

    fn link(&self) -> Result<Link> {
        self.check()?;
        let routes = self.puts().find_map(|put| put.contribution.routes.clone());
        let kind = match self {
            Self::Hooks(pre, post) => LinkKind::Hooks(Arc::new(Position::new(
                self.puts().next().map_or(0, |put| put.owner),
                pre.as_ref()
                    .map(entry::<FilterFn<Exchange, Response>>)
                    .transpose()?,
                post.as_ref()
                    .map(entry::<FilterFn<Exchange, Response>>)
                    .transpose()?,
                pre.as_ref().and_then(|put| put.contribution.buffered),
            ))),
            Self::Around(put) => LinkKind::Around(Arc::new(entry::<AroundFn>(put)?)),
            Self::Layer(put) => {
                let Entry { handler, site, .. } = entry::<LayerFn>(put)?;
                // The layer is the plugin's own code.
                let service = site.run_sync(|| handler())?;
                LinkKind::Layer(Arc::new(Layered { site, service }))
            }
        };
        Ok(Link { routes, kind })
    }
}

fn entry<H: Any + Clone>(put: &Put<'_>) -> Result<Entry<H>> {
    let Contribution {
        point,
        handler,
        origin,
        skip_on_failure,
        ..
    } = put.contribution;
    let handler = handler.downcast_ref::<H>().cloned().ok_or_else(|| {
        let message = format!("the handler does not fit the point `{point}`");
        Error::new(code::POINT_MISMATCH, message)
            .in_plugin(Arc::clone(&put.wish.plugin))
            .from_origin(Arc::clone(origin))
            .with_help("middleware takes `&mut Exchange`; it has no JSON form")
    })?;
    Ok(Entry {
        handler,
        site: Arc::new(put.site()),
        skip_on_failure: *skip_on_failure,
    })
}
