//! What handlers take out of a request: JSON bodies, queries, paths, pages and the trace. Each refuses with a problem
//! that names the field. Who may call is `auth.rs`; conditional headers are `etag.rs`.

mod body;
mod data_error;
mod json;
mod page;
mod query;

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use serde::de::DeserializeOwned;

use super::{
    problem::{Code, Problem, Result},
    tracing::trace_of,
};
use crate::domain::TraceContext;

pub use body::Form;
pub use json::{Json, JsonWithHash};
pub use page::{DEFAULT_LIMIT, MAX_LIMIT, PageParams};
pub use query::Query;

/// The variable parts of the path. One that does not parse names nothing: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = web::Path::<T>::from_request(request, payload).into_inner();
        ready(path.map(|path| Self(path.into_inner())).map_err(|_| Problem::new(Code::NotFound)))
    }
}

/// The request's trace: from its `traceparent`, else newly made. It travels with the events that the request causes.
#[derive(Debug, Clone, Copy)]
pub struct Trace(pub TraceContext);

impl FromRequest for Trace {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(trace_of(request))))
    }
}
