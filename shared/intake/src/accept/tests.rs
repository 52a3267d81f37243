//! The accept flow with in-memory ports.

use rstest::rstest;
use xsolla::Success;
use xsolla::model::Json;

use super::*;
use crate::record::Kind;
use crate::testing::{Behavior, CATALOG, FakeDirectory, FakeEventStore, FakeSecretStore, SECRET, SignedBody};

mod secrets;
mod sources;

const PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;
const OTHER_PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":7},"more":1}"#;
const ORDER_PAID: &str = r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#;
const KNOWN_USER: &str = r#"{"notification_type":"user_validation","user":{"id":"known"}}"#;

const ACCEPTED: Outcome = Outcome::Accepted(Success::NoContent);
const DUPLICATE: Outcome = Outcome::Duplicate(Success::NoContent);

type FakeIntake = Intake<FakeEventStore, FakeDirectory, FakeSecretStore>;

fn intake() -> FakeIntake {
    Intake {
        accepted_types: AcceptedTypes::All,
        events: FakeEventStore::default(),
        directory: Some(FakeDirectory::default()),
        secrets: SecretCache::new(FakeSecretStore::new(SECRET)),
        sources: SourcePolicy::default(),
    }
}

impl FakeIntake {
    fn directory(&self) -> &FakeDirectory {
        self.directory.as_ref().unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn deliver(intake: &FakeIntake, body: &str) -> Outcome {
    intake.accept(&SignedBody::new(body).delivery()).await.outcome
}

#[tokio::test]
async fn stores_new_event_with_one_call() {
    let intake = intake();
    assert_eq!(deliver(&intake, PAYMENT).await, ACCEPTED);
    assert_eq!(intake.events.control.calls(), 1);
    assert_eq!(deliver(&intake, ORDER_PAID).await, Outcome::Accepted(Success::Ok));
    let event = |id: &str| (id.to_owned(), Kind::Event);
    assert_eq!(intake.events.kinds(), [event("transaction#7#order_paid#5"), event("transaction#7#payment")]);
}

#[tokio::test]
async fn answers_retry_like_first_delivery_with_one_call() {
    let intake = intake();
    deliver(&intake, ORDER_PAID).await;
    assert_eq!(deliver(&intake, ORDER_PAID).await, Outcome::Duplicate(Success::Ok));
    assert_eq!((intake.events.control.calls(), intake.events.kinds().len()), (2, 1));
}

#[tokio::test]
async fn stores_conflict_once_beside_first_event() {
    let intake = intake();
    deliver(&intake, PAYMENT).await;
    for _ in 0..2 {
        assert_eq!(deliver(&intake, OTHER_PAYMENT).await, Outcome::Conflict(Success::NoContent));
    }
    let kinds: Vec<Kind> = intake.events.kinds().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [Kind::Event, Kind::Conflict]);
    assert_eq!(deliver(&intake, PAYMENT).await, DUPLICATE, "the first event is unchanged");
}

#[rstest]
#[case::all(AcceptedTypes::All, true)]
#[case::question(AcceptedTypes::Only(NotificationType::USER_VALIDATION), true)]
#[case::event(AcceptedTypes::Only(NotificationType::PAYMENT), false)]
fn questions_are_among_all_types_and_their_own(#[case] types: AcceptedTypes, #[case] expected: bool) {
    assert_eq!(types.has_questions(), expected);
}

#[rstest]
#[case::retry(PAYMENT)]
#[case::other_content(OTHER_PAYMENT)]
#[tokio::test]
async fn delivery_for_an_erased_event_is_a_duplicate_and_stores_nothing(#[case] body: &str) {
    let intake = intake();
    deliver(&intake, PAYMENT).await;
    intake.events.erase();
    assert_eq!(deliver(&intake, body).await, DUPLICATE);
    assert_eq!(intake.events.items().len(), 1);
}

#[rstest]
#[case::within_retry_window(48 * 3600, 1)]
#[case::after_retry_window(48 * 3600 + 1, 2)]
#[tokio::test]
async fn state_of_an_erased_user_is_stored_again_only_after_retry_window(#[case] second: i64, #[case] stored: usize) {
    const ACCOUNT_ADDED: &str = r#"{"notification_type":"payment_account_add","payment_account":{"id":3}}"#;
    let intake = intake();
    deliver(&intake, ACCOUNT_ADDED).await;
    intake.events.erase();
    let body = SignedBody::new(ACCOUNT_ADDED);
    let delivery = Delivery { received_at: at(second), ..body.delivery() };
    assert_eq!(intake.accept(&delivery).await.outcome, DUPLICATE);
    assert_eq!(intake.events.items().len(), stored);
}

#[tokio::test]
async fn stores_each_delivery_of_a_state_that_can_return() {
    const ACCOUNT_ADDED: &str = r#"{"notification_type":"payment_account_add","payment_account":{"id":3}}"#;
    let intake = intake();
    for (second, outcome) in [(0, ACCEPTED), (1, DUPLICATE), (2, DUPLICATE), (3, DUPLICATE)] {
        let signed = SignedBody::new(ACCOUNT_ADDED);
        let report = intake.accept(&Delivery { received_at: at(second), ..signed.delivery() }).await;
        assert_eq!(report.outcome, outcome, "at {second}");
    }
    assert!(intake.events.kinds().iter().all(|(_, kind)| *kind == Kind::Event));
    assert_eq!(intake.events.kinds().len(), 4);
    assert_eq!(intake.events.control.calls(), 1 + 3 * 2, "two calls, however many deliveries came before");
}

#[tokio::test]
async fn stores_a_payment_once_however_late_it_is_sent_again() {
    let intake = intake();
    for (hour, outcome) in [(0, ACCEPTED), (48, DUPLICATE), (10_000, DUPLICATE)] {
        let signed = SignedBody::new(PAYMENT);
        let report = intake.accept(&Delivery { received_at: at(hour * 3600), ..signed.delivery() }).await;
        assert_eq!(report.outcome, outcome, "after {hour} hours");
    }
    assert_eq!(intake.events.kinds().len(), 1);
}

/// No step may use the stack of the caller's nesting.
#[rstest]
#[case::arrays("[", "]")]
#[case::objects(r#"{"a":"#, "}")]
#[tokio::test]
async fn stores_deeply_nested_event(#[case] open: &str, #[case] close: &str) {
    let depth = 240_000 / (open.len() + close.len());
    let nested = format!("{}0{}", open.repeat(depth), close.repeat(depth));
    let intake = intake();
    for (body, outcome) in [
        (format!(r#"{{"notification_type":"payment","transaction":{{"id":7}},"a":{nested}}}"#), ACCEPTED),
        (format!(r#"{{"notification_type":"payment","transaction":{nested}}}"#), ACCEPTED),
        (format!(r#"{{"notification_type":{nested}}}"#), Outcome::Unreadable),
        (format!(r#"{{"notification_type":"user_validation","user":{{"id":{nested}}}}}"#), Outcome::UserNotFound),
        (nested.clone(), Outcome::Unreadable),
    ] {
        let mut tally = xsolla::inspect::DriftTally::default();
        tally.add("payment", &body, &());
        assert!(!xsolla::inspect::redact("payment", &body).is_empty());
        assert_eq!(deliver(&intake, &body).await, outcome, "{body:.60}");
    }
}

/// No UTF-8 text can have it, so it is no id.
#[tokio::test]
async fn half_a_surrogate_pair_in_an_id_is_an_event_without_that_id() {
    let intake = intake();
    let body = r#"{"notification_type":"payment","transaction":{"id":"\ud83c"},"user":{"id":"\udfdd"}}"#;
    assert_eq!(deliver(&intake, body).await, ACCEPTED);
    let item = &intake.events.items()[0];
    assert_eq!((item.event.event_id.subject().split('#').next(), item.event.identified), (Some("body"), false));
    assert_eq!(item.event.user_id, None);
}

#[tokio::test]
async fn stores_unknown_type_as_event() {
    let intake = intake();
    assert_eq!(deliver(&intake, r#"{"notification_type":"chargeback_v9"}"#).await, ACCEPTED);
    assert_eq!(intake.events.kinds()[0].1, Kind::Event);
}

#[rstest]
#[tokio::test]
async fn stores_and_rejects_signed_body_that_is_not_a_notification(
    #[values("", "null", "[]", "{", "{}", r#"{"notification_type":7}"#, "\u{feff}")] body: &str,
) {
    let intake = intake();
    for _ in 0..2 {
        assert_eq!(deliver(&intake, body).await, Outcome::Unreadable);
    }
    let kinds = intake.events.kinds();
    assert_eq!((kinds.len(), kinds[0].1), (1, Kind::Unreadable));
}

#[rstest]
#[case::missing(&[])]
#[case::empty(&[""])]
#[case::other_scheme(&["Bearer x"])]
#[case::malformed(&["Signature 00"])]
#[case::other_secret(&["Signature 7e1ce3f7b3c2a7d0f5f4bbd1dd5b2f7b1f6a0c11"])]
#[case::two(&["Bearer x", "Signature 7e1ce3f7b3c2a7d0f5f4bbd1dd5b2f7b1f6a0c11"])]
#[tokio::test]
async fn bad_signature_causes_no_calls(#[case] authorization: &[&str]) {
    let intake = intake();
    let signed = SignedBody::new(PAYMENT);
    let authorization: Vec<String> = authorization.iter().copied().map(str::to_owned).collect();
    for (is_encoded, outcome) in
        [(false, Outcome::InvalidSignature), (true, Outcome::Unavailable(Unavailable::EncodedBody))]
    {
        let delivery = Delivery { authorization: &authorization, is_encoded, ..signed.delivery() };
        assert_eq!(intake.accept(&delivery).await.outcome, outcome);
    }
    let wrong = SignedBody::with_secret(PAYMENT, "other");
    assert_eq!(intake.accept(&wrong.delivery()).await.outcome, Outcome::InvalidSignature);
    assert_eq!((intake.events.control.calls(), intake.directory().control.calls()), (0, 0));
}

#[tokio::test]
async fn rejects_body_larger_than_limit() {
    let intake = intake();
    let largest = format!(r#"{{"notification_type":"payment","x":"{}"}}"#, "x".repeat(MAX_BODY - 38));
    assert_eq!(largest.len(), MAX_BODY);
    assert_eq!(deliver(&intake, &largest).await, ACCEPTED);
    let too_large = SignedBody::with_secret(largest + " ", "wrong");
    let report = intake.accept(&too_large.delivery()).await;
    assert_eq!(report.outcome, Outcome::Unavailable(Unavailable::BodyTooLarge), "the signature is not checked");
}

#[tokio::test]
async fn answers_question_from_directory_without_storing_it() {
    let intake = intake();
    assert_eq!(deliver(&intake, KNOWN_USER).await, Outcome::UserFound);
    assert_eq!(deliver(&intake, KNOWN_USER).await, Outcome::UserFound);
    assert_eq!(intake.directory().control.calls(), 2, "each delivery is answered by the directory");
    let unknown = r#"{"notification_type":"user_validation","user":{"id":"stranger"}}"#;
    assert_eq!(deliver(&intake, unknown).await, Outcome::UserNotFound);
    assert_eq!(intake.events.control.calls(), 0);
    intake.directory().control.set(Behavior::Fail);
    assert_eq!(deliver(&intake, KNOWN_USER).await, Outcome::Unavailable(Unavailable::Directory));
}

#[rstest]
#[case::no_user("")]
#[case::no_id(r#","user":{}"#)]
#[case::null(r#","user":{"id":null}"#)]
#[case::empty(r#","user":{"id":""}"#)]
#[case::unusable(r#","user":{"id":["known"]}"#)]
#[case::public_id(r#","user":{"public_id":"known"}"#)]
#[tokio::test]
async fn user_validation_without_user_id_is_refused_without_asking_a_directory(#[case] user: &str) {
    let body = format!(r#"{{"notification_type":"user_validation"{user}}}"#);
    let mut intake = intake();
    assert_eq!(deliver(&intake, &body).await, Outcome::UserNotFound);
    assert_eq!(intake.directory().control.calls(), 0);
    intake.directory = None;
    assert_eq!(deliver(&intake, &body).await, Outcome::UserNotFound);
}

#[rstest]
#[case("known", Outcome::Answered, Some(CATALOG))]
#[case("stranger", Outcome::NotFound, None)]
#[tokio::test]
async fn answer_to_question_has_content_of_directory(
    #[case] user: &str,
    #[case] outcome: Outcome,
    #[case] content: Option<&str>,
) {
    let intake = intake();
    let body = format!(r#"{{"notification_type":"partner_side_catalog","user":{{"user_id":"{user}"}}}}"#);
    let signed = SignedBody::new(body);
    let report = intake.accept(&signed.delivery()).await;
    assert_eq!((report.outcome, report.content.as_ref().map(Json::get)), (outcome, content));
    assert_eq!(intake.events.control.calls(), 0);
}

#[tokio::test]
async fn question_without_directory_is_503() {
    let no_directory = Outcome::Unavailable(Unavailable::NoDirectory);
    let mut intake = intake();
    for name in ["user_search", "get_pincode", "inventory_get"] {
        assert_eq!(deliver(&intake, &format!(r#"{{"notification_type":"{name}"}}"#)).await, no_directory);
    }
    intake.directory = None;
    assert_eq!(deliver(&intake, KNOWN_USER).await, no_directory);
    assert_eq!(intake.events.control.calls(), 0);
}

#[tokio::test]
async fn function_of_one_type_answers_503_to_other_types() {
    let intake = Intake { accepted_types: AcceptedTypes::Only(NotificationType::PAYMENT), ..intake() };
    let unexpected = Outcome::Unavailable(Unavailable::UnexpectedType);
    assert_eq!(deliver(&intake, PAYMENT).await, ACCEPTED);
    assert_eq!(deliver(&intake, ORDER_PAID).await, unexpected);
    assert_eq!(deliver(&intake, KNOWN_USER).await, unexpected);
    assert_eq!(deliver(&intake, r#"{"notification_type":"unknown"}"#).await, unexpected);
    assert_eq!(intake.events.control.calls(), 1);
}

#[tokio::test]
async fn failed_store_is_500() {
    let intake = intake();
    intake.events.control.set(Behavior::Fail);
    for body in [PAYMENT, "not json"] {
        assert_eq!(deliver(&intake, body).await, Outcome::Unavailable(Unavailable::Store), "{body}");
    }
}

#[tokio::test]
async fn failed_store_of_conflict_is_500() {
    let intake = intake();
    deliver(&intake, PAYMENT).await;
    // The first call finds the existing key. The second call stores the conflict.
    intake.events.control.set(Behavior::FailAfter(1));
    assert_eq!(deliver(&intake, OTHER_PAYMENT).await, Outcome::Unavailable(Unavailable::Store));
}

#[tokio::test(start_paused = true)]
async fn answers_at_deadline_if_store_hangs() {
    let intake = intake();
    intake.events.control.set(Behavior::Hang);
    let started = tokio::time::Instant::now();
    assert_eq!(deliver(&intake, PAYMENT).await, Outcome::Unavailable(Unavailable::Deadline));
    assert_eq!(started.elapsed(), DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn report_at_deadline_has_results_of_earlier_steps() {
    let intake = intake();
    intake.events.control.set(Behavior::Hang);
    let signed = SignedBody::new(PAYMENT);
    let report = intake.accept(&Delivery { time_left: Duration::from_millis(1), ..signed.delivery() }).await;
    assert_eq!(report.envelope.unwrap().event_id().to_string(), "transaction#7#payment");
    assert_eq!(report.secret_index, Some(0));
}

const ZERO: Option<Duration> = Some(Duration::ZERO);

#[rstest]
#[case::event(PAYMENT, SECRET, Behavior::Succeed, [ZERO, ZERO, None])]
#[case::unreadable("signed", SECRET, Behavior::Succeed, [ZERO, ZERO, None])]
#[case::bad_signature(PAYMENT, "wrong", Behavior::Succeed, [ZERO, None, None])]
#[case::question(KNOWN_USER, SECRET, Behavior::Succeed, [ZERO, None, ZERO])]
#[case::hanging_store(PAYMENT, SECRET, Behavior::Hang, [ZERO, Some(DEADLINE), None])]
#[case::hanging_directory(KNOWN_USER, SECRET, Behavior::Hang, [ZERO, None, Some(DEADLINE)])]
#[tokio::test(start_paused = true)]
async fn report_has_duration_of_each_step(
    #[case] body: &str,
    #[case] secret: &str,
    #[case] behavior: Behavior,
    #[case] durations: [Option<Duration>; 3],
) {
    let [verify, store, directory] = durations;
    let intake = intake();
    intake.events.control.set(behavior);
    intake.directory().control.set(behavior);
    let signed = SignedBody::with_secret(body, secret);
    assert_eq!(intake.accept(&signed.delivery()).await.timings, StepTimings { verify, store, directory });
}
