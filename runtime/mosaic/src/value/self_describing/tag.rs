//! The bytes with which values begin.

/// Ends a sequence, a map or a struct. No name of a field begins with it.
pub(super) const END: u8 = 0;

pub(super) const FALSE: u8 = 1;
pub(super) const TRUE: u8 = 2;
pub(super) const UNIT: u8 = 3;
pub(super) const NONE: u8 = 4;
pub(super) const SOME: u8 = 5;
pub(super) const CHAR: u8 = 6;
pub(super) const STRING: u8 = 7;
pub(super) const BYTES: u8 = 8;
pub(super) const SEQUENCE: u8 = 9;
pub(super) const MAP: u8 = 10;
pub(super) const STRUCT: u8 = 11;
pub(super) const UNIT_VARIANT: u8 = 12;
pub(super) const VARIANT: u8 = 13;
pub(super) const RUN: u8 = 14;
pub(super) const TUPLES: u8 = 15;

pub(super) const U8: u8 = 16;
pub(super) const U16: u8 = 17;
pub(super) const U32: u8 = 18;
pub(super) const U64: u8 = 19;
pub(super) const U128: u8 = 20;
pub(super) const I8: u8 = 21;
pub(super) const I16: u8 = 22;
pub(super) const I32: u8 = 23;
pub(super) const I64: u8 = 24;
pub(super) const I128: u8 = 25;
pub(super) const F32: u8 = 26;
pub(super) const F64: u8 = 27;

/// Returns whether the tag is that of a number, which can be in a run.
pub(super) fn is_number(tag: u8) -> bool {
    (U8..=F64).contains(&tag)
}
