//! Functions that travel to where they are run.

use crate::{
    guest::async_call::{Reply, later, now},
    guest::entry::{self, Arguments, encode},
    remote::argument::{Arg, IntoArg, Portable},
};
use mosaic_abi::{Buffer, Failure, FunctionTable, Layout, Outcome, Pending, Slice, VERSION, short_name};
use std::{any::type_name, ffi::c_void, future::Future, marker::PhantomData, path::Path, path::PathBuf, ptr::NonNull};

/// A function that can travel: it captures nothing, and takes and returns values that can.
///
/// It is implemented for functions and closures of up to six parameters, of which the first three may be lent (`&T`,
/// `&[T]`). `Parameters` is inferred; the compiler cannot do so for `&str` and `&[u8]`, which are read from bytes in place:
/// wrap such a function in a closure, `|text: String| length(&text)`.
///
/// ```
/// fn travels<F: mosaic::Function<P>, P>(_: F) {}
/// travels(|a: u32, b: f64| f64::from(a) * b);
/// travels(|values: &[f32]| values.iter().sum::<f32>());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel to a worker",
    note = "a function travels that captures nothing, and whose parameters and result can travel"
)]
pub trait Function<Parameters>: Copy + Send + 'static {
    /// What it returns.
    type Output: Portable;

    /// Runs it with encoded arguments.
    #[doc(hidden)]
    fn run(self, arguments: &Arguments<'_>) -> Result<Self::Output, Failure>;
}

/// An async function that can travel, and its future as well, once it is there: see [`crate::spawn_async`].
///
/// It is implemented for functions and closures of up to six parameters, all of which take values: one that waits cannot be
/// lent any. It is no [`Function`], so that what a function returns is known by its being one.
///
/// ```
/// fn travels<F: mosaic::AsyncFunction<P>, P>(_: F) {}
/// travels(async |name: String| format!("hello, {name}"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no async function that can travel to a worker",
    note = "an async function travels that captures nothing, whose parameters are values, and whose future is `Send`"
)]
pub trait AsyncFunction<Parameters>: Copy + Send + 'static {
    /// What its future gives.
    type Output: Portable;

    /// Begins it with encoded arguments.
    #[doc(hidden)]
    fn begin(self, arguments: &Arguments<'_>) -> Result<Reply, Failure>;
}

/// What may be passed to a [`Function`]: a tuple in which each element may stand for the parameter at its place, as
/// [`IntoArg`] says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed to a function with these parameters",
    note = "the arguments are a tuple with an element for each parameter: `(a, b)`, `(a,)`, `()`"
)]
pub trait IntoArguments<Parameters> {
    /// The arguments as they are handed to the host.
    #[doc(hidden)]
    fn into_arguments(self) -> Vec<Arg>;
}

/// A parameter that takes a value.
#[doc(hidden)]
pub struct Owned<T>(PhantomData<T>);

/// A parameter that is lent a value.
#[doc(hidden)]
pub struct Lent<T: ?Sized>(PhantomData<T>);

/// What can be lent, and what travels for it.
#[doc(hidden)]
pub trait Lend {
    type Owned: Portable;
    fn lend(owned: &Self::Owned) -> &Self;
}

impl<T: Portable> Lend for T {
    type Owned = T;
    fn lend(owned: &T) -> &T {
        owned
    }
}

impl<T: Portable> Lend for [T] {
    type Owned = Vec<T>;
    fn lend(owned: &Vec<T>) -> &[T] {
        owned
    }
}

impl Lend for str {
    type Owned = String;
    fn lend(owned: &String) -> &str {
        owned
    }
}

impl Lend for Path {
    type Owned = PathBuf;
    fn lend(owned: &PathBuf) -> &Path {
        owned
    }
}

