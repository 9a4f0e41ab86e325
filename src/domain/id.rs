//! Identifiers: one newtype per kind of thing. All are ULIDs, so they sort by creation time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::Invalid;

macro_rules! ulid_newtype {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Ulid);

        impl $name {
            /// Makes an id from the time in milliseconds since 1970 and 80 random bits.
            #[must_use]
            pub const fn from_parts(unix_millis: u64, random: u128) -> Self {
                Self(Ulid::from_parts(unix_millis, random))
            }

            /// Makes a new id from the system's clock and randomness.
            #[must_use]
            pub fn generate() -> Self {
                Self(Ulid::generate())
            }

            /// When it was made, in milliseconds since 1970.
            #[must_use]
            pub fn unix_millis(&self) -> u64 {
                self.0.timestamp_ms()
            }

            /// The low 80 bits, which are random.
            #[must_use]
            pub fn random(&self) -> u128 {
                self.0.random()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Ulid::from_string(text).map(Self).map_err(|_| {
                    Invalid::new($field, "invalid_id", "must be a ULID: 26 characters of Crockford's base 32")
                })
            }
        }
    };
}

ulid_newtype!(
    /// A post.
    PostId,
    "post"
);
ulid_newtype!(
    /// An account: an author, a reader, or both.
    AccountId,
    "account"
);
ulid_newtype!(
    /// A signed-in session: one family of refresh tokens.
    SessionId,
    "session"
);
ulid_newtype!(
    /// An operator's job: a redrive or a discard.
    JobId,
    "job"
);
