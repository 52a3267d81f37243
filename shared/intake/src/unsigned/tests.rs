//! The flow of unsigned notifications with in-memory ports.

use std::net::Ipv4Addr;

use jiff::SignedDuration;
use rstest::rstest;
use xsolla::Success;
use xsolla::model::Json;

use super::*;
use crate::accept::DEADLINE;
use crate::record::Kind;
use crate::testing::{Behavior, FakeDirectory, FakeEventStore, FakeSecretStore};

const KEY: &str = "key-of-thirty-two-characters-abc";
const PAYOUT: &str = r#"{"id":8841,"amount":412.08,"status":"in_progress"}"#;
const XSOLLA: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(34, 102, 38, 178)));
const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)));

const ACCEPTED: Outcome = Outcome::Accepted(Success::Ok);
const DUPLICATE: Outcome = Outcome::Duplicate(Success::Ok);

type FakeIntake = UnsignedIntake<FakeEventStore, FakeDirectory, FakeSecretStore>;

fn intake() -> FakeIntake {
    UnsignedIntake {
        events: FakeEventStore::default(),
        directory: FakeDirectory::default(),
        keys: SecretCache::new(FakeSecretStore::new(KEY)),
        sources: SourceRanges::published(),
    }
}

fn delivery(notification: UnsignedType, body: &str) -> UnsignedDelivery<'_> {
    UnsignedDelivery {
        notification: Some(notification),
        key: Some(KEY),
        source: XSOLLA,
        body: body.as_bytes(),
        received_at: Timestamp::UNIX_EPOCH,
        trace: None,
        time_left: DEADLINE,
    }
}

async fn deliver_payout(intake: &FakeIntake, body: &str) -> Outcome {
    intake.accept(&delivery(UnsignedType::Payout, body)).await.outcome
}

#[tokio::test]
async fn stores_payout_once_per_status() {
    let intake = intake();
    let success = PAYOUT.replace("in_progress", "success");
    for (body, outcome) in [
        (PAYOUT, ACCEPTED),
        (PAYOUT, DUPLICATE),
        (&success, ACCEPTED),
        (&success, DUPLICATE),
        (&success.replace("412.08", "412.09"), Outcome::Conflict(Success::Ok)),
    ] {
        assert_eq!(deliver_payout(&intake, body).await, outcome, "{body}");
    }
    let kinds = intake.events.kinds();
    assert_eq!(kinds[0], ("payout#8841#payout#in_progress".to_owned(), Kind::Event));
    assert_eq!(kinds[1], ("payout#8841#payout#success".to_owned(), Kind::Event));
    assert_eq!((kinds.len(), kinds[2].1), (3, Kind::Conflict));
}

#[tokio::test]
async fn stores_unreadable_payout() {
    let intake = intake();
    for _ in 0..2 {
        assert_eq!(deliver_payout(&intake, "[]").await, Outcome::Unreadable);
    }
    assert_eq!(intake.events.kinds().into_iter().map(|(_, kind)| kind).collect::<Vec<_>>(), [Kind::Unreadable]);
}

