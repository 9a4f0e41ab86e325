//! `GET /metrics`, on the listener of its own: the node's stats for Prometheus. No token: the listener is not public.

use std::future::{Ready, ready};

use actix_web::{HttpResponse, web::Data};

use super::problem::{Problem, Result};
use crate::metrics::{CONTENT_TYPE, Exposition};

/// The stats of this moment, in the OpenMetrics text format.
pub fn get_metrics(exposition: Data<Exposition>) -> Ready<Result<HttpResponse>> {
    let text = exposition.text().map_err(Problem::internal);
    ready(text.map(|text| HttpResponse::Ok().content_type(CONTENT_TYPE).body(text)))
}
