//! Types that are tesserae.

use super::tessera::Tessera;
use crate::{
    task::{function::tables, task_proxy::TaskProxy},
    value::portable::Portable,
};
use mosaic_abi::{Options, TesseraTable};

/// A type that `#[tessera]` made one: it has a proxy.
pub trait Actor: Sized + 'static {
    /// The proxy of a remote one.
    type Proxy;

    /// How a worker makes and calls one.
    #[doc(hidden)]
    fn table() -> &'static TesseraTable;

    /// The options on its attribute.
    #[doc(hidden)]
    fn options() -> Options;

    /// The typed proxy of a remote one.
    #[doc(hidden)]
    fn proxy(tessera: Tessera) -> Self::Proxy;
}

impl<T> TaskProxy<T> {
    /// Makes a tessera of the result, on the worker that has it, and returns its proxy at once. The task keeps its result.
    ///
    /// ```no_run
    /// # async fn cell<Model: mosaic::Actor + mosaic::Portable>(task: mosaic::TaskProxy<Model>) {
    /// let model = task.remote();          // `task` returned a `Model`, which is a `#[tessera]`
    /// // model.train(&batch).await?;
    /// # drop(model);
    /// # }
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
