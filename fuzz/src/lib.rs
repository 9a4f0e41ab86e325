//! What reads text of strangers, mounted from the server's sources without its database, and what must hold of it.

#![allow(dead_code, reason = "of the modules mounted here only what is fuzzed is used")]

#[path = "../../src/clock.rs"]
pub mod clock;
#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/domain/mod.rs"]
pub mod domain;
#[path = "../../src/gateways/mod.rs"]
pub mod gateways;
#[path = "../../src/search/mod.rs"]
pub mod search;

/// Of the HTTP layer what needs no server.
#[path = "../../src/http"]
pub mod http {
    /// The Atom document.
    pub mod api {
        pub mod atom {
            pub mod document;
        }
    }
    /// Entity tags.
    pub mod etag {
        pub mod tags;
    }
}

/// Tokens.
#[path = "../../src/identity"]
pub mod identity {
    pub mod refresh_token;
    pub mod tokens;

    pub use refresh_token::RefreshToken;
    pub use tokens::Tokens;
}

#[path = "../properties/mod.rs"]
pub mod properties;
