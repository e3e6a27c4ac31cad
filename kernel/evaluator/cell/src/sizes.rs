//! The memory that values own on the heap, as far as it can be told without walking through them.

use std::any::Any;

/// Returns the bytes that a value owns on the heap, if that is known for its type.
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

/// Reports whether a value is of a type that owns nothing on the heap.
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
