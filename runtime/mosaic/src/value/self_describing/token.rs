//! What is read at once: a value, or the beginning of a compound.

use super::{error::Error, run::Run};
use serde::de::{Error as _, Expected, Unexpected, Visitor};

/// A value, or the beginning of one.
#[derive(Clone, Copy)]
pub(super) enum Token<'de> {
    Bool(bool),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    F32(f32),
    F64(f64),
    Char(char),
    Text(&'de str),
    Bytes(&'de [u8]),
    Unit,
    None,
    Some,
    Sequence {
        expected: Option<usize>,
    },
    /// A tuple in a run.
    Tuple(Run),
    Map {
        expected: Option<usize>,
    },
    Struct,
    UnitVariant(&'de str),
    Variant(&'de str),
}

impl Token<'_> {
    /// Makes the error of a value that is not what its type expects.
    #[cold]
    #[inline(never)]
    pub(super) fn is_not(self, expected: &dyn Expected) -> Error {
        let unexpected = match self {
            Token::Bool(it) => Unexpected::Bool(it),
            Token::U8(it) => Unexpected::Unsigned(it.into()),
            Token::U16(it) => Unexpected::Unsigned(it.into()),
            Token::U32(it) => Unexpected::Unsigned(it.into()),
            Token::U64(it) => Unexpected::Unsigned(it),
            Token::I8(it) => Unexpected::Signed(it.into()),
            Token::I16(it) => Unexpected::Signed(it.into()),
            Token::I32(it) => Unexpected::Signed(it.into()),
            Token::I64(it) => Unexpected::Signed(it),
            Token::U128(_) | Token::I128(_) => Unexpected::Other("integer of 128 bits"),
            Token::F32(it) => Unexpected::Float(it.into()),
            Token::F64(it) => Unexpected::Float(it),
            Token::Char(it) => Unexpected::Char(it),
            Token::Text(it) => Unexpected::Str(it),
            Token::Bytes(it) => Unexpected::Bytes(it),
            Token::Unit => Unexpected::Unit,
            Token::None | Token::Some => Unexpected::Option,
            Token::Sequence { .. } | Token::Tuple(_) => Unexpected::Seq,
            Token::Map { .. } => Unexpected::Map,
            Token::Struct => Unexpected::Other("struct"),
            Token::UnitVariant(_) | Token::Variant(_) => Unexpected::Enum,
        };
        Error::invalid_type(unexpected, expected)
    }
}

impl<'de> Token<'de> {
    /// Gives a number to a visitor that expects one, of whatever type.
    pub(super) fn visit_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.widened() {
            Token::U64(it) => visitor.visit_u64(it),
            Token::I64(it) => visitor.visit_i64(it),
            Token::F64(it) => visitor.visit_f64(it),
            token => Err(token.is_not(&visitor)),
        }
    }

    /// Gives a text, or the name of a variant without fields, to a visitor that expects a text.
    pub(super) fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Token::Text(it) | Token::UnitVariant(it) => visitor.visit_borrowed_str(it),
            Token::Char(it) => visitor.visit_char(it),
            token => Err(token.is_not(&visitor)),
        }
    }

    /// Returns a number as the widest number that all visitors of numbers accept.
    fn widened(self) -> Token<'de> {
        match self {
            Token::U8(it) => Token::U64(it.into()),
            Token::U16(it) => Token::U64(it.into()),
            Token::U32(it) => Token::U64(it.into()),
            Token::I8(it) => Token::I64(it.into()),
            Token::I16(it) => Token::I64(it.into()),
            Token::I32(it) => Token::I64(it.into()),
            Token::F32(it) => Token::F64(it.into()),
            Token::U128(it) => it.try_into().map_or(self, Token::U64),
            Token::I128(it) => it.try_into().map_or(self, Token::I64),
            token => token,
        }
    }

    /// Gives a value that is no compound to a visitor that expects any value.
    #[inline(never)]
    pub(super) fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Token::Bool(it) => visitor.visit_bool(it),
            Token::U8(it) => visitor.visit_u8(it),
            Token::U16(it) => visitor.visit_u16(it),
            Token::U32(it) => visitor.visit_u32(it),
            Token::U64(it) => visitor.visit_u64(it),
            Token::U128(it) => visitor.visit_u128(it),
            Token::I8(it) => visitor.visit_i8(it),
            Token::I16(it) => visitor.visit_i16(it),
            Token::I32(it) => visitor.visit_i32(it),
            Token::I64(it) => visitor.visit_i64(it),
            Token::I128(it) => visitor.visit_i128(it),
            Token::F32(it) => visitor.visit_f32(it),
            Token::F64(it) => visitor.visit_f64(it),
            Token::Char(it) => visitor.visit_char(it),
            // The variant without fields is its name, as in JSON.
            Token::Text(it) | Token::UnitVariant(it) => visitor.visit_borrowed_str(it),
            Token::Bytes(it) => visitor.visit_borrowed_bytes(it),
            Token::Unit | Token::None => visitor.visit_unit(),
            compound => Err(compound.is_not(&visitor)),
        }
    }
}
