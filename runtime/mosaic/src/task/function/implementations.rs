//! [`Function`], [`AsyncFunction`] and [`IntoArguments`] for functions of up to six parameters.

use super::{AsyncFunction, ByReference, ByValue, Function, IntoArguments, Lend};
use crate::{
    guest::{
        arguments::{Arguments, encode},
        async_call::{Reply, later},
    },
    remote::argument::{Arg, IntoArg},
    value::portable::Portable,
};
use mosaic_abi::Failure;
use std::future::Future;

/// Implements [`Function`] and [`IntoArguments`] for one arity, and one way to take each parameter: `owned` by value,
/// `lent` by reference. A parameter is its type, its argument's type, and its number.
macro_rules! function {
    (@each [$($done:tt)*] owned $name:ident $argument:ident $index:tt $($rest:tt)*) => {
        function!(@each [$($done)* {ByValue decode $name [Portable] [$name] [$name] [$name] $argument $index}] $($rest)*);
    };
    (@each [$($done:tt)*] lent $name:ident $argument:ident $index:tt $($rest:tt)*) => {
        function!(@each [
            $($done)*
            {ByReference lend $name [Lend + ?Sized] [&$name] [<$name as Lend>::Owned] [<$name as Lend>::lend(&$name)]
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
        impl<F, G, R, $($name),*> AsyncFunction<($(ByValue<$name>,)*)> for F
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
