//! Values that one process changes and all workers read.

use super::stored::{Stored, exec, put};
use crate::{
    error::RuntimeError,
    remote::argument::{Arg, IntoArg},
    task::task_proxy::TaskProxy,
    value::portable::Portable,
};
use mosaic_abi::HasPlace;
use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

/// A value that this process changes and all workers read: a *root* in the warehouse, and a local copy.
///
/// `*parameter` reads and changes the local copy. [`push`](Parameter::push) writes the local copy to the root.
/// [`pull`](Parameter::pull) reads the root into the local copy. A call that takes the parameter as an argument gets
/// the root as it was when the call was made, without a copy. Clones share the root, and each has a local copy of its
/// own.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let mut model = mosaic::parameter(vec![1500.0_f32; 1_000_000]).await?;
/// model[0] = 1600.0;                                          // changes the local copy
/// model.push().await?;                                        // and now the root
/// model.set(|model| model[1] = 1400.0).await?;                // changes both
/// assert_eq!(model.get(|model| model[0] + model[1]).await?, 3000.0);
/// # Ok(()) })? }
/// ```
#[derive(Clone)]
pub struct Parameter<T> {
    copy: T,
    root: Root<T>,
}

/// The current version, shared by clones.
///
/// Each version is a stored value. It is freed when the next version has replaced it and the calls that got it have
/// ended.
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

    /// Makes `version` the root if `before` still is. Returns whether it was.
    fn replace_if(&self, before: &Stored<T>, version: Stored<T>) -> bool {
        let mut root = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = root.uid() == before.uid();
        if is_current {
            *root = version;
        }
        is_current
    }
}

/// Makes a parameter of a value, once awaited: stores the value as the root, and keeps it as the local copy.
///
/// # Errors
///
/// The value cannot be encoded, the runtime is off, or neither memory nor disk has space for the value.
///
/// # Examples
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let model = mosaic::parameter(vec![1500.0_f32; 1000]).await?;
/// let first = mosaic::spawn(|model: &[f32]| model[0], (&model,));
/// assert_eq!(first.result().await?, 1500.0);
/// # Ok(()) })? }
/// ```
pub async fn parameter<T: Portable>(value: T) -> Result<Parameter<T>, RuntimeError> {
    let root = put(&value).await?;
    Ok(Parameter {
        copy: value,
        root: Root(Arc::new(Mutex::new(root))),
    })
}

impl<T: Portable> Parameter<T> {
    /// Writes the local copy to the root, once awaited. Calls made from then on get it.
    ///
    /// # Errors
    ///
    /// The errors of [`put`]. The root is then unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let mut step = mosaic::parameter(0.1_f64).await?;
    /// *step = 0.05;
    /// step.push().await?;
    /// assert_eq!(step.get(|step| *step).await?, 0.05);
    /// # Ok(()) })? }
    /// ```
    pub async fn push(&self) -> Result<(), RuntimeError> {
        self.root.replace(put(&self.copy).await?);
        Ok(())
    }

    /// Reads the root into the local copy, once awaited.
    ///
    /// # Errors
    ///
    /// The runtime was stopped, and the root with it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let mut step = mosaic::parameter(0.1_f64).await?;
    /// *step = 0.05;
    /// step.pull().await?;
    /// assert_eq!(*step, 0.1);
    /// # Ok(()) })? }
    /// ```
    pub async fn pull(&mut self) -> Result<(), RuntimeError> {
        self.copy = self.root.current().get().await?;
        Ok(())
    }

    /// Applies `change` to the root and to the local copy, once awaited.
    ///
    /// Of two clones that do this at the same time, neither undoes the change of the other. `change` may therefore run
    /// several times on the root.
    ///
    /// # Errors
    ///
    /// The runtime was stopped, or the errors of [`put`]. Both are then unchanged.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let mut count = mosaic::parameter(1_u64).await?;
    /// count.set(|count| *count += 1).await?;
    /// assert_eq!((*count, count.get(|count| *count).await?), (2, 2));
    /// # Ok(()) })? }
    /// ```
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

    /// Runs `part` on the root, on a worker, and fetches its result. Nothing else travels. The function must capture
    /// nothing.
    ///
    /// # Errors
    ///
    /// The function panicked, or the runtime was stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let model = mosaic::parameter(vec![1500.0_f32; 1_000_000]).await?;
    /// assert_eq!(model.get(|model| model.len()).await?, 1_000_000);
    /// # Ok(()) })? }
    /// ```
    pub async fn get<R: Portable>(&self, part: impl Fn(&T) -> R + Copy + Send + 'static) -> Result<R, RuntimeError> {
        let task: TaskProxy<R> = exec(&self.root.current(), part);
        task.result().await.map_err(RuntimeError::from)
    }

    /// Makes the root known to all workers before they need it, once awaited.
    ///
    /// # Errors
    ///
    /// The runtime was stopped, or a worker cannot read the root.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(2).await?;
    /// let model = mosaic::parameter(vec![1500.0_f32; 1_000_000]).await?;
    /// model.publish().await?;
    /// # Ok(()) })? }
    /// ```
    pub async fn publish(&self) -> Result<(), RuntimeError> {
        self.root.current().publish().await
    }
}

/// The place of the root.
impl<T> HasPlace for Parameter<T> {
    fn __uid(&self) -> String {
        self.root.current().uid()
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
