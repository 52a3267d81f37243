//! The front door's promises, one test each.

use std::sync::atomic::Ordering;

use xsolla::{Success, sign};

use super::*;
use crate::fakes::{CATALOG, FakeDirectory, FakeEvents, FakeSecrets};
use crate::ports::PutOutcome;
use crate::record::{Kind, Record};

const SECRET: &str = "secret";
const PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;
const OTHER_PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":7},"more":1}"#;
const ORDER_PAID: &str = r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#;

fn intake(accepted_types: AcceptedTypes) -> Intake<FakeEvents, FakeDirectory, FakeSecrets> {
    Intake {
        accepted_types,
        events: FakeEvents::default(),
        directory: Some(FakeDirectory::default()),
        secrets: SecretCache::new(FakeSecrets::new(SECRET)),
        sources: SourcePolicy::default(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

type Fakes = Intake<FakeEvents, FakeDirectory, FakeSecrets>;

async fn deliver(intake: &Fakes, body: &[u8], authorization: Option<&str>, received_at: Timestamp) -> Outcome {
    intake
        .accept(&Delivery { authorization, source: None, body, received_at, trace: None, time_left: DEADLINE })
        .await
        .outcome
}

async fn signed(intake: &Fakes, body: &str) -> Outcome {
    deliver(intake, body.as_bytes(), Some(&sign(body.as_bytes(), SECRET)), at(0)).await
}

fn validation(user: &str) -> String {
    format!(r#"{{"notification_type":"user_validation","user":{{"id":{user}}}}}"#)
}

#[tokio::test]
async fn a_new_event_is_kept_with_one_call_and_has_its_own_success() {
    let intake = intake(AcceptedTypes::All);
    assert_eq!(signed(&intake, PAYMENT).await, Outcome::Accepted(Success::NoContent));
    assert_eq!(intake.events.switch.calls(), 1);
    assert_eq!(signed(&intake, ORDER_PAID).await, Outcome::Accepted(Success::Ok));
    let event = |id: &str| (id.to_owned(), Kind::Event);
    assert_eq!(intake.events.kinds(), [event("transaction#7#order_paid#5"), event("transaction#7#payment")]);
}

#[tokio::test]
async fn a_retry_is_answered_as_the_first_time_with_one_call() {
    let intake = intake(AcceptedTypes::All);
    signed(&intake, ORDER_PAID).await;
    assert_eq!(signed(&intake, ORDER_PAID).await, Outcome::Duplicate(Success::Ok));
    assert_eq!((intake.events.switch.calls(), intake.events.kinds().len()), (2, 1));
}

#[tokio::test]
async fn other_content_under_a_taken_key_is_kept_beside_the_first_however_often_it_comes() {
    let intake = intake(AcceptedTypes::All);
    signed(&intake, PAYMENT).await;
    for _ in 0..2 {
        assert_eq!(signed(&intake, OTHER_PAYMENT).await, Outcome::Conflict(Success::NoContent));
    }
    let kinds: Vec<Kind> = intake.events.kinds().into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, [Kind::Event, Kind::Conflict]);
    assert_eq!(signed(&intake, PAYMENT).await, Outcome::Duplicate(Success::NoContent), "the first is untouched");
}

#[tokio::test]
async fn what_can_happen_again_is_new_when_xsolla_no_longer_resends_the_first() {
    const SAVED: &str = r#"{"notification_type":"payment_account_add","payment_account":{"id":3}}"#;
    const HOUR: i64 = 60 * 60;
    let (accepted, duplicate) = (Outcome::Accepted(Success::NoContent), Outcome::Duplicate(Success::NoContent));
    let intake = intake(AcceptedTypes::All);
    for (body, second, outcome) in [
        (SAVED, 0, accepted),
        (SAVED, 48 * HOUR, duplicate),
        (SAVED, 48 * HOUR + 1, accepted),
        (SAVED, 60 * HOUR, duplicate),
        (SAVED, 400 * HOUR, accepted),
        (PAYMENT, 0, accepted),
        (PAYMENT, 400 * HOUR, duplicate),
    ] {
        let authorization = sign(body.as_bytes(), SECRET);
        let happened = deliver(&intake, body.as_bytes(), Some(&authorization), at(second)).await;
        assert_eq!(happened, outcome, "{body} at {second}");
    }
    assert_eq!(intake.events.kinds().len(), 4);
}

#[tokio::test]
async fn an_unknown_type_is_kept_like_any_event() {
    let intake = intake(AcceptedTypes::All);
    let outcome = signed(&intake, r#"{"notification_type":"chargeback_v9"}"#).await;
    assert_eq!(outcome, Outcome::Accepted(Success::NoContent));
    assert_eq!(intake.events.kinds()[0].1, Kind::Event);
}

#[tokio::test]
async fn a_signed_body_that_is_no_notification_is_refused_and_kept_all_the_same() {
    for body in ["", "null", "[]", "{", "{}", r#"{"notification_type":7}"#, "\u{feff}"] {
        let intake = intake(AcceptedTypes::All);
        for _ in 0..2 {
            assert_eq!(signed(&intake, body).await, Outcome::Unreadable, "{body:?}");
        }
        assert_eq!(intake.events.kinds().len(), 1, "{body:?}");
        assert_eq!(intake.events.kinds()[0].1, Kind::Unreadable, "{body:?}");
    }
}

#[tokio::test]
async fn a_bad_signature_reaches_nothing() {
    let intake = intake(AcceptedTypes::All);
    let wrong = sign(PAYMENT.as_bytes(), "other");
    for authorization in [None, Some(""), Some("Bearer x"), Some("Signature 00"), Some(wrong.as_str())] {
        let outcome = deliver(&intake, PAYMENT.as_bytes(), authorization, at(0)).await;
        assert_eq!(outcome, Outcome::InvalidSignature, "{authorization:?}");
    }
    assert_eq!((intake.events.switch.calls(), intake.directory.as_ref().unwrap().switch.calls()), (0, 0));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_even_hashed() {
    let intake = intake(AcceptedTypes::All);
    let largest = format!(r#"{{"notification_type":"payment","x":"{}"}}"#, "x".repeat(MAX_BODY - 38));
    assert_eq!(largest.len(), MAX_BODY);
    assert_eq!(signed(&intake, &largest).await, Outcome::Accepted(Success::NoContent));
    let outcome = signed(&intake, &(largest + " ")).await;
    assert_eq!(outcome, Outcome::Unavailable(Unavailable::BodyTooLarge));
}

#[tokio::test]
async fn a_question_is_answered_from_the_directory_and_never_kept() {
    let intake = intake(AcceptedTypes::All);
    assert_eq!(signed(&intake, &validation(r#""known""#)).await, Outcome::UserFound);
    assert_eq!(signed(&intake, &validation(r#""known""#)).await, Outcome::UserFound, "asked as often as it comes");
    assert_eq!(signed(&intake, &validation(r#""stranger""#)).await, Outcome::UserNotFound);
    assert_eq!(signed(&intake, &validation("null")).await, Outcome::UserNotFound);
    assert_eq!(intake.events.switch.calls(), 0);
    intake.directory.as_ref().unwrap().switch.failing.store(true, Ordering::Relaxed);
    let outcome = signed(&intake, &validation(r#""known""#)).await;
    assert_eq!(outcome, Outcome::Unavailable(Unavailable::Directory));
}

#[tokio::test]
async fn what_a_question_asks_for_is_the_answers_body() {
    let intake = intake(AcceptedTypes::All);
    for (user, outcome, content) in [("known", Outcome::Answered, Some(CATALOG)), ("stranger", Outcome::NotFound, None)]
    {
        let body = format!(r#"{{"notification_type":"partner_side_catalog","user":{{"user_id":"{user}"}}}}"#);
        let authorization = sign(body.as_bytes(), SECRET);
        let delivery = Delivery {
            authorization: Some(&authorization),
            body: body.as_bytes(),
            received_at: at(0),
            trace: None,
            source: None,
            time_left: DEADLINE,
        };
        let receipt = intake.accept(&delivery).await;
        assert_eq!((receipt.outcome, receipt.content.as_ref().map(Json::get)), (outcome, content), "{user}");
    }
    assert_eq!(intake.events.switch.calls(), 0);
}

#[tokio::test]
async fn no_answer_is_made_up_for_a_question_that_nobody_was_appointed_to_answer() {
    let unanswered = Outcome::Unavailable(Unavailable::NoDirectory);
    let mut intake = intake(AcceptedTypes::All);
    for name in ["user_search", "get_pincode", "inventory_get"] {
        assert_eq!(signed(&intake, &format!(r#"{{"notification_type":"{name}"}}"#)).await, unanswered);
    }
    intake.directory = None;
    assert_eq!(signed(&intake, &validation(r#""known""#)).await, unanswered);
    assert_eq!(intake.events.switch.calls(), 0);
}

#[tokio::test]
async fn the_door_of_one_type_leaves_all_others_to_another_try() {
    let intake = intake(AcceptedTypes::Only(NotificationType::PAYMENT));
    let other = Outcome::Unavailable(Unavailable::UnexpectedType);
    assert_eq!(signed(&intake, PAYMENT).await, Outcome::Accepted(Success::NoContent));
    assert_eq!(signed(&intake, ORDER_PAID).await, other);
    assert_eq!(signed(&intake, &validation(r#""known""#)).await, other);
    assert_eq!(signed(&intake, r#"{"notification_type":"unknown"}"#).await, other);
    assert_eq!(intake.events.switch.calls(), 1);
}

mod sources {
    use super::*;

    const XSOLLA: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(185, 30, 21, 9)));
    const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)));

    async fn sent_from(intake: &Fakes, source: Option<IpAddr>, secret: &str) -> (Outcome, Option<UnknownSource>) {
        let authorization = sign(PAYMENT.as_bytes(), secret);
        let authorization = Some(authorization.as_str());
        let body = PAYMENT.as_bytes();
        let delivery = Delivery { authorization, source, body, received_at: at(0), trace: None, time_left: DEADLINE };
        let receipt = intake.accept(&delivery).await;
        (receipt.outcome, receipt.unknown_source)
    }

    #[tokio::test]
    async fn that_are_unknown_are_told_to_the_log_and_change_nothing() {
        for source in [XSOLLA, ELSEWHERE, None] {
            let unknown = (source != XSOLLA).then_some(UnknownSource(source));
            let accepted = (Outcome::Accepted(Success::NoContent), unknown);
            assert_eq!(sent_from(&intake(AcceptedTypes::All), source, SECRET).await, accepted, "{source:?}");
        }
    }

    #[tokio::test]
    async fn that_are_unknown_are_left_to_another_try_where_the_list_is_enforced() {
        let mut intake = intake(AcceptedTypes::All);
        intake.sources.enforced = true;
        for source in [ELSEWHERE, None] {
            let left = (Outcome::Unavailable(Unavailable::UnknownSource), Some(UnknownSource(source)));
            assert_eq!(sent_from(&intake, source, SECRET).await, left, "{source:?}");
        }
        assert_eq!(intake.events.switch.calls(), 0);
        assert_eq!(sent_from(&intake, XSOLLA, SECRET).await, (Outcome::Accepted(Success::NoContent), None));
    }

    #[tokio::test]
    async fn never_count_for_or_against_a_wrong_signature() {
        for enforced in [false, true] {
            let mut intake = intake(AcceptedTypes::All);
            intake.sources.enforced = enforced;
            for source in [XSOLLA, ELSEWHERE, None] {
                assert_eq!(sent_from(&intake, source, "other").await, (Outcome::InvalidSignature, None), "{source:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged() {
    let intake = intake(AcceptedTypes::All);
    intake.events.switch.failing.store(true, Ordering::Relaxed);
    let unavailable = Outcome::Unavailable(Unavailable::Store);
    assert_eq!(signed(&intake, PAYMENT).await, unavailable);
    assert_eq!(signed(&intake, "not json").await, unavailable, "not even what cannot be read");
}

#[tokio::test]
async fn a_conflict_that_cannot_be_kept_is_not_acknowledged() {
    let intake = intake(AcceptedTypes::All);
    signed(&intake, PAYMENT).await;
    // The first call finds the key taken; the second, which would keep the conflict, is the one that fails.
    let events = FailSecondCall(intake.events);
    let Intake { directory, secrets, sources, .. } = intake;
    let intake = Intake { accepted_types: AcceptedTypes::All, events, directory, secrets, sources };
    let authorization = sign(OTHER_PAYMENT.as_bytes(), SECRET);
    let delivery = Delivery {
        authorization: Some(&authorization),
        source: None,
        body: OTHER_PAYMENT.as_bytes(),
        received_at: at(0),
        trace: None,
        time_left: DEADLINE,
    };
    assert_eq!(intake.accept(&delivery).await.outcome, Outcome::Unavailable(Unavailable::Store));
}

struct FailSecondCall(FakeEvents);

impl EventStore for FailSecondCall {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        let answer = self.0.put_if_absent(record).await;
        self.0.switch.failing.store(true, Ordering::Relaxed);
        answer
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_leaves_in_time_whatever_hangs() {
    let intake = intake(AcceptedTypes::All);
    intake.events.switch.hanging.store(true, Ordering::Relaxed);
    let started = tokio::time::Instant::now();
    assert_eq!(signed(&intake, PAYMENT).await, Outcome::Unavailable(Unavailable::Deadline));
    assert_eq!(started.elapsed(), DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_when_time_runs_out_is_told_to_the_log() {
    let intake = intake(AcceptedTypes::All);
    intake.events.switch.hanging.store(true, Ordering::Relaxed);
    let authorization = sign(PAYMENT.as_bytes(), SECRET);
    let delivery = Delivery {
        authorization: Some(&authorization),
        source: None,
        body: PAYMENT.as_bytes(),
        received_at: at(0),
        trace: None,
        time_left: Duration::from_millis(1),
    };
    let receipt = intake.accept(&delivery).await;
    assert_eq!(receipt.envelope.unwrap().event_id().to_string(), "transaction#7#payment");
    assert_eq!(receipt.secret, Some(0));
}

mod secrets {
    use super::*;

    async fn signed_with(intake: &Fakes, secret: &str, second: i64) -> Outcome {
        let authorization = sign(PAYMENT.as_bytes(), secret);
        deliver(intake, PAYMENT.as_bytes(), Some(&authorization), at(second)).await
    }

    fn store(intake: &Fakes) -> &FakeSecrets {
        intake.secrets.store()
    }

    #[tokio::test]
    async fn are_read_once_for_many_webhooks() {
        let intake = intake(AcceptedTypes::All);
        for second in 0..100 {
            signed_with(&intake, SECRET, second).await;
        }
        assert_eq!(store(&intake).switch.calls(), 1);
    }

    #[tokio::test]
    async fn that_were_removed_are_forgotten_within_minutes() {
        let intake = intake(AcceptedTypes::All);
        signed_with(&intake, SECRET, 0).await;
        *store(&intake).text.lock().unwrap() = "new";
        assert_eq!(signed_with(&intake, SECRET, 299).await, Outcome::Duplicate(Success::NoContent));
        assert_eq!(signed_with(&intake, SECRET, 300).await, Outcome::InvalidSignature);
    }

    #[tokio::test(start_paused = true)]
    async fn that_are_old_serve_on_while_they_cannot_be_read() {
        let intake = intake(AcceptedTypes::All);
        signed_with(&intake, SECRET, 0).await;
        store(&intake).switch.failing.store(true, Ordering::Relaxed);
        assert_eq!(signed_with(&intake, SECRET, 600).await, Outcome::Duplicate(Success::NoContent));
        store(&intake).switch.hanging.store(true, Ordering::Relaxed);
        assert_eq!(signed_with(&intake, SECRET, 1200).await, Outcome::Duplicate(Success::NoContent));
    }

    #[tokio::test]
    async fn that_cannot_be_read_turn_nobody_away_for_good_and_are_tried_again() {
        let intake = intake(AcceptedTypes::All);
        store(&intake).switch.failing.store(true, Ordering::Relaxed);
        assert_eq!(signed_with(&intake, SECRET, 0).await, Outcome::Unavailable(Unavailable::Secrets));
        store(&intake).switch.failing.store(false, Ordering::Relaxed);
        assert_eq!(signed_with(&intake, SECRET, 0).await, Outcome::Accepted(Success::NoContent));
    }

    #[tokio::test]
    async fn added_a_moment_ago_are_found_when_the_first_webhook_comes_with_them() {
        let intake = intake(AcceptedTypes::All);
        signed_with(&intake, SECRET, 0).await;
        *store(&intake).text.lock().unwrap() = r#"["new","secret"]"#;
        assert_eq!(signed_with(&intake, "new", 60).await, Outcome::Duplicate(Success::NoContent));
        assert_eq!(signed_with(&intake, SECRET, 60).await, Outcome::Duplicate(Success::NoContent), "and the old one");
    }

    #[tokio::test]
    async fn are_not_read_at_the_pace_of_whoever_guesses() {
        let intake = intake(AcceptedTypes::All);
        for second in 0..100 {
            assert_eq!(signed_with(&intake, "guess", second).await, Outcome::InvalidSignature);
        }
        assert_eq!(store(&intake).switch.calls(), 10);
    }

    #[tokio::test]
    async fn that_cannot_be_read_again_leave_it_open_whether_a_signature_is_wrong() {
        let intake = intake(AcceptedTypes::All);
        signed_with(&intake, SECRET, 0).await;
        store(&intake).switch.failing.store(true, Ordering::Relaxed);
        for second in 60..70 {
            assert_eq!(signed_with(&intake, "new", second).await, Outcome::Unavailable(Unavailable::Secrets));
        }
        assert_eq!(store(&intake).switch.calls(), 2, "and are not tried at the pace of whoever guesses either");
        assert_eq!(signed_with(&intake, SECRET, 60).await, Outcome::Duplicate(Success::NoContent));
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_says_how_long_it_took_even_if_it_was_cut_off() {
    let asked = validation("\"known\"");
    let none = Some(Duration::ZERO);
    for (body, secret, hanging, took) in [
        (PAYMENT, SECRET, false, StepTimings { verify: none, keep: none, ask: None }),
        ("signed", SECRET, false, StepTimings { verify: none, keep: none, ask: None }),
        (PAYMENT, "wrong", false, StepTimings { verify: none, keep: None, ask: None }),
        (&asked, SECRET, false, StepTimings { verify: none, keep: None, ask: none }),
        (PAYMENT, SECRET, true, StepTimings { verify: none, keep: Some(DEADLINE), ask: None }),
        (&asked, SECRET, true, StepTimings { verify: none, keep: None, ask: Some(DEADLINE) }),
    ] {
        let intake = intake(AcceptedTypes::All);
        intake.events.switch.hanging.store(hanging, Ordering::Relaxed);
        intake.directory.as_ref().unwrap().switch.hanging.store(hanging, Ordering::Relaxed);
        let authorization = sign(body.as_bytes(), secret);
        let (authorization, body) = (Some(authorization.as_str()), body.as_bytes());
        let delivery =
            Delivery { authorization, source: None, body, received_at: at(0), trace: None, time_left: DEADLINE };
        assert_eq!(intake.accept(&delivery).await.took, took, "{secret} {hanging}");
    }
}
