//! Headers that are read by hand.

use super::texts;
use crate::{domain::TraceContext, http::etag::tags::Tags};

/// `If-Match` matches no tag but ours; a `traceparent` that is taken goes on as it came.
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
        // Other versions go on as version 00, without what they may add.
        assert_eq!(text.get(3..), traceparent.trim().get(3..55));
        assert_eq!(context.trace_id().len(), 32);
    }
}
