//! Arrays of proxies.

use super::tessera::Tessera;
use crate::{
    error::TaskError,
    future::unordered::All,
    host::failure,
    remote::{argument::Arg, object::least_advanced},
    task::{task_array::TaskArray, task_proxy::TaskProxy},
};
use mosaic_abi::{FailureKind, HasPlace, Options, State, TesseraTable};
use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The trait of all proxies that `#[tessera]` generates.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// async fn constructed<P: mosaic::Proxy>(proxies: Vec<P>) -> Result<ProxyArray<P>, TaskError> {
///     proxies.into_iter().collect::<ProxyArray<P>>().await
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let counters = constructed(vec![Counter::remote(1), Counter::remote(2)]).await?;
/// assert_eq!(counters.len(), 2);
/// # Ok(()) })? }
/// ```
pub trait Proxy: Clone + HasPlace + IntoFuture<Output = Result<Self, TaskError>> {
    /// Returns the untyped proxy.
    #[doc(hidden)]
    fn __tessera(&self) -> &Tessera;
}

/// Several tesserae of one type. Derefs to a slice of their proxies; awaiting it waits until all are constructed.
///
/// Made by `T::remote_array`, which spreads the tesserae over the workers, by `T::with(options).remote_array`, or by
/// collecting proxies.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(2).await?;
/// let counters = Counter::remote_array(4, 10).await?;
/// let same = counters.map(|counter| counter.add(1));
/// let each = counters.map_indexed(|index, counter| counter.add(index as u64));
/// assert_eq!(same.results().await?, [11, 11, 11, 11]);
/// assert_eq!(each.results().await?, [11, 12, 13, 14]);
/// assert_eq!(counters[2].add(7).result().await?, 20);
/// # Ok(()) })? }
/// ```
#[derive(Clone)]
pub struct ProxyArray<P>(Vec<P>);

/// The largest number of tesserae of an array.
const MOST_TESSERAE: usize = 1 << 20;

/// Creates the tesserae of an array. The generated `remote_array` calls it.
#[track_caller]
pub fn remote_array<P>(
    table: &'static TesseraTable,
    options: &Options,
    len: usize,
    arguments: &[Arg],
    proxy: fn(Tessera) -> P,
) -> ProxyArray<P> {
    assert!(
        len <= MOST_TESSERAE,
        "remote_array({len}, …): an array has at most {MOST_TESSERAE} tesserae"
    );
    let mut proxies = Vec::with_capacity(len);
    // A loop instead of `map`, so that a panic names the caller's source location.
    for _ in 0..len {
        proxies.push(proxy(Tessera::create(table, options.clone(), arguments.to_vec())));
    }
    ProxyArray(proxies)
}

impl<P> ProxyArray<P> {
    /// Calls `call` with each proxy, in order, and returns the tasks.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # #[tessera] struct Counter(u64);
    /// # #[tessera] impl Counter {
    /// #     fn new(start: u64) -> Self { Counter(start) }
    /// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let counters = Counter::remote_array(2, 10).await?;
    /// assert_eq!(counters.map(|counter| counter.add(1)).results().await?, [11, 11]);
    /// # Ok(()) })? }
    /// ```
    pub fn map<T>(&self, call: impl FnMut(&P) -> TaskProxy<T>) -> TaskArray<T> {
        self.0.iter().map(call).collect()
    }

    /// Calls `call` with each index and proxy, in order, and returns the tasks.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # #[tessera] struct Counter(u64);
    /// # #[tessera] impl Counter {
    /// #     fn new(start: u64) -> Self { Counter(start) }
    /// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let counters = Counter::remote_array(2, 10).await?;
    /// let tasks = counters.map_indexed(|index, counter| counter.add(index as u64));
    /// assert_eq!(tasks.results().await?, [10, 11]);
    /// # Ok(()) })? }
    /// ```
    pub fn map_indexed<T>(&self, mut call: impl FnMut(usize, &P) -> TaskProxy<T>) -> TaskArray<T> {
        (self.0.iter().enumerate())
            .map(|(index, proxy)| call(index, proxy))
            .collect()
    }
}

