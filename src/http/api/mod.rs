//! The handlers of `/v1` outside identity: parse, authorize, one call, a view. What a route is called on the wire stands in
//! `http::routes`; rules about posts live in `domain`, queries in `store`.

pub mod atom;
pub mod authors;
pub mod conditional;
pub mod feed;
pub mod follows;
pub mod html_cache;
pub mod me;
pub mod page;
pub mod posts;
pub mod refusals;
pub mod search;
pub mod view;

pub use html_cache::HtmlCache;
