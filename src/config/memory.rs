//! A setting for memory: a size, or a part of the container's limit.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, Visitor},
};

use super::Size;

/// How much memory the embedded database may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// A quarter of the memory limit of the container or service.
    Auto,
    /// A fixed size.
    Size(Size),
}

/// The text is neither `auto` nor a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a size such as 256MiB, or \"auto\"")]
pub struct NotMemory;

impl FromStr for Memory {
    type Err = NotMemory;

    fn from_str(text: &str) -> Result<Self, NotMemory> {
        if text.trim() == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::Size).map_err(|_| NotMemory)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Size(size) => size.fmt(f),
        }
    }
}

impl Serialize for Memory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Memory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;

        impl Visitor<'_> for TextOrNumber {
            type Value = Memory;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as 256MiB, or \"auto\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Memory, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Memory, E> {
                bytes.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(TextOrNumber).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_auto_or_a_size() {
        for (text, memory) in [
            ("auto", Memory::Auto),
            ("256 MiB", Memory::Size(Size::mib(256))),
            ("67108864", Memory::Size(Size::mib(64))),
        ] {
            assert_eq!(text.parse(), Ok(memory));
            assert_eq!(memory.to_string().parse(), Ok(memory));
        }
        for text in ["", "all", "-1", "50%", "auto 1"] {
            assert_eq!(text.parse::<Memory>(), Err(NotMemory), "{text}");
        }
    }
}
