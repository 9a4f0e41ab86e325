//! What an operator can do to a worker while it runs.

use actix::prelude::*;

use super::{
    State, Worker,
    actor::{Phase, WorkerActor},
};

/// What an operator can do to a worker while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Control {
    /// Takes nothing any more; what runs is finished.
    Pause,
    /// Goes on.
    Resume,
    /// Finishes what runs, forgets everything in memory and begins anew from its cursors; ends `degraded`, too.
    Restart,
}

/// Something has become due in the retry queue behind the worker's back.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Wake;

impl<W: Worker> Handler<Control> for WorkerActor<W> {
    type Result = ();

    fn handle(&mut self, control: Control, ctx: &mut Self::Context) {
        match control {
            Control::Pause => self.settings.is_paused = true,
            Control::Resume => {
                self.settings.is_paused = false;
                self.due_at(self.engine.clock.now());
            }
            Control::Restart => {
                self.reset_restart_budget();
                match self.phase {
                    Phase::Running => self.phase = Phase::Restarting,
                    Phase::Parked if self.status.snapshot().state == State::Degraded => return ctx.stop(),
                    Phase::Starting | Phase::Restarting | Phase::Draining | Phase::Parked => {}
                }
            }
        }
        self.drive(ctx);
    }
}

impl<W: Worker> Handler<Wake> for WorkerActor<W> {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        if self.phase == Phase::Running {
            // Due since some moment before its transaction, which claims must not have passed over.
            self.due_at(self.engine.clock.now().minus(self.settings.timeout));
            self.drive(ctx);
        }
    }
}