/// Implements both traits for one arity and one way of taking the parameters: `owned` by value, `lent` by reference. Each
/// parameter is its type, its argument's type, and its number.
macro_rules! function {
    (@each [$($done:tt)*] owned $name:ident $argument:ident $index:tt $($rest:tt)*) => {
        function!(@each [$($done)* {Owned decode $name [Portable] [$name] [$name] [$name] $argument $index}] $($rest)*);
    };
    (@each [$($done:tt)*] lent $name:ident $argument:ident $index:tt $($rest:tt)*) => {
        function!(@each [
            $($done)*
            {Lent lend $name [Lend + ?Sized] [&$name] [<$name as Lend>::Owned] [<$name as Lend>::lend(&$name)]
                $argument $index}
        ] $($rest)*);
    };
    (@each [$({
        $way:ident $get:ident $name:ident [$($bound:tt)*] [$parameter:ty] [$travels:ty] [$pass:expr] $argument:ident $index:tt
    })*]) => {
        impl<F, R, $($name),*> Function<($($way<$name>,)*)> for F
        where
            F: Fn($($parameter),*) -> R + Copy + Send + 'static,
            R: Portable,
            $($name: $($bound)*,)*
        {
            type Output = R;

            #[allow(unused_variables, non_snake_case, reason = "there may be no parameters, named as their types")]
            fn run(self, arguments: &Arguments<'_>) -> Result<R, Failure> {
                $(let $name = arguments.$get::<$travels>($index, concat!("number ", $index))?;)*
                Ok(self($($pass),*))
            }
        }

        impl<$($name, $argument),*> IntoArguments<($($way<$name>,)*)> for ($($argument,)*)
        where
            $($name: $($bound)*, $argument: IntoArg<$travels>,)*
        {
            #[allow(non_snake_case, reason = "named as their types")]
            fn into_arguments(self) -> Vec<Arg> {
                let ($($argument,)*) = self;
                vec![$($argument.into_arg()),*]
            }
        }
    };
    ($($ways:tt)*) => { function!(@each [] $($ways)*); };
}

function!();
function!(owned A T 0);
function!(lent A T 0);
function!(owned A T 0 owned B U 1);
function!(owned A T 0 lent B U 1);
function!(lent A T 0 owned B U 1);
function!(lent A T 0 lent B U 1);
function!(owned A T 0 owned B U 1 owned C V 2);
function!(owned A T 0 owned B U 1 lent C V 2);
function!(owned A T 0 lent B U 1 owned C V 2);
function!(owned A T 0 lent B U 1 lent C V 2);
function!(lent A T 0 owned B U 1 owned C V 2);
function!(lent A T 0 owned B U 1 lent C V 2);
function!(lent A T 0 lent B U 1 owned C V 2);
function!(lent A T 0 lent B U 1 lent C V 2);
function!(owned A T 0 owned B U 1 owned C V 2 owned D W 3);
function!(owned A T 0 owned B U 1 owned C V 2 owned D W 3 owned E X 4);
function!(owned A T 0 owned B U 1 owned C V 2 owned D W 3 owned E X 4 owned G Y 5);

/// Implements [`AsyncFunction`] for one arity.
macro_rules! async_function {
    ($($name:ident $index:tt)*) => {
        impl<F, G, R, $($name),*> AsyncFunction<($(Owned<$name>,)*)> for F
        where
            F: Fn($($name),*) -> G + Copy + Send + 'static,
            G: Future<Output = R> + Send + 'static,
            R: Portable,
            $($name: Portable,)*
        {
            type Output = R;

            #[allow(unused_variables, non_snake_case, reason = "there may be no parameters, named as their types")]
            fn begin(self, arguments: &Arguments<'_>) -> Result<Reply, Failure> {
                $(let $name = arguments.decode::<$name>($index, concat!("number ", $index))?;)*
                let future = self($($name),*);
                later(async move { encode(&future.await) })
            }
        }
    };
}

async_function!();
async_function!(A 0);
async_function!(A 0 B 1);
async_function!(A 0 B 1 C 2);
async_function!(A 0 B 1 C 2 D 3);
async_function!(A 0 B 1 C 2 D 3 E 4);
async_function!(A 0 B 1 C 2 D 3 E 4 H 5);

/// The function of a type that has no size: all there is to it is its type.
fn conjured<F: Copy + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "only a function that captures nothing can travel: pass what it needs as arguments, and a function by its name \
             rather than as a pointer"
        );
    }
    // SAFETY: `F` has no bytes, so that any aligned address holds one. It is `Copy`, so that one more of those that the
    // caller has makes no difference: it had one, since it passed it to get here.
    unsafe { NonNull::<F>::dangling().read() }
}

