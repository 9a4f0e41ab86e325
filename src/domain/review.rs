//! What people decide about posts: rulings, appeals, and who may do which until when. Models' verdicts are `moderation`'s.

use std::time::Duration;

use super::{AccountId, Decision, Moderation, Post, Status, Timestamp};

/// How long after its rejection a post may be appealed for.
pub const APPEAL_WINDOW: Duration = Duration::from_secs(20 * 24 * 60 * 60);

/// What a post remembers of its reviews. Empty for posts that no person has dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewRecord {
    /// When its present verdict was given; `None` while it is pending, and for verdicts of versions that did not keep it.
    pub judged_at: Option<Timestamp>,
    /// What people have decided on its texts, the latest last.
    pub rulings: Vec<Ruling>,
    /// The appeals against the rejections of its texts, the latest last.
    pub appeals: Vec<Appeal>,
}

/// A person's verdict on one text of a post. It pins that text: no model's verdict changes it, also when the post is edited
/// away from the text and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// Which text.
    pub content_hash: String,
    /// Whether it may be shown.
    pub is_approved: bool,
    /// Who decided.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
}

/// An author's objection to the rejection of one text; its words are kept apart from the post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appeal {
    /// Which text.
    pub content_hash: String,
    /// When the author objected.
    pub at: Timestamp,
    /// What came of it.
    pub state: AppealState,
}

/// Where an appeal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppealState {
    /// It waits for another reviewer.
    Open,
    /// The rejection stands.
    Upheld,
    /// The rejection is taken back.
    Overturned,
}

impl AppealState {
    const ALL: [Self; 3] = [Self::Open, Self::Upheld, Self::Overturned];

    /// The word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Upheld => "upheld",
            Self::Overturned => "overturned",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why somebody may not decide, or not appeal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// A draft is nobody's but its author's.
    #[error("a draft is not moderated before it is published")]
    NotPublished,
    /// The reviewer wrote the post.
    #[error("nobody decides on their own post")]
    OwnPost,
    /// The reviewer has rejected this text before.
    #[error("an appeal is decided by somebody who has not rejected the text before")]
    SameReviewer,
    /// Somebody else wrote the post.
    #[error("only its author may appeal")]
    NotTheAuthor,
    /// There is no rejection to appeal against.
    #[error("the post is not rejected")]
    NotRejected,
    /// An appeal against this rejection is open, or was decided.
    #[error("the rejection of this text has been appealed against already")]
    AlreadyAppealed,
    /// The rejection is too old.
    #[error("the rejection is more than 20 days old")]
    AppealTooLate,
}

impl Post {
    /// The verdict of a person on the present text: the latest, if several people have decided.
    #[must_use]
    pub fn ruling(&self) -> Option<&Ruling> {
        self.review.rulings.iter().rfind(|ruling| ruling.content_hash == self.content_hash)
    }

    /// The appeal against the rejection of the present text that nobody has decided yet.
    #[must_use]
    pub fn open_appeal(&self) -> Option<&Appeal> {
        self.appeal().filter(|appeal| appeal.state == AppealState::Open)
    }

    /// Since when the present verdict stands.
    #[must_use]
    pub fn judged_at(&self) -> Timestamp {
        self.review.judged_at.unwrap_or(self.updated_at)
    }

    /// Takes a verdict on the present text over.
    pub fn judge(&mut self, decision: Decision, at: Timestamp) {
        self.moderation = decision.into();
        self.review.judged_at = Some(at);
        match decision {
            Decision::Approve => self.is_withdrawn = false,
            Decision::Reject => self.is_withdrawn = true,
            Decision::Review => {}
        }
    }

    /// A verdict on a text that has been edited away is none on the present one, which still waits for its own. But a rejection
    /// hides the post until then: else whoever edits faster than verdicts come would show what nobody has approved. Answers
    /// whether it has hidden it now.
    pub fn withdraw_for(&mut self, decision: Decision) -> bool {
        let withdraws = decision == Decision::Reject && !self.is_withdrawn;
        self.is_withdrawn |= withdraws;
        withdraws
    }

    /// The text has changed: what a person has decided on the new one holds at once, else it waits for a verdict. Answers
    /// the appeal that was open against the rejection of the text before: there is nothing left to decide.
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

    /// A person decides on the present text. Answers the appeal that this decides, if one was open.
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

    /// The author objects to the rejection of the present text.
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
        // One that has succeeded leaves the author another, should the same text be rejected again.
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