#[tokio::test]
async fn stores_payout_without_id_as_unidentified_event() {
    let intake = intake();
    let report = intake.accept(&delivery(UnsignedType::Payout, r#"{"amount":1}"#)).await;
    assert_eq!(report.outcome, ACCEPTED);
    assert!(!report.envelope.unwrap().is_identified());
}

#[tokio::test]
async fn answers_web_shop_question_without_storing_it() {
    let intake = intake();
    for (body, outcome, content) in [
        (r#"{"user":{"id":"known"}}"#, Outcome::Answered, Some(r#"{"user":{"id":"known"}}"#)),
        (r#"{"user":{"id":"stranger"}}"#, Outcome::NotFound, None),
        ("{}", Outcome::NotFound, None),
        ("[]", Outcome::Unreadable, None),
    ] {
        let report = intake.accept(&delivery(UnsignedType::WebShopUserValidation, body)).await;
        assert_eq!((report.outcome, report.content.as_ref().map(Json::get)), (outcome, content), "{body}");
    }
    intake.directory.control.set(Behavior::Fail);
    let report = intake.accept(&delivery(UnsignedType::WebShopUserValidation, "{}")).await;
    assert_eq!(report.outcome, Outcome::Unavailable(Unavailable::Directory));
    assert_eq!(intake.events.control.calls(), 0);
}

const OTHER_KEY: &str = "another-of-thirty-two-characters";

#[rstest]
#[case::no_key(None, XSOLLA, Unavailable::WrongKey)]
#[case::empty_key(Some(""), XSOLLA, Unavailable::WrongKey)]
#[case::short_key(Some(&KEY[1..]), XSOLLA, Unavailable::WrongKey)]
#[case::other_key(Some(OTHER_KEY), XSOLLA, Unavailable::WrongKey)]
#[case::no_key_and_unknown_source(None, ELSEWHERE, Unavailable::WrongKey)]
#[case::unknown_source(Some(KEY), ELSEWHERE, Unavailable::UnknownSource)]
#[case::missing_source(Some(KEY), None, Unavailable::UnknownSource)]
#[tokio::test]
async fn wrong_key_or_source_causes_no_calls(
    #[values(UnsignedType::Payout, UnsignedType::WebShopUserValidation)] notification: UnsignedType,
    #[case] key: Option<&str>,
    #[case] source: Option<IpAddr>,
    #[case] reason: Unavailable,
) {
    let intake = intake();
    let report = intake.accept(&UnsignedDelivery { key, source, ..delivery(notification, PAYOUT) }).await;
    assert_eq!(report.outcome, Outcome::Unavailable(reason));
    let reported = (reason == Unavailable::UnknownSource).then_some(UnknownSource(source));
    assert_eq!(report.unknown_source, reported, "only with the right key");
    assert!(report.envelope.is_none());
    assert_eq!((intake.events.control.calls(), intake.directory.control.calls()), (0, 0));
}

#[tokio::test]
async fn rejects_unknown_route_and_body_larger_than_limit() {
    let intake = intake();
    let unknown = UnsignedDelivery { notification: None, ..delivery(UnsignedType::Payout, PAYOUT) };
    let report = intake.accept(&unknown).await;
    assert_eq!(report.outcome, Outcome::Unavailable(Unavailable::UnexpectedType));
    assert_eq!(report.unknown_source, None);
    assert!(report.envelope.is_none());
    let large = " ".repeat(MAX_BODY + 1);
    assert_eq!(deliver_payout(&intake, &large).await, Outcome::Unavailable(Unavailable::BodyTooLarge));
    assert_eq!((intake.events.control.calls(), intake.directory.control.calls()), (0, 0));
}

#[tokio::test]
async fn accepts_body_of_exactly_the_limit() {
    let largest = format!("{PAYOUT}{}", " ".repeat(MAX_BODY - PAYOUT.len()));
    assert_eq!(largest.len(), MAX_BODY);
    assert_eq!(deliver_payout(&intake(), &largest).await, ACCEPTED);
}

#[tokio::test]
async fn rotates_keys_like_secrets() {
    const NEW_KEY: &str = "a-new-key-of-thirty-two-characters";
    let intake = intake();
    assert_eq!(deliver_payout(&intake, PAYOUT).await, ACCEPTED);
    intake.keys.store().set(r#"["a-new-key-of-thirty-two-characters","key-of-thirty-two-characters-abc"]"#);
    let received_at = Timestamp::from_second(60).unwrap();
    for key in [NEW_KEY, KEY] {
        let delivery = UnsignedDelivery { key: Some(key), received_at, ..delivery(UnsignedType::Payout, PAYOUT) };
        assert_eq!(intake.accept(&delivery).await.outcome, DUPLICATE, "{key}");
    }
    for _ in 0..100 {
        let delivery = UnsignedDelivery { key: Some("guess"), ..delivery(UnsignedType::Payout, PAYOUT) };
        assert_eq!(intake.accept(&delivery).await.outcome, Outcome::Unavailable(Unavailable::WrongKey));
    }
    assert_eq!(intake.keys.store().control.calls(), 2, "guesses do not set the rate of reads");
}

#[tokio::test]
async fn wrong_key_is_5xx_if_refresh_fails_and_an_alarm_only_from_xsolla() {
    let intake = intake();
    deliver_payout(&intake, PAYOUT).await;
    intake.keys.store().control.set(Behavior::Fail);
    let received_at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1);
    for (source, reason) in [
        (XSOLLA, Unavailable::Secrets),
        (ELSEWHERE, Unavailable::UnverifiedUnknownSource),
        (None, Unavailable::UnverifiedUnknownSource),
    ] {
        let delivery =
            UnsignedDelivery { key: Some("guess"), source, received_at, ..delivery(UnsignedType::Payout, PAYOUT) };
        let report = intake.accept(&delivery).await;
        assert_eq!((report.outcome, report.unknown_source), (Outcome::Unavailable(reason), None), "{source:?}");
    }
    assert_eq!(intake.keys.store().control.calls(), 2);
}

#[tokio::test]
async fn short_key_is_500() {
    let intake = UnsignedIntake { keys: SecretCache::new(FakeSecretStore::new("short")), ..intake() };
    let delivery = UnsignedDelivery { key: Some("short"), ..delivery(UnsignedType::Payout, PAYOUT) };
    let report = intake.accept(&delivery).await;
    assert_eq!(report.outcome, Outcome::Unavailable(Unavailable::Secrets));
    let error = report.error.unwrap().to_string();
    assert!(error.contains("a key has less than 32 characters"), "{error}");
    assert_eq!(intake.events.control.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn failed_or_hanging_store_is_500() {
    let intake = intake();
    intake.events.control.set(Behavior::Fail);
    for body in [PAYOUT, "[]"] {
        assert_eq!(deliver_payout(&intake, body).await, Outcome::Unavailable(Unavailable::Store), "{body}");
    }
    intake.events.control.set(Behavior::Hang);
    assert_eq!(deliver_payout(&intake, PAYOUT).await, Outcome::Unavailable(Unavailable::Deadline));
}

#[tokio::test]
async fn record_of_payout_has_no_secret() {
    let intake = intake();
    let report = intake.accept(&delivery(UnsignedType::Payout, PAYOUT)).await;
    assert_eq!((report.outcome, report.secret_index), (ACCEPTED, None));
    let [item] = &intake.events.items()[..] else { panic!("not one item") };
    assert_eq!((item.secret_index, item.event.body.as_slice()), (None, PAYOUT.as_bytes()));
    assert_eq!(item.event.type_name, "payout");
    assert_eq!((&item.event.user_id, &item.event.order_id), (&None, &None));
}
