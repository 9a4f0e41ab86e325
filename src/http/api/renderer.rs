//! Rendered posts, and what lists show of a body: made once per content, on threads of their own, and kept in memory under bounds
//! in bytes. Nothing here is ever stale: another content is another key, and the old one is evicted in its turn.

use std::{convert::Infallible, fmt, sync::Arc, thread};

use quick_cache::{Weighter, sync::Cache};
use tokio::{runtime::Handle, sync::Semaphore};

use super::digest::Digest;
use crate::{
    domain::{Post, render},
    http::problem::{Problem, Result},
};

const HTML_BYTES: u64 = 32 * 1024 * 1024;
const TYPICAL_HTML_BYTES: u64 = 4 * 1024;
const DIGEST_BYTES: u64 = 16 * 1024 * 1024;
const TYPICAL_DIGEST_BYTES: u64 = 1024;
/// What an entry costs beside its text: the key, the pointers, the cache's own bookkeeping.
const OVERHEAD_BYTES: u64 = 256;

/// Renders posts, never more at once than there are processors. A clone shares everything.
#[derive(Clone)]
pub struct Renderer {
    kept: Arc<Kept>,
    permits: Arc<Semaphore>,
    jobs: Handle,
}

/// What has been rendered, by the hash of the content.
pub struct Kept {
    html: Cache<String, Arc<str>, ByLength>,
    digests: Cache<String, Arc<Digest>, ByLength>,
}

#[derive(Debug, Clone)]
struct ByLength;

impl Weighter<String, Arc<str>> for ByLength {
    fn weight(&self, _: &String, html: &Arc<str>) -> u64 {
        weight(html.len())
    }
}

impl Weighter<String, Arc<Digest>> for ByLength {
    fn weight(&self, _: &String, digest: &Arc<Digest>) -> u64 {
        weight(digest.excerpt.len())
    }
}

impl Renderer {
    /// Renders on the blocking threads of `jobs`.
    #[must_use]
    pub fn new(jobs: Handle) -> Self {
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            kept: Arc::new(Kept::new(HTML_BYTES, DIGEST_BYTES)),
            permits: Arc::new(Semaphore::new(processors)),
            jobs,
        }
    }

    /// What has been rendered so far.
    #[must_use]
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Does work that renders, once it is its turn. The permit goes with the work: a request that is given up does not make room
    /// early.
    ///
    /// # Errors
    /// `internal` if the work panics.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&Kept) -> T + Send + 'static) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Problem::internal)?;
        let kept = Arc::clone(&self.kept);
        let job = self.jobs.spawn_blocking(move || {
            let _permit = permit;
            work(&kept)
        });
        job.await.map_err(Problem::internal)
    }

    /// The post's body as sanitised HTML.
    ///
    /// # Errors
    /// `internal` if rendering panics.
    pub async fn html(&self, post: &Arc<Post>) -> Result<Arc<str>> {
        if let Some(html) = self.kept.html.get(&post.content_hash) {
            return Ok(html);
        }
        let post = Arc::clone(post);
        self.run(move |kept| kept.html(&post)).await
    }
}

impl Kept {
    fn new(html_bytes: u64, digest_bytes: u64) -> Self {
        Self {
            html: Cache::with_weighter(items(html_bytes, TYPICAL_HTML_BYTES), html_bytes, ByLength),
            digests: Cache::with_weighter(items(digest_bytes, TYPICAL_DIGEST_BYTES), digest_bytes, ByLength),
        }
    }

    /// Whether everything about this post is at hand; its HTML only if that is asked for.
    #[must_use]
    pub fn has(&self, post: &Post, with_html: bool) -> bool {
        self.digests.peek(&post.content_hash).is_some() && (!with_html || self.html.peek(&post.content_hash).is_some())
    }

    /// The post's body as sanitised HTML; rendered at most once at a time per content. Takes its time: see [`Renderer::run`].
    #[must_use]
    pub fn html(&self, post: &Post) -> Arc<str> {
        let render = || Ok::<_, Infallible>(Arc::from(render(&post.body).into_string()));
        let Ok(html) = self.html.get_or_insert_with(&post.content_hash, render);
        html
    }

    /// What lists show of the post's body; made at most once at a time per content. Takes its time: see [`Renderer::run`].
    #[must_use]
    pub fn digest(&self, post: &Post) -> Arc<Digest> {
        let digest = || Ok::<_, Infallible>(Arc::new(Digest::of(&post.body)));
        let Ok(digest) = self.digests.get_or_insert_with(&post.content_hash, digest);
        digest
    }
}

fn weight(text: usize) -> u64 {
    u64::try_from(text).unwrap_or(u64::MAX / 4) + OVERHEAD_BYTES
}

fn items(bytes: u64, typical: u64) -> usize {
    usize::try_from(bytes / typical).unwrap_or(usize::MAX).max(1)
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kept { html, digests } = self.kept.as_ref();
        f.debug_struct("Renderer").field("html", &html.len()).field("digests", &digests.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{domain::Body, http::api::view::tests::a_post};

    fn a_post_of(body: &str, content_hash: &str) -> Arc<Post> {
        Arc::new(Post { body: Body::from_trusted(body.into()), content_hash: content_hash.into(), ..a_post() })
    }

    #[tokio::test]
    async fn a_content_is_rendered_once_and_another_content_anew() {
        let renderer = Renderer::new(Handle::current());
        assert!(renderer.html(&a_post_of("first", "1")).await.unwrap().contains("first"));
        assert!(
            renderer.html(&a_post_of("another version", "1")).await.unwrap().contains("first"),
            "it is not rendered twice"
        );
        assert!(renderer.html(&a_post_of("second", "2")).await.unwrap().contains("second"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_is_rendered_at_once_than_there_are_processors() {
        let renderer = Renderer::new(Handle::current());
        let processors = renderer.permits.available_permits();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let jobs = (0..processors * 8).map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            renderer.run(move |_| {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        futures_util::future::try_join_all(jobs).await.unwrap();
        assert!(most.load(Ordering::SeqCst) <= processors);
    }

    #[tokio::test]
    async fn a_panic_while_rendering_is_a_500_and_gives_its_place_back() {
        let renderer = Renderer::new(Handle::current());
        let places = renderer.permits.available_permits();
        let fallen = renderer.run::<()>(|_| std::panic::panic_any("as a test must")).await;
        assert_eq!(fallen.unwrap_err().code(), crate::http::problem::Code::Internal);
        assert_eq!(renderer.permits.available_permits(), places);
    }
}
