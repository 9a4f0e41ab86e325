//! The results of the calls for one post, and the verdict that follows.

use std::time::Duration;

use super::{
    answer::{Finding, grounds},
    budget::{Prices, Tokens},
    prompt,
};
use crate::domain::{Decision, Usage, Verdict};

/// The strictest finding so far, and the cost.
#[derive(Default)]
pub(super) struct Tally {
    worst: Option<Finding>,
    tokens: Tokens,
    asking: Duration,
}

impl Tally {
    /// Keeps the stricter of two findings; the first, if they are equal.
    pub(super) fn take(&mut self, finding: Finding) {
        if self.worst.as_ref().is_none_or(|worst| finding.weight() > worst.weight()) {
            self.worst = Some(finding);
        }
    }

    /// Whether a part of the post has been judged.
    pub(super) const fn has_findings(&self) -> bool {
        self.worst.is_some()
    }

    /// Counts how long a call took.
    pub(super) fn count(&mut self, call: Duration) {
        self.asking += call;
    }

    /// Counts what a call cost.
    pub(super) fn pay(&mut self, tokens: Tokens) {
        self.tokens.add(tokens);
    }

    /// The strictest finding as the verdict. An approval counts only without a sign against it.
    pub(super) fn verdict(self, sign: Option<&str>, model: &str, prices: Prices) -> Verdict {
        let mut finding = self.worst.unwrap_or_else(|| Finding::review(grounds::UNCLEAR, "The model gave no verdict."));
        if let Some(sign) = sign.filter(|_| finding.decision == Decision::Approve) {
            let reason = format!("The post {sign}; a person should look at it.");
            finding = Finding::review(grounds::INJECTION, &reason);
        }
        let usage = Usage {
            input_tokens: self.tokens.input,
            output_tokens: self.tokens.output,
            cost_micros: prices.micros(self.tokens),
            latency_ms: u64::try_from(self.asking.as_millis()).unwrap_or(u64::MAX),
        };
        Verdict {
            decision: finding.decision,
            categories: finding.categories,
            reason: finding.reason,
            model: model.to_owned(),
            prompt: Some(prompt::VERSION.to_owned()),
            usage,
        }
    }
}
