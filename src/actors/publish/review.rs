//! Deciding what moderators and appealing authors ask for: pure rules over what is known, and the writes and events that
//! follow from them.

use std::sync::Arc;

use super::{command::Answer, decide::Group};
use crate::{
    actors::Error,
    domain::{
        Actor, AppealText, Audit, ContentChange, Decision, EventKind, Moderation, Post, PostId, Reason, TraceContext,
        Verdict, Viewer, may_see,
    },
};

impl Group {
    /// A model's verdict. It counts only while the text it is about waits for one: what a person has decided meanwhile, or
    /// on the same text before, stands.
    pub(super) fn judge(
        &mut self,
        id: PostId,
        content_hash: &str,
        verdict: &Verdict,
        trace: TraceContext,
    ) -> Result<Answer, Error> {
        let old = self.known.posts.get(&id).cloned().ok_or(Error::NotFound)?;
        if old.moderation != Moderation::Pending {
            return Ok(Answer::Post(old));
        }
        let mut new = Post::clone(&old);
        if old.content_hash != content_hash {
            return Ok(Answer::Post(self.judge_former(old, new, verdict.decision, trace)));
        }
        new.judge(verdict.decision, self.now);
        new.version += 1;
        self.announce_verdict(&old, &new, ContentChange::between(Some(&old), Some(&new)).hidden, trace);
        let new = Arc::new(new);
        self.writes.judge(&old, &new, verdict, self.now);
        self.remember(&new);
        Ok(Answer::Post(new))
    }

    /// A verdict on a text that has been edited away: it hides the post at most.
    fn judge_former(&mut self, old: Arc<Post>, mut new: Post, decision: Decision, trace: TraceContext) -> Arc<Post> {
        let (post, author) = (old.id, old.author);
        let Some(published_at) = old.published_at.filter(|_| new.withdraw_for(decision)) else { return old };
        new.version += 1;
        let hidden = ContentChange::between(Some(&old), Some(&new)).hidden;
        // As after any rejection: what shows it takes it back, and its approval brings it again.
        self.announce(EventKind::PostRejected { post, author, published_at, hidden }, trace);
        self.replace(&old, new)
    }

    /// A person's verdict.
    pub(super) fn rule(
        &mut self,
        id: PostId,
        by: &Actor,
        if_version: Option<u64>,
        is_approved: bool,
        reason: &Reason,
        trace: TraceContext,
    ) -> Result<Answer, Error> {
        let old = self.changeable(id, Viewer::Moderator(by.account), if_version)?;
        let mut new = Post::clone(&old);
        let appeal = new.rule(by.account, is_approved, self.now)?;
        new.version += 1;
        self.announce_verdict(&old, &new, ContentChange::between(Some(&old), Some(&new)).hidden, trace);
        if let Some(appeal) = &appeal {
            self.writes.settle_appeal(id, appeal, reason, self.now);
        }
        self.writes.rule(&new, &by.handle, reason);
        self.writes.audit(&Audit {
            at: self.now,
            by: by.clone(),
            act: if is_approved { "post.approve" } else { "post.reject" }.to_owned(),
            target: id.to_string(),
            detail: serde_json::json!({
                "reason": reason.as_str(),
                "was": old.moderation.as_str(),
                "version": new.version,
                "content_hash": new.content_hash,
                "appeal": appeal.map(|appeal| appeal.state.as_str()),
            }),
        });
        Ok(Answer::Post(self.replace(&old, new)))
    }

    /// An author's objection to a rejection.
    pub(super) fn appeal(&mut self, id: PostId, by: Viewer, text: &AppealText) -> Result<Answer, Error> {
        let old = self.known.posts.get(&id).filter(|post| may_see(post, by)).cloned().ok_or(Error::NotFound)?;
        let (Viewer::Account(author) | Viewer::Moderator(author)) = by else { return Err(Error::Forbidden) };
        let mut new = Post::clone(&old);
        let appeal = new.lodge_appeal(author, self.now)?;
        new.version += 1;
        self.writes.lodge_appeal(id, &appeal, text);
        Ok(Answer::Post(self.replace(&old, new)))
    }

    /// Tells the workers of a post's new verdict, if it differs from the old one. `hidden` is what the verdict changes in the number of
    /// posts that the public may not see; 0 if another event of the same command has told that already.
    pub(super) fn announce_verdict(&mut self, old: &Post, new: &Post, hidden: i64, trace: TraceContext) {
        let Some(published_at) = new.published_at else { return };
        if old.moderation == new.moderation {
            return;
        }
        let (post, author) = (new.id, new.author);
        match new.moderation {
            Moderation::Approved => {
                let restores = old.is_withdrawn.then_some(published_at);
                self.announce(EventKind::PostApproved { post, author, restores, hidden }, trace);
            }
            Moderation::Rejected => {
                self.announce(EventKind::PostRejected { post, author, published_at, hidden }, trace);
            }
            Moderation::Pending | Moderation::Review => {}
        }
    }
}
