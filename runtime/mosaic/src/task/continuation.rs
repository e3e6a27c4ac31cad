//! Going on with a task's result where it lies.

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

/// A tuple whose elements are outputs of the task that returns it: of two to six elements.
#[diagnostic::on_unimplemented(
    message = "a task that returns `{Self}` has one output, its result",
    note = "a task that returns a tuple of two to six elements has an output for each of them"
)]
pub trait Outputs: Sized {
    /// A task for each element.
    type Tasks;

    /// The elements of what `task` returns.
    #[doc(hidden)]
    fn of(task: &TaskProxy<Self>) -> Self::Tasks;
}

impl<T> TaskProxy<T> {
    /// Runs `function` on the result, on the worker that has it, and returns the task of that at once. The result itself
    /// travels nowhere. The function captures nothing.
    ///
    /// ```no_run
    /// # async fn cell(task: mosaic::TaskProxy<Vec<f32>>) -> Result<(), mosaic::TaskError> {
    /// let sum = task.then(|values| values.iter().sum::<f32>());
    /// println!("{}", sum.result().await?);
    /// # Ok(())
    /// # }
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

    /// The elements of the tuple that the task returns, each as a task of its own: awaited, fetched, and passed as an
    /// argument without the others.
    ///
    /// ```no_run
    /// # async fn cell(task: mosaic::TaskProxy<(Vec<f32>, u64)>) -> Result<(), mosaic::TaskError> {
    /// let (image, iterations) = task.outputs();
    /// println!("{}", iterations.result().await?);     // the image stays on its worker
    /// # let _ = image;
    /// # Ok(())
    /// # }
    /// ```
    pub fn outputs(&self) -> T::Tasks
    where
        T: Outputs,
    {
        T::of(self)
    }

    /// A task that is done when this one is, and has no value: a dependency for what takes no data.
    ///
    /// ```no_run
    /// # async fn cell(task: mosaic::TaskProxy<Vec<f32>>) -> Result<(), mosaic::TaskError> {
    /// task.done().await?;
    /// # Ok(())
    /// # }
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
    ($($name:ident [$($before:ident)*])*) => {
        impl<$($name: Portable),*> Outputs for ($($name,)*) {
            type Tasks = ($(TaskProxy<$name>,)*);

            fn of(task: &TaskProxy<Self>) -> Self::Tasks {
                ($(
                    TaskProxy::new(task.near(element::<($($before,)*), $name>(), vec![task.into_arg()])),
                )*)
            }
        }
    };
}

outputs!(A [] B [A]);
outputs!(A [] B [A] C [A B]);
outputs!(A [] B [A] C [A B] D [A B C]);
outputs!(A [] B [A] C [A B] D [A B C] E [A B C D]);
outputs!(A [] B [A] C [A B] D [A B C] E [A B C D] F [A B C D E]);
