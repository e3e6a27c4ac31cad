//! Functions that run on a worker by themselves.

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

/// Runs `function` on a worker and returns its task at once. The workers take turns.
///
/// The function captures nothing, which is checked when it is compiled; what it needs are its arguments, a tuple in which
/// a value, a reference to one, or a task may stand for each parameter.
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

/// Runs an async `function` on a worker, of which it holds up no thread while it waits, and returns its task at once.
///
/// It captures nothing, as one that [`spawn`] runs, and takes values.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::TaskError> {
/// async fn sum_of_squares(a: u64, b: u64) -> u64 {
///     let square = |n: u64| mosaic::spawn(|n: u64| n * n, (n,));
///     let (a, b) = (square(a), square(b));
///     a.result().await.unwrap() + b.result().await.unwrap()
/// }
/// let task = mosaic::spawn_async(sum_of_squares, (3, 4));
/// assert_eq!(task.result().await?, 25);
/// # Ok(())
/// # }
/// ```
pub fn spawn_async<F: AsyncFunction<P>, P: 'static>(
    function: F,
    arguments: impl IntoArguments<P>,
) -> TaskProxy<F::Output> {
    Spawner::default().spawn_async(function, arguments)
}

/// The same as [`spawn`], with options: `mosaic::with(options).spawn(…)`.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::TaskError> {
/// use mosaic::prelude::*;
/// let there = mosaic::with(Options::new().worker("worker:0:1"));
/// there.spawn(|| println!("hello"), ()).await?;
/// # Ok(())
/// # }
/// ```
pub fn with(options: Options) -> Spawner {
    Spawner {
        options,
        after: Vec::new(),
    }
}

/// The same as [`spawn`], once a task is done: `mosaic::after(&task).spawn(…)`.
///
/// ```no_run
/// # async fn cell(task: mosaic::TaskProxy<()>) -> Result<(), mosaic::TaskError> {
/// mosaic::after(&task).spawn(|| println!("it is done"), ()).await?;
/// # Ok(())
/// # }
/// ```
pub fn after<D>(task: &TaskProxy<D>) -> Spawner {
    Spawner::default().after(task)
}

/// How functions are to be run; made by [`with`] and [`after`].
#[derive(Clone, Default)]
#[must_use = "nothing runs until something is spawned"]
pub struct Spawner {
    options: Options,
    /// The tasks that must be done before.
    after: Vec<Object>,
}

impl Spawner {
    /// Runs `function` on a worker, as [`spawn`] does.
    pub fn spawn<F: Function<P>, P: 'static>(
        &self,
        function: F,
        arguments: impl IntoArguments<P>,
    ) -> TaskProxy<F::Output> {
        let table = tables::plain::<F, P>(function);
        TaskProxy::new(run(table, None, &self.after, &self.options, arguments.into_arguments()))
    }

    /// Runs an async `function` on a worker, as [`spawn_async`] does.
    pub fn spawn_async<F: AsyncFunction<P>, P: 'static>(
        &self,
        function: F,
        arguments: impl IntoArguments<P>,
    ) -> TaskProxy<F::Output> {
        let table = tables::awaited::<F, P>(function);
        TaskProxy::new(run(table, None, &self.after, &self.options, arguments.into_arguments()))
    }

    /// The same, whose functions wait until `task` is done as well.
    pub fn after<D>(&self, task: &TaskProxy<D>) -> Spawner {
        let mut spawner = self.clone();
        spawner.after.push(task.object.clone());
        spawner
    }

    /// The same, with these options, and for the rest those that it had.
    pub fn with(&self, options: Options) -> Spawner {
        Spawner {
            options: options.or(&self.options),
            after: self.after.clone(),
        }
    }
}

/// Runs a function on a worker, on that of the task `near` if there is one. Whatever goes wrong is the task's failure.
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
