//! The cost of model calls, and their daily limits: for all posts together, and for the posts of one author. Counted in
//! memory, per node and UTC day.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::{AccountId, Day, Timestamp};

/// Prices of a model's tokens, in millionths of a US dollar per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prices {
    /// For input tokens.
    pub input_micros: u64,
    /// For output tokens.
    pub output_micros: u64,
}

/// The tokens of one or more calls, as the provider counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Tokens {
    pub(super) fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}

impl Prices {
    /// The cost of these tokens in millionths of a millionth of a dollar, because the cost of one call is too small for
    /// millionths.
    fn picos(self, tokens: Tokens) -> u128 {
        let input = u128::from(tokens.input) * u128::from(self.input_micros);
        input.saturating_add(u128::from(tokens.output) * u128::from(self.output_micros))
    }

    /// The cost of these tokens in millionths of a dollar, rounded up.
    pub(super) fn micros(self, tokens: Tokens) -> u64 {
        u64::try_from(self.picos(tokens).div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// The limits for a day.
#[derive(Debug)]
pub(super) struct Budget {
    prices: Prices,
    /// 0: no limit.
    daily_picos: u128,
    /// Calls about the posts of one author; 0: no limit.
    author_calls: u32,
    spent: Mutex<Option<Spent>>,
}

/// What has been used today.
#[derive(Debug)]
struct Spent {
    day: Day,
    picos: u128,
    calls: HashMap<AccountId, u32>,
}

/// Why the model is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exhausted {
    /// Today's budget is used up.
    Day,
    /// The author's share of today's calls is used up.
    Author,
}

impl Budget {
    pub(super) fn new(prices: Prices, daily_micros: u64, author_calls: u32) -> Self {
        Self { prices, daily_picos: u128::from(daily_micros) * 1_000_000, author_calls, spent: Mutex::new(None) }
    }

    /// Why no more calls about this author's posts are allowed today, if so.
    pub(super) fn exhausted(&self, author: AccountId, now: Timestamp) -> Option<Exhausted> {
        let (today, spent) = (now.day(), self.spent.lock());
        let spent = spent.as_ref().filter(|spent| spent.day == today)?;
        if self.daily_picos > 0 && spent.picos >= self.daily_picos {
            return Some(Exhausted::Day);
        }
        let calls = spent.calls.get(&author).copied().unwrap_or(0);
        (self.author_calls > 0 && calls >= self.author_calls).then_some(Exhausted::Author)
    }

    /// Counts an answered call.
    pub(super) fn spend(&self, author: AccountId, tokens: Tokens, now: Timestamp) {
        let (today, picos) = (now.day(), self.prices.picos(tokens));
        let mut spent = self.spent.lock();
        if spent.as_ref().is_none_or(|spent| spent.day != today) {
            *spent = Some(Spent { day: today, picos: 0, calls: HashMap::new() });
        }
        if let Some(spent) = &mut *spent {
            spent.picos = spent.picos.saturating_add(picos);
            let calls = spent.calls.entry(author).or_default();
            *calls = calls.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOVA_MICRO: Prices = Prices { input_micros: 35_000, output_micros: 140_000 };

    #[test]
    fn a_usual_post_costs_82_millionths_of_a_dollar() {
        assert_eq!(NOVA_MICRO.micros(Tokens { input: 2_100, output: 60 }), 82);
        assert_eq!(NOVA_MICRO.micros(Tokens { input: 1, output: 0 }), 1, "rounded up");
        assert_eq!(NOVA_MICRO.micros(Tokens::default()), 0);
        let dear = Prices { input_micros: u64::MAX, output_micros: u64::MAX };
        assert_eq!(dear.micros(Tokens { input: u64::MAX, output: u64::MAX }), u64::MAX);
    }

    const ADA: AccountId = AccountId::from_parts(1, 1);
    const BOB: AccountId = AccountId::from_parts(1, 2);

    #[test]
    fn a_spent_budget_is_whole_again_on_the_next_utc_day() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let budget = Budget::new(NOVA_MICRO, 100, 0);
        let call = Tokens { input: 2_100, output: 60 };
        budget.spend(ADA, call, noon);
        assert_eq!(budget.exhausted(ADA, noon), None);
        budget.spend(ADA, call, noon);
        assert_eq!([ADA, BOB].map(|author| budget.exhausted(author, noon)), [Some(Exhausted::Day); 2]);
        let midnight = noon.plus(Duration::from_secs(12 * 3_600));
        assert_eq!(budget.exhausted(ADA, midnight.minus(Duration::from_millis(1))), Some(Exhausted::Day));
        assert_eq!(budget.exhausted(ADA, midnight), None);
    }

    #[test]
    fn an_author_has_so_many_calls_a_utc_day_and_leaves_others_theirs() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let budget = Budget::new(NOVA_MICRO, 0, 2);
        for _ in 0..2 {
            assert_eq!(budget.exhausted(ADA, noon), None);
            budget.spend(ADA, Tokens::default(), noon);
        }
        assert_eq!([ADA, BOB].map(|author| budget.exhausted(author, noon)), [Some(Exhausted::Author), None]);
        let midnight = noon.plus(Duration::from_secs(12 * 3_600));
        assert_eq!(budget.exhausted(ADA, midnight), None);
    }

    #[test]
    fn a_budget_of_nothing_is_no_limit() {
        let now = Timestamp::from_millis(0);
        let budget = Budget::new(NOVA_MICRO, 0, 0);
        budget.spend(ADA, Tokens { input: u64::MAX, output: 0 }, now);
        assert_eq!(budget.exhausted(ADA, now), None);
    }
}
