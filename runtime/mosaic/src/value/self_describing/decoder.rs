//! Reading values.

use super::{
    bulk,
    decoder_access::{Elements, Entries, Variant, VariantHead},
    error::{Error, ends_early, malformed},
    names::USUALLY_ENOUGH,
    run::Run,
    stack::Stack,
    tag::*,
    token::Token,
};
use serde::de::{Deserializer, Visitor};

/// What was not read yet of an encoded value.
pub(super) struct Decoder<'de> {
    bytes: &'de [u8],
    /// How many bytes were read.
    pub(super) position: usize,
    /// What the next value is if its own bytes do not say so: the tag of a number in a run, [`TUPLE`] or [`NAME`].
    /// Otherwise [`NOTHING`].
    pending: u8,
    /// The name of a field or a variant that is the next value.
    pending_name: &'de str,
    /// The run of the tuple that is the next value.
    pending_run: Run,
    /// The names that were read, in their order.
    names: Vec<&'de str>,
    /// Whether a visitor has left a part of its value.
    pub(super) is_left: bool,
    pub(super) stack: Stack,
}

/// In [`Decoder::pending`]: the next value says what it is.
const NOTHING: u8 = 0;
/// In [`Decoder::pending`]: the next value is a name, which was read already.
const NAME: u8 = u8::MAX;
/// In [`Decoder::pending`]: the next value is a tuple in a run.
const TUPLE: u8 = u8::MAX - 1;

