//! Every row of every table reads as what it should be.

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{Report, pages::Pages, shown};
use crate::{
    domain::{Account, AccountId, Epoch, EventId, Post, PostId},
    store::{
        Error, Queue, Result, Store,
        accounts::AccountRow,
        audit::AuditRow,
        controls::ControlRow,
        dead_letters::{AbandonedRow, DeadLetterRow},
        deliveries::DeliveryRow,
        events::LoggedEvent,
        identity::CodeRow,
        jobs::JobRow,
        keys::{self, Parts},
        log::CursorRow,
        posts::PostRow,
        query::Query,
        reviews::{AppealRow, RulingRow, VerdictRow},
        sessions::SessionRow,
        stats::StatRow,
    },
};

type Reads = fn(RecordId, Value) -> Result<()>;

/// The tables, and how a row of each is read.
const TABLES: [(&str, Reads); 30] = [
    ("post", |_, row| Post::try_from(read::<PostRow>(row)?).map(drop)),
    ("slug", |id, row| account(&mut key(id)?).and_then(|()| post_in(&row, "post"))),
    ("listing", |id, _| position(&mut key(id)?, |parts| parts.text().map(drop))),
    ("review", |id, _| position(&mut key(id)?, |parts| known(Queue::parse(&parts.text()?), "queue"))),
    ("feed", |id, _| position(&mut key(id)?, account)),
    ("following", |id, _| key(id).and_then(|mut key| account(&mut key).and_then(|()| account(&mut key)))),
    ("follower", follower),
    ("event", |_, row| read::<LoggedEvent>(row)?.into_event().map(drop)),
    ("epoch", |id, _| keys::parsed::<Epoch>(&keys::text_key(id)?).map(drop)),
    ("cursor", |id, row| read::<CursorRow>(row).and_then(|_| key(id)?.text().map(drop))),
    ("delivery", |id, row| read::<DeliveryRow>(row)?.event.into_event(place(id)?).map(drop)),
    ("dead_letter", |id, row| read::<DeadLetterRow>(row)?.event.into_event(place(id)?).map(drop)),
    ("abandoned", |id, row| read::<AbandonedRow>(row).and_then(|_| place(id).map(drop))),
    ("account", |_, row| Account::try_from(read::<AccountRow>(row)?).map(drop)),
    ("email", |_, row| account_in(&row)),
    ("handle", |_, row| account_in(&row)),
    ("code", |_, row| read::<CodeRow>(row).map(drop)),
    ("session", |_, row| read::<SessionRow>(row).map(drop)),
    ("secret", secret),
    ("stat", |id, row| read::<StatRow>(row).and_then(|_| key(id)?.text().map(drop))),
    ("verdict", |_, row| read::<VerdictRow>(row).map(drop)),
    ("ruling", |_, row| read::<RulingRow>(row).map(drop)),
    ("appeal", |_, row| read::<AppealRow>(row).map(drop)),
    ("audit", |_, row| read::<AuditRow>(row).map(drop)),
    ("control", |_, row| read::<ControlRow>(row).map(drop)),
    ("job", |_, row| read::<JobRow>(row).map(drop)),
    ("mail", |id, row| post(&mut key(id)?).and_then(|()| text_in(&row, "state").map(drop))),
    ("idempotency", |id, row| account(&mut key(id)?).and_then(|()| text_in(&row, "fingerprint").map(drop))),
    ("mailing", |id, _| keys::parsed::<PostId>(&keys::text_key(id)?).map(drop)),
    ("edge", |id, _| keys::parsed::<AccountId>(&keys::text_key(id)?).map(drop)),
];

/// Tables whose rows have no shape that matters.
const OTHERS: [&str; 3] = ["migration", "probe", "suppression"];

pub(super) async fn check(store: &Store, report: &mut Report) -> Result<()> {
    for (table, reads) in TABLES {
        let mut pages = Pages::of(store, table);
        let mut count = 0;
        loop {
            let rows = pages.next(Some(report)).await?;
            if rows.is_empty() {
                break;
            }
            for (id, row) in rows {
                count += 1;
                if let Err(error) = reads(id.clone(), row) {
                    report.found(&format!("{}: {error}", shown(&id)));
                }
            }
        }
        report.rows.insert(table.to_owned(), count);
    }
    strange_tables(store, report).await
}

/// Tables that this version does not know: another program's, or a newer version's.
async fn strange_tables(store: &Store, report: &mut Report) -> Result<()> {
    let tables: Vec<String> = store.read(Query::new("object::keys((INFO FOR DB).tables)")).await?.rows(0)?;
    for table in tables {
        let is_known = TABLES.iter().any(|(known, _)| *known == table) || OTHERS.contains(&table.as_str());
        if !is_known {
            report.left_out.push(format!("the table {table}, which this version does not know"));
        }
    }
    Ok(())
}

fn read<T: SurrealValue>(row: Value) -> Result<T> {
    T::from_value(row).map_err(|error| Error::Corrupt(error.to_string()))
}

fn key(id: RecordId) -> Result<Parts> {
    Parts::of(id)
}

fn account(parts: &mut Parts) -> Result<()> {
    parts.parsed::<AccountId>().map(drop)
}

fn post(parts: &mut Parts) -> Result<()> {
    parts.parsed::<PostId>().map(drop)
}

/// Something, a time, and a post.
fn position(parts: &mut Parts, first: impl FnOnce(&mut Parts) -> Result<()>) -> Result<()> {
    first(parts)?;
    parts.int()?;
    post(parts)
}

fn follower(id: RecordId, _: Value) -> Result<()> {
    let mut parts = key(id)?;
    account(&mut parts)?;
    parts.int()?;
    account(&mut parts)
}

/// The event in the key of a delivery.
fn place(id: RecordId) -> Result<EventId> {
    let mut parts = key(id)?;
    parts.text()?;
    let (epoch, seq) = (parts.parsed()?, parts.int()?);
    Ok(EventId { epoch, seq: u64::try_from(seq).map_err(|_| Error::Corrupt("a negative place".to_owned()))? })
}

fn secret(_: RecordId, row: Value) -> Result<()> {
    let is_whole = matches!(field(&row, "seed"), Some(Value::Array(seed)) if seed.len() == 32);
    if is_whole { Ok(()) } else { Err(Error::Corrupt("it is not 32 bytes".to_owned())) }
}

fn account_in(row: &Value) -> Result<()> {
    keys::parsed::<AccountId>(&text_in(row, "account")?).map(drop)
}

fn post_in(row: &Value, name: &str) -> Result<()> {
    keys::parsed::<PostId>(&text_in(row, name)?).map(drop)
}

fn text_in(row: &Value, name: &str) -> Result<String> {
    match field(row, name) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Error::Corrupt(format!("it has no {name}"))),
    }
}

fn known<T>(value: Option<T>, what: &str) -> Result<()> {
    value.map(drop).ok_or_else(|| Error::Corrupt(format!("an unknown {what}")))
}

fn field<'a>(row: &'a Value, name: &str) -> Option<&'a Value> {
    match row {
        Value::Object(row) => row.get(name),
        _ => None,
    }
}
