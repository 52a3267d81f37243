//! The promises for what Xsolla does not sign, one test each.

use std::sync::atomic::Ordering;

use xsolla::Success;
use xsolla::model::Json;

use super::*;
use crate::accept::DEADLINE;
use crate::fakes::{FakeDirectory, FakeEvents, FakeSecrets};
use crate::ports::PutOutcome;
use crate::record::{Kind, Record};

const KEY: &str = "key-of-thirty-two-characters-abc";
const PAYOUT: &str = r#"{"id":8841,"amount":412.08,"status":"in_progress"}"#;
const XSOLLA: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(34, 102, 38, 178)));
const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)));

type Fakes = UnsignedIntake<FakeEvents, FakeDirectory, FakeSecrets>;

fn intake() -> Fakes {
    UnsignedIntake {
        events: FakeEvents::default(),
        directory: FakeDirectory::default(),
        keys: SecretCache::new(FakeSecrets::new(KEY)),
        sources: SourceRanges::published(),
    }
}

fn delivery(what: UnsignedType, body: &str) -> UnsignedDelivery<'_> {
    UnsignedDelivery {
        what: Some(what),
        key: Some(KEY),
        source: XSOLLA,
        body: body.as_bytes(),
        received_at: Timestamp::UNIX_EPOCH,
        trace: None,
        time_left: DEADLINE,
    }
}

async fn payout(intake: &Fakes, body: &str) -> Outcome {
    intake.accept(&delivery(UnsignedType::Payout, body)).await.outcome
}

#[tokio::test]
async fn a_payout_is_kept_once_for_each_of_its_states() {
    let intake = intake();
    let arrived = PAYOUT.replace("in_progress", "success");
    for (body, outcome) in [
        (PAYOUT, Outcome::Accepted(Success::Ok)),
        (PAYOUT, Outcome::Duplicate(Success::Ok)),
        (&arrived, Outcome::Accepted(Success::Ok)),
        (&arrived, Outcome::Duplicate(Success::Ok)),
        (&arrived.replace("412.08", "412.09"), Outcome::Conflict(Success::Ok)),
    ] {
        assert_eq!(payout(&intake, body).await, outcome, "{body}");
    }
    let kinds = intake.events.kinds();
    assert_eq!(kinds[0], ("payout#8841#payout#in_progress".to_owned(), Kind::Event));
    assert_eq!(kinds[1], ("payout#8841#payout#success".to_owned(), Kind::Event));
    assert_eq!((kinds.len(), kinds[2].1), (3, Kind::Conflict));
}

