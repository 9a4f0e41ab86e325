//! The gateways against servers that speak their protocols. Here: models as moderators.

mod answers;
mod outages;
mod protocol;
mod publishing;

use std::{sync::Arc, time::Duration};

use broadsheet::{
    clock::ManualClock,
    domain::{AccountId, Tag, Verdict},
    gateways::{ApiKey, Error, ModelModerator, ModelProvider, ModelSettings, Moderator, Prices, Submission},
};

use crate::support::model::ModelServer;

const KEY: &str = "k3y-that-nobody-may-see";

/// Both protocols.
fn providers() -> [ModelProvider; 2] {
    [ModelProvider::Bedrock { region: "us-east-1".to_owned() }, ModelProvider::OpenAi]
}

fn settings(url: &str, provider: ModelProvider) -> ModelSettings {
    ModelSettings {
        provider,
        base_url: url.to_owned(),
        model: "amazon.nova-micro-v1:0".to_owned(),
        key: ApiKey::Text(KEY.to_owned()),
        prices: Prices { input_micros: 35_000, output_micros: 140_000 },
        daily_budget_micros: 0,
        author_daily_calls: 0,
        calls_per_second: 1_000,
        timeout: Duration::from_secs(30),
        deadline: Duration::from_secs(60),
        chunk_bytes: 16 << 10,
    }
}

/// A moderator on a clock.
fn moderator(settings: ModelSettings, clock: &Arc<ManualClock>) -> ModelModerator {
    ModelModerator::new(settings, clock.clone()).unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_system_time())
}

async fn judged(moderator: &ModelModerator, body: &str) -> Result<Verdict, Error> {
    judged_of(moderator, AccountId::from_parts(1, 1), body).await
}

async fn judged_of(moderator: &ModelModerator, author: AccountId, body: &str) -> Result<Verdict, Error> {
    let tags = [Tag::parse("tea").unwrap()];
    moderator.judge(&Submission { author, title: "Notes on tea", tags: &tags, body }).await
}

/// What a server's only reply leads to, in each protocol.
async fn each(server: &ModelServer, body: &str) -> Vec<Result<Verdict, Error>> {
    let mut results = Vec::new();
    for provider in providers() {
        results.push(judged(&moderator(settings(&server.url, provider), &clock()), body).await);
    }
    results
}
