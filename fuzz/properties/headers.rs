//! Headers that our own code parses.

use super::texts;
use crate::{domain::TraceContext, http::etag::tags::Tags};

/// `If-Match` matches only our tags; an accepted `traceparent` is passed on unchanged.
pub fn headers(data: &[u8]) {
    let [if_match, traceparent] = texts(data);
    if let Some(Tags::List(tags)) = Tags::parse(&if_match) {
        assert!(!tags.is_empty());
        for version in tags.iter().filter_map(|tag| tag.version()) {
            assert!(if_match.contains(&format!("\"v{version}\"")), "{version} of {if_match:?}");
        }
    }
    if let Some(context) = TraceContext::parse(&traceparent) {
        let text = context.to_string();
        assert_eq!(TraceContext::parse(&text), Some(context));
        // Other versions are passed on as version 00, without their additions.
        assert_eq!(text.get(3..), traceparent.trim().get(3..55));
        assert_eq!(context.trace_id().len(), 32);
    }
}
