//! Accounts as everybody sees them: by id and by handle. Passwords and sessions are `identity`'s.

use std::{collections::HashMap, sync::Arc};

use quick_cache::sync::Cache;
use surrealdb::types::{RecordId, SurrealValue, Value};

use super::{Error, Result, Store, audit, batch::Batch, keys, query::Query};
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
    cache: Option<Arc<Cache<AccountId, Arc<Account>>>>,
}

impl AccountAccess {
    pub(crate) fn new(store: &Store) -> Self {
        let cache = (store.cache() > 0).then(|| Arc::new(Cache::new(store.cache())));
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
        let mut found: HashMap<AccountId, Arc<Account>> = HashMap::with_capacity(ids.len());
        if let Some(cache) = &self.cache {
            found.extend(ids.iter().filter_map(|id| Some((*id, cache.get(id)?))));
        }
        let missing: Vec<RecordId> = ids.iter().filter(|id| !found.contains_key(id)).map(|known| id(*known)).collect();
        if !missing.is_empty() {
            let query = Query::new("SELECT * FROM $ids WHERE confirmed = true").bind("ids", missing);
            for row in self.store.read(query).await?.rows::<AccountRow>(0)? {
                let account = Arc::new(Account::try_from(row)?);
                self.keep(&account);
                found.insert(account.id, account);
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    /// The confirmed account of that handle.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn by_handle(&self, handle: &Handle) -> Result<Option<Arc<Account>>> {
        let query = Query::new("SELECT VALUE account FROM ONLY $id").bind("id", keys::named("handle", handle.as_str()));
        match self.store.read(query).await?.row::<String>(0)? {
            Some(id) => self.get(keys::parsed(&id)?).await,
            None => Ok(None),
        }
    }

    /// Changes a profile; `None` if the account does not exist.
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
        let Some(row) = self.store.write(query).await?.row::<AccountRow>(0)? else { return Ok(None) };
        let account = Arc::new(Account::try_from(row)?);
        self.keep(&account);
        Ok(Some(account))
    }

    /// Gives an account other roles than those it is known to have, together with a row in the audit trail; says whether it
    /// still had those.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn set_roles(&self, account: &Account, roles: &[Role], audit: &Audit) -> Result<bool> {
        let words = |roles: &[Role]| roles.iter().map(|role| role.as_str().to_owned()).collect::<Vec<_>>().into_value();
        let mut batch = Batch::default();
        let text = "LET $set_ = UPDATE $id_ SET roles = $new_ WHERE roles = $old_ RETURN VALUE id; \
                    IF array::len($set_) = 0 { THROW 'roles changed' }";
        let (old, new) = (words(&account.roles), words(roles));
        batch.statement(text, [("id", id(account.id).into_value()), ("old", old), ("new", new), ("set", Value::None)]);
        audit::put(&mut batch, audit);
        let written = self.store.write(batch.into_transaction()).await;
        self.forget(account.id);
        match written {
            Ok(_) => Ok(true),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// An account has changed: the next reader asks the database.
    pub(super) fn forget(&self, id: AccountId) {
        if let Some(cache) = &self.cache {
            cache.remove(&id);
        }
    }

    fn keep(&self, account: &Arc<Account>) {
        if let Some(cache) = &self.cache {
            cache.insert(account.id, Arc::clone(account));
        }
    }
}