impl<'de> Decoder<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Decoder<'de> {
        Decoder {
            bytes,
            position: 0,
            pending: NOTHING,
            pending_name: "",
            pending_run: Run::numbers(NOTHING),
            names: Vec::new(),
            is_left: false,
            stack: Stack::begin(),
        }
    }

    /// Checks that everything was read.
    pub(super) fn finish(&self) -> Result<(), Error> {
        if self.is_left || self.position < self.bytes.len() || !self.is_settled() {
            return Err(Error::new(&"the value has more elements or fields than its type reads"));
        }
        Ok(())
    }

    /// Remembers that a visitor has left a part of its value.
    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }

    /// Returns whether the element of a run or the name that was announced was read.
    #[inline]
    pub(super) fn is_settled(&self) -> bool {
        self.pending == NOTHING
    }

    #[inline]
    pub(super) fn announce_number(&mut self, tag: u8) {
        self.pending = tag;
    }

    pub(super) fn announce_tuple(&mut self, run: Run) {
        (self.pending, self.pending_run) = (TUPLE, run);
    }

    pub(super) fn announce_name(&mut self, name: &'de str) {
        (self.pending, self.pending_name) = (NAME, name);
    }

    /// Reads the `END` of a sequence, a map or a struct if it is next. Returns whether it was.
    pub(super) fn read_end(&mut self) -> bool {
        self.read_tag_if(END)
    }

    pub(super) fn read_tag_if(&mut self, tag: u8) -> bool {
        let is_next = self.is_settled() && self.bytes.get(self.position) == Some(&tag);
        self.position += usize::from(is_next);
        is_next
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'de [u8], Error> {
        let rest = &self.bytes[self.position..];
        let taken = rest.get(..length).ok_or_else(ends_early)?;
        self.position += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = &self.bytes[self.position..];
        let taken = rest.first_chunk().ok_or_else(ends_early)?;
        self.position += N;
        Ok(*taken)
    }

    /// Reads a number in LEB128.
    fn length(&mut self) -> Result<usize, Error> {
        if let Some(byte @ 0..0x80) = self.bytes.get(self.position) {
            self.position += 1;
            return Ok(usize::from(*byte));
        }
        let mut length = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let [byte] = self.array()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(length);
            }
        }
        Err(malformed())
    }

    pub(super) fn expected(&mut self) -> Result<Option<usize>, Error> {
        Ok(self.length()?.checked_sub(1))
    }

    fn sized(&mut self) -> Result<&'de [u8], Error> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'de str, Error> {
        str::from_utf8(self.sized()?).map_err(|error| Error::new(&error))
    }

    /// Reads the name of a field or a variant.
    pub(super) fn name(&mut self) -> Result<&'de str, Error> {
        let number = self.length()?.checked_sub(1).ok_or_else(malformed)?;
        if let Some(name) = self.names.get(number) {
            return Ok(name);
        }
        if number > self.names.len() {
            return Err(malformed());
        }
        if self.names.is_empty() {
            self.names.reserve(USUALLY_ENOUGH);
        }
        let name = self.text()?;
        self.names.push(name);
        Ok(name)
    }

    /// Reads a number if it is next and has the type of `tag`.
    #[inline]
    fn number<const N: usize>(&mut self, tag: u8) -> Option<[u8; N]> {
        let begin = match self.pending {
            NOTHING if self.bytes.get(self.position) == Some(&tag) => self.position + 1,
            pending if pending == tag => self.position,
            _ => return None,
        };
        let number = *self.bytes.get(begin..)?.first_chunk()?;
        self.pending = NOTHING;
        self.position = begin + N;
        Some(number)
    }

    /// Reads a value that is no compound, or the beginning of a compound.
    pub(super) fn token(&mut self) -> Result<Token<'de>, Error> {
        let tag = match std::mem::replace(&mut self.pending, NOTHING) {
            NOTHING => {
                let [tag] = self.array()?;
                tag
            }
            NAME => return Ok(Token::Text(self.pending_name)),
            TUPLE if self.is_left => return Err(malformed()),
            TUPLE => {
                self.stack.check()?;
                return Ok(Token::Tuple(self.pending_run));
            }
            number => number,
        };
        if self.is_left {
            return Err(malformed());
        }
        if matches!(tag, SEQUENCE | MAP | STRUCT | VARIANT) {
            self.stack.check()?;
        }
        Ok(match tag {
            FALSE => Token::Bool(false),
            TRUE => Token::Bool(true),
            UNIT => Token::Unit,
            NONE => Token::None,
            SOME => Token::Some,
            CHAR => Token::Char(char::from_u32(u32::from_le_bytes(self.array()?)).ok_or_else(malformed)?),
            STRING => Token::Text(self.text()?),
            BYTES => Token::Bytes(self.sized()?),
            SEQUENCE => Token::Sequence {
                expected: self.expected()?,
            },
            MAP => Token::Map {
                expected: self.expected()?,
            },
            STRUCT => Token::Struct,
            UNIT_VARIANT => Token::UnitVariant(self.name()?),
            VARIANT => Token::Variant(self.name()?),
            U8 => Token::U8(u8::from_le_bytes(self.array()?)),
            U16 => Token::U16(u16::from_le_bytes(self.array()?)),
            U32 => Token::U32(u32::from_le_bytes(self.array()?)),
            U64 => Token::U64(u64::from_le_bytes(self.array()?)),
            U128 => Token::U128(u128::from_le_bytes(self.array()?)),
            I8 => Token::I8(i8::from_le_bytes(self.array()?)),
            I16 => Token::I16(i16::from_le_bytes(self.array()?)),
            I32 => Token::I32(i32::from_le_bytes(self.array()?)),
            I64 => Token::I64(i64::from_le_bytes(self.array()?)),
            I128 => Token::I128(i128::from_le_bytes(self.array()?)),
            F32 => Token::F32(f32::from_le_bytes(self.array()?)),
            F64 => Token::F64(f64::from_le_bytes(self.array()?)),
            _ => return Err(malformed()),
        })
    }

    /// Reads a value for a type that says what it wants. If that is no option, `Some(value)` is `value`, as in JSON.
    pub(super) fn token_in_options(&mut self) -> Result<Token<'de>, Error> {
        loop {
            match self.token()? {
                Token::Some => {}
                token => return Ok(token),
            }
        }
    }

    /// Reads the beginning of a sequence, a tuple or bytes, and returns access to the elements.
    pub(super) fn elements(&mut self) -> Result<Elements<'_, 'de>, Error> {
        let token = self.token_in_options()?;
        Elements::of(token, self)
    }

    /// Returns whether the value is an option that only `Some` tells from another: some `Some`s around nothing.
    fn is_some_nothing(&self) -> bool {
        let tags = self.bytes[self.position..].iter();
        let tag = tags.copied().find(|tag| *tag != SOME);
        matches!(tag, Some(NONE | UNIT))
    }

    /// Skips a value.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        match self.token_in_options()? {
            token @ (Token::Sequence { .. } | Token::Tuple(_)) => Elements::of(token, self)?.skip(),
            token @ (Token::Map { .. } | Token::Struct | Token::Variant(_)) => Entries::of(token, self)?.skip(),
            _ => Ok(()),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty, $tag:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.number($tag) {
                Some(bytes) => visitor.$visit(<$number>::from_le_bytes(bytes)),
                None => self.token_in_options()?.visit_number(visitor),
            }
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.token_in_options()?.visit_text(visitor)
        }
    )*};
}

