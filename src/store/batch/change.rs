//! Changes of rows that depend on what the rows hold: compare and set.

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::Guard;

/// Columns and what they hold, or are to hold. Nothing in a column, [`Value::None`], is no column.
pub(in crate::store) type Columns = Vec<(&'static str, Value)>;

/// A change of one row.
#[derive(Debug, Clone)]
pub(in crate::store) struct Change {
    pub(in crate::store) id: RecordId,
    /// What the row must hold; a row that does not, or is not there, stays as it is.
    pub(in crate::store) when: Columns,
    /// Refuses the whole batch if the row stays as it is.
    pub(in crate::store) guard: Option<Guard>,
    pub(in crate::store) then: Then,
}

/// What becomes of the row.
#[derive(Debug, Clone)]
pub(in crate::store) enum Then {
    /// These columns change, others stay.
    Set {
        columns: Columns,
        /// Numbers that grow by so much.
        add: Vec<(&'static str, i64)>,
    },
    /// It becomes this row. If nothing is asked of it, it is written even if there is none.
    Content(Value),
    /// It goes.
    Delete,
}

impl Change {
    /// A change of this row if these columns hold this; otherwise the whole batch is refused.
    pub(in crate::store) fn guarded<const N: usize>(
        id: RecordId,
        when: [(&'static str, Value); N],
        guard: Guard,
        then: Then,
    ) -> Self {
        Self { id, when: when.into(), guard: Some(guard), then }
    }

    /// A change of this row whatever it holds; if it is not there, nothing happens.
    pub(in crate::store) fn of(id: RecordId, then: Then) -> Self {
        Self { id, when: Vec::new(), guard: None, then }
    }

    /// Whether one statement can make both changes.
    fn is_like(&self, other: &Self) -> bool {
        let is_same = |a: &Columns, b: &Columns| a.iter().map(|(name, _)| name).eq(b.iter().map(|(name, _)| name));
        let does_same = match (&self.then, &other.then) {
            (Then::Set { columns, add }, Then::Set { columns: others, add: added }) => {
                is_same(columns, others) && add.iter().map(|(name, _)| name).eq(added.iter().map(|(name, _)| name))
            }
            (Then::Delete, Then::Delete) => true,
            _ => false,
        };
        does_same && self.id.table == other.id.table && self.guard == other.guard && is_same(&self.when, &other.when)
    }
}

impl Then {
    /// These columns change.
    pub(in crate::store) fn set<const N: usize>(columns: [(&'static str, Value); N]) -> Self {
        Self::Set { columns: columns.into(), add: Vec::new() }
    }

    /// The row becomes this.
    pub(in crate::store) fn content(row: impl SurrealValue) -> Self {
        Self::Content(row.into_value())
    }

    /// The same, and this number grows by so much.
    pub(in crate::store) fn and_add(self, column: &'static str, n: i64) -> Self {
        match self {
            Self::Set { columns, mut add } => {
                add.push((column, n));
                Self::Set { columns, add }
            }
            then => then,
        }
    }

    /// The same, and this column changes, too.
    pub(in crate::store) fn and_set(self, column: &'static str, value: impl SurrealValue) -> Self {
        match self {
            Self::Set { mut columns, add } => {
                columns.push((column, value.into_value()));
                Self::Set { columns, add }
            }
            then => then,
        }
    }
}

/// Changes in the order in which they take effect: groups of different rows that are changed alike. A row's own changes keep
/// their order; those of different rows do not depend on each other.
#[derive(Debug, Default, Clone)]
pub(in crate::store) struct Changes(Vec<Vec<Change>>);

impl Changes {
    pub(super) fn add(&mut self, change: Change) {
        let touches = |group: &Vec<Change>| group.iter().any(|earlier| earlier.id == change.id);
        let first = self.0.iter().rposition(touches).map_or(0, |group| group + 1);
        let is_like = |group: &&mut Vec<Change>| group.first().is_some_and(|earlier| earlier.is_like(&change));
        match self.0.iter_mut().skip(first).find(is_like) {
            Some(group) => group.push(change),
            None => self.0.push(vec![change]),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// All of them, in the order in which they take effect.
    pub(in crate::store) fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter().flatten()
    }

    /// All of them, one group after the other.
    pub(in crate::store) fn into_groups(self) -> Vec<Vec<Change>> {
        self.0
    }
}
