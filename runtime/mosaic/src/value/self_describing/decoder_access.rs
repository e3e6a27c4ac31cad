//! Access to the parts of values that are being read.

use super::{
    decoder::Decoder,
    error::{Error, malformed},
    run::Run,
    tag,
    token::Token,
};
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected,
        VariantAccess, Visitor,
    },
};

/// The elements of a sequence or a tuple, or bytes as elements.
pub(super) struct Elements<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    expected: Option<usize>,
    /// What the remaining elements in the run are, and how many.
    run: Run,
    in_run: usize,
    ending: Ending,
    /// Where the last element began.
    begin: usize,
}

/// How a sequence ends.
#[derive(PartialEq, Eq)]
enum Ending {
    /// With an `END`.
    Marked,
    /// After its last element.
    Last,
    /// The end was read.
    Reached,
}

impl<'a, 'de> Elements<'a, 'de> {
    /// Returns access to the elements whose beginning was read.
    ///
    /// # Errors
    ///
    /// `token` does not begin a sequence.
    pub(super) fn of(token: Token<'de>, decoder: &'a mut Decoder<'de>) -> Result<Elements<'a, 'de>, Error> {
        let bytes = Run::numbers(tag::U8);
        let (expected, run, in_run, ending) = match token {
            Token::Sequence { expected } => (expected, bytes, 0, Ending::Marked),
            Token::Tuple(Run { tag, width }) => {
                let width = usize::from(width);
                (Some(width), Run::numbers(tag), width, Ending::Last)
            }
            Token::Bytes(content) => {
                decoder.position -= content.len();
                (Some(content.len()), bytes, content.len(), Ending::Last)
            }
            token => return Err(token.is_not(&"a sequence")),
        };
        Ok(Elements {
            // No element begins before the sequence does.
            begin: decoder.position.wrapping_sub(1),
            decoder,
            expected,
            run,
            in_run,
            ending,
        })
    }

    /// Prepares for the next element. Returns `false` at the end.
    #[inline]
    fn advance(&mut self) -> Result<bool, Error> {
        if self.in_run > 0 && self.begin != self.decoder.position && self.decoder.is_settled() {
            self.begin = self.decoder.position;
            self.in_run -= 1;
            self.announce();
            return Ok(true);
        }
        self.advance_tagged()
    }

    /// As [`Elements::advance`], when the element is not the next one in a run.
    fn advance_tagged(&mut self) -> Result<bool, Error> {
        if self.ending == Ending::Reached {
            return Ok(false);
        }
        if self.begin == self.decoder.position || !self.decoder.is_settled() {
            return Err(unread("an element"));
        }
        self.begin = self.decoder.position;
        if self.in_run == 0 {
            if self.ending == Ending::Last || self.decoder.read_end() {
                self.ending = Ending::Reached;
                return Ok(false);
            }
            let Some((run, count)) = self.decoder.read_run()? else {
                return Ok(true);
            };
            if count == 0 {
                return Err(malformed());
            }
            (self.run, self.in_run) = (run, count);
        }
        self.in_run -= 1;
        self.announce();
        Ok(true)
    }

    #[inline]
    fn announce(&mut self) {
        match self.run.width {
            0 => self.decoder.announce_number(self.run.tag),
            _ => self.decoder.announce_tuple(self.run),
        }
    }

    /// Gives the elements to a visitor, which has to read them all.
    pub(super) fn visit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_seq(&mut self);
        self.end();
        value
    }

    fn end(mut self) {
        if !matches!(self.advance(), Ok(false)) {
            self.decoder.leave();
        }
    }

    pub(super) fn skip(&mut self) -> Result<(), Error> {
        while self.advance()? {
            self.decoder.skip()?;
        }
        Ok(())
    }

    /// Reads the element number `index`.
    pub(super) fn nth<T: DeserializeOwned>(&mut self, index: usize) -> Result<T, Error> {
        for _ in 0..index {
            self.next_element::<IgnoredAny>()?;
        }
        match self.next_element()? {
            Some(element) => Ok(element),
            None => Err(Error::invalid_length(index, &"a longer tuple")),
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        match self.advance()? {
            true => seed.deserialize(&mut *self.decoder).map(Some),
            false => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.expected
    }
}

/// The entries of a map, the fields of a struct, or a variant with its content as the only entry.
pub(super) struct Entries<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    expected: Option<usize>,
    keys: Keys<'de>,
    /// Where the last key or value began.
    begin: usize,
}

/// The keys that remain.
#[derive(Clone, Copy)]
enum Keys<'de> {
    /// Values, up to an `END`.
    Values,
    /// Names, up to an `END`.
    Names,
    /// One name, which was read already.
    Name(&'de str),
    /// None, without an `END`.
    Nothing,
    /// None, and the end was read.
    Ended,
}

