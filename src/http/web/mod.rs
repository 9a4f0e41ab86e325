//! Pages for people, without a script: what links in mails lead to. No JSON, no problems.

pub mod unsubscribe;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}\
    button{font:inherit;padding:.5rem 1rem}";

/// A page: a heading and what stands below it, which is trusted HTML. It runs nothing, loads nothing, stays out of frames,
/// caches and search engines, and its forms lead back to this server.
fn page(status: StatusCode, heading: &str, content: &str) -> HttpResponse {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-robots-tag", "noindex"))
        .content_type("text/html; charset=utf-8")
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{heading}</title><style>{STYLE}</style>\
             <h1>{heading}</h1>{content}</html>\n"
        ))
}
