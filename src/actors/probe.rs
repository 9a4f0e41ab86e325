//! One question for many askers: asked at most once in a while, and answered from memory meanwhile.

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use tokio::{runtime::Handle, time::Instant};

/// How often the question is asked at most.
const PERIOD: Duration = Duration::from_secs(1);
/// How long an asker waits for a new answer when there is one from before.
const PATIENCE: Duration = Duration::from_millis(50);

/// A question with a yes or no for an answer. A clone shares it.
#[derive(Clone)]
pub(super) struct Probe(Arc<Inner>);

struct Inner {
    question: Box<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>,
    runtime: Handle,
    state: Mutex<Option<State>>,
}

#[derive(Clone)]
struct State {
    asked_at: Instant,
    answer: Shared<BoxFuture<'static, bool>>,
    /// The answer to the question before.
    before: Option<bool>,
}

impl Probe {
    /// Asks `question` as a task of `runtime`; it must end by itself.
    pub(super) fn new(
        runtime: Handle,
        question: impl Fn() -> BoxFuture<'static, bool> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { question: Box::new(question), runtime, state: Mutex::default() }))
    }

    /// The answer: at most a second old, or while the question waits for one for longer, the answer before. Who has reason to
    /// doubt gets no "yes" from before, but waits.
    pub(super) async fn ask(&self, is_in_doubt: bool) -> bool {
        let State { answer, before, .. } = self.current(is_in_doubt);
        match before.filter(|before| !(*before && is_in_doubt)) {
            Some(before) => tokio::time::timeout(PATIENCE, answer).await.unwrap_or(before),
            None => answer.await,
        }
    }

    /// The question that was asked last: a new one if that was a while ago, and has been answered.
    fn current(&self, is_in_doubt: bool) -> State {
        let mut state = self.0.state.lock();
        let before = match state.as_ref() {
            None => None,
            Some(last) => match last.answer.clone().now_or_never() {
                Some(answer) if last.asked_at.elapsed() >= PERIOD || (answer && is_in_doubt) => Some(answer),
                _ => return last.clone(),
            },
        };
        let asked = self.0.runtime.spawn((self.0.question)());
        let answer = asked.map(|answer| answer.unwrap_or(false)).boxed().shared();
        state.insert(State { asked_at: Instant::now(), answer, before }).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// A probe that answers `true` once and then waits for a permit before each answer, `false`; and how often it was asked.
    fn probe() -> (Probe, Arc<AtomicUsize>, Arc<Semaphore>) {
        let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, wait) = (Arc::clone(&asked), Arc::clone(&gate));
        let question = move || {
            let (is_first, wait) = (count.fetch_add(1, Ordering::SeqCst) == 0, Arc::clone(&wait));
            async move { is_first || wait.acquire().await.is_err() }.boxed()
        };
        (Probe::new(Handle::current(), question), asked, gate)
    }

    /// As if the last question had been asked a second ago.
    fn age(probe: &Probe) {
        if let Some(state) = probe.0.state.lock().as_mut() {
            state.asked_at = state.asked_at.checked_sub(PERIOD).unwrap();
        }
    }

    #[tokio::test]
    async fn all_who_ask_within_a_second_share_one_question() {
        let (probe, asked, _gate) = probe();
        let answers = futures_util::future::join_all((0..100).map(|_| probe.ask(false))).await;
        assert!(answers.into_iter().all(|answer| answer));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_asks_while_the_question_waits_gets_the_answer_before() {
        let (probe, asked, gate) = probe();
        assert!(probe.ask(false).await);
        age(&probe);
        assert!(probe.ask(false).await, "the second question waits");
        age(&probe);
        assert!(probe.ask(false).await, "and no third one is asked beside it");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        gate.add_permits(1);
        while probe.ask(false).await {}
    }

    #[tokio::test]
    async fn who_is_in_doubt_gets_no_yes_from_before() {
        let (probe, asked, gate) = probe();
        assert!(probe.ask(false).await);
        gate.add_permits(1);
        assert!(!probe.ask(true).await);
        assert!(!probe.ask(true).await, "and a no holds for a second");
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
