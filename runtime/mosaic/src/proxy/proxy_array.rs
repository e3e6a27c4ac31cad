//! Arrays of proxies.

use super::tessera::Tessera;
use crate::{
    error::TaskError,
    future::unordered::All,
    host::failure,
    remote::{argument::Arg, object::least_advanced},
    task::{task_array::TaskArray, task_proxy::TaskProxy},
};
use mosaic_abi::State;
use mosaic_abi::{FailureKind, Options, TesseraTable};
use std::{
    fmt,
    future::Future,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// What the proxies of all types have in common. `#[tessera]` implements it.
pub trait Proxy: Clone + IntoFuture<Output = Result<Self, TaskError>> {
    /// The proxy without its type.
    #[doc(hidden)]
    fn __tessera(&self) -> &Tessera;
}

/// Several tesserae of one type: a slice of their proxies, and calls on all of them at once.
///
/// `T::remote_array` makes one, whose tesserae are spread over the workers, and `T::with(options).remote_array` one whose
/// tesserae all have these options; so does collecting proxies.
///
/// ```no_run
/// # use mosaic::prelude::*;
/// # struct Solver;
/// # trait SolverProxy: mosaic::Proxy { fn solve(&self, number: usize) -> TaskProxy<f64>; }
/// # async fn cell<P: SolverProxy>(remote_array: fn(usize) -> ProxyArray<P>) -> Result<(), TaskError> {
/// # #[allow(unused)] let solvers =
/// // Solver::remote_array(4).await?;
/// # remote_array(4).await?;
/// let same = solvers.map(|solver| solver.solve(1));
/// let each = solvers.map_indexed(|index, solver| solver.solve(index));
/// println!("{:?} {:?}", same.results().await?, each.results().await?);
/// println!("{}", solvers[2].solve(7).result().await?);
/// for solver in &solvers.on("worker:0:1")? {
///     solver.solve(0).await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ProxyArray<P>(Vec<P>);

/// The tesserae of an array; what the generated `remote_array` calls.
#[track_caller]
pub fn remote_array<P>(
    table: &'static TesseraTable,
    options: &Options,
    len: usize,
    arguments: &[Arg],
    proxy: fn(Tessera) -> P,
) -> ProxyArray<P> {
    let mut proxies = Vec::with_capacity(len);
    // Not `map`: a panic is to tell the caller's place.
    for _ in 0..len {
        proxies.push(proxy(Tessera::create(table, options.clone(), arguments.to_vec())));
    }
    ProxyArray(proxies)
}

impl<P> ProxyArray<P> {
    /// Calls `call` with each proxy, in their order: the tasks.
    pub fn map<T>(&self, call: impl FnMut(&P) -> TaskProxy<T>) -> TaskArray<T> {
        self.0.iter().map(call).collect()
    }

    /// Calls `call` with each index and proxy, in their order: the tasks.
    pub fn map_indexed<T>(&self, mut call: impl FnMut(usize, &P) -> TaskProxy<T>) -> TaskArray<T> {
        (self.0.iter().enumerate())
            .map(|(index, proxy)| call(index, proxy))
            .collect()
    }
}

impl<P: Proxy> ProxyArray<P> {
    /// Those that live on one worker, such as `worker:0:1`.
    ///
    /// # Errors
    ///
    /// None of them lives there, or it is not known yet where one of them will live: await the array first.
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

    /// The workers that are known to have some of the array, in the order of their names.
    pub fn workers(&self) -> Vec<String> {
        let mut workers: Vec<String> = (self.0.iter()).filter_map(|proxy| proxy.__tessera().worker()).collect();
        // `worker:0:10` comes after `worker:0:9`.
        workers.sort_by_cached_key(|worker| (worker.len(), worker.clone()));
        workers.dedup();
        workers
    }

    /// The state of the one that is least advanced, or failed where one has.
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

/// Waits until all tesserae of an array are constructed, or the first of them fails; made by awaiting a [`ProxyArray`].
#[must_use = "a future does nothing until it is awaited"]
pub struct AllConstructed<P: Proxy>(All<P::IntoFuture, P, TaskError>);

impl<P: Proxy> Future for AllConstructed<P> {
    type Output = Result<ProxyArray<P>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let proxies = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(proxies.map(ProxyArray))
    }
}
