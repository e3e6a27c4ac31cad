//! Writing values.

use super::{
    bulk,
    error::Error,
    names::Names,
    output::{Allocate, Encoded, Output},
    stack::Stack,
    tag::*,
};
use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

/// In [`Encoder::run`]: the next value is not in a run.
const NO_RUN: u8 = 0;
/// In [`Encoder::run`]: the next value begins a run if it is a number. The tag of a number: the next value continues a
/// run of this type if it is such a number.
const BEGIN_RUN: u8 = u8::MAX;
/// Sequences that may have fewer elements have no run, since its beginning would take more bytes than it saves.
pub(super) const FEWEST_IN_A_RUN: usize = 8;

/// Writes a value. Methods do not depend on the value's type, so that cells do not compile them. Only the way of
/// numbers in a run is inlined.
pub(super) struct Encoder {
    pub(super) output: Output,
    run: u8,
    names: Names,
    pub(super) stack: Stack,
}

impl Encoder {
    pub(super) fn new(allocate: Allocate) -> Encoder {
        Encoder {
            output: Output::new(allocate),
            run: NO_RUN,
            names: Names::default(),
            stack: Stack::begin(),
        }
    }

    /// Returns the encoded value.
    pub(super) fn finish(self) -> Encoded {
        self.output.finish()
    }

    pub(super) fn tag(&mut self, tag: u8) {
        self.run = NO_RUN;
        self.output.tail.push(tag);
    }

    #[inline]
    fn number<const N: usize>(&mut self, tag: u8, number: [u8; N]) {
        if self.run != tag {
            self.begin_number(tag);
        }
        self.output.tail.extend_from_slice(&number);
    }

    fn begin_number(&mut self, tag: u8) {
        if self.run == BEGIN_RUN {
            self.output.tail.extend_from_slice(&[RUN, tag, 0, 0, 0, 0]);
            self.run = tag;
        } else {
            self.tag(tag);
        }
    }

    /// Writes a number in LEB128.
    #[inline]
    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.output.tail.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.output.tail.push(length as u8);
    }

    pub(super) fn expected(&mut self, length: Option<usize>) {
        self.length(length.map_or(0, |length| length.saturating_add(1)));
    }

    fn text(&mut self, tag: u8, text: &[u8]) {
        self.tag(tag);
        self.length(text.len());
        self.output.tail.extend_from_slice(text);
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        if let Some(number) = self.names.expected(name) {
            // Zero is the end of a struct.
            self.length(number + 1);
        } else {
            self.unexpected_name(name);
        }
    }

    fn unexpected_name(&mut self, name: &'static str) {
        let (number, is_new) = self.names.number(name);
        self.length(number + 1);
        if is_new {
            self.length(name.len());
            self.output.tail.extend_from_slice(name.as_bytes());
        }
    }

    /// Writes a part of a value.
    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Error> {
        match bulk::write_array(part, self) {
            Some(written) => written,
            None => part.serialize(self),
        }
    }

    fn variant(&mut self, tag: u8, name: &'static str) {
        self.tag(tag);
        self.name(name);
    }

    fn sequence(&mut self, length: Option<usize>) -> Result<Elements<'_>, Error> {
        self.stack.check()?;
        self.tag(SEQUENCE);
        self.expected(length);
        if length.is_none_or(|length| length >= FEWEST_IN_A_RUN) {
            self.run = BEGIN_RUN;
        }
        Ok(Elements {
            count_at: self.output.position() + 2,
            encoder: self,
            count: 0,
        })
    }
}

/// The elements of a sequence that is being written.
pub(super) struct Elements<'a> {
    encoder: &'a mut Encoder,
    /// The elements in the run, and where their count is written if there is a run.
    count: u32,
    count_at: usize,
}

impl Elements<'_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
        self.encoder.part(element)?;
        // Writing anything but a number of the run's type has ended the run.
        if self.encoder.run != NO_RUN {
            self.count += 1;
            if self.count == u32::MAX {
                self.encoder.run = NO_RUN;
            }
        }
        Ok(())
    }

    fn finish(self) {
        if self.count > 0 {
            self.encoder.output.replace(self.count_at, self.count.to_le_bytes());
        }
        self.encoder.tag(END);
    }
}

macro_rules! numbers {
    ($($method:ident $number:ty, $tag:ident;)*) => {$(
        #[inline]
        fn $method(self, number: $number) -> Result<(), Error> {
            self.number($tag, number.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Elements<'a>;
    type SerializeMap = &'a mut Encoder;
    type SerializeStruct = &'a mut Encoder;
    type SerializeStructVariant = &'a mut Encoder;

    numbers! {
        serialize_u8 u8, U8;
        serialize_u16 u16, U16;
        serialize_u32 u32, U32;
        serialize_u64 u64, U64;
        serialize_u128 u128, U128;
        serialize_i8 i8, I8;
        serialize_i16 i16, I16;
        serialize_i32 i32, I32;
        serialize_i64 i64, I64;
        serialize_i128 i128, I128;
        serialize_f32 f32, F32;
        serialize_f64 f64, F64;
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.tag(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Error> {
        self.tag(CHAR);
        self.output.tail.extend_from_slice(&u32::from(character).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(STRING, text.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        self.text(BYTES, bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.tag(NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.stack.check()?;
        self.tag(SOME);
        self.part(value)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.tag(UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.variant(UNIT_VARIANT, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        self.part(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.stack.check()?;
        self.variant(VARIANT, variant);
        self.part(value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'a>, Error> {
        self.sequence(length)
    }

    fn collect_seq<I>(self, row: I) -> Result<(), Error>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        if bulk::write_row(&row, self) {
            return Ok(());
        }
        let mut elements = row.into_iter();
        let length = match elements.size_hint() {
            (fewest, Some(most)) if fewest == most => Some(most),
            _ => None,
        };
        let mut sequence = self.sequence(length)?;
        elements.try_for_each(|element| sequence.element(&element))?;
        sequence.finish();
        Ok(())
    }

    fn serialize_tuple(self, length: usize) -> Result<Elements<'a>, Error> {
        self.sequence(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Elements<'a>, Error> {
        self.sequence(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Elements<'a>, Error> {
        self.variant(VARIANT, variant);
        self.sequence(Some(length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<&'a mut Encoder, Error> {
        self.stack.check()?;
        self.tag(MAP);
        self.expected(length);
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<&'a mut Encoder, Error> {
        self.stack.check()?;
        self.tag(STRUCT);
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<&'a mut Encoder, Error> {
        self.stack.check()?;
        self.variant(VARIANT, variant);
        self.tag(STRUCT);
        Ok(self)
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident;)*) => {$(
        impl $trait for Elements<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, element: &T) -> Result<(), Error> {
                self.element(element)
            }

            fn end(self) -> Result<(), Error> {
                self.finish();
                Ok(())
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl $trait for &mut Encoder {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
                self.name(name);
                self.part(value)
            }

            fn end(self) -> Result<(), Error> {
                self.tag(END);
                Ok(())
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

impl SerializeMap for &mut Encoder {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.part(value)
    }

    fn end(self) -> Result<(), Error> {
        self.tag(END);
        Ok(())
    }
}