impl<'a, 'de> Entries<'a, 'de> {
    /// Returns access to the entries whose beginning was read.
    ///
    /// # Errors
    ///
    /// `token` does not begin a map, a struct or a variant.
    pub(super) fn of(token: Token<'de>, decoder: &'a mut Decoder<'de>) -> Result<Entries<'a, 'de>, Error> {
        let (expected, keys) = match token {
            Token::Map { expected } => (expected, Keys::Values),
            Token::Struct => (None, Keys::Names),
            Token::Variant(name) => (Some(1), Keys::Name(name)),
            token => return Err(token.is_not(&"a map")),
        };
        Ok(Entries {
            // No entry begins before the map does.
            begin: decoder.position.wrapping_sub(1),
            decoder,
            expected,
            keys,
        })
    }

    /// Prepares for the next key. Returns `false` at the end.
    fn advance(&mut self) -> Result<bool, Error> {
        if let Keys::Ended = self.keys {
            return Ok(false);
        }
        self.check_read("a value")?;
        let name = match self.keys {
            Keys::Name(name) => {
                self.keys = Keys::Nothing;
                Some(name)
            }
            Keys::Nothing => {
                self.keys = Keys::Ended;
                return Ok(false);
            }
            _ if self.decoder.read_end() => {
                self.keys = Keys::Ended;
                return Ok(false);
            }
            Keys::Names => Some(self.decoder.name()?),
            Keys::Values | Keys::Ended => None,
        };
        self.begin = self.decoder.position;
        if let Some(name) = name {
            self.decoder.announce_name(name);
        }
        Ok(true)
    }

    /// Prepares for the value of the key that was read.
    fn begin_value(&mut self) -> Result<(), Error> {
        if let Keys::Values = self.keys {
            self.check_read("a key")?;
            self.begin = self.decoder.position;
        }
        match self.decoder.is_settled() {
            true => Ok(()),
            false => Err(unread("a name")),
        }
    }

    /// Checks that the last key or value, which `part` names, was read.
    fn check_read(&self, part: &str) -> Result<(), Error> {
        match self.begin != self.decoder.position && self.decoder.is_settled() {
            true => Ok(()),
            false => Err(unread(part)),
        }
    }

    /// Gives the entries to a visitor, which has to read them all.
    pub(super) fn visit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_map(&mut self);
        self.end();
        value
    }

    fn end(mut self) {
        if !matches!(self.advance(), Ok(false)) {
            self.decoder.leave();
        }
    }

    pub(super) fn skip(&mut self) -> Result<(), Error> {
        while self.advance()? {
            self.decoder.skip()?;
            self.begin_value()?;
            self.decoder.skip()?;
        }
        Ok(())
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        match self.advance()? {
            true => seed.deserialize(&mut *self.decoder).map(Some),
            false => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.begin_value()?;
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        self.expected
    }
}

#[cold]
#[inline(never)]
fn unread(part: &str) -> Error {
    Error::new(&format_args!("the type did not read {part}"))
}

/// The beginning of a variant of an enum.
#[derive(Clone, Copy)]
pub(super) struct VariantHead<'de> {
    name: &'de str,
    has_content: bool,
    /// Whether an `END` follows the content: the enum was written as a map or a struct with one entry.
    has_end: bool,
}

impl<'de> VariantHead<'de> {
    /// Reads the beginning of a variant from its first token on. Returns `None` if `token` begins no variant.
    ///
    /// As in JSON, a text is a variant without fields, and a map or a struct with one entry is a variant with fields.
    pub(super) fn read(token: Token<'de>, decoder: &mut Decoder<'de>) -> Result<Option<VariantHead<'de>>, Error> {
        let (name, has_content, has_end) = match token {
            Token::UnitVariant(name) | Token::Text(name) => (name, false, false),
            Token::Variant(name) => (name, true, false),
            Token::Struct if !decoder.read_end() => (decoder.name()?, true, true),
            Token::Map { .. } if !decoder.read_end() => match decoder.token()? {
                Token::Text(name) => (name, true, true),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(VariantHead {
            name,
            has_content,
            has_end,
        }))
    }

    /// Reads the end of the variant.
    pub(super) fn end(self, decoder: &mut Decoder<'de>) {
        if self.has_end && !decoder.read_end() {
            decoder.leave();
        }
    }
}

/// A variant of an enum.
pub(super) struct Variant<'a, 'de> {
    pub(super) decoder: &'a mut Decoder<'de>,
    pub(super) head: VariantHead<'de>,
}

impl<'a, 'de> Variant<'a, 'de> {
    /// Checks that the variant has fields, and returns their decoder.
    fn content(self, expected: &str) -> Result<&'a mut Decoder<'de>, Error> {
        match self.head.has_content {
            true => Ok(self.decoder),
            false => Err(Error::invalid_type(Unexpected::UnitVariant, &expected)),
        }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        self.decoder.announce_name(self.head.name);
        let name = seed.deserialize(&mut *self.decoder)?;
        match self.decoder.is_settled() {
            true => Ok((name, self)),
            false => Err(unread("the name of a variant")),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        match self.head.has_content {
            true => <()>::deserialize(self.decoder),
            false => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content("newtype variant")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.content("tuple variant")?.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.content("struct variant")?.deserialize_struct("", fields, visitor)
    }
}
