//! Credentials, codes and the signing key: rows that only the identity routes may see. Their sessions are in `sessions`.

use surrealdb::types::{RecordId, SurrealValue};

use super::{AccountAccess, Error, Guard, Result, Store, accounts, accounts::AccountRow, keys, query::Query, secrets};
use crate::domain::{Account, AccountId, Email, Role, Timestamp};

/// How a sign-up was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// There is an unconfirmed account now, and its code.
    Created,
    /// The same, in place of one that waited for its code.
    Replaced,
    /// A confirmed account has this address; nothing was changed.
    EmailKnown,
    /// Somebody else has this handle; nothing was changed.
    HandleTaken,
}

/// What a sign-in is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub account: AccountId,
    /// A PHC string.
    pub password_hash: String,
    /// Whether the address is confirmed.
    pub is_confirmed: bool,
}

/// A code that went out by mail; only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRecord {
    /// The code's hash.
    pub hash: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// A code that somebody presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// Its hash.
    pub hash: String,
    /// The present time.
    pub now: Timestamp,
    /// How often a code may be tried.
    pub max_tries: u32,
}

/// What a presented code turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeCheck {
    /// The right one; it is used up now.
    Right,
    /// A wrong one.
    Wrong {
        /// How many tries are left.
        tries_left: u32,
    },
    /// There is no code, it has expired, or its tries are spent.
    Gone,
}

/// The identity routes' access.
#[derive(Clone)]
pub struct IdentityAccess {
    pub(super) store: Store,
    accounts: AccountAccess,
}

#[derive(SurrealValue)]
struct Owner {
    id: RecordId,
    confirmed: bool,
}

#[derive(SurrealValue)]
struct CredentialsRow {
    id: RecordId,
    password: String,
    confirmed: bool,
}

#[derive(SurrealValue)]
pub(super) struct CodeRow {
    hash: String,
    tries: i64,
    expires_at: i64,
}

impl IdentityAccess {
    pub(crate) fn new(store: &Store, accounts: &AccountAccess) -> Self {
        Self { store: store.clone(), accounts: accounts.clone() }
    }

