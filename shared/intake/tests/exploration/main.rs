//! The real flows, in stories in which every call can succeed, fail before or after it took effect, take effect late, hang,
//! or kill its function; in which deliveries and the relay overtake each other, and Xsolla and Lambda try again.
//!
//! Every short story is told, and some of the long ones: `EXPLORE_RUNS` says how many, `EXPLORE_SEED` which, and
//! `EXPLORE_DEEPER` how many more detours are a short story's. What must hold in all of them stands in `promises.rs`. That a broken promise is found is shown with products that are broken on
//! purpose (`flaw.rs`).

// A test binary has no outside, and may stop where it stands.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod explore;
mod flaw;
mod messages;
mod promises;
mod run;
mod world;

use std::time::Instant;

use flaw::Flaw;
use messages::{
    FORGED, KNOWN_USER, Message, ONE_SECRET, ORDER_PAID, OTHER_PAYMENT, PAYMENT, PAYMENT_8, REFUND, ROTATED_PAYMENT,
    ROTATION, SAVED, SAVED_AGAIN, Scenario, THIRD_PAYMENT, TWELVE_PAYMENTS, UNKNOWN, UNKNOWN_USER, UNREADABLE,
    UNSENDABLE_DISPUTE,
};
use promises::Promise;

fn number(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Every promise is kept in all stories with at most so many detours.
fn hold_up(most_detours: u32, messages: &[Message]) {
    let most_detours = most_detours + number("EXPLORE_DEEPER", 0);
    let is_rotated = messages.contains(&ROTATED_PAYMENT);
    let secrets = if is_rotated { ROTATION } else { ONE_SECRET };
    let scenario = Scenario { secrets, messages: messages.to_vec() };
    let started = Instant::now();
    let stories = explore::all(&scenario, most_detours as usize, None).unwrap_or_else(|broken| panic!("{broken}"));
    let names: Vec<&str> = messages.iter().map(|message| message.name).collect();
    println!("{stories} stories of {names:?} with up to {most_detours} detours in {:.1?}", started.elapsed());
}

#[test]
fn one_payment() {
    hold_up(3, &[PAYMENT]);
}

#[test]
fn the_same_payment_twice_at_once() {
    hold_up(3, &[PAYMENT, PAYMENT]);
}

#[test]
fn other_content_under_the_same_id() {
    hold_up(2, &[PAYMENT, OTHER_PAYMENT, THIRD_PAYMENT]);
}

#[test]
fn a_reversal_before_its_sale() {
    hold_up(2, &[REFUND, ORDER_PAID, PAYMENT]);
}

#[test]
fn two_subjects_side_by_side() {
    hold_up(2, &[PAYMENT, PAYMENT_8, ORDER_PAID]);
}

#[test]
fn more_than_a_call_takes() {
    hold_up(1, TWELVE_PAYMENTS);
}

#[test]
fn what_is_not_known_and_what_cannot_be_read() {
    hold_up(2, &[UNKNOWN, UNREADABLE]);
}

#[test]
fn what_sqs_never_takes() {
    hold_up(2, &[UNSENDABLE_DISPUTE, PAYMENT_8]);
}

#[test]
fn what_happens_again_in_the_same_bytes() {
    hold_up(2, &[SAVED, SAVED_AGAIN]);
}

#[test]
fn questions() {
    hold_up(3, &[KNOWN_USER, UNKNOWN_USER]);
}

#[test]
fn a_forgery() {
    hold_up(3, &[FORGED, PAYMENT_8]);
}

#[test]
fn another_secret() {
    hold_up(2, &[PAYMENT, ROTATED_PAYMENT, ROTATED_PAYMENT]);
}

#[test]
fn long_stories() {
    let seed = number("EXPLORE_SEED", 1);
    explore::some(number("EXPLORE_RUNS", 1_000), seed, None).unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
}

#[test]
fn every_flaw_is_found() {
    for (flaw, promise, messages) in Flaw::ALL {
        let found = explore::all(&Scenario::of(messages), 1, Some(*flaw));
        let broken = found.err().unwrap_or_else(|| panic!("{flaw:?} is not found"));
        println!("{flaw:?}: {broken}\n");
        assert_eq!(broken.promise, *promise, "{flaw:?}");
    }
}

#[test]
fn every_promise_can_be_broken() {
    for promise in Promise::ALL {
        assert!(Flaw::ALL.iter().any(|(_, broken, _)| *broken == promise), "{promise:?}");
    }
}

#[test]
fn every_flaw_is_found_by_chance_too() {
    for (flaw, ..) in Flaw::ALL {
        let broken = explore::some(1_000, 1, Some(*flaw)).err().unwrap_or_else(|| panic!("{flaw:?} is not found"));
        println!("{flaw:?}: {broken}\n");
        assert!(broken.detours <= 2, "{flaw:?} could be told shorter: {broken}");
    }
}

#[test]
fn every_promise_stands_among_the_guarantees() {
    let guarantees = include_str!("../../../../docs/design/guarantees.md");
    for promise in Promise::ALL {
        assert!(guarantees.contains(&format!("`{promise:?}`")), "{promise:?}");
    }
}
