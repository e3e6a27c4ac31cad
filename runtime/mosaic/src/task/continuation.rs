//! Continuations: tasks that use another task's result, on the worker that has it.

use super::{
    function::{ByReference, element::element, tables},
    spawn,
    task_proxy::TaskProxy,
};
use crate::{
    remote::{
        argument::{Arg, IntoArg},
        object::Object,
    },
    value::portable::Portable,
};
use mosaic_abi::{FunctionTable, Options};

/// A tuple of two to six elements. A task that returns one has an output for each element: see [`TaskProxy::outputs`].
///
/// ```
/// fn split<T: mosaic::Outputs>(task: &mosaic::TaskProxy<T>) -> T::Tasks {
///     task.outputs()
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a task that returns `{Self}` has one output, its result",
    note = "a task that returns a tuple of two to six elements has an output for each of them"
)]
pub trait Outputs: Sized {
    /// The tasks of the elements, as a tuple.
    type Tasks;

    /// Returns the tasks of the elements of the tuple that `task` returns.
    #[doc(hidden)]
    fn of(task: &TaskProxy<Self>) -> Self::Tasks;
}

impl<T> TaskProxy<T> {
    /// Runs `function` on the result, on the worker that has it, and returns the new task at once.
    ///
    /// The result itself does not travel. The function must capture nothing.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| vec![1.0_f32; 1000], ());
    /// let sum = task.then(|values| values.iter().sum::<f32>());
    /// assert_eq!(sum.result().await?, 1000.0);
    /// # Ok(()) })? }
    /// ```
    pub fn then<R, F>(&self, function: F) -> TaskProxy<R>
    where
        T: Portable,
        R: Portable,
        F: Fn(&T) -> R + Copy + Send + 'static,
    {
        let table = tables::plain::<F, (ByReference<T>,)>(function);
        TaskProxy::new(self.near(table, vec![self.into_arg()]))
    }

    /// Splits a task that returns a tuple into a task for each element.
    ///
    /// Each of them is awaited, fetched and passed as an argument without the others.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| (vec![0.0_f32; 1_000_000], 12_u64), ());
    /// let (image, iterations) = task.outputs();
    /// assert_eq!(iterations.result().await?, 12);     // the image stays on its worker
    /// # let _ = image;
    /// # Ok(()) })? }
    /// ```
    pub fn outputs(&self) -> T::Tasks
    where
        T: Outputs,
    {
        T::of(self)
    }

    /// Returns a task that is done when this one is, and has no value. It serves as a dependency that carries no data.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| vec![0.0_f32; 1_000_000], ());
    /// task.done().result().await?;
    /// # Ok(()) })? }
    /// ```
    pub fn done(&self) -> TaskProxy<()> {
        let table = tables::plain::<_, ()>(|| ());
        let after = [self.object.clone()];
        TaskProxy::new(spawn::run(
            table,
            Some(&self.object),
            &after,
            &Options::new(),
            Vec::new(),
        ))
    }

    fn near(&self, table: &'static FunctionTable, arguments: Vec<Arg>) -> Object {
        spawn::run(table, Some(&self.object), &[], &Options::new(), arguments)
    }
}

macro_rules! outputs {
    ($($name:ident $index:literal)*) => {
        impl<$($name: Portable),*> Outputs for ($($name,)*) {
            type Tasks = ($(TaskProxy<$name>,)*);

            fn of(task: &TaskProxy<Self>) -> Self::Tasks {
                ($(
                    TaskProxy::new(task.near(element::<$index, $name>(), vec![task.into_arg()])),
                )*)
            }
        }
    };
}

outputs!(A 0 B 1);
outputs!(A 0 B 1 C 2);
outputs!(A 0 B 1 C 2 D 3);
outputs!(A 0 B 1 C 2 D 3 E 4);
outputs!(A 0 B 1 C 2 D 3 E 4 F 5);
