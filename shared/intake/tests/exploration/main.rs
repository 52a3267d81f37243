//! Explores histories of the real flows against simulated services.
//!
//! Any call can succeed, fail before or after it took effect, take effect late, hang, or kill its function. Deliveries and
//! the relay interleave, and Xsolla and Lambda retry. `guarantees.rs` checks each history.
//!
//! All short histories run, and some random long ones. `EXPLORE_RUNS` sets the number of long ones per seed, `EXPLORE_SEED`
//! a single seed, and `EXPLORE_DEEPER` the additional deviations of short ones. `mutants.rs` proves that violations are
//! detected.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test may panic, and exports nothing")]

mod explore;
mod goods;
mod guarantees;
mod history;
mod mutants;
mod simulated_aws;
mod webhooks;

use std::time::Instant;

use guarantees::Guarantee;
use mutants::Mutant;
use rstest::rstest;
use webhooks::{
    ACCOUNT_ADDED, ACCOUNT_ADDED_AGAIN, APRIL, CANCELED_17, CANCELED_18, CANCELED_WITH_INVOICE,
    CANCELED_WITHOUT_INVOICE, FORGED, KNOWN_USER, MARCH, MARCH_AGAIN, ORDER_CANCELED, ORDER_PAID, OTHER_PAYMENT,
    PAID_BY_17, PAID_BY_18, PAID_WITH_INVOICE, PAID_WITHOUT_INVOICE, PAYMENT, PAYMENT_8, REFUND, REFUND_18,
    ROTATED_PAYMENT, SUBSCRIPTION_CANCELED, SUBSCRIPTION_CREATED, Scenario, TEST_CHARGE, TEST_CHARGE_REFUNDED,
    TEST_SUBSCRIPTION, TEST_SUBSCRIPTION_CANCELED, THIRD_PAYMENT, TWELVE_PAYMENTS, UNKNOWN_TYPE, UNKNOWN_USER,
    UNREADABLE, UNSENDABLE_DISPUTE, Webhook,
};

/// Number of seeds of the random histories, unless `EXPLORE_SEED` is set.
const DEFAULT_SEEDS: u32 = 4;

