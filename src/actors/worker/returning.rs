//! Giving back what was leased and has not begun: when an operator pauses or restarts the worker, when it restarts by itself, and when
//! the node ends. No receive is spent by that.

use std::collections::VecDeque;

use actix::prelude::*;

use super::{Worker, actor::WorkerActor, runs::complete_with_retry};
use crate::store::{Claimed, Failure};

impl<W: Worker> WorkerActor<W> {
    /// Gives back what was leased and has not begun. A claim that is still on its way is given back when it arrives, because whatever
    /// ends the worker waits for it.
    pub(super) fn return_claimed(&mut self, ctx: &mut Context<Self>) {
        if self.claimed.is_empty() {
            return;
        }
        let mut claimed: VecDeque<Claimed> = std::mem::take(&mut self.claimed);
        claimed.iter_mut().for_each(|claimed| self.add_lost_receive(claimed));
        let permit = if self.slots.running == 0 { self.isolation.permit.take() } else { None };
        let (deliveries, now) = (self.deliveries.clone(), self.engine.clock.now());
        let returning = async move {
            for claimed in claimed {
                if let Err(error) = complete_with_retry(|| deliveries.give_back(&claimed, now)).await {
                    tracing::warn!(
                        worker = W::NAME,
                        delivery_id = %claimed.event.id,
                        %error,
                        "a lease could not be given back; it will run out, which spends a receive"
                    );
                }
            }
            drop(permit);
        };
        self.returns += 1;
        ctx.spawn(returning.into_actor(self).map(|(), actor, ctx| {
            actor.returns = actor.returns.saturating_sub(1);
            actor.drive(ctx);
        }));
    }

    /// A receive that vanished with its process, or whose lease ran out, is a failure.
    pub(super) fn add_lost_receive(&self, claimed: &mut Claimed) {
        if claimed.was_lost {
            claimed.failures.push(Failure {
                receive: i64::from(claimed.receive.saturating_sub(1)),
                at: self.engine.clock.now().as_millis(),
                class: "lost".to_owned(),
                message: "the process died or the lease ran out".to_owned(),
            });
        }
    }
}
