use std::fmt::Display;

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::Value;

use super::{Mask, text};

/// The name under which serde_json serialises JSON that is text already. It is not part of what serde_json promises; a
/// test tells when it changes.
const RAW: &str = "$serde_json::private::RawValue";

/// A value of which a mask keeps some fields.
pub(crate) struct Masked<'a, T: ?Sized> {
    mask: &'a Mask,
    value: &'a T,
}

impl<'a, T: ?Sized> Masked<'a, T> {
    pub(super) fn new(mask: &'a Mask, value: &'a T) -> Self {
        Self { mask, value }
    }
}

impl<T: Serialize + ?Sized> Serialize for Masked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.mask {
            Mask::All => self.value.serialize(serializer),
            mask @ Mask::Fields(_) => self.value.serialize(Masking { mask, serializer }),
        }
    }
}

/// Serialises to `serializer` what `mask` keeps. Tuples and the variants of enums count as values that have no fields.
struct Masking<'m, S> {
    mask: &'m Mask,
    serializer: S,
}

/// Methods that pass a value on as it is.
macro_rules! pass_on {
    ($($method:ident($($argument:ident: $kind:ty),*) -> $result:ident;)*) => {
        $(
            fn $method(self, $($argument: $kind),*) -> Result<Self::$result, Self::Error> {
                self.serializer.$method($($argument),*)
            }
        )*
    };
}

impl<'m, S: Serializer> Serializer for Masking<'m, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = MaskedList<'m, S::SerializeSeq>;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = MaskedMap<'m, S::SerializeMap>;
    type SerializeStruct = MaskedStruct<'m, S>;
    type SerializeStructVariant = S::SerializeStructVariant;

    pass_on! {
        serialize_bool(value: bool) -> Ok;
        serialize_i8(value: i8) -> Ok;
        serialize_i16(value: i16) -> Ok;
        serialize_i32(value: i32) -> Ok;
        serialize_i64(value: i64) -> Ok;
        serialize_i128(value: i128) -> Ok;
        serialize_u8(value: u8) -> Ok;
        serialize_u16(value: u16) -> Ok;
        serialize_u32(value: u32) -> Ok;
        serialize_u64(value: u64) -> Ok;
        serialize_u128(value: u128) -> Ok;
        serialize_f32(value: f32) -> Ok;
        serialize_f64(value: f64) -> Ok;
        serialize_char(value: char) -> Ok;
        serialize_str(value: &str) -> Ok;
        serialize_bytes(value: &[u8]) -> Ok;
        serialize_none() -> Ok;
        serialize_unit() -> Ok;
        serialize_unit_struct(name: &'static str) -> Ok;
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str) -> Ok;
        serialize_tuple(length: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, length: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeTupleVariant;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, length: usize) -> SerializeStructVariant;
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.serializer.collect_str(value)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.serializer.serialize_some(&self.mask.apply(value))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.serializer
            .serialize_newtype_struct(name, &self.mask.apply(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.serializer
            .serialize_newtype_variant(name, index, variant, value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        let inner = self.serializer.serialize_seq(length)?;
        Ok(MaskedList {
            mask: self.mask,
            inner,
        })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        MaskedMap::begin(self)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        Ok(if name == RAW {
            let mask = self.mask;
            MaskedStruct::Raw {
                mask,
                inner: self.serializer.serialize_struct(name, length)?,
            }
        } else {
            MaskedStruct::Fields(MaskedMap::begin(self)?)
        })
    }

    fn is_human_readable(&self) -> bool {
        self.serializer.is_human_readable()
    }
}

/// A list, whose elements are masked.
struct MaskedList<'m, S> {
    mask: &'m Mask,
    inner: S,
}

impl<S: SerializeSeq> SerializeSeq for MaskedList<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.inner.serialize_element(&self.mask.apply(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

/// An object, whose fields are picked. How many there will be is not known beforehand.
struct MaskedMap<'m, S> {
    mask: &'m Mask,
    /// That of the value which comes next.
    next: Option<&'m Mask>,
    inner: S,
}

impl<'m, S: SerializeMap> MaskedMap<'m, S> {
    fn begin<T: Serializer<SerializeMap = S, Ok = S::Ok, Error = S::Error>>(
        masking: Masking<'m, T>,
    ) -> Result<Self, S::Error> {
        Ok(Self {
            mask: masking.mask,
            next: None,
            inner: masking.serializer.serialize_map(None)?,
        })
    }
}

impl<S: SerializeMap> SerializeMap for MaskedMap<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let name = match serde_json::to_value(key).map_err(S::Error::custom)? {
            Value::String(name) => name,
            other => other.to_string(),
        };
        self.next = self.mask.of(&name);
        match self.next {
            Some(_) => self.inner.serialize_key(key),
            None => Ok(()),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        match self.next {
            Some(mask) => self.inner.serialize_value(&mask.apply(value)),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

/// An object of known fields, or JSON that is text already.
enum MaskedStruct<'m, S: Serializer> {
    Fields(MaskedMap<'m, S::SerializeMap>),
    Raw {
        mask: &'m Mask,
        inner: S::SerializeStruct,
    },
}

impl<S: Serializer> SerializeStruct for MaskedStruct<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        match self {
            Self::Fields(fields) => match fields.mask.of(name) {
                Some(mask) => fields.inner.serialize_entry(name, &mask.apply(value)),
                None => Ok(()),
            },
            Self::Raw { mask, inner } => {
                let json = match serde_json::to_value(value) {
                    Ok(Value::String(json)) => text::filter(&json, mask),
                    _ => None,
                };
                let json = json.ok_or_else(|| S::Error::custom("what is stored is not JSON"))?;
                inner.serialize_field(name, &json)
            }
        }
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fields(fields) => fields.inner.end(),
            Self::Raw { inner, .. } => inner.end(),
        }
    }
}
