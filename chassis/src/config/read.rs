//! A tree as a serde data format.

use std::{collections::btree_map, slice};

use serde::{
    de::{
        self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
        value::MapAccessDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    environment,
    fault::Fault,
    key::{Key, variant},
    tree::{Node, Origin, Tree},
};

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a Tree);

impl<'a> Reader<'a> {
    fn any<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.node {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Node::String(value) => visitor.visit_str(value),
            Node::List(items) => list(items, visitor),
            Node::Map(_) => self.map(&[], visitor),
        }
    }

    fn map<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(self.entries(fields))
    }

    fn entries(self, fields: &'static [&'static str]) -> Entries<'a> {
        Entries {
            tree: self.0,
            entries: self.0.as_map().map(btree_map::BTreeMap::iter),
            fields,
            next: None,
        }
    }

    /// A key with nothing below it is an empty section, not a null.
    fn is_empty(self) -> bool {
        matches!(self.0.node, Node::Null)
            || self.0.as_map().is_some_and(btree_map::BTreeMap::is_empty)
    }

    fn told<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|fault| fault.about(self.0))
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.told(self.any(visitor))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.told(match &self.0.text {
            Some(text) => visitor.visit_str(text),
            None => self.any(visitor),
        })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.node {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let first = self.0.as_map().and_then(|map| map.iter().next());
        self.told(match first {
            // A plugin without settings says so by `()`: then any key is an unknown one.
            Some((key, value)) => Err(<Fault as de::Error>::unknown_field(key, &[])
                .at(value.key_place())
                .under(key)),
            None if self.is_empty() => visitor.visit_unit(),
            None => self.any(visitor),
        })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.told(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.told(match self.0.node {
            Node::Null => list(&[], visitor),
            _ => self.any(visitor),
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.told(if self.is_empty() {
            self.map(&[], visitor)
        } else {
            self.any(visitor)
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        // Not a list, which derived code would take for the fields in order.
        self.told(match self.0.node {
            Node::Map(_) | Node::Null => self.map(fields, visitor),
            _ => Err(Fault::expected("a map")),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let text = self.0.text.as_deref();
        self.told(match (&self.0.node, text) {
            (Node::Map(_), _) => visitor.visit_enum(MapAccessDeserializer::new(self.entries(&[]))),
            (Node::String(text), _) => visitor.visit_enum(variant(text)),
            (_, Some(text)) => visitor.visit_enum(variant(text)),
            _ => Err(Fault::expected("a string or a map")),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char
        bytes byte_buf tuple tuple_struct identifier ignored_any
    }
}

fn list<'de, V: Visitor<'de>>(items: &[Tree], visitor: V) -> Result<V::Value, Fault> {
    visitor.visit_seq(Items {
        items: items.iter().enumerate(),
    })
}

struct Items<'a> {
    items: std::iter::Enumerate<slice::Iter<'a, Tree>>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, tree)) = self.items.next() else {
            return Ok(None);
        };
        seed.deserialize(Reader(tree))
            .map(Some)
            // Types that make an error of their own out of ours have lost the place.
            .map_err(|fault| fault.about(tree).under(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'a> {
    tree: &'a Tree,
    entries: Option<btree_map::Iter<'a, String, Tree>>,
    fields: &'static [&'static str],
    next: Option<(&'a String, &'a Tree)>,
}

impl Entries<'_> {
    /// The field that a key from the environment means; `None` if the map has that field already.
    fn field<'k>(&self, key: &'k str, value: &Tree) -> Option<&'k str> {
        let from_environment = matches!(value.key_place(), Origin::Environment(_));
        if !from_environment || self.fields.contains(&key) {
            return Some(key);
        }
        match self
            .fields
            .iter()
            .find(|field| environment::matches(key, field))
        {
            // What was set under the exact key came from above the environment.
            Some(field) if self.tree.get(field).is_some() => None,
            Some(field) => Some(field),
            None => Some(key),
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        while let Some((key, value)) = self.entries.as_mut().and_then(Iterator::next) {
            let Some(name) = self.field(key, value) else {
                continue;
            };
            self.next = Some((key, value));
            return seed
                .deserialize(Key(name))
                .map(Some)
                .map_err(|fault| fault.about_key(value).under(key));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, value)) = self.next.take() else {
            return Err(<Fault as de::Error>::custom(
                "a value was asked for before its key",
            ));
        };
        // What reads the value may have made an error of its own, which knows no place.
        seed.deserialize(Reader(value))
            .map_err(|fault| fault.about(value).under(key))
    }
}
