//! What values own on the heap, where that is told at once.

use std::any::Any;

/// The bytes that the value owns beside its own, or nothing for a type of which that is not known.
pub(crate) fn heap(value: &dyn Any) -> Option<usize> {
    if let Some(text) = value.downcast_ref::<String>() {
        return Some(text.capacity());
    }
    macro_rules! vectors {
        ($($element:ty)*) => {
            $(if let Some(vector) = value.downcast_ref::<Vec<$element>>() {
                return Some(vector.capacity() * size_of::<$element>());
            })*
        };
    }
    vectors!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char);
    owns_nothing(value).then_some(0)
}

fn owns_nothing(value: &dyn Any) -> bool {
    macro_rules! is_one_of {
        ($($ty:ty),*) => { $(value.is::<$ty>())||* };
    }
    is_one_of!(
        u8,
        u16,
        u32,
        u64,
        u128,
        usize,
        i8,
        i16,
        i32,
        i64,
        i128,
        isize,
        f32,
        f64,
        bool,
        char,
        (),
        &'static str
    )
}
