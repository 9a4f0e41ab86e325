//! Query strings: read like forms, but with problems that name the parameter, and only UTF-8.

use std::{
    borrow::Cow,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Visitor,
        value::{Error, MapDeserializer},
    },
    forward_to_deserialize_any,
};

use super::data_error;
use crate::{
    domain::Invalid,
    http::problem::{Problem, Result},
};

/// The parameters after the `?`.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self).map_err(Problem::from))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> std::result::Result<T, Invalid> {
    let pairs: Vec<(Part<'_>, Part<'_>)> =
        url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (Part(name), Part(value))).collect();
    // Decoding replaces what is not UTF-8 by U+FFFD, which nobody sends on purpose.
    if let Some((name, _)) =
        pairs.iter().find(|(name, value)| name.0.contains('\u{fffd}') || value.0.contains('\u{fffd}'))
    {
        return Err(Invalid::new(name.0.chars().take(100).collect::<String>(), "not_utf8", "must be UTF-8"));
    }
    let reader: MapDeserializer<'_, _, Error> = MapDeserializer::new(pairs.into_iter());
    serde_path_to_error::deserialize(reader).map_err(|error| data_error::to_invalid(&error, "query"))
}

/// One name or value: text that is parsed as whatever is asked for.
struct Part<'a>(Cow<'a, str>);

impl<'de> IntoDeserializer<'de, Error> for Part<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident as $type:ty => $visit:ident, $expected:literal;)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Error> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Error::custom(concat!("must be ", $expected))),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Part<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Error> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    parsed! {
        deserialize_bool as bool => visit_bool, "true or false";
        deserialize_u8 as u8 => visit_u8, "a whole number";
        deserialize_u16 as u16 => visit_u16, "a whole number";
        deserialize_u32 as u32 => visit_u32, "a whole number";
        deserialize_u64 as u64 => visit_u64, "a whole number";
        deserialize_i32 as i32 => visit_i32, "a whole number";
        deserialize_i64 as i64 => visit_i64, "a whole number";
        deserialize_f64 as f64 => visit_f64, "a number";
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Draft,
        Published,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        tag: Option<String>,
        limit: Option<u32>,
        kind: Option<Kind>,
    }

    #[test]
    fn a_query_is_read_by_type() {
        let filter: Filter = parse("tag=a+b%20%C3%A9&limit=5&kind=published").unwrap();
        assert_eq!(filter, Filter { tag: Some("a b é".into()), limit: Some(5), kind: Some(Kind::Published) });
        assert_eq!(parse::<Filter>("").unwrap(), Filter { tag: None, limit: None, kind: None });
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let cases = [
            ("limit=x", "limit must be a whole number"),
            ("limit=-1", "limit must be a whole number"),
            ("tga=x", "tga is not a field of this request"),
            ("tag=%ff", "tag must be UTF-8"),
            ("kind=x", "kind must be `draft` or `published`"),
        ];
        for (query, sentence) in cases {
            assert_eq!(parse::<Filter>(query).unwrap_err().to_string(), sentence, "{query}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        assert_eq!(parse::<Filter>("tag=a&tag=b").unwrap_err().code, "duplicate_field");
    }
}
