//! Macros for statics that exist once for all cells, although each cell compiles them.
//!
//! The rustc wrapper writes them in place of `thread_local!` and `lazy_static!`. It inserts an attribute before each
//! static that gives the static an exported symbol. The standard library's `thread_local!` expands to a constant and
//! has no symbol that cells could share.

/// Defines thread-local values like `std::thread_local!`. The statics are references to the keys of the first cell.
///
/// ```
/// mosaic_cell::shared_thread_local! {
///     pub static A: std::cell::Cell<u8> = const { std::cell::Cell::new(1) };
///     static B: Vec<u8> = Vec::new()
/// }
/// A.set(2);
/// assert_eq!((A.get(), B.with(Vec::len)), (2, 0));
/// let key: &std::thread::LocalKey<_> = &A;
/// assert_eq!(key.replace(3), 2);
/// ```
#[macro_export]
macro_rules! shared_thread_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = const $initial:block $(; $($rest:tt)*)?) => {
        $crate::shared_thread_local!(@key [$(#[$attribute])*] [$visibility] $name [$type] const $initial);
        $crate::shared_thread_local!($($($rest)*)?);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $initial:expr $(; $($rest:tt)*)?) => {
        $crate::shared_thread_local!(@key [$(#[$attribute])*] [$visibility] $name [$type] $initial);
        $crate::shared_thread_local!($($($rest)*)?);
    };
    (@key [$($attributes:tt)*] [$visibility:vis] $name:ident [$type:ty] $($initial:tt)*) => {
        // A lock has a state that changes, so the compiler cannot copy the key into the code that uses it.
        $($attributes)* $visibility static $name: ::std::sync::LazyLock<::std::thread::LocalKey<$type>> =
            ::std::sync::LazyLock::new(|| {
                ::std::thread_local! { static $name: $type = $($initial)*; }
                $name
            });
    };
}

/// Defines statics like `lazy_static::lazy_static!`. The first attribute of each is for the value.
#[macro_export]
macro_rules! shared_lazy_static {
    () => {};
    (
        #[$symbol:meta] $(#[$attribute:meta])* $visibility:vis static ref $name:ident: $type:ty = $initial:expr;
        $($rest:tt)*
    ) => {
        #[allow(missing_copy_implementations, non_camel_case_types, dead_code)]
        $(#[$attribute])* $visibility struct $name { __private_field: () }
        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        $visibility static $name: $name = $name { __private_field: () };
        impl ::std::ops::Deref for $name {
            type Target = $type;
            fn deref(&self) -> &$type {
                #[$symbol]
                static VALUE: ::std::sync::LazyLock<$type> = ::std::sync::LazyLock::new(|| $initial);
                &VALUE
            }
        }
        impl ::lazy_static::LazyStatic for $name {
            fn initialize(lazy: &Self) {
                let _ = &**lazy;
            }
        }
        $crate::shared_lazy_static!($($rest)*);
    };
}