// A visitor only gets what it may expect from the method that was called, as in JSON. Every other call of a visitor
// would be code that each cell has to compile.
impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    numbers! {
        deserialize_u8 visit_u8 u8, U8;
        deserialize_u16 visit_u16 u16, U16;
        deserialize_u32 visit_u32 u32, U32;
        deserialize_u64 visit_u64 u64, U64;
        deserialize_u128 visit_u128 u128, U128;
        deserialize_i8 visit_i8 i8, I8;
        deserialize_i16 visit_i16 i16, I16;
        deserialize_i32 visit_i32 i32, I32;
        deserialize_i64 visit_i64 i64, I64;
        deserialize_i128 visit_i128 i128, I128;
        deserialize_f32 visit_f32 f32, F32;
        deserialize_f64 visit_f64 f64, F64;
    }

    texts! { deserialize_char deserialize_str deserialize_string deserialize_identifier }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token_in_options()? {
            Token::Bool(it) => visitor.visit_bool(it),
            token => Err(token.is_not(&visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token_in_options()? {
            Token::Unit | Token::None => visitor.visit_unit(),
            token => Err(token.is_not(&visitor)),
        }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let token = match self.token()? {
            Token::None => return visitor.visit_none(),
            // Other options are their value, as in JSON: few visitors expect an option.
            Token::Some if self.is_some_nothing() => {
                self.stack.check()?;
                return visitor.visit_some(self);
            }
            Token::Some => self.token_in_options()?,
            token => token,
        };
        match token {
            Token::Sequence { .. } | Token::Tuple(_) => Elements::of(token, self)?.visit(visitor),
            Token::Map { .. } | Token::Struct | Token::Variant(_) => Entries::of(token, self)?.visit(visitor),
            scalar => scalar.visit(visitor),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token_in_options()? {
            token @ (Token::Sequence { .. } | Token::Tuple(_)) => Elements::of(token, self)?.visit(visitor),
            Token::Bytes(it) => visitor.visit_borrowed_bytes(it),
            token => token.visit_text(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A type may contain options of itself without end, in no bytes.
        self.stack.check()?;
        if self.read_tag_if(SOME) {
            visitor.visit_some(self)
        } else if self.read_tag_if(NONE) || self.read_tag_if(UNIT) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(vector) = bulk::read_vector::<V, V::Value>(self) {
            return Ok(vector);
        }
        match self.token_in_options()? {
            token @ (Token::Sequence { .. } | Token::Tuple(_) | Token::Bytes(_)) => {
                Elements::of(token, self)?.visit(visitor)
            }
            token => Err(token.is_not(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token_in_options()? {
            token @ (Token::Map { .. } | Token::Struct | Token::Variant(_)) => Entries::of(token, self)?.visit(visitor),
            token => Err(token.is_not(&visitor)),
        }
    }

    // A struct that was written as a sequence is refused: each struct would need code for it in each cell.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let token = self.token_in_options()?;
        let Some(head) = VariantHead::read(token, self)? else {
            return Err(token.is_not(&visitor));
        };
        let value = visitor.visit_enum(Variant { decoder: self, head });
        head.end(self);
        value
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}
