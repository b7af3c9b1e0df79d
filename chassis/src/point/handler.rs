//! What a handler may look like: a method or a closure, and what it may return.

use super::Flow;
use crate::{
    call::{BoxFuture, Call},
    error::{Error, Result},
};
use std::{sync::Arc, time::Duration};

/// How long an asynchronous handler may take unless somebody says otherwise.
pub(crate) const DEADLINE: Option<Duration> = Some(Duration::from_secs(5));

/// What a filter may return: nothing, a [`Flow`], or a result of these.
#[diagnostic::on_unimplemented(
    message = "a filter can't return `{Self}`",
    label = "return nothing, a `Flow`, or a `Result` of these",
    note = "for an async closure write `filter_async`"
)]
pub trait IntoFlow<A> {
    /// The value, as the chassis wants it.
    ///
    /// # Errors
    ///
    /// If it is one.
    fn into_flow(self) -> Result<Flow<A>>;
}

impl<A> IntoFlow<A> for () {
    fn into_flow(self) -> Result<Flow<A>> {
        Ok(Flow::Continue)
    }
}

impl<A> IntoFlow<A> for Flow<A> {
    fn into_flow(self) -> Result<Flow<A>> {
        Ok(self)
    }
}

impl<A, F: IntoFlow<A>, E: Into<Error>> IntoFlow<A> for Result<F, E> {
    fn into_flow(self) -> Result<Flow<A>> {
        self.map_err(Into::into)?.into_flow()
    }
}

/// What an action or a function plugin may return: nothing, or a `Result<()>`.
#[diagnostic::on_unimplemented(
    message = "nothing can be made of a `{Self}` here",
    label = "return nothing, or a `Result<()>`"
)]
pub trait IntoDone {
    /// The value, as the chassis wants it.
    ///
    /// # Errors
    ///
    /// If it is one.
    fn into_done(self) -> Result<()>;
}

impl IntoDone for () {
    fn into_done(self) -> Result<()> {
        Ok(())
    }
}

impl<E: Into<Error>> IntoDone for Result<(), E> {
    fn into_done(self) -> Result<()> {
        self.map_err(Into::into)
    }
}

/// What a handler at a call point may return: an `Option`, or a `Result` of one. `None` means: not mine.
#[diagnostic::on_unimplemented(
    message = "a handler at this call point can't return `{Self}`",
    label = "return `Option<{R}>` or `Result<Option<{R}>>`",
    note = "`None` says that this handler has no answer, and the next one is asked"
)]
pub trait IntoAnswer<R> {
    /// The value, as the chassis wants it.
    ///
    /// # Errors
    ///
    /// If it is one.
    fn into_answer(self) -> Result<Option<R>>;
}

impl<R> IntoAnswer<R> for Option<R> {
    fn into_answer(self) -> Result<Option<R>> {
        Ok(self)
    }
}

impl<R, E: Into<Error>> IntoAnswer<R> for Result<Option<R>, E> {
    fn into_answer(self) -> Result<Option<R>> {
        self.map_err(Into::into)
    }
}

/// An asynchronous handler at a filter point.
pub(crate) trait AsyncFilter<T, A>: Send + Sync {
    fn call<'a>(&'a self, value: &'a mut T, call: &'a Call<'a>) -> BoxFuture<'a, Result<Flow<A>>>;
}

/// A handler that is told something.
pub(crate) trait Tell<T>: Send + Sync {
    fn call<'a>(&'a self, value: &'a T, call: &'a Call<'a>) -> BoxFuture<'a, Result<()>>;
}

/// A handler that is asked something.
pub(crate) trait Ask<Q, R>: Send + Sync {
    fn call<'a>(&'a self, question: &'a Q, call: &'a Call<'a>) -> BoxFuture<'a, Result<R>>;
}

/// A method of an instance: what the attributes in a `#[contributes]` block become.
pub(crate) struct Method<P, F> {
    pub(crate) this: Arc<P>,
    pub(crate) call: F,
}

type FilterMethod<P, T, A> = for<'a> fn(&'a Arc<P>, &'a mut T) -> BoxFuture<'a, Result<Flow<A>>>;
type AskMethod<P, Q, R> = for<'a> fn(&'a Arc<P>, &'a Q) -> BoxFuture<'a, Result<R>>;

impl<P: Send + Sync, T, A> AsyncFilter<T, A> for Method<P, FilterMethod<P, T, A>> {
    fn call<'a>(&'a self, value: &'a mut T, _: &'a Call<'a>) -> BoxFuture<'a, Result<Flow<A>>> {
        (self.call)(&self.this, value)
    }
}

