//! Sessions: families of refresh tokens, of which only hashes are kept.

use std::time::Duration;

use surrealdb::types::{RecordId, SurrealValue};

use super::{Error, IdentityAccess, Result, keys, query::Query};
use crate::domain::{AccountId, SessionId, Timestamp};

/// Tokens of one session that may be good at once.
const SIBLINGS: usize = 8;

/// A session: one family of refresh tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The hash of its first refresh token.
    pub token_hash: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends unless it is renewed.
    pub expires_at: Timestamp,
}

/// A refresh token presented in exchange for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The session it names.
    pub id: SessionId,
    /// The hash of what was presented.
    pub presented_hash: String,
    /// The hash of what will be answered.
    pub next_hash: String,
    /// The present time.
    pub now: Timestamp,
    /// How long the token before is still taken.
    pub grace: Duration,
    /// The session's new end.
    pub expires_at: Timestamp,
}

/// How a rotation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// The next token is good now.
    Yes {
        /// Whose session it is.
        account: AccountId,
    },
    /// A token that was used before came back: the session is killed.
    Reused,
    /// No such session, or it has ended.
    Unknown,
}

#[derive(SurrealValue)]
pub(super) struct SessionRow {
    account: String,
    /// The tokens that are good; more than one if a token was exchanged twice within its grace.
    current: Vec<String>,
    /// The token exchanged last, as long as its grace lasts.
    previous: Vec<Exchanged>,
    rotations: i64,
    expires_at: i64,
}

/// A token that was exchanged for another one.
#[derive(Clone, SurrealValue)]
struct Exchanged {
    hash: String,
    at: i64,
}

impl SessionRow {
    /// Exchanges the presented token; `None` if it is not one that may be exchanged now.
    fn exchange(mut self, rotation: &Rotation) -> Option<Self> {
        let presented = &rotation.presented_hash;
        let grace_began = rotation.now.minus(rotation.grace).as_millis();
        self.previous.retain(|exchanged| exchanged.at >= grace_began);
        if self.current.contains(presented) {
            self.current.retain(|hash| hash != presented);
            self.previous = vec![Exchanged { hash: presented.clone(), at: rotation.now.as_millis() }];
        } else if !self.previous.iter().any(|exchanged| exchanged.hash == *presented) || self.current.len() >= SIBLINGS
        {
            return None;
        }
        self.current.push(rotation.next_hash.clone());
        Some(self)
    }
}

impl IdentityAccess {
    /// Opens a session.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_session(&self, session: &NewSession) -> Result<()> {
        let text = "CREATE $id SET account = $account, current = [$hash], previous = [], rotations = 0, \
                    created_at = $at, expires_at = $expires RETURN NONE";
        let query = Query::new(text)
            .bind("id", session_id(session.id))
            .bind("account", session.account.to_string())
            .bind("hash", session.token_hash.clone())
            .bind("at", session.created_at.as_millis())
            .bind("expires", session.expires_at.as_millis());
        self.store.write(query).await.map(drop)
    }

    /// Exchanges a refresh token for the next one. Within the grace after its exchange a token is taken once more, for clients
    /// whose answer got lost and for those that ask twice at once; what both got is good. Later its return means that it was
    /// stolen, and the session is killed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rotate_session(&self, rotation: &Rotation) -> Result<Rotated> {
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            if let Some(rotated) = self.try_to_rotate(rotation).await? {
                return Ok(rotated);
            }
        }
        Err(Error::Conflict("the session is being renewed by too many at once".to_owned()))
    }

    /// `None` if somebody else has exchanged one of the session's tokens meanwhile.
    async fn try_to_rotate(&self, rotation: &Rotation) -> Result<Option<Rotated>> {
        let id = session_id(rotation.id);
        let row: Option<SessionRow> = self.store.one(id.clone()).await?;
        let Some(row) = row else { return Ok(Some(Rotated::Unknown)) };
        if row.expires_at <= rotation.now.as_millis() {
            return Ok(Some(Rotated::Unknown));
        }
        let (account, was) = (keys::parsed(&row.account)?, row.rotations);
        let Some(row) = row.exchange(rotation) else {
            let kill = Query::new("DELETE $id RETURN NONE").bind("id", id);
            self.store.write(kill).await?;
            return Ok(Some(Rotated::Reused));
        };
        let text = "UPDATE $id SET current = $current, previous = $previous, rotations += 1, expires_at = $expires \
                    WHERE rotations = $was RETURN VALUE account";
        let rotate = Query::new(text)
            .bind("id", id)
            .bind("current", row.current)
            .bind("previous", row.previous)
            .bind("expires", rotation.expires_at.as_millis())
            .bind("was", was);
        Ok(self.store.write(rotate).await?.row::<String>(0)?.map(|_| Rotated::Yes { account }))
    }

    /// Whether a session has neither been closed nor come to its end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_session_open(&self, id: SessionId, now: Timestamp) -> Result<bool> {
        let session: Option<SessionRow> = self.store.one(session_id(id)).await?;
        Ok(session.is_some_and(|session| session.expires_at > now.as_millis()))
    }

    /// Ends a session, if the presented token is one of its own.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn close_session(&self, id: SessionId, presented_hash: &str) -> Result<()> {
        let query = Query::new("DELETE $id WHERE $hash IN current OR $hash IN previous.hash RETURN NONE")
            .bind("id", session_id(id))
            .bind("hash", presented_hash.to_owned());
        self.store.write(query).await.map(drop)
    }
}

fn session_id(session: SessionId) -> RecordId {
    keys::named("session", session.to_string())
}
