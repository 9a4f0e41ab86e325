//! What several writes to one row come to: one write with the effect of all of them, one after another.

use surrealdb::types::Object;

/// What is written to one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum RowWrite {
    /// The row must be new.
    Create(Object),
    /// The row is written unless there is one.
    Put(Object),
    /// The row is written; if there is one, these columns of it change.
    Replace(&'static [&'static str], Object),
    /// The row is written in place of whatever was there.
    Overwrite(Object),
    /// The row goes, if it is there.
    Delete,
    /// The row was created and deleted again: it is not there, and nothing is written.
    Nothing,
}

/// A row is to be created although the writes before have left one: such a batch can only be refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CreatedTwice;

impl RowWrite {
    /// The one write that has the effect of this one and then `next`.
    pub(super) fn then(self, next: Self) -> Result<Self, CreatedTwice> {
        Ok(match (self, next) {
            (Self::Create(_) | Self::Nothing, Self::Delete | Self::Nothing) => Self::Nothing,
            (_, Self::Delete) | (Self::Delete, Self::Nothing) => Self::Delete,
            (Self::Create(_) | Self::Nothing, Self::Overwrite(row))
            | (Self::Nothing, Self::Create(row) | Self::Put(row) | Self::Replace(_, row)) => Self::Create(row),
            (_, Self::Overwrite(row)) | (Self::Delete, Self::Create(row) | Self::Put(row) | Self::Replace(_, row)) => {
                Self::Overwrite(row)
            }
            (_, Self::Create(_) | Self::Nothing) => return Err(CreatedTwice),
            (kept, Self::Put(_)) => kept,
            (Self::Create(row), Self::Replace(columns, new)) => Self::Create(with_columns(row, columns, &new)),
            (Self::Overwrite(row), Self::Replace(columns, new)) => Self::Overwrite(with_columns(row, columns, &new)),
            (Self::Put(row) | Self::Replace(_, row), Self::Replace(columns, new)) => {
                Self::Replace(columns, with_columns(row, columns, &new))
            }
        })
    }

    /// The same write where the row is believed to be new.
    pub(super) fn of_a_new_row(self) -> Self {
        match self {
            Self::Put(row) => Self::Create(row),
            write => write,
        }
    }
}

fn with_columns(row: Object, columns: &[&str], new: &Object) -> Object {
    let mut row = row.into_inner();
    for column in columns {
        if let Some(value) = new.get(*column) {
            row.insert((*column).to_owned(), value.clone());
        }
    }
    Object::from(row)
}
