//! The cells of a row: a serialiser that goes one level deep, and leaves the rest to JSON.

use crate::table::VALUE;
use serde::{
    Serialize, Serializer,
    ser::{
        Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};
use serde_json::Error;

/// The names of a row's columns, with the texts of its cells.
pub(super) type RowCells = Vec<(String, String)>;

/// The name of the column that tells the variant of an enum.
const VARIANT: &str = "variant";

/// Returns the cells of a value. Not an error of serde's, as only its text is shown.
pub(super) fn cells<T: Serialize + ?Sized>(row: &T) -> Result<RowCells, String> {
    row.serialize(Row::default()).map_err(|error| error.to_string())
}

/// Serialises a row.
#[derive(Default)]
struct Row {
    cells: RowCells,
    key: String,
}

impl Row {
    fn of_variant(variant: &str) -> Row {
        Row {
            cells: vec![(VARIANT.to_owned(), variant.to_owned())],
            key: String::new(),
        }
    }

    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.cells.push((name.to_owned(), text(value)?));
        Ok(())
    }

    /// Adds a cell with the number of its column as name.
    fn add_next<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let number = self.cells.iter().filter(|(name, _)| name != VARIANT).count();
        self.add(&number.to_string(), value)
    }

    fn only<T: Serialize + ?Sized>(mut self, value: &T) -> Result<RowCells, Error> {
        self.add(VALUE, value)?;
        Ok(self.cells)
    }
}

/// Implements the methods for values without parts: each is the only cell of its row.
macro_rules! only {
    ($($method:ident($type:ty);)*) => {$(
        fn $method(self, value: $type) -> Result<RowCells, Error> { self.only(&value) }
    )*};
}

impl Serializer for Row {
    type Ok = RowCells;
    type Error = Error;
    type SerializeSeq = Row;
    type SerializeTuple = Row;
    type SerializeTupleStruct = Row;
    type SerializeTupleVariant = Row;
    type SerializeMap = Row;
    type SerializeStruct = Row;
    type SerializeStructVariant = Row;

    only! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_i128(i128); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
        serialize_u128(u128); serialize_f32(f32); serialize_f64(f64); serialize_char(char); serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    fn serialize_none(self) -> Result<RowCells, Error> {
        Ok(self.cells)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<RowCells, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<RowCells, Error> {
        Ok(self.cells)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<RowCells, Error> {
        Ok(self.cells)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<RowCells, Error> {
        Ok(Row::of_variant(variant).cells)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<RowCells, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<RowCells, Error> {
        Row::of_variant(variant).only(value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Row, Error> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Row, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Row, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Row, Error> {
        Ok(Row::of_variant(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Row, Error> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Row, Error> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Row, Error> {
        Ok(Row::of_variant(variant))
    }
}

/// Implements a trait for the parts of a value that have no names.
macro_rules! numbered {
    ($($trait:ident::$method:ident;)*) => {$(
        impl $trait for Row {
            type Ok = RowCells;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.add_next(value)
            }

            fn end(self) -> Result<RowCells, Error> {
                Ok(self.cells)
            }
        }
    )*};
}

numbered! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// Implements a trait for the fields of a value.
macro_rules! named {
    ($($trait:ident)*) => {$(
        impl $trait for Row {
            type Ok = RowCells;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
                self.add(name, value)
            }

            fn end(self) -> Result<RowCells, Error> {
                Ok(self.cells)
            }
        }
    )*};
}

named! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Row {
    type Ok = RowCells;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = text(key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = std::mem::take(&mut self.key);
        self.add(&key, value)
    }

    fn end(self) -> Result<RowCells, Error> {
        Ok(self.cells)
    }
}

/// Returns the text of a cell: what [`Text`] writes, or JSON.
fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    value.serialize(Text).or_else(|_| serde_json::to_string(value))
}

/// Serialises a cell: texts without quotes, numbers as Rust writes them, and nothing that has parts.
struct Text;

/// Implements the methods for values that a format of Rust's writes.
macro_rules! formatted {
    ($($method:ident($type:ty): $format:literal;)*) => {$(
        fn $method(self, value: $type) -> Result<String, Error> { Ok(format!($format, value)) }
    )*};
}

/// The parts of a value that [`Text`] refuses.
type Parts = Impossible<String, Error>;

/// Refuses a value that has parts, which is then written as JSON.
fn refuse<T>() -> Result<T, Error> {
    Err(Error::custom("a value with parts"))
}

impl Serializer for Text {
    type Ok = String;
    type Error = Error;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    formatted! {
        serialize_bool(bool): "{}"; serialize_i8(i8): "{}"; serialize_i16(i16): "{}"; serialize_i32(i32): "{}";
        serialize_i64(i64): "{}"; serialize_i128(i128): "{}"; serialize_u8(u8): "{}"; serialize_u16(u16): "{}";
        serialize_u32(u32): "{}"; serialize_u64(u64): "{}"; serialize_u128(u128): "{}"; serialize_f32(f32): "{:?}";
        serialize_f64(f64): "{:?}"; serialize_char(char): "{}"; serialize_str(&str): "{}";
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<String, Error> {
        refuse()
    }

    fn serialize_none(self) -> Result<String, Error> {
        Ok(String::new())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<String, Error> {
        Ok(String::new())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<String, Error> {
        Ok(name.to_owned())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String, Error> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<String, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, Error> {
        refuse()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Error> {
        refuse()
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Error> {
        refuse()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Error> {
        refuse()
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, Error> {
        refuse()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Error> {
        refuse()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Error> {
        refuse()
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Parts, Error> {
        refuse()
    }
}