impl<P: Proxy> ProxyArray<P> {
    /// Returns the tesserae of this array that live on `worker`, such as `worker:0:1`.
    ///
    /// # Errors
    ///
    /// No tessera of the array lives there, or a tessera has no worker yet: await the array first.
    ///
    /// # Examples
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # #[tessera] struct Counter(u64);
    /// # #[tessera] impl Counter {
    /// #     fn new(start: u64) -> Self { Counter(start) }
    /// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(2).await?;
    /// let counters = Counter::remote_array(4, 10).await?;
    /// assert_eq!(counters.on("worker:0:1")?.len(), 2);
    /// # Ok(()) })? }
    /// ```
    pub fn on(&self, worker: impl AsRef<str>) -> Result<ProxyArray<P>, TaskError> {
        let worker = worker.as_ref();
        let refuse = |message: String| Err(TaskError::new(failure(FailureKind::Runtime, message)));
        let mut found = Vec::new();
        for proxy in &self.0 {
            match proxy.__tessera().worker() {
                None => {
                    let uid = proxy.__tessera().uid();
                    return refuse(format!(
                        "it is not known yet where {uid} will live: await the array first"
                    ));
                }
                Some(of) if of == worker => found.push(proxy.clone()),
                Some(_) => {}
            }
        }
        if found.is_empty() {
            let workers = self.workers().join(", ");
            return refuse(format!("nothing of this array lives on {worker}: it has {workers}"));
        }
        Ok(ProxyArray(found))
    }

    /// Returns the workers on which tesserae of this array are known to live, in the order of their numbers.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # #[tessera] struct Counter(u64);
    /// # #[tessera] impl Counter {
    /// #     fn new(start: u64) -> Self { Counter(start) }
    /// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(2).await?;
    /// let counters = Counter::remote_array(4, 10).await?;
    /// assert_eq!(counters.workers(), ["worker:0:0", "worker:0:1"]);
    /// # Ok(()) })? }
    /// ```
    pub fn workers(&self) -> Vec<String> {
        let mut workers: Vec<String> = (self.0.iter()).filter_map(|proxy| proxy.__tessera().worker()).collect();
        // `worker:0:10` comes after `worker:0:9`.
        workers.sort_by_cached_key(|worker| (worker.len(), worker.clone()));
        workers.dedup();
        workers
    }

    /// Returns `Failed` if a tessera failed, and otherwise the state of the least advanced tessera.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// # #[tessera] struct Counter(u64);
    /// # #[tessera] impl Counter {
    /// #     fn new(start: u64) -> Self { Counter(start) }
    /// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let counters = Counter::remote_array(2, 10).await?;
    /// assert_eq!(counters.state(), mosaic::State::Done);
    /// # Ok(()) })? }
    /// ```
    pub fn state(&self) -> State {
        least_advanced(self.0.iter().map(|proxy| proxy.__tessera().state()))
    }
}

impl<P> FromIterator<P> for ProxyArray<P> {
    fn from_iter<I: IntoIterator<Item = P>>(proxies: I) -> ProxyArray<P> {
        ProxyArray(proxies.into_iter().collect())
    }
}

impl<P> Deref for ProxyArray<P> {
    type Target = [P];

    fn deref(&self) -> &[P] {
        &self.0
    }
}

impl<P> IntoIterator for ProxyArray<P> {
    type Item = P;
    type IntoIter = std::vec::IntoIter<P>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, P> IntoIterator for &'a ProxyArray<P> {
    type Item = &'a P;
    type IntoIter = std::slice::Iter<'a, P>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<P: Proxy> fmt::Display for ProxyArray<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, state) = (self.0.len(), self.state());
        let workers = self.workers().join(", ");
        write!(f, "<ProxyArray object, len={len}, runtime=({workers}), state={state}>")
    }
}

impl<P: Proxy> fmt::Debug for ProxyArray<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<P: Proxy> IntoFuture for ProxyArray<P> {
    type Output = Result<ProxyArray<P>, TaskError>;
    type IntoFuture = AllConstructed<P>;

    fn into_future(self) -> AllConstructed<P> {
        AllConstructed(All::new(self.0.into_iter().map(P::into_future)))
    }
}

impl<P: Proxy> IntoFuture for &ProxyArray<P> {
    type Output = Result<ProxyArray<P>, TaskError>;
    type IntoFuture = AllConstructed<P>;

    fn into_future(self) -> AllConstructed<P> {
        self.clone().into_future()
    }
}

/// A future that waits until all tesserae are constructed, or one of them fails. Made by awaiting a [`ProxyArray`].
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// use std::future::IntoFuture;
/// let constructed: mosaic::AllConstructed<_> = Counter::remote_array(2, 10).into_future();
/// assert_eq!(constructed.await?.len(), 2);
/// # Ok(()) })? }
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct AllConstructed<P: Proxy>(All<P::IntoFuture, P, TaskError>);

impl<P: Proxy> Future for AllConstructed<P> {
    type Output = Result<ProxyArray<P>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let proxies = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(proxies.map(ProxyArray))
    }
}
