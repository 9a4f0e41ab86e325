//! The handlers of `/v1` outside identity: parse, authorize, one call, a view. What a route is called on the wire stands in
//! `http::routes`; rules about posts live in `domain`, queries in `store`.

pub mod atom;
pub mod authors;
pub mod conditional;
pub mod digest;
pub mod feed;
pub mod follows;
pub mod include;
pub mod me;
pub mod page;
pub mod post_url;
pub mod posts;
pub mod refusals;
pub mod renderer;
pub mod search;
pub mod summary;
pub mod view;

pub use post_url::PostUrls;
pub use renderer::Renderer;
