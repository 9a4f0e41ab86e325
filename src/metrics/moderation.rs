//! Verdicts: how many of each kind, how long they took, and what they cost. A decorator, so that moderators need no
//! metrics. Metrics about models follow OpenTelemetry's conventions for generative AI.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::call::{BOUNDS, Call, FAILURES, failure};
use crate::{
    domain::{Decision, Usage, Verdict},
    gateways::{Error, Moderator, Submission},
};

const JUDGED: &str = "judged";
/// The upper bounds of the buckets for tokens, as OpenTelemetry recommends, up to what a long post can need.
const TOKEN_BOUNDS: [f64; 9] = [1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0];

/// The moderator. It is used as a label, so it comes from the configuration and never from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judge {
    /// The model's provider in OpenTelemetry's terms, such as `aws.bedrock` or `openai`; `None` if it is not a model.
    pub provider: Option<&'static str>,
    /// The model's name, or `rules`.
    pub name: String,
}

/// The instruments of the moderation gateway.
#[derive(Debug, Clone)]
pub struct ModerationMetrics {
    verdicts: Family<Decided, Counter>,
    duration: Family<Ended, Histogram>,
    cost: Family<Model, Counter>,
    operation: Family<Operation, Histogram>,
    tokens: Family<Tokens, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decided {
    decision: &'static str,
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Model {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: &'static str,
    gen_ai_request_model: String,
    error_type: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tokens {
    gen_ai_operation_name: &'static str,
    gen_ai_provider_name: &'static str,
    gen_ai_request_model: String,
    gen_ai_token_type: &'static str,
}

struct Metered {
    moderator: Arc<dyn Moderator>,
    judge: Judge,
    metrics: ModerationMetrics,
}

impl Default for ModerationMetrics {
    /// All outcomes exist from the start, so that the first failure is visible as a change.
    fn default() -> Self {
        let duration: Family<Ended, Histogram> = Family::new_with_constructor(|| Histogram::new(BOUNDS));
        for outcome in [JUDGED].into_iter().chain(FAILURES) {
            drop(duration.get_or_create(&Ended { outcome }));
        }
        Self {
            verdicts: Family::default(),
            duration,
            cost: Family::default(),
            operation: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            tokens: Family::new_with_constructor(|| Histogram::new(TOKEN_BOUNDS)),
        }
    }
}

impl ModerationMetrics {
    /// Wraps a moderator with metrics.
    #[must_use]
    pub fn meter(&self, moderator: Arc<dyn Moderator>, judge: Judge) -> Arc<dyn Moderator> {
        for decision in [Decision::Approve, Decision::Reject, Decision::Review] {
            drop(self.verdicts.get_or_create(&Decided { decision: word(decision), model: judge.name.clone() }));
        }
        drop(self.cost.get_or_create(&Model { model: judge.name.clone() }));
        Arc::new(Metered { moderator, judge, metrics: self.clone() })
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Verdicts by decision; `review` means that a person decides";
        registry.register("broadsheet_moderation_verdicts", help, self.verdicts.clone());
        let help = "How long the moderator took for one post, including all its calls, by outcome";
        registry.register("broadsheet_moderation_duration_seconds", help, self.duration.clone());
        let help = "The cost of verdicts in millionths of a US dollar, at the configured prices";
        registry.register("broadsheet_moderation_cost_micros", help, self.cost.clone());
        let help = "How long a model took for one post, including all calls";
        registry.register("gen_ai_client_operation_duration_seconds", help, self.operation.clone());
        let help = "Tokens used for one post, sent (input) and received (output)";
        registry.register("gen_ai_client_token_usage", help, self.tokens.clone());
    }

    fn record(&self, judge: &Judge, outcome: &'static str, took: Duration) {
        self.duration.get_or_create(&Ended { outcome }).observe(took.as_secs_f64());
        let Some(provider) = judge.provider else { return };
        let operation = Operation {
            gen_ai_operation_name: "chat",
            gen_ai_provider_name: provider,
            gen_ai_request_model: judge.name.clone(),
            error_type: Some(outcome).filter(|outcome| *outcome != JUDGED),
        };
        self.operation.get_or_create(&operation).observe(took.as_secs_f64());
    }

    fn record_verdict(&self, judge: &Judge, decision: Decision, usage: Usage) {
        let model = judge.name.clone();
        self.verdicts.get_or_create(&Decided { decision: word(decision), model: model.clone() }).inc();
        self.cost.get_or_create(&Model { model: model.clone() }).inc_by(usage.cost_micros);
        let Some(provider) = judge.provider else { return };
        for (gen_ai_token_type, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            let labels = Tokens {
                gen_ai_operation_name: "chat",
                gen_ai_provider_name: provider,
                gen_ai_request_model: model.clone(),
                gen_ai_token_type,
            };
            self.tokens.get_or_create(&labels).observe(tokens as f64);
        }
    }
}

impl Moderator for Metered {
    fn judge<'a>(&'a self, submission: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, Error>> {
        Box::pin(async move {
            let call = Call::begin(|outcome, took| self.metrics.record(&self.judge, outcome, took));
            let judged = self.moderator.judge(submission).await;
            call.end(judged.as_ref().map_or_else(failure, |_| JUDGED));
            if let Ok(verdict) = &judged {
                self.metrics.record_verdict(&self.judge, verdict.decision, verdict.usage);
            }
            judged
        })
    }

    fn is_quick(&self) -> bool {
        self.moderator.is_quick()
    }
}

/// The label of a decision in metrics.
const fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Reject => "reject",
        Decision::Review => "review",
    }
}
