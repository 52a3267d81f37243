//! When Xsolla sends a webhook again that was not acknowledged.

use std::time::Duration;

use crate::{NotificationType, Role};

/// After how many minutes an order's webhook comes again: twice 5, seven times 15, ten times 60. From the page on
/// `order_paid`; that `order_canceled` follows it is said by Xsolla's integration kit.
const ORDER: [u64; 19] = [5, 5, 15, 15, 15, 15, 15, 15, 15, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60];

/// The same for `payment`. Its page promises at most twelve times within 48 hours, with growing intervals, and does not tell
/// them: these take 47 hours.
const PAYMENT: [u64; 12] = [5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 600, 720];

/// The answers to an order's webhook that end it, besides success.
const ORDER_ENDS: [u16; 8] = [400, 401, 402, 403, 404, 409, 415, 422];

/// When Xsolla sends a webhook again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetrySchedule {
    /// Never: questions. Whoever waits for the answer sees an error.
    Never,
    /// After a 5xx or no answer, at most twelve times within 48 hours: `payment`, and the `refund` that a payment system or
    /// Xsolla began (that of your own side is never sent again). The other types' pages tell nothing; this is assumed.
    Payment,
    /// After no answer and all but a success and eight statuses of 4xx, nineteen times in twelve hours: `order_paid`,
    /// `order_canceled`.
    Order,
}

impl NotificationType {
    /// When it is sent again.
    #[must_use]
    pub fn retry_schedule(self) -> RetrySchedule {
        match self.role() {
            Role::Question(_) => RetrySchedule::Never,
            Role::Event(_) if self == Self::ORDER_PAID || self == Self::ORDER_CANCELED => RetrySchedule::Order,
            Role::Event(_) => RetrySchedule::Payment,
        }
    }
}

impl RetrySchedule {
    /// The pause before it is sent again, having been resent so many times and been answered so; `None`: it is not.
    #[must_use]
    pub fn pause(self, resent: usize, answer: Option<u16>) -> Option<Duration> {
        let (minutes, ends): (&[u64], bool) = match (self, answer) {
            (_, Some(200 | 201 | 204)) | (Self::Never, _) => return None,
            (Self::Payment, answer) => (&PAYMENT, answer.is_some_and(|status| !(500..600).contains(&status))),
            (Self::Order, answer) => (&ORDER, answer.is_some_and(|status| ORDER_ENDS.contains(&status))),
        };
        minutes.get(resent).filter(|_| !ends).copied().map(Duration::from_mins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_resent_as_often_and_as_long_as_the_pages_say() {
        for (schedule, resends, hours) in [
            (RetrySchedule::Never, 0, 0..=0),
            (RetrySchedule::Payment, 12, 12..=48),
            (RetrySchedule::Order, 19, 11..=12),
        ] {
            let pauses: Vec<Duration> = (0..).map_while(|resent| schedule.pause(resent, Some(500))).collect();
            assert_eq!(pauses.len(), resends, "{schedule:?}");
            assert!(pauses.is_sorted(), "{schedule:?}");
            let total: Duration = pauses.iter().sum();
            assert!(hours.contains(&(total.as_secs() / 3600)), "{schedule:?}: {total:?}");
        }
    }

    #[test]
    fn which_answers_end_it() {
        let again = |schedule: RetrySchedule, answer| schedule.pause(0, answer).is_some();
        for (answer, payment, order) in [
            (Some(200), false, false),
            (Some(201), false, false),
            (Some(204), false, false),
            (Some(302), false, true),
            (Some(400), false, false),
            (Some(404), false, false),
            (Some(413), false, true),
            (Some(422), false, false),
            (Some(429), false, true),
            (Some(500), true, true),
            (Some(503), true, true),
            (None, true, true),
        ] {
            assert_eq!(again(RetrySchedule::Payment, answer), payment, "payment, {answer:?}");
            assert_eq!(again(RetrySchedule::Order, answer), order, "order_paid, {answer:?}");
            assert!(!again(RetrySchedule::Never, answer), "user_validation, {answer:?}");
        }
    }

    #[test]
    fn each_type_has_a_schedule() {
        for (known, schedule) in [
            (NotificationType::USER_VALIDATION, RetrySchedule::Never),
            (NotificationType::PAYMENT, RetrySchedule::Payment),
            (NotificationType::REFUND, RetrySchedule::Payment),
            (NotificationType::ORDER_PAID, RetrySchedule::Order),
            (NotificationType::ORDER_CANCELED, RetrySchedule::Order),
        ] {
            assert_eq!(known.retry_schedule(), schedule);
        }
    }
}
