//! Types that are tesserae.

use super::tessera::Tessera;
use crate::{
    task::{function::tables, task_proxy::TaskProxy},
    value::portable::Portable,
};
use mosaic_abi::{Options, Slice, TesseraTable};

/// A type under `#[tessera]`: it has a proxy, and its objects can live on workers.
///
/// ```
/// # use mosaic::prelude::*;
/// # #[tessera] struct Counter(u64);
/// # #[tessera] impl Counter {
/// #     fn new(start: u64) -> Self { Counter(start) }
/// #     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// # }
/// fn proxies<T: mosaic::Actor>(proxy: T::Proxy) -> Vec<T::Proxy> { vec![proxy] }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
/// # mosaic::interactive(On).num_workers(1).await?;
/// let counters = proxies::<Counter>(Counter::remote(1));
/// assert_eq!(counters[0].add(2).result().await?, 3);
/// # Ok(()) })? }
/// ```
pub trait Actor: Sized + 'static {
    /// The typed proxy of a remote object, such as `SolverProxy`.
    type Proxy;

    /// The [`mosaic_abi::Signature`] of an object, with the fingerprint of the type.
    #[doc(hidden)]
    const OBJECT: Slice;

    /// Returns the table by which a worker constructs and calls an object.
    #[doc(hidden)]
    fn table() -> &'static TesseraTable;

    /// Returns the options on the attribute.
    #[doc(hidden)]
    fn options() -> Options;

    /// Makes the typed proxy of `tessera`.
    #[doc(hidden)]
    fn proxy(tessera: Tessera) -> Self::Proxy;
}

impl<T> TaskProxy<T> {
    /// Makes a tessera from the result, on the worker that has it, and returns its proxy at once. The task keeps its
    /// result.
    ///
    /// ```
    /// # use mosaic::prelude::*;
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Model(Vec<f32>);
    ///
    /// #[tessera]
    /// impl Model {
    ///     fn new() -> Self { Model(Vec::new()) }
    ///     fn len(&self) -> usize { self.0.len() }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> { mosaic_engine::run(async || {
    /// # mosaic::interactive(On).num_workers(1).await?;
    /// let task = mosaic::spawn(|| Model(vec![0.0; 1000]), ());
    /// let model = task.remote();
    /// assert_eq!(model.len().result().await?, 1000);
    /// # Ok(()) })? }
    /// ```
    pub fn remote(&self) -> T::Proxy
    where
        T: Actor + Portable,
    {
        T::proxy(Tessera::made(
            T::table(),
            tables::making::<T>(),
            T::options(),
            &self.object,
        ))
    }
}
