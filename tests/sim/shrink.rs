//! Makes a failure small: the same breach with fewer acts, fewer devices, fewer odd knobs.
//!
//! Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input*, IEEE TSE 28(2), 2002: delta debugging, over the acts of
//! a plan.

use crate::checker::Breach;
use crate::plan::{Act, ClockPlan, Plan, Timed};
use crate::world::run;

/// A plan that fails, made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// It.
    pub plan: Plan,
    /// How it fails.
    pub breach: Breach,
    /// How many runs it took.
    pub runs: usize,
}

/// Makes a failing plan small, by at most `runs_max` runs.
pub fn shrink(plan: &Plan, breach: Breach, runs_max: usize) -> Shrunk {
    let mut shrunk = Shrunk { plan: plan.clone(), breach, runs: 0 };
    loop {
        let before = size(&shrunk.plan);
        shrunk.drop_acts(runs_max);
        shrunk.drop_devices(runs_max);
        shrunk.straighten(runs_max);
        if size(&shrunk.plan) == before || shrunk.runs >= runs_max {
            return shrunk;
        }
    }
}

fn size(plan: &Plan) -> (usize, usize) {
    (plan.acts.len(), plan.devices.len())
}

impl Shrunk {
    /// Takes a smaller plan if it fails in the same way; whether it does.
    fn try_plan(&mut self, plan: Plan, runs_max: usize) -> bool {
        if self.runs >= runs_max || plan == self.plan {
            return false;
        }
        self.runs += 1;
        match run(&plan, false).result {
            Err(breach) if breach.kind() == self.breach.kind() => {
                (self.plan, self.breach) = (plan, breach);
                true
            }
            _ => false,
        }
    }

    /// Leaves out acts, many at once first.
    fn drop_acts(&mut self, runs_max: usize) {
        let mut chunk = self.plan.acts.len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < self.plan.acts.len() {
                let mut plan = self.plan.clone();
                plan.acts.drain(at..(at + chunk).min(plan.acts.len()));
                if !self.try_plan(plan, runs_max) {
                    at += chunk;
                }
            }
            chunk /= 2;
        }
    }

    /// Leaves out devices that do nothing: the last ones, so that the others keep their numbers and their chance.
    fn drop_devices(&mut self, runs_max: usize) {
        loop {
            let last = self.plan.devices.len() - 1;
            let mut plan = self.plan.clone();
            plan.devices.pop();
            plan.acts.retain(|timed| match timed.act {
                Act::Person(at, _) | Act::Device(at, _) | Act::Tamper { device: at, .. } => at != last,
                Act::Relay(..) | Act::Partition { .. } | Act::Stranger(..) => true,
            });
            if last == 0 || !self.try_plan(plan, runs_max) {
                return;
            }
        }
    }

    /// Sets clocks right and draws acts together in time.
    fn straighten(&mut self, runs_max: usize) {
        let mut plan = self.plan.clone();
        plan.devices.iter_mut().for_each(|device| device.clock = ClockPlan::default());
        plan.relays.iter_mut().for_each(|relay| relay.clock = ClockPlan::default());
        self.try_plan(plan, runs_max);
        let mut plan = self.plan.clone();
        plan.knobs.real_stores = false;
        self.try_plan(plan, runs_max);
        let mut plan = self.plan.clone();
        plan.sealed = None;
        self.try_plan(plan, runs_max);
        let mut plan = self.plan.clone();
        let mut last_us = 0;
        for Timed { at_us, .. } in &mut plan.acts {
            *at_us = (*at_us).min(last_us + 5_000_000);
            last_us = *at_us;
        }
        self.try_plan(plan, runs_max);
    }
}
