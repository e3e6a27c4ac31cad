//! Functions that run on a worker by themselves, without a tessera.

use super::{
    function::{AsyncFunction, Function, IntoArguments, tables},
    task_proxy::TaskProxy,
};
use crate::{
    guest::interrupt::checkpoint,
    host::host,
    remote::{argument::Arg, object::Object, submission::OutgoingArguments},
};
use mosaic_abi::{Failure, FunctionTable, Handle, Options, Submitted, short_name};

/// Runs `function` on a worker and returns its task at once. Workers take turns.
///
/// The function must capture nothing, which is checked when it is compiled. Its arguments are a tuple; each element is
/// a value, a reference to one, a task or a stored value.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// fn norm(values: &[f64]) -> f64 {
///     values.iter().map(|value| value * value).sum::<f64>().sqrt()
/// }
///
/// let one = mosaic::spawn(norm, (vec![3.0, 4.0],));
/// let twice = mosaic::spawn(|norm: f64| 2.0 * norm, (&one,));
/// assert_eq!(twice.result().await?, 10.0);
/// # Ok(()) })? }
/// ```
///
/// A closure that captures does not compile:
///
/// ```compile_fail,E0080
/// let factor = 2.0;
/// let _ = mosaic::spawn(move |x: f64| factor * x, (1.0,));
/// ```
pub fn spawn<F: Function<P>, P: 'static>(function: F, arguments: impl IntoArguments<P>) -> TaskProxy<F::Output> {
    Spawner::default().spawn(function, arguments)
}

/// Runs an async `function` on a worker and returns its task at once. While it waits, it occupies no thread of the
/// worker.
///
/// The function must capture nothing, and takes its arguments by value.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// async fn sum_of_squares(a: u64, b: u64) -> u64 {
///     let square = |n: u64| mosaic::spawn(|n: u64| n * n, (n,));
///     let (a, b) = (square(a), square(b));
///     a.result().await.unwrap() + b.result().await.unwrap()
/// }
/// let task = mosaic::spawn_async(sum_of_squares, (3, 4));
/// assert_eq!(task.result().await?, 25);
/// # Ok(()) })? }
/// ```
pub fn spawn_async<F: AsyncFunction<P>, P: 'static>(
    function: F,
    arguments: impl IntoArguments<P>,
) -> TaskProxy<F::Output> {
    Spawner::default().spawn_async(function, arguments)
}

/// Returns a spawner whose functions run with `options`: `mosaic::with(options).spawn(…)`.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let there = mosaic::with(Options::new().worker("worker:0:1"));
/// there.spawn(|| println!("hello"), ()).await?;
/// # Ok(()) })? }
/// ```
pub fn with(options: Options) -> Spawner {
    Spawner {
        options,
        after: Vec::new(),
    }
}

/// Returns a spawner whose functions wait until `task` is done: `mosaic::after(&task).spawn(…)`.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let first = mosaic::spawn(|| println!("first"), ());
/// mosaic::after(&first).spawn(|| println!("second"), ()).await?;
/// # Ok(()) })? }
/// ```
pub fn after<D>(task: &TaskProxy<D>) -> Spawner {
    Spawner::default().after(task)
}

/// Options and dependencies with which functions are spawned. Made by [`with`] and [`after`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let first = mosaic::spawn(|| println!("first"), ());
/// let spawner = mosaic::after(&first).with(Options::new().max_retries(2));
/// assert_eq!(spawner.spawn(|| 42_u32, ()).result().await?, 42);
/// # Ok(()) })? }
/// ```
#[derive(Clone, Default)]
#[must_use = "nothing runs until something is spawned"]
pub struct Spawner {
    options: Options,
    /// Tasks that must be done before.
    after: Vec<Object>,
}

impl Spawner {
    /// Runs `function` on a worker, like [`spawn`], with this spawner's options and dependencies.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let retrying = mosaic::with(Options::new().max_retries(2));
    /// assert_eq!(retrying.spawn(|a: u64| a + 1, (41,)).result().await?, 42);
    /// # Ok(()) })? }
    /// ```
    pub fn spawn<F: Function<P>, P: 'static>(
        &self,
        function: F,
        arguments: impl IntoArguments<P>,
    ) -> TaskProxy<F::Output> {
        let table = tables::plain::<F, P>(function);
        TaskProxy::new(run(table, None, &self.after, &self.options, arguments.into_arguments()))
    }

    /// Runs an async `function` on a worker, like [`spawn_async`], with this spawner's options and dependencies.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let retrying = mosaic::with(Options::new().max_retries(2));
    /// assert_eq!(retrying.spawn_async(async |a: u64| a + 1, (41,)).result().await?, 42);
    /// # Ok(()) })? }
    /// ```
    pub fn spawn_async<F: AsyncFunction<P>, P: 'static>(
        &self,
        function: F,
        arguments: impl IntoArguments<P>,
    ) -> TaskProxy<F::Output> {
        let table = tables::awaited::<F, P>(function);
        TaskProxy::new(run(table, None, &self.after, &self.options, arguments.into_arguments()))
    }

    /// Returns a spawner whose functions also wait until `task` is done.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let (one, two) = (mosaic::spawn(|| 1_u8, ()), mosaic::spawn(|| 2_u8, ()));
    /// mosaic::after(&one).after(&two).spawn(|| println!("both are done"), ()).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn after<D>(&self, task: &TaskProxy<D>) -> Spawner {
        let mut spawner = self.clone();
        spawner.after.push(task.object.clone());
        spawner
    }

    /// Returns a spawner with `options`. What they leave unset stays as it was.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let retrying = mosaic::with(Options::new().max_retries(2));
    /// let there = retrying.with(Options::new().worker("worker:0:0"));
    /// there.spawn(|| println!("hello"), ()).await?;
    /// # Ok(()) })? }
    /// ```
    pub fn with(&self, options: Options) -> Spawner {
        Spawner {
            options: options.or(&self.options),
            after: self.after.clone(),
        }
    }
}

/// Spawns the function of `table`, on the worker of the task `near` if there is one. Any error becomes the task's
/// failure.
pub(crate) fn run(
    table: &'static FunctionTable,
    near: Option<&Object>,
    after: &[Object],
    options: &Options,
    arguments: Vec<Arg>,
) -> Object {
    checkpoint();
    let name = short_name(table.name());
    match submit(table, near, after, options, arguments) {
        Ok(submitted) => Object::submitted(submitted, "", Some(name)),
        Err(failure) => Object::failed(failure, "", Some(name)),
    }
}

fn submit(
    table: &'static FunctionTable,
    near: Option<&Object>,
    after: &[Object],
    options: &Options,
    arguments: Vec<Arg>,
) -> Result<Submitted, Failure> {
    let host = host()?;
    let near = near.map_or(Ok(0), Object::needed)?;
    let after = after.iter().map(Object::needed).collect::<Result<Vec<Handle>, _>>()?;
    let arguments = OutgoingArguments::collect(arguments)?;
    // SAFETY: `table` is static, and the request's arguments are handed over.
    let spawn = |request| unsafe { (host.spawn)(table, request) };
    Ok(arguments.hand_over(&after, near, options, spawn))
}