impl<P: Send + Sync, T> Tell<T> for Method<P, AskMethod<P, T, ()>> {
    fn call<'a>(&'a self, value: &'a T, _: &'a Call<'a>) -> BoxFuture<'a, Result<()>> {
        (self.call)(&self.this, value)
    }
}

impl<P: Send + Sync, Q, R> Ask<Q, R> for Method<P, AskMethod<P, Q, R>> {
    fn call<'a>(&'a self, question: &'a Q, _: &'a Call<'a>) -> BoxFuture<'a, Result<R>> {
        (self.call)(&self.this, question)
    }
}

/// Async closures are bound `FnOnce + Clone`, as axum does it: `Fn` refuses an `async move` closure that uses
/// what it captured. Each bound needs a trait of its own, because the future borrows the argument.
macro_rules! closures {
    ($(
        $(#[$doc:meta])*
        $bound:ident<$($param:ident),+>($argument:ty) -> $into:ident<$($into_param:ident)?>, $wrapper:ident;
    )*) => {$(
        $(#[$doc])*
        pub trait $bound<'a, $($param: 'a),+>: FnOnce($argument) -> Self::Future {
            #[doc(hidden)]
            type Future: Future<Output = Self::Out> + Send + 'a;
            #[doc(hidden)]
            type Out: $into$(<$into_param>)?;
        }

        impl<'a, $($param: 'a,)+ F, Fut, Out> $bound<'a, $($param),+> for F
        where
            F: FnOnce($argument) -> Fut,
            Fut: Future<Output = Out> + Send + 'a,
            Out: $into$(<$into_param>)?,
        {
            type Future = Fut;
            type Out = Out;
        }

        pub(crate) struct $wrapper<F>(pub(crate) F);
    )*};
}

/// What a `Result<T>` of a provider is turned into.
#[doc(hidden)]
pub trait IntoProvided<T> {
    fn into_provided(self) -> Result<T>;
}

impl<T, E: Into<Error>> IntoProvided<T> for Result<T, E> {
    fn into_provided(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

closures! {
    /// An async closure or function at a filter point: `async |value: &mut T| ..`.
    FilterClosureFn<T, A>(&'a mut T) -> IntoFlow<A>, FilterClosure;
    /// An async closure or function at an action point: `async |value: &T| ..`.
    ActionClosureFn<T>(&'a T) -> IntoDone<>, ActionClosure;
    /// An async closure or function at a provider point: `async |question: &Q| Ok(..)`.
    ProvideClosureFn<Q, R>(&'a Q) -> IntoProvided<R>, ProvideClosure;
    /// An async closure or function at a call point: `async |question: &Q| Some(..)`.
    CallClosureFn<Q, R>(&'a Q) -> IntoAnswer<R>, CallClosure;
}

impl<F, T: Send + 'static, A: 'static> AsyncFilter<T, A> for FilterClosure<F>
where
    F: for<'a> FilterClosureFn<'a, T, A> + Clone + Send + Sync + 'static,
{
    fn call<'a>(&'a self, value: &'a mut T, _: &'a Call<'a>) -> BoxFuture<'a, Result<Flow<A>>> {
        let future = self.0.clone()(value);
        Box::pin(async move { future.await.into_flow() })
    }
}

impl<F, T: Sync + 'static> Tell<T> for ActionClosure<F>
where
    F: for<'a> ActionClosureFn<'a, T> + Clone + Send + Sync + 'static,
{
    fn call<'a>(&'a self, value: &'a T, _: &'a Call<'a>) -> BoxFuture<'a, Result<()>> {
        let future = self.0.clone()(value);
        Box::pin(async move { future.await.into_done() })
    }
}

impl<F, Q: Sync + 'static, R: 'static> Ask<Q, R> for ProvideClosure<F>
where
    F: for<'a> ProvideClosureFn<'a, Q, R> + Clone + Send + Sync + 'static,
{
    fn call<'a>(&'a self, question: &'a Q, _: &'a Call<'a>) -> BoxFuture<'a, Result<R>> {
        let future = self.0.clone()(question);
        Box::pin(async move { future.await.into_provided() })
    }
}

impl<F, Q: Sync + 'static, R: 'static> Ask<Q, Option<R>> for CallClosure<F>
where
    F: for<'a> CallClosureFn<'a, Q, R> + Clone + Send + Sync + 'static,
{
    fn call<'a>(&'a self, question: &'a Q, _: &'a Call<'a>) -> BoxFuture<'a, Result<Option<R>>> {
        let future = self.0.clone()(question);
        Box::pin(async move { future.await.into_answer() })
    }
}