extern "C" fn name<F>() -> Slice {
    Slice::from(type_name::<F>())
}

/// The table of a function whose code is `$run`, run on an object of type `$object`.
macro_rules! table {
    ($function:ty, $object:ty, $run:expr) => {
        const {
            &FunctionTable {
                version: VERSION,
                name: name::<$function>,
                layout: Layout::of::<$object>(),
                run: $run,
            }
        }
    };
}

mod element;
pub(crate) use element::element;

/// The table of a function of its arguments alone.
pub(crate) fn plain<F: Function<P>, P: 'static>(_: F) -> &'static FunctionTable {
    unsafe extern "C" fn run<F: Function<P>, P>(
        _: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| now(&conjured::<F>().run(&arguments)?);
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, (), run::<F, P>)
}

/// The table of an async function.
pub(crate) fn awaited<F: AsyncFunction<P>, P: 'static>(_: F) -> &'static FunctionTable {
    unsafe extern "C" fn run<F: AsyncFunction<P>, P>(
        _: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| conjured::<F>().begin(&arguments);
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, (), run::<F, P>)
}

/// The table of a function that reads a tessera's object.
pub(crate) fn reading<T: 'static, R: Portable, F: Fn(&T) -> R + Copy + 'static>(_: F) -> &'static FunctionTable {
    unsafe extern "C" fn run<T: 'static, R: Portable, F: Fn(&T) -> R + Copy + 'static>(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        // SAFETY: the host passes an object of this layout and of the tessera that the caller named, and no other call
        // has it.
        let object = unsafe { &*object.cast::<T>() };
        let call = |_: Arguments<'_>| now(&conjured::<F>()(object));
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, T, run::<T, R, F>)
}

/// The table of a function that changes a tessera's object.
pub(crate) fn changing<T: 'static, A: Portable, R: Portable, F>(_: F) -> &'static FunctionTable
where
    F: Fn(&mut T, A) -> R + Copy + 'static,
{
    unsafe extern "C" fn run<T: 'static, A: Portable, R: Portable, F: Fn(&mut T, A) -> R + Copy + 'static>(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        // SAFETY: as in `reading`.
        let object = unsafe { &mut *object.cast::<T>() };
        let call = |arguments: Arguments<'_>| {
            let argument = arguments.decode::<A>(0, "number 0")?;
            now(&conjured::<F>()(object, argument))
        };
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<F>(arguments, count, outcome, call) }
    }
    table!(F, T, run::<T, A, R, F>)
}

/// The table of a function that makes a tessera's object of its argument.
pub(crate) fn making<T: Portable>() -> &'static FunctionTable {
    unsafe extern "C" fn run<T: Portable>(
        object: *mut c_void,
        arguments: *const Slice,
        count: usize,
        outcome: *mut Outcome,
    ) -> Pending {
        let call = |arguments: Arguments<'_>| {
            let made = Box::into_raw(Box::new(arguments.decode::<T>(0, "number 0")?));
            // SAFETY: the host passes the place for an object's address, which nobody else has.
            unsafe { *object.cast::<*mut c_void>() = made.cast() };
            Ok(Reply::Now(Buffer::default()))
        };
        // SAFETY: the host passes what `FunctionTable` says.
        unsafe { answer::<T>(arguments, count, outcome, call) }
    }
    table!(T, T, run::<T>)
}

/// Runs `call` and writes how it ended to `outcome`, or returns its future.
///
/// # Safety
///
/// The host passes `count` arguments that are lent for the call, and an outcome that it initialised.
unsafe fn answer<F>(
    arguments: *const Slice,
    count: usize,
    outcome: *mut Outcome,
    mut call: impl FnMut(Arguments<'_>) -> Result<Reply, Failure>,
) -> Pending {
    // SAFETY: by this function's contract.
    unsafe { entry::answer("", short_name(type_name::<F>()), arguments, count, outcome, &mut call) }
}