    /// Creates an unconfirmed account with its code; an unconfirmed account of the same address is replaced and keeps its id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sign_up(&self, account: &Account, password_hash: &str, code: &CodeRecord) -> Result<SignUp> {
        let text = "SELECT id, confirmed FROM (SELECT VALUE type::record('account', account) FROM $email); \
                    SELECT id, confirmed FROM (SELECT VALUE type::record('account', account) FROM $handle)";
        let email = keys::named("email", account.email.as_str());
        let handle = keys::named("handle", account.handle.as_str());
        let query = Query::new(text).bind("email", vec![email.clone()]).bind("handle", vec![handle.clone()]);
        let mut answers = self.store.read(query).await?;
        let of_email: Option<Owner> = answers.row(0)?;
        let of_handle: Option<Owner> = answers.row(1)?;
        // The handle first: the other way round, 202 instead of 409 would tell that an address is known.
        let is_own = of_handle.as_ref().zip(of_email.as_ref()).is_some_and(|(a, b)| a.id == b.id && !b.confirmed);
        if of_handle.is_some() && !is_own {
            return Ok(SignUp::HandleTaken);
        }
        if of_email.as_ref().is_some_and(|owner| owner.confirmed) {
            // As long as a sign-up takes, so that it cannot be told from one: a code that is nobody's.
            self.put_code(AccountId::generate(), code).await?;
            return Ok(SignUp::EmailKnown);
        }
        let signed_up = if of_email.is_some() { SignUp::Replaced } else { SignUp::Created };
        let mut row = AccountRow::from(account);
        let mut query = Query::new("BEGIN");
        if let Some(owner) = of_email {
            row.id = owner.id.clone();
            let text = "DELETE handle WHERE id IN (SELECT VALUE type::record('handle', handle) FROM $old) RETURN NONE; \
                        DELETE $old WHERE confirmed = false RETURN NONE";
            query = query.and_then(text).bind("old", vec![owner.id]);
        }
        let id: AccountId = keys::parsed(&keys::text_key(row.id.clone())?)?;
        let text = "CREATE $id CONTENT $row RETURN NONE; UPDATE $id SET confirmed = false, password = $password RETURN NONE; \
                    UPSERT $email SET account = $account RETURN NONE; CREATE $handle SET account = $account RETURN NONE; \
                    UPSERT $code SET hash = $hash, tries = 0, expires_at = $expires RETURN NONE; COMMIT";
        let query = query
            .and_then(text)
            .bind("id", row.id.clone())
            .bind("row", row)
            .bind("password", password_hash.to_owned())
            .bind("email", email)
            .bind("handle", handle)
            .bind("account", id.to_string())
            .bind("code", keys::named("code", id.to_string()))
            .bind("hash", code.hash.clone())
            .bind("expires", code.expires_at.as_millis());
        match self.store.write(query).await {
            Ok(_) => Ok(signed_up),
            Err(Error::Exists(_)) => Ok(SignUp::HandleTaken),
            Err(error) => Err(error),
        }
    }

    /// What a sign-in with this address is checked against.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn credentials(&self, email: &Email) -> Result<Option<Credentials>> {
        let text = "SELECT id, password, confirmed FROM (SELECT VALUE type::record('account', account) FROM $email)";
        let query = Query::new(text).bind("email", vec![keys::named("email", email.as_str())]);
        let row: Option<CredentialsRow> = self.store.read(query).await?.row(0)?;
        row.map(|row| {
            Ok(Credentials {
                account: keys::parsed(&keys::text_key(row.id)?)?,
                password_hash: row.password,
                is_confirmed: row.confirmed,
            })
        })
        .transpose()
    }

    /// Gives an account a new code in place of any older one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_code(&self, account: AccountId, code: &CodeRecord) -> Result<()> {
        let query = Query::new("UPSERT $id SET hash = $hash, tries = 0, expires_at = $expires RETURN NONE")
            .bind("id", keys::named("code", account.to_string()))
            .bind("hash", code.hash.clone())
            .bind("expires", code.expires_at.as_millis());
        self.store.write(query).await.map(drop)
    }

    /// Checks a code and, if it is the right one, confirms the account, which gets these roles: in one transaction, so that
    /// a sign-up that replaces this one meanwhile is not confirmed by its code. The try is counted before the answer is known,
    /// so that parallel guesses are counted, too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn confirm(&self, account: AccountId, presented: &Presented, roles: &[Role]) -> Result<CodeCheck> {
        let id = keys::named("code", account.to_string());
        let count = Query::new("UPDATE $id SET tries += 1 RETURN AFTER").bind("id", id.clone());
        let Some(row) = self.store.write(count).await?.row::<CodeRow>(0)? else { return Ok(CodeCheck::Gone) };
        let tries = u32::try_from(row.tries).unwrap_or(u32::MAX);
        if tries > presented.max_tries || row.expires_at <= presented.now.as_millis() {
            return Ok(CodeCheck::Gone);
        }
        if !bool::from(subtle::ConstantTimeEq::ct_eq(row.hash.as_bytes(), presented.hash.as_bytes())) {
            return Ok(CodeCheck::Wrong { tries_left: presented.max_tries - tries });
        }
        // Mail reaches the address, whatever was said of it before.
        let text = "BEGIN; \
                    LET $taken = DELETE $code WHERE hash = $hash RETURN BEFORE; \
                    IF array::len($taken) = 0 { THROW $gone }; \
                    UPDATE $ids SET confirmed = true, roles = $roles WHERE confirmed = false RETURN NONE; \
                    DELETE (SELECT VALUE type::record('suppression', email) FROM $ids) RETURN NONE; \
                    COMMIT";
        let roles: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
        let query = Query::new(text)
            .bind("code", id)
            .bind("hash", row.hash)
            .bind("gone", Guard::CodeGone.as_str())
            .bind("ids", vec![accounts::id(account)])
            .bind("roles", roles);
        let store = self.store.clone();
        let confirming = async move { store.write(query).await.map(drop) };
        match self.accounts.change(account, confirming).await {
            Ok(()) => Ok(CodeCheck::Right),
            // Of two that present the right code at once, one takes it; a newer sign-up has a code of its own.
            Err(Error::Refused(_)) => Ok(CodeCheck::Gone),
            Err(error) => Err(error),
        }
    }

    /// The Ed25519 seed that signs access tokens: `fresh` if there was none yet, else the one that is kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn signing_key(&self, fresh: [u8; 32]) -> Result<[u8; 32]> {
        secrets::kept(&self.store, "signing_key", fresh).await
    }

    /// The key that codes are hashed with: `fresh` if there was none yet, else the one that is kept.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn code_key(&self, fresh: [u8; 32]) -> Result<[u8; 32]> {
        secrets::kept(&self.store, "code_key", fresh).await
    }
}