fn env_or(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[rstest]
#[case::one_payment(2, &[PAYMENT])]
#[case::the_same_payment_twice(2, &[PAYMENT, PAYMENT])]
#[case::conflicts(2, &[PAYMENT, OTHER_PAYMENT, THIRD_PAYMENT])]
#[case::refund_before_sale(1, &[REFUND, ORDER_PAID, PAYMENT])]
#[case::two_subjects(1, &[PAYMENT, PAYMENT_8, ORDER_PAID])]
#[case::more_than_one_call_to_sqs(1, TWELVE_PAYMENTS)]
#[case::unknown_type_and_unreadable_body(2, &[UNKNOWN_TYPE, UNREADABLE])]
#[case::event_rejected_by_sqs(2, &[UNSENDABLE_DISPUTE, PAYMENT_8])]
#[case::recurring_event_with_identical_bytes(2, &[ACCOUNT_ADDED, ACCOUNT_ADDED_AGAIN])]
#[case::cancellation_before_order(1, &[ORDER_CANCELED, ORDER_PAID])]
#[case::payment_and_cancellation(2, &[PAYMENT, ORDER_CANCELED])]
#[case::refund_and_cancellation(1, &[PAYMENT, ORDER_PAID, REFUND, ORDER_CANCELED])]
#[case::order_paid_twice(2, &[PAID_BY_17, PAID_BY_18])]
#[case::order_paid_twice_and_cancelled(1, &[PAID_BY_17, PAID_BY_18, CANCELED_17, CANCELED_18])]
#[case::second_payment_returned(1, &[REFUND_18, PAID_BY_17, CANCELED_18, PAID_BY_18])]
#[case::invoice_added_later(1, &[PAID_WITHOUT_INVOICE, PAID_WITH_INVOICE])]
#[case::cancellation_without_invoice(1, &[PAID_WITH_INVOICE, CANCELED_WITHOUT_INVOICE, PAID_WITHOUT_INVOICE])]
#[case::cancellation_with_invoice(1, &[PAID_WITHOUT_INVOICE, CANCELED_WITH_INVOICE, PAID_WITH_INVOICE])]
#[case::state_that_returns(1, &[MARCH, APRIL, MARCH_AGAIN])]
#[case::ended_subscription(1, &[MARCH, SUBSCRIPTION_CANCELED, SUBSCRIPTION_CREATED, APRIL])]
#[case::test_subscription(1, &[TEST_CHARGE, TEST_SUBSCRIPTION, TEST_CHARGE_REFUNDED, TEST_SUBSCRIPTION_CANCELED])]
#[case::questions(3, &[KNOWN_USER, UNKNOWN_USER])]
#[case::forgery(2, &[FORGED, PAYMENT_8])]
#[case::secret_rotation(2, &[PAYMENT, ROTATED_PAYMENT, ROTATED_PAYMENT])]
fn guarantees_hold_in_all_short_histories(#[case] max_deviations: u32, #[case] webhooks: &[Webhook]) {
    let max_deviations = max_deviations + env_or("EXPLORE_DEEPER", 0);
    let started = Instant::now();
    let histories = explore::all(&Scenario::new(webhooks), max_deviations as usize, None)
        .unwrap_or_else(|violation| panic!("{violation}"));
    let names: Vec<&str> = webhooks.iter().map(|webhook| webhook.name).collect();
    let elapsed = started.elapsed();
    println!("{histories} histories of {names:?} with up to {max_deviations} deviations in {elapsed:.1?}");
}

#[rstest]
#[case::order_paid_twice(1, &[PAID_BY_17, PAID_BY_18])]
#[case::cancellation_without_invoice(1, &[PAID_WITH_INVOICE, CANCELED_WITHOUT_INVOICE])]
fn guarantees_hold_with_two_shards(#[case] max_deviations: u32, #[case] webhooks: &[Webhook]) {
    let max_deviations = max_deviations + env_or("EXPLORE_DEEPER", 0);
    let scenario = Scenario { shards: 2, ..Scenario::new(webhooks) };
    let shards: Vec<usize> = ["transaction#17", "transaction#18", "transaction#27", "order#4"]
        .into_iter()
        .map(|subject| scenario.shard(subject))
        .collect();
    assert!(shards[0] != shards[1] && shards[2] != shards[3], "{shards:?}");
    explore::all(&scenario, max_deviations as usize, None).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn guarantees_hold_in_random_long_histories() {
    let first = env_or("EXPLORE_SEED", 1);
    let seeds = if std::env::var_os("EXPLORE_SEED").is_some() { 1 } else { DEFAULT_SEEDS };
    for seed in first..first + seeds {
        explore::random(env_or("EXPLORE_RUNS", 1_000), seed, None)
            .unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
    }
}

#[test]
fn detects_every_mutant_in_short_histories() {
    for (mutant, guarantee, webhooks) in Mutant::ALL {
        let result = explore::all(&Scenario::new(webhooks), 2, Some(*mutant));
        let violation = result.err().unwrap_or_else(|| panic!("{mutant:?} is not detected"));
        println!("{mutant:?}: {violation}\n");
        assert_eq!(violation.guarantee, *guarantee, "{mutant:?}");
    }
}

#[test]
fn detects_every_mutant_in_random_histories() {
    for (n, (mutant, ..)) in Mutant::ALL.iter().enumerate() {
        if Mutant::ALL[..n].iter().any(|(other, ..)| other == mutant) {
            continue;
        }
        let result = explore::random(1_000, 1, Some(*mutant));
        let violation = result.err().unwrap_or_else(|| panic!("{mutant:?} is not detected"));
        println!("{mutant:?}: {violation}\n");
        assert!(violation.deviations <= 3, "{mutant:?} has a shorter history: {violation}");
    }
}

#[test]
fn every_guarantee_is_violated_by_a_mutant() {
    for guarantee in Guarantee::ALL {
        assert!(Mutant::ALL.iter().any(|(_, violated, _)| violated == guarantee), "{guarantee:?}");
    }
}

#[test]
fn every_guarantee_is_documented() {
    let page = include_str!("../../../../docs/design/guarantees.md");
    for guarantee in Guarantee::ALL {
        assert!(page.contains(&format!("`{guarantee:?}`")), "{guarantee:?}");
    }
}
