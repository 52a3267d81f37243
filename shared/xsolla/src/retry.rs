//! Xsolla's retry schedules.

use std::time::Duration;

/// Minutes between the attempts of an order's webhook: 2 × 5, 7 × 15, 10 × 60.
///
/// Source: the page on `order_paid`. Xsolla's integration kit has the same for `order_canceled`.
const ORDER_DELAYS: [u64; 19] = [5, 5, 15, 15, 15, 15, 15, 15, 15, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60];

/// Minutes between the attempts of a `payment`.
///
/// Its page documents at most 12 retries within 48 hours at growing intervals, but not the intervals. These are assumed;
/// their sum is 47 hours.
const PAYMENT_DELAYS: [u64; 12] = [5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 600, 720];

/// Error statuses after which Xsolla does not retry an order's webhook.
const ORDER_FINAL_STATUSES: [u16; 8] = [400, 401, 402, 403, 404, 409, 415, 422];

/// A schedule of retries for a webhook that was not acknowledged.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use xsolla_webhooks::NotificationType;
///
/// let schedule = NotificationType::PAYMENT.retry_schedule();
/// assert_eq!(schedule.delay(0, Some(503)), Some(Duration::from_secs(5 * 60)));
/// assert_eq!(schedule.delay(0, Some(400)), None, "a 4xx is final");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetrySchedule {
    /// No retries: questions. The user sees an error.
    Never,
    /// Up to 12 retries within 48 hours, after a 5xx or no answer: `payment`.
    ///
    /// Also a `refund` that a payment system or Xsolla requested; Xsolla never retries one that the game requested. Retries of
    /// other types are not documented; this schedule is assumed.
    Payment,
    /// 19 retries within 12 hours: `order_paid`, `order_canceled`. Ends with a success or one of eight 4xx statuses.
    Order,
}

impl RetrySchedule {
    /// Returns the delay before the next attempt, or `None` if there is none.
    ///
    /// `retries` counts the retries so far. `status` is the status of the last answer, `None` if there was no answer.
    #[must_use]
    pub fn delay(self, retries: usize, status: Option<u16>) -> Option<Duration> {
        let (minutes, is_final): (&[u64], bool) = match (self, status) {
            (_, Some(200 | 201 | 204)) | (Self::Never, _) => return None,
            (Self::Payment, status) => (&PAYMENT_DELAYS, status.is_some_and(|status| !(500..600).contains(&status))),
            (Self::Order, status) => {
                (&ORDER_DELAYS, status.is_some_and(|status| ORDER_FINAL_STATUSES.contains(&status)))
            }
        };
        minutes.get(retries).filter(|_| !is_final).map(|minutes| Duration::from_secs(minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(RetrySchedule::Never, 0, 0..=0)]
    #[case(RetrySchedule::Payment, 12, 12..=48)]
    #[case(RetrySchedule::Order, 19, 11..=12)]
    fn retries_match_documented_count_and_hours(
        #[case] schedule: RetrySchedule,
        #[case] count: usize,
        #[case] hours: RangeInclusive<u64>,
    ) {
        let delays: Vec<Duration> = (0..).map_while(|retries| schedule.delay(retries, Some(500))).collect();
        assert_eq!(delays.len(), count);
        assert!(delays.is_sorted());
        let total: Duration = delays.iter().sum();
        assert!(hours.contains(&(total.as_secs() / 3600)), "{total:?}");
    }

    #[rstest]
    #[case(Some(200), false, false)]
    #[case(Some(201), false, false)]
    #[case(Some(204), false, false)]
    #[case(Some(302), false, true)]
    #[case(Some(400), false, false)]
    #[case(Some(404), false, false)]
    #[case(Some(413), false, true)]
    #[case(Some(422), false, false)]
    #[case(Some(429), false, true)]
    #[case(Some(500), true, true)]
    #[case(Some(503), true, true)]
    #[case(None, true, true)]
    fn status_decides_whether_xsolla_retries(#[case] status: Option<u16>, #[case] payment: bool, #[case] order: bool) {
        let is_retried = |schedule: RetrySchedule| schedule.delay(0, status).is_some();
        assert_eq!(is_retried(RetrySchedule::Payment), payment);
        assert_eq!(is_retried(RetrySchedule::Order), order);
        assert!(!is_retried(RetrySchedule::Never));
    }
}
