//! What unit tests stand on: an empty database in memory, a stack that is deep enough for it, and everything that is in it.

use std::collections::BTreeMap;

use surrealdb::types::{SurrealValue, ToSql, Value};

use super::{Database, Store, batch::Batch, engine::Engine, query::Query, seeding};
use crate::domain::{AccountId, Timestamp};

/// An empty database.
pub(super) async fn database() -> Engine {
    Engine::open(&in_memory()).await.unwrap()
}

/// Where a database is that is gone at the end.
pub(super) fn in_memory() -> Database {
    Database {
        url: "mem://".to_owned(),
        username: String::new(),
        password: String::new(),
        namespace: "t".to_owned(),
        name: "t".to_owned(),
        cache: 10,
        memory: 64 << 20,
        records: true,
    }
}

/// Runs a test where queries may run.
pub(crate) fn on_a_deep_stack<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    const DEEP: usize = 32 << 20;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let thread = std::thread::Builder::new().stack_size(DEEP).spawn(move || runtime().block_on(test()));
    thread.unwrap().join().unwrap();
}

/// An empty database in memory that runs on the present runtime, with caches before it.
pub(crate) async fn store() -> Store {
    let database = Database { cache: 100, ..in_memory() };
    Store::open(&database, tokio::runtime::Handle::current()).await.unwrap()
}

/// Confirmed accounts with these ids.
pub(crate) async fn add_accounts(store: &Store, accounts: &[AccountId], now: Timestamp) {
    let mut batch = Batch::default();
    accounts.iter().for_each(|account| batch.put("account", seeding::account_row(*account, None, now)));
    store.commit(batch).await.unwrap();
}

/// All rows of all tables, as text.
pub(crate) async fn dump(store: &Store) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    let mut info = store.read(Query::new("RETURN object::keys((INFO FOR DB).tables)")).await.unwrap();
    for table in info.rows::<String>(0).unwrap() {
        let mut rows = store.read(Query::new(format!("SELECT * FROM {table}"))).await.unwrap();
        let rows = rows.rows::<Value>(0).unwrap();
        tables.insert(table, rows.into_iter().map(|row| row.into_value().to_sql()).collect());
    }
    tables
}