#[tokio::test]
async fn what_can_be_no_payout_is_kept_for_people_to_look_at() {
    let intake = intake();
    for _ in 0..2 {
        assert_eq!(payout(&intake, "[]").await, Outcome::Unreadable);
    }
    assert_eq!(intake.events.kinds().into_iter().map(|(_, kind)| kind).collect::<Vec<_>>(), [Kind::Unreadable]);
    let receipt = intake.accept(&delivery(UnsignedType::Payout, r#"{"amount":1}"#)).await;
    assert_eq!(receipt.outcome, Outcome::Accepted(Success::Ok));
    assert!(!receipt.envelope.unwrap().is_identified());
}

#[tokio::test]
async fn a_web_shop_is_told_who_exists_and_nothing_is_kept() {
    let intake = intake();
    for (body, outcome, content) in [
        (r#"{"user":{"id":"known"}}"#, Outcome::Answered, Some(r#"{"user":{"id":"known"}}"#)),
        (r#"{"user":{"id":"stranger"}}"#, Outcome::NotFound, None),
        ("{}", Outcome::NotFound, None),
        ("[]", Outcome::Unreadable, None),
    ] {
        let receipt = intake.accept(&delivery(UnsignedType::WebShopUserValidation, body)).await;
        assert_eq!((receipt.outcome, receipt.content.as_ref().map(Json::get)), (outcome, content), "{body}");
    }
    intake.directory.switch.failing.store(true, Ordering::Relaxed);
    let receipt = intake.accept(&delivery(UnsignedType::WebShopUserValidation, "{}")).await;
    assert_eq!(receipt.outcome, Outcome::Unavailable(Unavailable::Directory));
    assert_eq!(intake.events.switch.calls(), 0);
}

#[tokio::test]
async fn whoever_has_not_the_key_or_another_address_is_turned_away_and_reaches_nothing() {
    let intake = intake();
    for what in [UnsignedType::Payout, UnsignedType::WebShopUserValidation] {
        let right = delivery(what, PAYOUT);
        let (wrong_key, unknown_source) = (Unavailable::WrongKey, Unavailable::UnknownSource);
        for (delivery, why, source) in [
            (UnsignedDelivery { key: None, ..right }, wrong_key, None),
            (UnsignedDelivery { key: Some(""), ..right }, wrong_key, None),
            (UnsignedDelivery { key: Some(&KEY[1..]), ..right }, wrong_key, None),
            (UnsignedDelivery { key: Some("another-of-thirty-two-characters"), ..right }, wrong_key, None),
            (UnsignedDelivery { key: None, source: ELSEWHERE, ..right }, wrong_key, None),
            (UnsignedDelivery { source: ELSEWHERE, ..right }, unknown_source, Some(UnknownSource(ELSEWHERE))),
            (UnsignedDelivery { source: None, ..right }, unknown_source, Some(UnknownSource(None))),
            (UnsignedDelivery { what: None, ..right }, Unavailable::UnexpectedType, None),
        ] {
            let receipt = intake.accept(&delivery).await;
            assert_eq!(receipt.outcome, Outcome::Unavailable(why));
            assert_eq!(receipt.unknown_source, source, "an address is told to the log only if it had the key");
            assert!(receipt.envelope.is_none());
        }
    }
    let large = " ".repeat(MAX_BODY + 1);
    assert_eq!(payout(&intake, &large).await, Outcome::Unavailable(Unavailable::BodyTooLarge));
    assert_eq!((intake.events.switch.calls(), intake.directory.switch.calls()), (0, 0));
}

#[tokio::test]
async fn a_key_is_changed_like_a_secret() {
    const NEW: &str = r#"["a-new-key-of-thirty-two-characters","key-of-thirty-two-characters-abc"]"#;
    let intake = intake();
    assert_eq!(payout(&intake, PAYOUT).await, Outcome::Accepted(Success::Ok));
    *intake.keys.store().text.lock().unwrap() = NEW;
    let later = Timestamp::from_second(60).unwrap();
    for key in ["a-new-key-of-thirty-two-characters", KEY] {
        let delivery =
            UnsignedDelivery { key: Some(key), received_at: later, ..delivery(UnsignedType::Payout, PAYOUT) };
        assert_eq!(intake.accept(&delivery).await.outcome, Outcome::Duplicate(Success::Ok), "{key}");
    }
    for _ in 0..100 {
        let delivery = UnsignedDelivery { key: Some("guess"), ..delivery(UnsignedType::Payout, PAYOUT) };
        assert_eq!(intake.accept(&delivery).await.outcome, Outcome::Unavailable(Unavailable::WrongKey));
    }
    assert_eq!(intake.keys.store().switch.calls(), 2, "not read at the pace of whoever guesses");
}

#[tokio::test]
async fn a_key_that_could_be_guessed_opens_nothing() {
    let mut intake = intake();
    intake.keys = SecretCache::new(FakeSecrets::new("short"));
    let delivery = UnsignedDelivery { key: Some("short"), ..delivery(UnsignedType::Payout, PAYOUT) };
    let receipt = intake.accept(&delivery).await;
    assert_eq!(receipt.outcome, Outcome::Unavailable(Unavailable::Secrets));
    let failure = receipt.failure.unwrap().to_string();
    assert!(failure.ends_with("has less than 32 characters, and could be guessed"), "{failure}");
    assert_eq!(intake.events.switch.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_or_read_in_time_is_not_acknowledged() {
    let intake = intake();
    intake.events.switch.failing.store(true, Ordering::Relaxed);
    for body in [PAYOUT, "[]"] {
        assert_eq!(payout(&intake, body).await, Outcome::Unavailable(Unavailable::Store), "{body}");
    }
    intake.events.switch.hanging.store(true, Ordering::Relaxed);
    assert_eq!(payout(&intake, PAYOUT).await, Outcome::Unavailable(Unavailable::Deadline));
}

/// Looks at the records it is given.
struct Unsecured;

impl EventStore for Unsecured {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        assert_eq!((record.body.secret(), record.body.bytes()), (None, PAYOUT.as_bytes()), "nobody signed it");
        assert_eq!((record.type_name.as_deref(), &record.user_id, &record.order_id), (Some("payout"), &None, &None));
        Ok(PutOutcome::Inserted)
    }
}

#[tokio::test]
async fn no_record_of_a_payout_claims_a_signature() {
    let Fakes { directory, keys, sources, .. } = intake();
    let intake = UnsignedIntake { events: Unsecured, directory, keys, sources };
    let receipt = intake.accept(&delivery(UnsignedType::Payout, PAYOUT)).await;
    assert_eq!((receipt.outcome, receipt.secret), (Outcome::Accepted(Success::Ok), None));
}
