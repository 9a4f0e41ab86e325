//! What the store's own tests stand on: an empty database in memory, and a stack that is deep enough for it.

use surrealdb::{
    Surreal,
    engine::any::{self, Any},
};

/// An empty database.
pub(super) async fn database() -> Surreal<Any> {
    let database = any::connect("mem://").await.unwrap();
    database.use_ns("t").use_db("t").await.unwrap();
    database
}

/// Runs a test where queries may run.
pub(super) fn on_a_deep_stack<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    const DEEP: usize = 32 << 20;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let thread = std::thread::Builder::new().stack_size(DEEP).spawn(move || runtime().block_on(test()));
    thread.unwrap().join().unwrap();
}
