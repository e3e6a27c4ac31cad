//! Functions that travel: they capture nothing, so a worker needs only their code.

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

/// A function that can travel to a worker: it captures nothing, and its parameters and its result can travel.
///
/// The trait is implemented for functions and closures of up to six parameters. The first three may be references
/// (`&T`, `&[T]`). `Parameters` is inferred, except for `&str` and `&[u8]`: wrap such a function in a closure, `|text:
/// String| length(&text)`.
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
    /// The type of the function's result.
    type Output: Portable;

    /// Runs the function with encoded arguments.
    #[doc(hidden)]
    fn run(self, arguments: &Arguments<'_>) -> Result<Self::Output, Failure>;
}

/// An async function that can travel to a worker, and whose future is `Send`. See [`spawn_async`](crate::spawn_async).
///
/// The trait is implemented for functions and closures of up to six parameters, all of them values: a function that
/// waits cannot borrow its arguments. A type is either a [`Function`] or an `AsyncFunction`, so that its result is
/// inferred.
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
    /// The type of the future's output.
    type Output: Portable;

    /// Begins the function with encoded arguments.
    #[doc(hidden)]
    fn begin(self, arguments: &Arguments<'_>) -> Result<Reply, Failure>;
}

/// The arguments of a [`Function`]: a tuple with an element for each parameter, as [`IntoArg`](crate::IntoArg) allows.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let task = mosaic::spawn(|| 41_u64, ());
/// let sum = mosaic::spawn(|a: u64, b: u64| a + b, (&task, 1));     // `(&task, 1)` is `IntoArguments`
/// assert_eq!(sum.result().await?, 42);
/// # Ok(()) })? }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed to a function with these parameters",
    note = "the arguments are a tuple with an element for each parameter: `(a, b)`, `(a,)`, `()`"
)]
pub trait IntoArguments<Parameters> {
    /// Returns the arguments as they are handed to the host.
    #[doc(hidden)]
    fn into_arguments(self) -> Vec<Arg>;
}

/// Marks a parameter that takes a value.
#[doc(hidden)]
pub struct ByValue<T>(PhantomData<T>);

/// Marks a parameter that takes a reference.
#[doc(hidden)]
pub struct ByReference<T: ?Sized>(PhantomData<T>);

/// A type that can be borrowed from a value that travels.
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
