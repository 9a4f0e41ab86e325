//! Decisions of people about posts: rulings, appeals, and who may make them until when. For models' verdicts see
//! `moderation`.

use std::time::Duration;

use super::{AccountId, Decision, Moderation, Post, Status, Timestamp};

/// How long after a rejection its author may appeal.
pub const APPEAL_WINDOW: Duration = Duration::from_secs(20 * 24 * 60 * 60);

/// The decisions of people that are stored with a post. Empty if there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewRecord {
    /// When its current verdict was given; `None` while it is pending, and for verdicts from versions that did not
    /// store it.
    pub judged_at: Option<Timestamp>,
    /// The rulings on its texts, the latest last.
    pub rulings: Vec<Ruling>,
    /// The appeals against the rejections of its texts, the latest last.
    pub appeals: Vec<Appeal>,
}

/// A person's verdict on one text of a post. It is final for that text: no model's verdict changes it, even if an edit
/// replaces the text and another brings it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// The hash of the text.
    pub content_hash: String,
    /// Whether it was approved.
    pub is_approved: bool,
    /// Who decided.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
}

/// An author's objection to the rejection of one text; its wording is stored separately from the post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appeal {
    /// The hash of the text.
    pub content_hash: String,
    /// When the author objected.
    pub at: Timestamp,
    /// Its state.
    pub state: AppealState,
}

/// The state of an appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppealState {
    /// It waits for another reviewer.
    Open,
    /// The rejection was upheld.
    Upheld,
    /// The rejection was overturned.
    Overturned,
}

impl AppealState {
    const ALL: [Self; 3] = [Self::Open, Self::Upheld, Self::Overturned];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Overturned => "overturned",
        }
    }

    /// The state with that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why someone may not decide or appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// Drafts are not moderated.
    #[error("drafts are not moderated until they are published")]
    NotPublished,
    /// The reviewer wrote the post.
    #[error("you cannot decide on your own post")]
    OwnPost,
    /// The reviewer has rejected this text before.
    #[error("the moderator who rejected a text cannot decide its appeal")]
    SameReviewer,
    /// Someone else wrote the post.
    #[error("only the author of a post may appeal")]
    NotTheAuthor,
    /// There is no rejection to appeal against.
    #[error("the post is not rejected")]
    NotRejected,
    /// An appeal against this rejection is open, or was decided.
    #[error("the rejection of this text has already been appealed")]
    AlreadyAppealed,
    /// The rejection is too old.
    #[error("the rejection is more than 20 days old")]
    AppealTooLate,
}

impl Post {
    /// The ruling on the current text: the latest, if several people have decided.
    #[must_use]
    pub fn ruling(&self) -> Option<&Ruling> {
        self.review.rulings.iter().rfind(|ruling| ruling.content_hash == self.content_hash)
    }

    /// The open appeal against the rejection of the current text.
    #[must_use]
    pub fn open_appeal(&self) -> Option<&Appeal> {
        self.appeal().filter(|appeal| appeal.state == AppealState::Open)
    }

    /// When the current verdict was given.
    #[must_use]
    pub fn judged_at(&self) -> Timestamp {
        self.review.judged_at.unwrap_or(self.updated_at)
    }

    /// Applies a verdict on the current text.
    pub fn judge(&mut self, decision: Decision, at: Timestamp) {
        self.moderation = decision.into();
        self.review.judged_at = Some(at);
        match decision {
            Decision::Approve => self.is_withdrawn = false,
            Decision::Reject => self.is_withdrawn = true,
            Decision::Review => {}
        }
    }

    /// Applies a verdict on an earlier text. It says nothing about the current text, which still waits for its own
    /// verdict. But a rejection hides the post until then: otherwise an author who edits faster than verdicts arrive
    /// could show unapproved text. Returns whether the post has become hidden.
    pub fn withdraw_for(&mut self, decision: Decision) -> bool {
        let withdraws = decision == Decision::Reject && !self.is_withdrawn;
        self.is_withdrawn |= withdraws;
        withdraws
    }

    /// Applies a change of the text: a ruling on the new text takes effect at once, otherwise it waits for a verdict.
    /// Returns the appeal that was open against the rejection of the previous text, because there is nothing left to
    /// decide.
    pub fn begin_anew(&mut self, old_content_hash: &str) -> Option<Appeal> {
        match self.ruling().cloned().filter(|_| self.status == Status::Published) {
            Some(ruling) => self.judge(ruling.decision(), ruling.at),
            None => {
                self.moderation = Moderation::Pending;
                self.review.judged_at = None;
            }
        }
        let is_moot =
            |appeal: &mut Appeal| appeal.state == AppealState::Open && appeal.content_hash == old_content_hash;
        self.review.appeals.extract_if(.., is_moot).next()
    }

    /// Applies a person's decision on the current text. Returns the appeal it decides, if one was open.
    ///
    /// # Errors
    /// Why this person may not.
    pub fn rule(&mut self, by: AccountId, is_approved: bool, now: Timestamp) -> Result<Option<Appeal>, ReviewError> {
        self.check_reviewer(by)?;
        let ruling = Ruling { content_hash: self.content_hash.clone(), is_approved, by, at: now };
        self.judge(ruling.decision(), now);
        self.review.rulings.retain(|known| known.by != by || known.content_hash != ruling.content_hash);
        self.review.rulings.push(ruling);
        let is_decided =
            |appeal: &&mut Appeal| appeal.state == AppealState::Open && appeal.content_hash == self.content_hash;
        Ok(self.review.appeals.iter_mut().find(is_decided).map(|appeal| {
            appeal.state = if is_approved { AppealState::Overturned } else { AppealState::Upheld };
            appeal.clone()
        }))
    }

    /// The author appeals against the rejection of the current text.
    ///
    /// # Errors
    /// Why they may not.
    pub fn lodge_appeal(&mut self, by: AccountId, now: Timestamp) -> Result<Appeal, ReviewError> {
        if by != self.author {
            return Err(ReviewError::NotTheAuthor);
        }
        if self.status != Status::Published || self.moderation != Moderation::Rejected {
            return Err(ReviewError::NotRejected);
        }
        // After a successful appeal the author may appeal again, should the same text be rejected again.
        if self.appeal().is_some_and(|appeal| appeal.state != AppealState::Overturned) {
            return Err(ReviewError::AlreadyAppealed);
        }
        if now.since(self.judged_at()) > APPEAL_WINDOW {
            return Err(ReviewError::AppealTooLate);
        }
        let appeal = Appeal { content_hash: self.content_hash.clone(), at: now, state: AppealState::Open };
        self.review.appeals.retain(|known| known.content_hash != appeal.content_hash);
        self.review.appeals.push(appeal.clone());
        Ok(appeal)
    }

    fn appeal(&self) -> Option<&Appeal> {
        self.review.appeals.iter().find(|appeal| appeal.content_hash == self.content_hash)
    }

    fn check_reviewer(&self, by: AccountId) -> Result<(), ReviewError> {
        if self.status != Status::Published {
            return Err(ReviewError::NotPublished);
        }
        if by == self.author {
            return Err(ReviewError::OwnPost);
        }
        let has_rejected =
            |ruling: &Ruling| ruling.by == by && !ruling.is_approved && ruling.content_hash == self.content_hash;
        if self.open_appeal().is_some() && self.review.rulings.iter().any(has_rejected) {
            return Err(ReviewError::SameReviewer);
        }
        Ok(())
    }
}

impl Ruling {
    /// The same as a verdict.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        if self.is_approved { Decision::Approve } else { Decision::Reject }
    }
}

#[cfg(test)]
mod tests;
