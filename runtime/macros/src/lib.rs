//! The attribute `#[tessera]`, for programs outside notebooks. Use it through the crate `mosaic`.
//!
//! In a notebook the kernel expands the attribute. Both use the crate `mosaic-expand`, which does all the work.

use proc_macro::TokenStream;

/// Makes a type an actor whose objects live in worker processes.
///
/// The attribute goes on a `struct` or `enum`, and on one inherent `impl` of it, at the level of a module (not within a
/// function). The `impl` has a constructor `fn new(…) -> Self`. Its methods that take `&self` or `&mut self` can be called
/// remotely. Both items stay unchanged. The attribute adds `Type::remote(…)`, which constructs an object on a worker and
/// returns its proxy, and the proxy's methods, which return tasks.
///
/// The constructor and the methods may be `async`, if their futures are `Send`. While a method waits, it occupies no thread
/// of its worker, and the tessera's other calls wait.
///
/// Arguments and results travel as owned values. A parameter `&T`, `&[T]`, `&str` or a view of an array borrows from an
/// owned value on the worker; a result must not borrow.
///
/// The attribute takes the options of `mosaic::Options` as arguments: `#[tessera(max_retries = 2)]`.
///
/// ```
/// use mosaic::tessera;
///
/// #[tessera]
/// struct Counter(u64);
///
/// #[tessera]
/// impl Counter {
///     fn new(start: u64) -> Self { Counter(start) }
///     fn add(&mut self, n: u64) -> u64 { self.0 += n; self.0 }
/// }
///
/// async fn count() -> Result<u64, mosaic::TaskError> {
///     let counter = Counter::remote(1);
///     let first = counter.add(2);
///     counter.add(&first).result().await
/// }
/// # fn main() { let _ = count; }
/// ```
///
/// A type that serde cannot serialise cannot travel, and does not compile:
///
/// ```compile_fail,E0277
/// use mosaic::tessera;
///
/// struct Plain;
/// struct Solver;
///
/// #[tessera]
/// impl Solver {
///     fn new() -> Self { Solver }
///     fn solve(&self, _input: Plain) {}
/// }
/// # fn main() {}
/// ```
///
/// Nor does an argument of another type than the parameter's:
///
/// ```compile_fail,E0277
/// # use mosaic::tessera;
/// # struct Solver;
/// #[tessera]
/// impl Solver {
///     fn new(_size: u64) -> Self { Solver }
/// }
/// # fn main() {
/// Solver::remote("text");
/// # }
/// ```
#[proc_macro_attribute]
pub fn tessera(arguments: TokenStream, item: TokenStream) -> TokenStream {
    mosaic_expand::expand(arguments.into(), item.into()).into()
}
