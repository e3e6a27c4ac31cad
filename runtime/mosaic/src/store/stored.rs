//! Values that live in the warehouse.

use crate::{
    error::RuntimeError,
    host::{failure, host},
    remote::{
        argument::{Arg, IntoArg},
        handle::{Wait, decode_value},
        object::Object,
    },
    task::{
        function::{ByReference, tables},
        spawn,
        task_proxy::TaskProxy,
    },
    value::{
        encoding::{self, Destination},
        portable::Portable,
        view::View,
    },
};
use mosaic_abi::{Buffer, Failure, FailureKind, HasPlace, Options, Slice, State};
use std::{
    any::type_name,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A reference to a value in the warehouse, the store that each node has.
///
/// The value is stored once, never changes, and is shared by all workers of the node: a call that takes it as an
/// argument sends none of its bytes. It can be passed wherever a remote method takes a `T`. The value is freed with its
/// last reference, or for everybody by [`Stored::drop`]. It does not outlive the process that holds it: a program, or
/// the process of a notebook's cells.
///
/// If the values of a node take more memory than [`Interactive::spill_above`](crate::Interactive::spill_above) allows,
/// the oldest values move to disk and are read from there.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let model = mosaic::put(&vec![1.0_f64; 1_000_000]).await?;
/// let sum = mosaic::spawn(|model: &[f64]| model.iter().sum::<f64>(), (&model,));
/// assert_eq!(sum.result().await?, 1e6);
/// # Ok(()) })? }
/// ```
pub struct Stored<T> {
    object: Object,
    value: PhantomData<fn() -> T>,
}

/// Stores a value in the warehouse, once awaited.
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
/// let stored = mosaic::put(&"a text".to_owned()).await?;
/// assert!(stored.uid().starts_with("ware-string-"));
/// # Ok(()) })? }
/// ```
pub fn put<T: Portable>(value: &T) -> Put<T> {
    let submitted = host().and_then(|host| {
        let bytes = encoding::encode(value, Destination::Store).map_err(|error| {
            let message = format!("a value of type `{}` could not be encoded: {error}", type_name::<T>());
            failure(FailureKind::NotPortable, message)
        })?;
        // SAFETY: the bytes are handed over, and the function returns a static text.
        Ok(unsafe { (host.put)(bytes, tables::name::<T>) })
    });
    Put::of(match submitted {
        Ok(submitted) => Object::submitted(submitted, type_name::<T>(), None),
        Err(failure) => Object::failed(failure, type_name::<T>(), None),
    })
}

/// Runs `function` on a stored value, on a worker, and returns the task at once.
///
/// Only the function's result travels, and only when it is fetched. The function must capture nothing.
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let model = mosaic::put(&vec![1.0, 3.0, 2.0]).await?;
/// let largest = mosaic::exec(&model, |model| model.iter().copied().fold(0.0, f64::max));
/// assert_eq!(largest.result().await?, 3.0);
/// # Ok(()) })? }
/// ```
pub fn exec<T, R, F>(stored: &Stored<T>, function: F) -> TaskProxy<R>
where
    T: Portable,
    R: Portable,
    F: Fn(&T) -> R + Copy + Send + 'static,
{
    let table = tables::plain::<F, (ByReference<T>,)>(function);
    let options = Options::default();
    TaskProxy::new(spawn::run(table, None, &[], &options, vec![stored.into_arg()]))
}

impl<T> Stored<T> {
    fn new(object: Object) -> Stored<T> {
        Stored {
            object,
            value: PhantomData,
        }
    }

    /// Finds a stored value by its uid, once awaited. Any process of the node may have stored it.
    ///
    /// # Errors
    ///
    /// No value of this name is stored, or it has another type, or the type was redefined after the value was stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let stored = mosaic::put(&42_u64).await?;
    /// let found = mosaic::Stored::<u64>::attach(stored.uid()).await?;
    /// assert_eq!(found.get().await?, 42);
    /// # Ok(()) })? }
    /// ```
    pub fn attach(uid: impl AsRef<str>) -> Put<T> {
        let uid = uid.as_ref();
        // SAFETY: the slice lends a text that outlives the call, and the function returns a static text.
        let submitted = host().map(|host| unsafe { (host.find_stored)(Slice::from(uid), tables::name::<T>) });
        Put::of(match submitted {
            Ok(submitted) => Object::submitted(submitted, type_name::<T>(), None),
            Err(failure) => Object::failed(failure, type_name::<T>(), None),
        })
    }

    /// Returns the value's unique name, such as `ware-string-844e8c30854e4f13a10d5c64a7627f6b`.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let stored = mosaic::put(&42_u64).await?;
    /// assert!(stored.uid().starts_with("ware-u64-"));
    /// # Ok(()) })? }
    /// ```
    pub fn uid(&self) -> String {
        self.object.describe().uid
    }

    /// Returns `Done` while the value exists, and `Failed` once it was dropped.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let stored = mosaic::put(&42_u64).await?;
    /// assert_eq!(stored.state(), mosaic::State::Done);
    /// # Ok(()) })? }
    /// ```
    pub fn state(&self) -> State {
        self.object.describe().state
    }

    /// Fetches the value, once awaited. May be called any number of times.
    ///
    /// # Errors
    ///
    /// The value was dropped, or the runtime was stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let stored = mosaic::put(&42_u64).await?;
    /// assert_eq!(stored.get().await?, 42);
    /// # Ok(()) })? }
    /// ```
    pub fn get(&self) -> StoredValue<T>
    where
        T: Portable,
    {
        self.fetched(|bytes| decode_value(&bytes))
    }

    /// Fetches a read-only view of the value, once awaited. Large arrays, vectors of numbers and texts are not copied.
    ///
    /// # Errors
    ///
    /// The value was dropped, or the runtime was stopped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let model = mosaic::put(&vec![1.0_f64; 1_000_000]).await?;
    /// assert_eq!(model.view().await?.len(), 1_000_000);
    /// # Ok(()) })? }
    /// ```
    pub fn view(&self) -> StoredValue<T, View<T>>
    where
        T: Portable,
    {
        self.fetched(View::read)
    }

    fn fetched<V>(&self, read: fn(Buffer) -> Result<V, Failure>) -> StoredValue<T, V> {
        StoredValue {
            // SAFETY: the handle is alive, since `self` owns it.
            wait: self.object.wait(|host, handle| unsafe { (host.result)(handle) }),
            stored: self.clone(),
            read,
        }
    }

    /// Makes the value known to all workers before they need it, once awaited.
    ///
    /// # Errors
    ///
    /// The value was dropped, or a worker cannot read it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(2).await?;
    /// let model = mosaic::put(&vec![1.0_f64; 1_000_000]).await?;
    /// model.publish().await?;
    /// # Ok(()) })? }
    /// ```
    pub fn publish(&self) -> Published {
        Published {
            // SAFETY: the handle is alive, since `self` owns it.
            wait: self.object.wait(|host, handle| unsafe { (host.publish)(handle) }),
        }
    }

    /// Frees the value now, even if other references exist. Using one of them is an error from then on; earlier calls
    /// still get the value.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let model = mosaic::put(&vec![1.0_f64; 1_000_000]).await?;
    /// let other = model.clone();
    /// model.drop();
    /// assert_eq!(other.get().await.unwrap_err().kind(), mosaic::FailureKind::Dropped);
    /// # Ok(()) })? }
    /// ```
    #[allow(
        clippy::should_implement_trait,
        reason = "it is no destructor: those of other references do nothing more"
    )]
    pub fn drop(self) {
        if let (Ok(handle), Ok(host)) = (self.object.needed(), host()) {
            // SAFETY: the handle is alive, since `self` owns it.
            unsafe { (host.discard)(handle) };
        }
    }
}

