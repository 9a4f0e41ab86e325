//! Models as moderators: a post is shown to a language model as data, and its answer is checked before it counts.
//!
//! `prompt` has the instructions, `chunks` prepares the text, `answer` checks the answer, and `signs` finds what makes
//! an approval doubtful. `bedrock` and `openai` implement the protocols, `http` sends requests, `refusal` interprets
//! errors; `pace` and `budget` limit the calls. A model has no tools and no memory; all it can do is give a verdict.
//!
//! A long post is judged in chunks, one after the other: the strictest verdict counts, and a rejection ends the
//! judgement. If time runs out after some chunks were judged, a person decides; if none was, it counts as an outage.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;

use super::{Error, Moderator, Submission};
use crate::{
    clock::Clock,
    domain::{AccountId, Decision, Timestamp, Verdict},
};
use answer::{Finding, grounds};
use bedrock::Bedrock;
use budget::{Budget, Exhausted};
use http::Http;
use openai::OpenAi;
use pace::{Pace, Starts};
use prompt::{Part, Prompt};
use reply::{Reply, Said};
use tally::Tally;

pub(crate) mod answer;
mod bedrock;
mod budget;
pub(crate) mod chunks;
mod http;
mod openai;
mod pace;
pub(crate) mod prompt;
mod refusal;
mod reply;
mod settings;
pub(crate) mod signs;
mod tally;

pub use budget::Prices;
pub use settings::{ApiKey, ModelProvider, ModelSettings};

/// A moderator that asks a model.
pub struct ModelModerator {
    protocol: Protocol,
    http: Http,
    model: String,
    prices: Prices,
    budget: Budget,
    pace: Pace,
    timeout: Duration,
    deadline: Duration,
    chunk_bytes: usize,
    clock: Arc<dyn Clock>,
}

enum Protocol {
    Bedrock(Bedrock),
    OpenAi(OpenAi),
}

