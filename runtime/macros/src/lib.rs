//! The attribute `#[tessera]`, for programs outside notebooks.
//!
//! In a notebook the kernel expands the attribute itself; both use the crate `mosaic-expand`, which holds all there is to
//! know about it. Use it through the crate `mosaic`.

use proc_macro::TokenStream;

/// Makes a type an actor whose objects live in worker processes.
///
/// It goes on a `struct` or `enum`, and on one inherent `impl` of it, at a module's level (not within a function). The
/// `impl` has a constructor `fn new(…) -> Self`; its methods that take `&self` or `&mut self` can be called remotely.
/// Both items stay as they are. Added are `Type::remote(…)`, which constructs an object on a worker and returns its
/// proxy, and that proxy's methods, which return tasks.
///
/// The constructor and the methods may be `async`, with futures that are `Send`: while one waits, it holds up no thread of
/// its worker, and the tessera's other calls wait behind it.
///
/// What travels is owned: a parameter `&T`, `&[T]`, `&str` or a view of an array is lent to the method from an owned
/// value, and a return value must not borrow.
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
/// What cannot be serialised cannot travel, and does not compile:
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
/// Nor does an argument of another type than the method's:
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
