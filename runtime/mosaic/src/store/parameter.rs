//! Values that one process changes and all workers read.

use super::stored::{Stored, exec, put};
use crate::{
    error::RuntimeError,
    remote::argument::{Arg, IntoArg},
    task::task_proxy::TaskProxy,
    value::portable::Portable,
};
use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

/// A value with a root in the warehouse, and a copy here.
///
/// The copy is what `*parameter` reads and changes, as any value of its type. [`Parameter::push`] makes it the root,
/// [`Parameter::pull`] makes the root the copy, and calls that take the parameter as an argument get the root as it was when
/// they were made, by reference. Clones share the root, and each has a copy of its own.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// let mut model = mosaic::parameter(vec![1500.0_f32; 1_000_000]).await?;
/// // let gradients: Vec<_> = solvers.iter().map(|solver| solver.gradient(&model)).collect();
/// model[0] = 1600.0;                                          // here
/// model.push().await?;                                        // and from now on everywhere
/// model.set(|model| model[1] = 1400.0).await?;                // both at once
/// assert_eq!(model.get(|model| model[0]).await?, 1600.0);     // of the root, and nothing else travels
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Parameter<T> {
    copy: T,
    root: Root<T>,
}

/// The version that is current, shared by clones. Each version is a stored value, freed when the next one has taken its place
/// and the calls that were given it have ended.
struct Root<T>(Arc<Mutex<Stored<T>>>);

impl<T> Clone for Root<T> {
    fn clone(&self) -> Root<T> {
        Root(self.0.clone())
    }
}

impl<T> Root<T> {
    fn current(&self) -> Stored<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, version: Stored<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = version;
    }

    /// Makes `version` the root if `before` still is; returns whether it was.
    fn replace_if(&self, before: &Stored<T>, version: Stored<T>) -> bool {
        let mut root = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = root.uid() == before.uid();
        if is_current {
            *root = version;
        }
        is_current
    }
}

/// Makes a parameter of a value: stores the root, and keeps the value as the copy.
///
/// # Errors
///
/// Those of [`put`].
pub async fn parameter<T: Portable>(value: T) -> Result<Parameter<T>, RuntimeError> {
    let root = put(&value).await?;
    Ok(Parameter {
        copy: value,
        root: Root(Arc::new(Mutex::new(root))),
    })
}

impl<T: Portable> Parameter<T> {
    /// Makes the copy the root: calls made from now on get it.
    ///
    /// # Errors
    ///
    /// Those of [`put`]; the root is what it was then.
    pub async fn push(&self) -> Result<(), RuntimeError> {
        self.root.replace(put(&self.copy).await?);
        Ok(())
    }

    /// Makes the root the copy.
    ///
    /// # Errors
    ///
    /// The runtime was stopped, and the root with it.
    pub async fn pull(&mut self) -> Result<(), RuntimeError> {
        self.copy = self.root.current().get().await?;
        Ok(())
    }

    /// Changes the root and the copy. Of two clones that do so at the same time, none undoes what the other one did.
    ///
    /// # Errors
    ///
    /// The runtime was stopped, or those of [`put`]; neither is changed then.
    pub async fn set(&mut self, change: impl Fn(&mut T)) -> Result<(), RuntimeError> {
        loop {
            let before = self.root.current();
            let mut value = before.get().await?;
            change(&mut value);
            if self.root.replace_if(&before, put(&value).await?) {
                break;
            }
        }
        change(&mut self.copy);
        Ok(())
    }

    /// Reads from the root, on a worker: only what `part` returns travels. The function captures nothing.
    ///
    /// # Errors
    ///
    /// The function panicked, or the runtime was stopped.
    pub async fn get<R: Portable>(&self, part: impl Fn(&T) -> R + Copy + Send + 'static) -> Result<R, RuntimeError> {
        let task: TaskProxy<R> = exec(&self.root.current(), part);
        task.result().await.map_err(RuntimeError::from)
    }

    /// Makes the root known to all workers before they need it.
    ///
    /// # Errors
    ///
    /// Those of [`Stored::publish`].
    pub async fn publish(&self) -> Result<(), RuntimeError> {
        self.root.current().publish().await
    }
}

impl<T> Deref for Parameter<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.copy
    }
}

impl<T> DerefMut for Parameter<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.copy
    }
}

impl<T: fmt::Debug> fmt::Debug for Parameter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter")
            .field("root", &self.root.current().uid())
            .field("copy", &self.copy)
            .finish()
    }
}

impl<T> IntoArg<T> for &Parameter<T> {
    fn into_arg(self) -> Arg {
        self.root.current().into_arg()
    }
}
