//! What asking costs, and how much of it a day may have. Counted in memory, per node and UTC day.

use parking_lot::Mutex;

use crate::domain::{Day, Timestamp};

/// What a model's tokens cost: millionths of a US dollar for a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prices {
    /// For those sent.
    pub input_micros: u64,
    /// For those received.
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
    /// What these tokens cost, in millionths of a millionth of a dollar: one call costs less than a millionth's parts show.
    fn picos(self, tokens: Tokens) -> u128 {
        let input = u128::from(tokens.input) * u128::from(self.input_micros);
        input.saturating_add(u128::from(tokens.output) * u128::from(self.output_micros))
    }

    /// What these tokens cost, in millionths of a dollar, rounded up.
    pub(super) fn micros(self, tokens: Tokens) -> u64 {
        u64::try_from(self.picos(tokens).div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// What a day may cost.
#[derive(Debug)]
pub(super) struct Budget {
    prices: Prices,
    /// 0: as much as it likes.
    daily_picos: u128,
    spent: Mutex<Option<(Day, u128)>>,
}

impl Budget {
    pub(super) fn new(prices: Prices, daily_micros: u64) -> Self {
        Self { prices, daily_picos: u128::from(daily_micros) * 1_000_000, spent: Mutex::new(None) }
    }

    /// Whether today's money is gone.
    pub(super) fn is_spent(&self, now: Timestamp) -> bool {
        let today = now.day();
        let spent = self.spent.lock().as_ref().filter(|(day, _)| *day == today).map_or(0, |(_, picos)| *picos);
        self.daily_picos > 0 && spent >= self.daily_picos
    }

    /// Counts what a call has cost.
    pub(super) fn spend(&self, tokens: Tokens, now: Timestamp) {
        let (today, picos) = (now.day(), self.prices.picos(tokens));
        let mut spent = self.spent.lock();
        match &mut *spent {
            Some((day, sum)) if *day == today => *sum = sum.saturating_add(picos),
            _ => *spent = Some((today, picos)),
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

    #[test]
    fn a_spent_budget_is_whole_again_on_the_next_utc_day() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let budget = Budget::new(NOVA_MICRO, 100);
        let call = Tokens { input: 2_100, output: 60 };
        budget.spend(call, noon);
        assert!(!budget.is_spent(noon));
        budget.spend(call, noon);
        assert!(budget.is_spent(noon));
        let midnight = noon.plus(Duration::from_secs(12 * 3_600));
        assert!(budget.is_spent(midnight.minus(Duration::from_millis(1))) && !budget.is_spent(midnight));
    }

    #[test]
    fn a_budget_of_nothing_is_no_limit() {
        let now = Timestamp::from_millis(0);
        let budget = Budget::new(NOVA_MICRO, 0);
        budget.spend(Tokens { input: u64::MAX, output: 0 }, now);
        assert!(!budget.is_spent(now));
    }
}
