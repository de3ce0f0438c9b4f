//! One line, read.
//!
//! A night of ten thousand DLEs logs hundreds of thousands of lines. Each begins with its time and then says what
//! happened, so what follows goes straight into the event of that name. What serde makes of an enum whose name may stand
//! anywhere first keeps all fields, twice, and takes several times as long.

use std::fmt;
use std::ops::Range;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

use super::{Logged, Named};

impl<'de> Deserialize<'de> for Logged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Line)
    }
}

/// Times that a line may have, in seconds since 1970: tens of thousands of years, that can be told from each other.
const TIMES: Range<i64> = -(1 << 40)..1 << 40;

/// What a line begins with.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Time,
    Event,
    #[serde(other)]
    Other,
}

struct Line;

impl<'de> Visitor<'de> for Line {
    type Value = Logged;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time, and then an event with its fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Logged, A::Error> {
        let mut time = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Time => time = Some(map.next_value()?),
                Key::Event => {
                    let time = time.ok_or_else(|| A::Error::missing_field("time"))?;
                    if !TIMES.contains(&time) {
                        return Err(A::Error::custom("no clock shows that time"));
                    }
                    return Ok(Logged { time, event: Named::deserialize(Event(map))? });
                }
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Err(A::Error::missing_field("event"))
    }
}

/// What is left of the line: the name of an event, and its fields.
struct Event<A>(A);

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Event<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Event<A> {
    type Error = A::Error;
    type Variant = Fields<A>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        mut self,
        seed: S,
    ) -> Result<(S::Value, Fields<A>), A::Error> {
        Ok((self.0.next_value_seed(seed)?, Fields(self.0)))
    }
}

struct Fields<A>(A);

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn unit_variant(mut self) -> Result<(), A::Error> {
        while self.0.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _seed: S) -> Result<S::Value, A::Error> {
        Err(A::Error::custom("an event has fields with names"))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _len: usize,
        _visitor: V,
    ) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("an event has fields with names"))
    }
}
