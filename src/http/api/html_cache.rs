//! Rendered posts: the sanitised HTML of a post's version, kept in memory under a bound in bytes.
//! Nothing here is ever stale: a new version is a new key, and the old one is evicted in its turn.

use std::{convert::Infallible, fmt, sync::Arc};

use quick_cache::{Weighter, sync::Cache};

use crate::domain::{Post, PostId, render};

const DEFAULT_BYTES: u64 = 32 * 1024 * 1024;
/// What an entry costs beside its text: the key, the pointers, the cache's own bookkeeping.
const OVERHEAD_BYTES: u64 = 128;
const TYPICAL_BYTES: u64 = 4 * 1024;

type Key = (PostId, u64);

/// A cache of rendered posts; a clone shares it.
#[derive(Clone)]
pub struct HtmlCache(Arc<Cache<Key, Arc<str>, Bytes>>);

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<Key, Arc<str>> for Bytes {
    fn weight(&self, _: &Key, html: &Arc<str>) -> u64 {
        u64::try_from(html.len()).unwrap_or(u64::MAX / 4) + OVERHEAD_BYTES
    }
}

impl HtmlCache {
    /// A cache that holds about `bytes` of HTML.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let items = usize::try_from(bytes / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        Self(Arc::new(Cache::with_weighter(items, bytes, Bytes)))
    }

    /// The post's body as sanitised HTML; rendered at most once at a time per version.
    #[must_use]
    pub fn html(&self, post: &Post) -> Arc<str> {
        let render = || Ok::<_, Infallible>(render(&post.body).into_string().into());
        let Ok(html) = self.0.get_or_insert_with(&(post.id, post.version), render);
        html
    }
}

impl Default for HtmlCache {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

impl fmt::Debug for HtmlCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtmlCache").field("posts", &self.0.len()).field("bytes", &self.0.weight()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::Body, http::api::view::tests::a_post};

    #[test]
    fn an_edited_post_is_rendered_anew() {
        let cache = HtmlCache::new(100_000);
        let mut post = a_post();
        post.body = Body::from_trusted("first".into());
        assert!(cache.html(&post).contains("first"));
        post.body = Body::from_trusted("second".into());
        assert!(cache.html(&post).contains("first"), "the same version is not rendered twice");
        post.version += 1;
        assert!(cache.html(&post).contains("second"));
    }
}