/// Why no client for a model could be created.
#[derive(Debug, thiserror::Error)]
#[error("no secure connection to the model's server can be made on this machine")]
pub struct ModelClientError(#[from] reqwest::Error);

/// A post's texts as the model sees them, and their author.
struct Shown {
    author: AccountId,
    title: String,
    tags: String,
    body: String,
}

impl ModelModerator {
    /// A moderator with these settings. It connects when there is something to judge.
    ///
    /// # Errors
    /// If the machine lacks what secure connections need.
    pub fn new(settings: ModelSettings, clock: Arc<dyn Clock>) -> Result<Self, ModelClientError> {
        let protocol = match &settings.provider {
            ModelProvider::Bedrock { region } => {
                Protocol::Bedrock(Bedrock::new(&settings.base_url, region, &settings.model))
            }
            ModelProvider::OpenAi => Protocol::OpenAi(OpenAi::new(&settings.base_url, &settings.model)),
        };
        let is_encrypted = protocol.url().starts_with("https:");
        Ok(Self {
            http: Http::new(settings.key, settings.timeout, is_encrypted)?,
            protocol,
            model: settings.model,
            prices: settings.prices,
            budget: Budget::new(settings.prices, settings.daily_budget_micros, settings.author_daily_calls),
            pace: Pace::new(settings.calls_per_second),
            timeout: settings.timeout,
            deadline: settings.deadline,
            chunk_bytes: settings.chunk_bytes,
            clock,
        })
    }

    async fn verdict(&self, submission: &Submission<'_>) -> Result<Verdict, Error> {
        let sign = signs::find(submission);
        let shown = Shown::new(submission);
        let chunks = chunks::split(&shown.body, self.chunk_bytes);
        let mut tally = Tally::default();
        if let Some(exhausted) = self.budget.exhausted(shown.author, self.clock.now()) {
            tally.take(out_of_budget(exhausted));
            return Ok(tally.verdict(sign, &self.model, self.prices));
        }
        let window = self.deadline.saturating_sub(self.timeout);
        let starts = self.pace.reserve(chunks.len(), window, tokio::time::Instant::now(), self.clock.now())?;
        let asking = self.ask_all(&shown, &chunks, starts, &mut tally);
        match tokio::time::timeout(self.deadline, asking).await {
            Ok(asked) => asked?,
            Err(_) if tally.has_findings() => {
                let reason = "The model did not finish the whole post in time.";
                tally.take(Finding::review(grounds::TOO_LONG, reason));
            }
            Err(_) => {
                let message = format!("the model gave no verdict within {} ms", self.deadline.as_millis());
                return Err(Error::Transient(message));
            }
        }
        Ok(tally.verdict(sign, &self.model, self.prices))
    }

    /// Has one chunk after the other judged, until one is rejected.
    async fn ask_all(
        &self,
        shown: &Shown,
        chunks: &[Vec<&str>],
        starts: Starts,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        for (index, lines) in chunks.iter().enumerate() {
            tokio::time::sleep_until(starts.of(index)).await;
            if let Some(exhausted) = self.budget.exhausted(shown.author, self.clock.now()) {
                tally.take(out_of_budget(exhausted));
                return Ok(());
            }
            let (title, tags) = (&shown.title, &shown.tags);
            let part = Part { title, tags, lines, number: index + 1, count: chunks.len() };
            let finding = self.ask(&part, shown.author, tally).await?;
            let is_rejected = finding.decision == Decision::Reject;
            tally.take(finding);
            if is_rejected {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn ask(&self, part: &Part<'_>, author: AccountId, tally: &mut Tally) -> Result<Finding, Error> {
        let prompt = Prompt::new(part, rand::random);
        let begin = Instant::now();
        let replied = self.protocol.ask(&self.http, &prompt, self.clock.now()).await;
        tally.count(begin.elapsed());
        let now = self.clock.now();
        if let Err(Error::RateLimited { retry_after }) = &replied {
            self.pace.hold(*retry_after, now);
        }
        let Reply { said, tokens } = replied?;
        tally.pay(tokens);
        self.budget.spend(author, tokens, now);
        let finding = judge(&said, &prompt);
        if let Some(ground) = finding.categories.first().filter(|_| finding.decision == Decision::Review) {
            tracing::info!(model = self.model, ground, "a model's answer leaves a post to a person");
        }
        Ok(finding)
    }
}

impl Moderator for ModelModerator {
    fn judge<'a>(&'a self, submission: &'a Submission<'a>) -> BoxFuture<'a, Result<Verdict, Error>> {
        Box::pin(self.verdict(submission))
    }
}

impl fmt::Debug for ModelModerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelModerator").field("model", &self.model).finish_non_exhaustive()
    }
}

impl Protocol {
    fn url(&self) -> &str {
        match self {
            Self::Bedrock(bedrock) => bedrock.url(),
            Self::OpenAi(openai) => openai.url(),
        }
    }

    async fn ask(&self, http: &Http, prompt: &Prompt, now: Timestamp) -> Result<Reply, Error> {
        match self {
            Self::Bedrock(bedrock) => bedrock.ask(http, prompt, now).await,
            Self::OpenAi(openai) => openai.ask(http, prompt, now).await,
        }
    }
}

impl Shown {
    fn new(submission: &Submission<'_>) -> Self {
        let tags: Vec<&str> = submission.tags.iter().map(|tag| tag.as_str()).collect();
        Self {
            author: submission.author,
            title: chunks::clean(submission.title).replace('\n', " "),
            tags: chunks::clean(&tags.join(", ")),
            body: chunks::clean(submission.body),
        }
    }
}

fn judge(said: &Said, prompt: &Prompt) -> Finding {
    match said {
        Said::Answer(text) => answer::read(text, prompt),
        Said::Refused => Finding::review(grounds::REFUSED, "The model's provider refused to judge this post."),
        Said::CutShort => Finding::review(grounds::UNCLEAR, "The model's answer was cut short."),
        Said::TooLong => Finding::review(grounds::TOO_LONG, "The post is too long for the model."),
        Said::Nothing(why) => Finding::review(grounds::UNCLEAR, why),
    }
}

fn out_of_budget(exhausted: Exhausted) -> Finding {
    match exhausted {
        Exhausted::Day => Finding::review(grounds::BUDGET, "The daily budget for model calls is used up."),
        Exhausted::Author => {
            Finding::review(grounds::AUTHOR_BUDGET, "This author's daily budget for model calls is used up.")
        }
    }
}
