//! Values that live in the runtime.

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
use mosaic_abi::{Buffer, Failure, FailureKind, Options, Slice, State};
use std::{
    any::type_name,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A reference to a value in the warehouse, of which each node has one.
///
/// The value is stored once, is never changed, and is shared by all workers of the node: a call that takes it as an argument
/// sends no bytes. It can be passed wherever a `T` is expected by a remote method. It is freed with its last reference, or
/// for everybody by [`Stored::drop`]; it does not outlive the process (of a notebook's cells, or the program) that holds it.
///
/// Where the values of a node would take up more memory than they may (see [`crate::Interactive::spill_above`]), the oldest
/// ones move to disk, and are read from there.
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// let model = mosaic::put(&vec![0.0_f64; 1_000_000]).await?;
/// // let tasks: Vec<_> = solvers.iter().map(|solver| solver.solve(&model)).collect();
/// assert_eq!(model.get().await?.len(), 1_000_000);
/// # Ok(())
/// # }
/// ```
pub struct Stored<T> {
    object: Object,
    value: PhantomData<fn() -> T>,
}

/// Stores a value in the warehouse, once awaited.
///
/// # Errors
///
/// The value cannot be encoded, the runtime is off, or neither memory nor the disk has room for it.
///
/// # Examples
///
/// ```no_run
/// # async fn cell() -> Result<(), mosaic::RuntimeError> {
/// let stored = mosaic::put(&"a text".to_owned()).await?;
/// println!("{}", stored.uid());    // ware-string-…
/// # Ok(())
/// # }
/// ```
pub fn put<T: Portable>(value: &T) -> Put<T> {
    let submitted = host().and_then(|host| {
        let bytes = encoding::encode(value, Destination::Store).map_err(|error| {
            let message = format!("a value of type `{}` could not be encoded: {error}", type_name::<T>());
            failure(FailureKind::NotPortable, message)
        })?;
        // SAFETY: the bytes are handed over, and the slice lends a text that outlives the call.
        Ok(unsafe { (host.put)(bytes, Slice::from(type_name::<T>())) })
    });
    Put::of(match submitted {
        Ok(submitted) => Object::submitted(submitted, type_name::<T>(), None),
        Err(failure) => Object::failed(failure, type_name::<T>(), None),
    })
}

/// Runs `function` on a stored value, where it lies, and returns the task of that at once: nothing but what the function
/// returns travels, and that only when somebody asks for it. The function captures nothing.
///
/// ```no_run
/// # async fn cell(model: mosaic::Stored<Vec<f64>>) -> Result<(), mosaic::TaskError> {
/// let largest = mosaic::exec(&model, |model| model.iter().copied().fold(0.0, f64::max));
/// println!("{}", largest.result().await?);
/// # Ok(())
/// # }
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

    /// Finds a value by its uid, once awaited: one of this process, or of another that lives.
    ///
    /// # Errors
    ///
    /// Nothing of that name is stored, or it is of another type.
    pub fn attach(uid: impl AsRef<str>) -> Put<T> {
        let uid = uid.as_ref();
        // SAFETY: the slices lend texts that outlive the call.
        let submitted =
            host().map(|host| unsafe { (host.find_stored)(Slice::from(uid), Slice::from(type_name::<T>())) });
        Put::of(match submitted {
            Ok(submitted) => Object::submitted(submitted, type_name::<T>(), None),
            Err(failure) => Object::failed(failure, type_name::<T>(), None),
        })
    }

    /// The value's unique name, such as `ware-string-844e8c30854e4f13a10d5c64a7627f6b`.
    pub fn uid(&self) -> String {
        self.object.describe().uid
    }

    /// `done` as long as the value is there, and `failed` when it was dropped.
    pub fn state(&self) -> State {
        self.object.describe().state
    }

    /// Fetches the value. May be called any number of times.
    ///
    /// # Errors
    ///
    /// The value was dropped, or the runtime was stopped and the value with it.
    pub fn get(&self) -> StoredValue<T>
    where
        T: Portable,
    {
        self.fetched(|bytes| decode_value(&bytes))
    }

    /// The same, to be looked at where it lies: large arrays, vectors of numbers and texts are not copied.
    ///
    /// # Errors
    ///
    /// As for [`Stored::get`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn cell(model: mosaic::Stored<Vec<f64>>) -> Result<(), mosaic::RuntimeError> {
    /// println!("{}", model.view().await?.len());
    /// # Ok(())
    /// # }
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
    /// The value was dropped, or cannot be read by one of them.
    pub fn publish(&self) -> Published {
        Published {
            // SAFETY: the handle is alive, since `self` owns it.
            wait: self.object.wait(|host, handle| unsafe { (host.publish)(handle) }),
        }
    }

    /// Frees the value now, although other references may exist: using one of those is an error from here on. Calls that
    /// were made before still get the value.
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

/// Waits until a value is stored, or found; made by [`put`] and [`Stored::attach`].
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

/// Waits for a stored value; made by [`Stored::get`] and, with a [`View`] of it, by [`Stored::view`].
#[must_use = "a future does nothing until it is awaited"]
pub struct StoredValue<T, V = T> {
    wait: Wait,
    /// Keeps the value, and names it where it cannot be read.
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

/// Waits until all workers know a stored value; made by [`Stored::publish`].
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