impl<T> Clone for Stored<T> {
    fn clone(&self) -> Stored<T> {
        Stored::new(self.object.clone())
    }
}

impl<T> HasPlace for Stored<T> {
    fn __uid(&self) -> String {
        self.uid()
    }
}

impl<T> fmt::Display for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.show("Stored", f)
    }
}

impl<T> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.show("Stored", f)
    }
}

impl<T> IntoArg<T> for Stored<T> {
    fn into_arg(self) -> Arg {
        Arg::produced(self.object)
    }
}

impl<T> IntoArg<T> for &Stored<T> {
    fn into_arg(self) -> Arg {
        Arg::produced(self.object.clone())
    }
}

/// A future that waits until a value is stored or found. Made by [`put`] and [`Stored::attach`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let storing: mosaic::Put<u64> = mosaic::put(&42);
/// assert_eq!(storing.await?.get().await?, 42);
/// # Ok(()) })? }
/// ```
#[must_use = "without being awaited, the value is not kept"]
pub struct Put<T> {
    wait: Wait,
    stored: Option<Stored<T>>,
}

impl<T> Put<T> {
    fn of(object: Object) -> Put<T> {
        Put {
            // SAFETY: the handle is alive, since `object` owns it.
            wait: object.wait(|host, handle| unsafe { (host.wait)(handle) }),
            stored: Some(Stored::new(object)),
        }
    }
}

impl<T> Future for Put<T> {
    type Output = Result<Stored<T>, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        let stored = self.stored.take().expect("a future is not polled after it was ready");
        Poll::Ready(outcome.map(|_| stored).map_err(RuntimeError::new))
    }
}

/// A future of a stored value. Made by [`Stored::get`] and, for a [`View`] of the value, by [`Stored::view`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let value: mosaic::StoredValue<u64> = mosaic::put(&42).await?.get();
/// assert_eq!(value.await?, 42);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct StoredValue<T, V = T> {
    wait: Wait,
    /// Keeps the value, and names it in an error.
    stored: Stored<T>,
    read: fn(Buffer) -> Result<V, Failure>,
}

impl<T, V> Future for StoredValue<T, V> {
    type Output = Result<V, RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let bytes = ready!(Pin::new(&mut self.wait).poll(context));
        let named = |failure: Failure| Failure {
            message: format!("{}: {}", self.stored.uid(), failure.message),
            ..failure
        };
        let read = bytes.and_then(|bytes| (self.read)(bytes).map_err(named));
        Poll::Ready(read.map_err(RuntimeError::new))
    }
}

/// A future that waits until all workers know a stored value. Made by [`Stored::publish`].
///
/// ```
/// # use mosaic::prelude::*;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let stored = mosaic::put(&42_u64).await?;
/// let published: mosaic::Published = stored.publish();
/// published.await?;
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Published {
    wait: Wait,
}

impl Future for Published {
    type Output = Result<(), RuntimeError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.wait).poll(context));
        Poll::Ready(outcome.map(drop).map_err(RuntimeError::new))
    }
}
