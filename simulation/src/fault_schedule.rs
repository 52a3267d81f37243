//! Random schedule of the injected faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fastrand::Rng;

use crate::fault::{CallFault, FAULTS, Fault, Service};

/// Decides when a fault occurs, and counts occurrences. Clones share one state.
#[derive(Debug, Clone)]
pub(crate) struct FaultSchedule(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    is_enabled: bool,
    /// Whether all webhooks have been sent. After that, only the game's faults occur.
    is_sending_done: bool,
    rng: Rng,
    /// One entry for each of [`FAULTS`].
    entries: [Entry; FAULTS.len()],
    /// Unreachable services, and for how many more calls.
    outages: Vec<(Service, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Opportunities until the next occurrence.
    countdown: u32,
    occurrences: u64,
}

impl FaultSchedule {
    /// The schedule of a seed, without any fault unless enabled.
    pub(crate) fn new(is_enabled: bool, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let entries = FAULTS.map(|(_, mean)| Entry { countdown: draw_interval(&mut rng, mean), occurrences: 0 });
        Self(Arc::new(Mutex::new(State { is_enabled, is_sending_done: false, rng, entries, outages: Vec::new() })))
    }

    /// Stops all faults except the game's, because the game may still have messages to process.
    pub(crate) fn sending_done(&self) {
        self.state().is_sending_done = true;
    }

    /// Whether this fault occurs at this opportunity.
    pub(crate) fn occurs(&self, fault: Fault) -> bool {
        self.next_fault(|candidate| candidate == fault).is_some()
    }

    /// The fault of this call, if any.
    pub(crate) fn call_fault(&self, service: Service, is_batch: bool) -> Option<CallFault> {
        if self.state().is_unreachable(service) {
            return Some(CallFault::LostBefore);
        }
        let fault = self.next_fault(|fault| match fault {
            Fault::Call(faulty, CallFault::PartialBatch) => faulty == service && is_batch,
            Fault::Call(faulty, _) => faulty == service,
            _ => false,
        });
        match fault? {
            Fault::Call(service, CallFault::Outage(calls)) => {
                self.state().outages.push((service, calls));
                Some(CallFault::LostBefore)
            }
            Fault::Call(_, fault) => Some(fault),
            _ => None,
        }
    }

    /// A random number below `limit`.
    pub(crate) fn random_below(&self, limit: u64) -> u64 {
        self.state().rng.u64(0..limit)
    }

    /// Occurrences of each fault.
    pub(crate) fn occurrences(&self) -> Vec<(Fault, u64)> {
        let state = self.state();
        FAULTS.iter().zip(state.entries).map(|((fault, _), entry)| (*fault, entry.occurrences)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an opportunity for the candidates, up to the first that occurs.
    fn next_fault(&self, is_candidate: impl Fn(Fault) -> bool) -> Option<Fault> {
        let State { is_enabled, is_sending_done, rng, entries, .. } = &mut *self.state();
        let is_active = |fault: Fault| *is_enabled && (!*is_sending_done || fault.is_in_game());
        for ((fault, mean), entry) in FAULTS.into_iter().zip(entries) {
            if is_active(fault) && is_candidate(fault) {
                entry.countdown -= 1;
                if entry.countdown == 0 {
                    entry.countdown = draw_interval(rng, mean);
                    entry.occurrences += 1;
                    return Some(fault);
                }
            }
        }
        None
    }
}

impl State {
    /// Whether an outage covers this call. Counts the call.
    fn is_unreachable(&mut self, service: Service) -> bool {
        let mut outages = self.outages.iter_mut().filter(|(_, calls)| !self.is_sending_done && *calls > 0);
        outages.find(|(unreachable, _)| *unreachable == service).map(|(_, calls)| *calls -= 1).is_some()
    }
}

/// Draws an interval with this mean, and less than twice the mean.
fn draw_interval(rng: &mut Rng, mean: u32) -> u32 {
    rng.u32(1..2 * mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurs_within_limit(schedule: &FaultSchedule, fault: Fault, mean: u32) -> bool {
        (1..2 * mean).any(|_| schedule.occurs(fault))
    }

    #[test]
    fn each_fault_occurs_within_twice_its_mean_interval() {
        let schedule = FaultSchedule::new(true, 7);
        for (fault, mean) in FAULTS {
            assert!(occurs_within_limit(&schedule, fault, mean), "{fault}");
        }
        assert!(schedule.occurrences().iter().all(|(_, occurrences)| *occurrences == 1));
    }

    #[test]
    fn only_game_faults_occur_when_sending_is_done() {
        let schedule = FaultSchedule::new(true, 7);
        schedule.sending_done();
        for (fault, mean) in FAULTS {
            assert_eq!(occurs_within_limit(&schedule, fault, mean), fault.is_in_game(), "{fault}");
        }
    }

    #[test]
    fn no_fault_occurs_unless_enabled() {
        let schedule = FaultSchedule::new(false, 7);
        for (fault, mean) in FAULTS {
            assert!(!occurs_within_limit(&schedule, fault, mean), "{fault}");
        }
    }

    #[test]
    fn outage_covers_calls_of_its_service_until_sending_is_done() {
        let schedule = FaultSchedule::new(true, 7);
        let is_unreachable = |service| schedule.state().is_unreachable(service);
        schedule.state().outages.push((Service::Sqs, 2));
        assert!(!is_unreachable(Service::DynamoDb));
        assert!(is_unreachable(Service::Sqs));
        assert!(is_unreachable(Service::Sqs));
        assert!(!is_unreachable(Service::Sqs));
        schedule.state().outages.push((Service::Sqs, 2));
        schedule.sending_done();
        assert!(!is_unreachable(Service::Sqs));
    }
}
