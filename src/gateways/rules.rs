//! The built-in moderator: a few rules that need no model and no network, and how their findings become a verdict.
//!
//! The rules read only prose, without code and addresses: see `rules::prose`. Each rule has a file of its own.

use futures_util::future::BoxFuture;

use super::{Error, Moderator, Submission};
use crate::domain::{Decision, Usage, Verdict};
use prose::Prose;

mod language;
mod prose;
mod repetition;

/// The name of these rules in verdicts; it changes when their judgement changes.
const MODEL: &str = "rules/1";

/// How strict the rules are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulesSettings {
    /// Up to this many links are always allowed.
    pub max_links: usize,
    /// With more links, a post needs this many words for each.
    pub words_per_link: usize,
}

impl Default for RulesSettings {
    fn default() -> Self {
        Self { max_links: 20, words_per_link: 8 }
    }
}

/// Judges posts by their language, their links and their repetitions.
#[derive(Debug, Clone, Copy)]
pub struct RulesModerator {
    settings: RulesSettings,
}

/// A finding of one rule.
struct Finding {
    category: &'static str,
    decision: Decision,
    /// The problem, as a text that follows "the post"; never a quotation.
    says: String,
}

impl RulesModerator {
    /// A moderator with these settings.
    #[must_use]
    pub const fn new(settings: RulesSettings) -> Self {
        Self { settings }
    }

    /// Judges one post synchronously. A pure function: the same post always gets the same verdict.
    #[must_use]
    pub fn verdict(&self, submission: &Submission<'_>) -> Verdict {
        let prose = Prose::read(submission);
        let mut findings = language::read(&prose);
        findings.extend(self.link_spam(&prose));
        findings.extend(repetition::read(&prose));
        conclude(&findings)
    }

    fn link_spam(&self, prose: &Prose) -> Option<Finding> {
        let (links, words) = (prose.links, prose.word_count());
        let is_spam = links > self.settings.max_links && words < links.saturating_mul(self.settings.words_per_link);
        is_spam.then(|| Finding {
            category: "spam_links",
            decision: Decision::Reject,
            says: format!("has {links} links for {words} words"),
        })
    }
}

impl Moderator for RulesModerator {
    /// Judges on a blocking thread: the longest post takes tens of milliseconds, the first one also reads the dictionary.
    fn judge<'a>(&'a self, submission: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, Error>> {
        Box::pin(async move {
            let moderator = *self;
            let author = submission.author;
            let (title, tags, body) =
                (submission.title.to_owned(), submission.tags.to_vec(), submission.body.to_owned());
            let judging = tokio::task::spawn_blocking(move || {
                moderator.verdict(&Submission { author, title: &title, tags: &tags, body: &body })
            });
            match judging.await.map_err(tokio::task::JoinError::try_into_panic) {
                Ok(verdict) => Ok(verdict),
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_)) => Err(Error::Transient("the rules were stopped before they finished".to_owned())),
            }
        })
    }

    fn is_quick(&self) -> bool {
        true
    }
}

/// The strictest decision wins; every finding is named.
fn conclude(findings: &[Finding]) -> Verdict {
    let has = |decision| findings.iter().any(|finding| finding.decision == decision);
    let decision = if has(Decision::Reject) {
        Decision::Reject
    } else if has(Decision::Review) {
        Decision::Review
    } else {
        Decision::Approve
    };
    let reason = if findings.is_empty() {
        "No rule objects to the post.".to_owned()
    } else {
        let says: Vec<&str> = findings.iter().map(|finding| finding.says.as_str()).collect();
        format!("The post {}.", says.join(" and "))
    };
    let categories = findings.iter().map(|finding| finding.category.to_owned()).collect();
    Verdict { decision, categories, reason, model: MODEL.to_owned(), prompt: None, usage: Usage::default() }
}

#[cfg(test)]
mod tests;
