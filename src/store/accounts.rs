//! Accounts as everybody sees them: by id and by handle. Passwords and sessions are `identity`'s.

use std::sync::Arc;

use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{
    Error, Guard, Result, Store, audit,
    batch::{Batch, Change, Then},
    cache::{Cache, Written},
    keys,
    query::Query,
};
use crate::domain::{Account, AccountId, Audit, Bio, Email, Handle, MailPreferences, Name, Role, Timestamp};

/// An account's row without its credentials.
#[derive(Debug, Clone, SurrealValue)]
pub(super) struct AccountRow {
    pub(super) id: RecordId,
    pub(super) email: String,
    pub(super) handle: String,
    pub(super) name: String,
    pub(super) bio: String,
    pub(super) roles: Vec<String>,
    pub(super) mail_new_posts: bool,
    pub(super) hold: bool,
    pub(super) created_at: i64,
}

impl From<&Account> for AccountRow {
    fn from(account: &Account) -> Self {
        Self {
            id: id(account.id),
            email: account.email.as_str().to_owned(),
            handle: account.handle.as_str().to_owned(),
            name: account.name.as_str().to_owned(),
            bio: account.bio.as_str().to_owned(),
            roles: account.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            mail_new_posts: account.mail.new_posts,
            hold: account.hold_until_approved,
            created_at: account.created_at.as_millis(),
        }
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = Error;

    fn try_from(row: AccountRow) -> Result<Self> {
        Ok(Self {
            id: keys::parsed(&keys::text_key(row.id)?)?,
            email: Email::from_trusted(row.email),
            handle: Handle::from_trusted(row.handle),
            name: Name::from_trusted(row.name),
            bio: Bio::from_trusted(row.bio),
            roles: row.roles.iter().filter_map(|role| Role::parse(role)).collect(),
            mail: MailPreferences { new_posts: row.mail_new_posts },
            hold_until_approved: row.hold,
            created_at: Timestamp::from_millis(row.created_at),
        })
    }
}

/// `handle:<handle>`.
#[derive(SurrealValue)]
struct HandleRow {
    account: String,
}

/// `account:<ulid>`.
pub(super) fn id(account: AccountId) -> RecordId {
    keys::named("account", account.to_string())
}

/// What its owner may change about an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// The name people read.
    pub name: Option<Name>,
    /// A few words.
    pub bio: Option<Bio>,
    /// Whether a mail comes for each new post of a followed author.
    pub mail_new_posts: Option<bool>,
    /// Whether the author's posts stay hidden until approved.
    pub hold_until_approved: Option<bool>,
}

/// Reading confirmed accounts, and changing profiles.
#[derive(Clone)]
pub struct AccountAccess {
    store: Store,
    cache: Cache<AccountId, Arc<Account>>,
}

impl AccountAccess {
    pub(crate) fn new(store: &Store) -> Self {
        let accounts = store.cache();
        let cache = Cache::new(accounts, u64::try_from(accounts).unwrap_or(u64::MAX), |_| 1);
        Self { store: store.clone(), cache }
    }

    /// One confirmed account.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get(&self, id: AccountId) -> Result<Option<Arc<Account>>> {
        Ok(self.get_many(&[id]).await?.pop())
    }

    /// Several confirmed accounts, in the order of `ids`; those that do not exist are left out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn get_many(&self, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        let found = self.cache.read(ids, |missing| self.load(missing)).await?;
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    /// The confirmed account of that handle.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn by_handle(&self, handle: &Handle) -> Result<Option<Arc<Account>>> {
        match self.store.one::<HandleRow>(keys::named("handle", handle.as_str())).await? {
            Some(row) => self.get(keys::parsed(&row.account)?).await,
            None => Ok(None),
        }
    }

    /// Changes a profile; `None` if the account does not exist. Who has been answered finds the change in force: every read that
    /// begins after the answer, the publisher's included, sees it or a later one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn update_profile(&self, account: AccountId, changes: ProfileChanges) -> Result<Option<Arc<Account>>> {
        let text = "UPDATE $id SET name = $name ?? name, bio = $bio ?? bio, mail_new_posts = $mail ?? mail_new_posts, \
                    hold = $hold ?? hold WHERE confirmed = true RETURN AFTER";
        let query = Query::new(text)
            .bind("id", id(account))
            .bind("name", changes.name.map(|name| name.as_str().to_owned()))
            .bind("bio", changes.bio.map(|bio| bio.as_str().to_owned()))
            .bind("mail", changes.mail_new_posts)
            .bind("hold", changes.hold_until_approved);
        let store = self.store.clone();
        let writing = async move {
            let row = store.write(query).await?.row::<AccountRow>(0)?;
            let answer = row.map(Account::try_from).transpose()?.map(Arc::new);
            Ok(Written { rows: answer.iter().map(|account| (account.id, Arc::clone(account))).collect(), answer })
        };
        self.cache.write(self.store.runtime(), [account], writing).await
    }

    /// Gives an account other roles than those it is known to have, together with a row in the audit trail; says whether it
    /// still had those.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_roles(&self, account: &Account, roles: &[Role], audit: &Audit) -> Result<bool> {
        let words = |roles: &[Role]| roles.iter().map(|role| role.as_str().to_owned()).collect::<Vec<_>>().into_value();
        let mut batch = Batch::default();
        let (old, new) = (words(&account.roles), words(roles));
        let then = Then::set([("roles", new)]);
        batch.change(Change::guarded(id(account.id), [("roles", old)], Guard::RolesChanged, then));
        audit::put(&mut batch, audit);
        let store = self.store.clone();
        let write = async move { store.commit(batch).await };
        match self.change(account.id, write).await {
            Ok(()) => Ok(true),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Runs a write that changes an account otherwise; the next reader asks the database.
    ///
    /// # Errors
    /// What the write answers.
    pub(super) async fn change(
        &self,
        account: AccountId,
        write: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Result<()> {
        self.cache.write(self.store.runtime(), [account], async move { write.await.map(Written::unseen) }).await
    }

    async fn load(&self, ids: Vec<AccountId>) -> Result<Vec<(AccountId, Arc<Account>)>> {
        let ids: Vec<RecordId> = ids.into_iter().map(id).collect();
        let rows: Vec<Value> = self.store.rows(ids).await?;
        let confirmed =
            rows.into_iter().filter(is_confirmed).map(|row| AccountRow::from_value(row).map_err(unreadable));
        let accounts = confirmed.collect::<Result<Vec<AccountRow>>>()?.into_iter();
        accounts.map(|row| Account::try_from(row).map(|account| (account.id, Arc::new(account)))).collect()
    }
}

fn is_confirmed(row: &Value) -> bool {
    matches!(row, Value::Object(row) if row.get("confirmed") == Some(&Value::Bool(true)))
}

fn unreadable(error: surrealdb::Error) -> Error {
    Error::Corrupt(error.to_string())
}
