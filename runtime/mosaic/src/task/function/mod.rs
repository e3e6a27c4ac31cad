//! Functions that travel to where they are run.

pub(crate) mod element;
mod implementations;
pub(crate) mod tables;

use crate::{
    guest::{arguments::Arguments, async_call::Reply},
    remote::argument::Arg,
    value::portable::Portable,
};
use mosaic_abi::Failure;
use std::{
    marker::PhantomData,
    path::{Path, PathBuf},
};

/// A function that can travel: it captures nothing, and takes and returns values that can.
///
/// It is implemented for functions and closures of up to six parameters, of which the first three may be lent (`&T`,
/// `&[T]`). `Parameters` is inferred; the compiler cannot do so for `&str` and `&[u8]`, which are read from bytes in place:
/// wrap such a function in a closure, `|text: String| length(&text)`.
///
/// ```
/// fn travels<F: mosaic::Function<P>, P>(_: F) {}
/// travels(|a: u32, b: f64| f64::from(a) * b);
/// travels(|values: &[f32]| values.iter().sum::<f32>());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to a worker",
    note = "a function travels that captures nothing, and whose parameters and result can travel"
)]
pub trait Function<Parameters>: Copy + Send + 'static {
    /// What it returns.
    type Output: Portable;

    /// Runs it with encoded arguments.
    #[doc(hidden)]
    fn run(self, arguments: &Arguments<'_>) -> Result<Self::Output, Failure>;
}

/// An async function that can travel, and its future as well, once it is there: see [`crate::spawn_async`].
///
/// It is implemented for functions and closures of up to six parameters, all of which take values: one that waits cannot be
/// lent any. It is no [`Function`], so that what a function returns is known by its being one.
///
/// ```
/// fn travels<F: mosaic::AsyncFunction<P>, P>(_: F) {}
/// travels(async |name: String| format!("hello, {name}"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no async function that can travel to a worker",
    note = "an async function travels that captures nothing, whose parameters are values, and whose future is `Send`"
)]
pub trait AsyncFunction<Parameters>: Copy + Send + 'static {
    /// What its future gives.
    type Output: Portable;

    /// Begins it with encoded arguments.
    #[doc(hidden)]
    fn begin(self, arguments: &Arguments<'_>) -> Result<Reply, Failure>;
}

/// What may be passed to a [`Function`]: a tuple in which each element may stand for the parameter at its place, as
/// [`IntoArg`] says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed to a function with these parameters",
    note = "the arguments are a tuple with an element for each parameter: `(a, b)`, `(a,)`, `()`"
)]
pub trait IntoArguments<Parameters> {
    /// The arguments as they are handed to the host.
    #[doc(hidden)]
    fn into_arguments(self) -> Vec<Arg>;
}

/// A parameter that takes a value.
#[doc(hidden)]
pub struct ByValue<T>(PhantomData<T>);

/// A parameter that is lent a value.
#[doc(hidden)]
pub struct ByReference<T: ?Sized>(PhantomData<T>);

/// What can be lent, and what travels for it.
#[doc(hidden)]
pub trait Lend {
    type Owned: Portable;
    fn lend(owned: &Self::Owned) -> &Self;
}

impl<T: Portable> Lend for T {
    type Owned = T;
    fn lend(owned: &T) -> &T {
        owned
    }
}

impl<T: Portable> Lend for [T] {
    type Owned = Vec<T>;
    fn lend(owned: &Vec<T>) -> &[T] {
        owned
    }
}

impl Lend for str {
    type Owned = String;
    fn lend(owned: &String) -> &str {
        owned
    }
}

impl Lend for Path {
    type Owned = PathBuf;
    fn lend(owned: &PathBuf) -> &Path {
        owned
    }
}
