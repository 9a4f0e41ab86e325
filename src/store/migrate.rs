//! Migrations: numbered SurrealQL files, applied once and in order, each remembered with the checksum of its text.

use sha2::{Digest, Sha256};
use surrealdb::types::{RecordId, RecordIdKey, SurrealValue};

use super::{
    Error, Result,
    engine::Engine,
    query::{Query, once},
};

const MIGRATIONS: [(u32, &str); 2] =
    [(1, include_str!("schema/0001_tables.surql")), (2, include_str!("schema/0002_operation.surql"))];

#[derive(SurrealValue)]
struct Applied {
    number: i64,
    checksum: String,
}

/// Brings the schema up to date. Running it again, or twice at once from two nodes, changes nothing.
///
/// # Errors
/// [`Error::NewerSchema`] or [`Error::ForeignSchema`] when the database is not this version's; nothing is changed then.
pub(super) async fn run(database: &Engine) -> Result<()> {
    apply(database, &MIGRATIONS).await
}

/// The newest migration that this version knows.
pub(super) fn newest() -> u32 {
    MIGRATIONS.iter().map(|(number, _)| *number).max().unwrap_or(0)
}

async fn apply(database: &Engine, migrations: &[(u32, &str)]) -> Result<()> {
    once(database, Query::new("DEFINE TABLE IF NOT EXISTS migration TYPE NORMAL SCHEMALESS PERMISSIONS NONE")).await?;
    let applied: Vec<Applied> = once(database, Query::new("SELECT number, checksum FROM migration")).await?.rows(0)?;
    let known = migrations.iter().map(|(number, _)| *number).max().unwrap_or(0);
    let found = applied.iter().filter_map(|row| u32::try_from(row.number).ok()).max().unwrap_or(0);
    if found > known {
        return Err(Error::NewerSchema { found, known });
    }
    for (number, text) in migrations {
        let checksum = checksum(text);
        match applied.iter().find(|row| row.number == i64::from(*number)) {
            Some(row) if row.checksum == checksum => {}
            Some(_) => return Err(Error::ForeignSchema { number: *number }),
            None => {
                once(database, Query::new(*text)).await?;
                let id = RecordId::new("migration", RecordIdKey::Number(i64::from(*number)));
                let remember =
                    "UPSERT $id SET number = $number, checksum = $checksum, applied_at = time::now() RETURN NONE";
                let remember =
                    Query::new(remember).bind("id", id).bind("number", i64::from(*number)).bind("checksum", checksum);
                once(database, remember).await?;
                tracing::info!(number, "applied a schema migration");
            }
        }
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    crate::domain::hex(Sha256::digest(text).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{database, on_a_deep_stack};

    #[test]
    fn migrating_twice_changes_nothing() {
        on_a_deep_stack(|| async {
            let database = database().await;
            run(&database).await.unwrap();
            run(&database).await.unwrap();
        });
    }

    #[test]
    fn a_newer_schema_is_refused() {
        on_a_deep_stack(|| async {
            let database = database().await;
            apply(&database, &[(1, "RETURN 1"), (2, "RETURN 2")]).await.unwrap();
            let refusal = apply(&database, &[(1, "RETURN 1")]).await.unwrap_err();
            assert!(matches!(refusal, Error::NewerSchema { found: 2, known: 1 }));
        });
    }

    #[test]
    fn a_migration_with_another_text_is_refused() {
        on_a_deep_stack(|| async {
            let database = database().await;
            apply(&database, &[(1, "RETURN 1")]).await.unwrap();
            let refusal = apply(&database, &[(1, "RETURN 2")]).await.unwrap_err();
            assert!(matches!(refusal, Error::ForeignSchema { number: 1 }));
        });
    }
}
