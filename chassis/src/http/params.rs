//! The parameters in a path: where they are, and how they become a type.

use crate::error::{Error, Result, code};
use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, Visitor, value::MapDeserializer, value::SeqDeserializer},
    forward_to_deserialize_any,
};
use std::{borrow::Cow, fmt, sync::Arc};

/// The parameters that a path matched: the spans of their values in it.
#[derive(Clone)]
pub(crate) struct Params {
    path: PathAndQuery,
    names: Arc<[Box<str>]>,
    spans: [Span; FEW],
    /// Those for which there is no room in `spans`.
    more: Vec<Span>,
}

/// From where to where in the path. A URI has at most 65,534 bytes.
type Span = (u16, u16);

/// How many parameters need no allocation.
const FEW: usize = 4;

impl Params {
    /// The parameters at these places in `path`.
    pub(super) fn new<'p>(
        path: PathAndQuery,
        names: Arc<[Box<str>]>,
        values: impl Iterator<Item = (usize, &'p str)>,
    ) -> Self {
        let mut params = Self {
            path,
            names,
            spans: [(0, 0); FEW],
            more: Vec::new(),
        };
        let place = |place: usize| u16::try_from(place).unwrap_or(u16::MAX);
        for (index, (from, value)) in values.enumerate() {
            let span = (place(from), place(from + value.len()));
            match params.spans.get_mut(index) {
                Some(free) => *free = span,
                None => params.more.push(span),
            }
        }
        params
    }

    /// Names and values, as they stand in the path.
    pub(super) fn raw(&self) -> impl Iterator<Item = (&str, &str)> {
        let path = self.path.path();
        let value = move |&(from, to): &Span| path.get(from.into()..to.into()).unwrap_or("");
        let spans = self.spans.iter().chain(&self.more);
        self.names
            .iter()
            .zip(spans)
            .map(move |(name, span)| (&**name, value(span)))
    }

    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(Pairs(self)).map_err(|wrong| match wrong {
            Malformed::Value(text) => Error::new(code::BAD_REQUEST, text),
            // No request could be right.
            Malformed::Count(text) => Error::msg(text),
        })
    }
}

/// What is wrong with a parameter.
#[derive(Debug)]
enum Malformed {
    /// A value is not of the type that the handler takes.
    Value(String),
    /// The handler takes another number of values.
    Count(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Value(text) | Self::Count(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Malformed {}

impl de::Error for Malformed {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

/// All parameters: a struct or map takes them by name, a tuple by position, anything else the only one.
struct Pairs<'a>(&'a Params);

impl<'a> Pairs<'a> {
    fn only(self) -> Result<Value<'a>, Malformed> {
        match self.0.names.len() {
            1 => self.values().next().unwrap_or_else(|| Err(none())),
            count => Err(Malformed::Count(format!(
                "the path has {count} parameters, and the handler takes one"
            ))),
        }
    }

    fn all(self) -> Result<Vec<Value<'a>>, Malformed> {
        self.values().collect()
    }

    fn values(self) -> impl Iterator<Item = Result<Value<'a>, Malformed>> {
        self.0.raw().map(|(name, raw)| {
            let text = percent_decode_str(raw).decode_utf8().map_err(|_| {
                Malformed::Value(format!("the path parameter `{name}` is not UTF-8"))
            })?;
            Ok(Value { name, text })
        })
    }
}

#[cold]
fn none() -> Malformed {
    Malformed::Count("the path has no parameters, and the handler takes one".to_owned())
}

macro_rules! only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Pairs<'de> {
    type Error = Malformed;

    only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_any
        deserialize_option deserialize_identifier
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        let values = self.all()?;
        let pairs = values.into_iter().map(|value| (value.name, value));
        visitor.visit_map(MapDeserializer::new(pairs))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_seq(SeqDeserializer::new(self.all()?.into_iter()))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        let count = self.0.names.len();
        if len != count {
            return Err(Malformed::Count(format!(
                "the path has {count} parameters, and the handler takes {len}"
            )));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        self.deserialize_tuple(len, visitor)
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct ignored_any }
}

/// One decoded value.
struct Value<'a> {
    name: &'a str,
    text: Cow<'a, str>,
}

macro_rules! parse {
    ($($method:ident $visit:ident $what:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
            match self.text.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Malformed::Value(format!(
                    "the path parameter `{}` is {}, not `{}`", self.name, $what, self.text
                ))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Malformed;

    parse! {
        deserialize_bool visit_bool "`true` or `false`";
        deserialize_i8 visit_i8 "a whole number from -128 to 127";
        deserialize_i16 visit_i16 "a whole number of 16 bits";
        deserialize_i32 visit_i32 "a whole number of 32 bits";
        deserialize_i64 visit_i64 "a whole number of 64 bits";
        deserialize_i128 visit_i128 "a whole number";
        deserialize_u8 visit_u8 "a whole number from 0 to 255";
        deserialize_u16 visit_u16 "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 "a whole number of 32 bits, not negative";
        deserialize_u64 visit_u64 "a whole number of 64 bits, not negative";
        deserialize_u128 visit_u128 "a whole number, not negative";
        deserialize_f32 visit_f32 "a number";
        deserialize_f64 visit_f64 "a number";
        deserialize_char visit_char "one character";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        match self.text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Malformed> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Malformed> {
        visitor.visit_enum(de::value::CowStrDeserializer::<Malformed>::new(self.text))
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> de::IntoDeserializer<'de, Malformed> for Value<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
