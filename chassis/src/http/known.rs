//! Arguments that need no request: what the chassis knows already when a handler is called.
//!
//! What it knows travels in the extensions of the request, for everybody who gets the request. Putting it there costs more
//! than all the rest of an extractor; so a method with such arguments only is called without.

use super::exchange::Exchange;
use crate::error::Result;
use std::marker::PhantomData;

/// Can be had of what is known of a request.
#[doc(hidden)]
pub trait Known: Sized {
    /// None if the request has to be asked after all.
    fn known(exchange: &Exchange) -> Option<Result<Self>>;
}

/// An argument of a handler, of which the macro sees the type only.
#[doc(hidden)]
pub struct Argument<T>(PhantomData<T>);

impl<T> Argument<T> {
    /// There is only one.
    pub const NEW: Self = Self(PhantomData);
}

/// Of two methods `known`, the compiler takes the one that is fewer references away: this one where the type is
/// [`Known`], else that of [`AsksRequest`].
#[doc(hidden)]
pub trait AsksExchange<T> {
    /// The argument, if it is known.
    fn known(&self, exchange: &Exchange) -> Option<Result<T>>;
}

impl<T: Known> AsksExchange<T> for Argument<T> {
    #[inline]
    fn known(&self, exchange: &Exchange) -> Option<Result<T>> {
        T::known(exchange)
    }
}

/// See [`AsksExchange`].
#[doc(hidden)]
pub trait AsksRequest<T> {
    /// None.
    fn known(&self, exchange: &Exchange) -> Option<Result<T>>;
}

impl<T> AsksRequest<T> for &Argument<T> {
    #[inline]
    fn known(&self, _: &Exchange) -> Option<Result<T>> {
        None
    }
}
