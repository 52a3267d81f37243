//! The cached webhook secrets.

use futures_util::future::join_all;
use tokio::time::Instant;

use super::sources::{ELSEWHERE, XSOLLA};
use super::*;

async fn deliver_with(intake: &FakeIntake, secret: &str, second: i64) -> Outcome {
    let signed = SignedBody::with_secret(PAYMENT, secret);
    intake.accept(&Delivery { received_at: at(second), ..signed.delivery() }).await.outcome
}

fn store(intake: &FakeIntake) -> &FakeSecretStore {
    intake.secrets.store()
}

#[tokio::test]
async fn reads_secrets_once_for_many_webhooks() {
    let intake = intake();
    for second in 0..100 {
        deliver_with(&intake, SECRET, second).await;
    }
    assert_eq!(store(&intake).control.calls(), 1);
}

#[tokio::test]
async fn removed_secret_expires_after_five_minutes() {
    let intake = intake();
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).set("new");
    assert_eq!(deliver_with(&intake, SECRET, 299).await, DUPLICATE);
    assert_eq!(deliver_with(&intake, SECRET, 300).await, Outcome::InvalidSignature);
}

#[tokio::test(start_paused = true)]
async fn uses_old_secrets_if_refresh_fails_or_hangs() {
    let intake = intake();
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).control.set(Behavior::Fail);
    assert_eq!(deliver_with(&intake, SECRET, 600).await, DUPLICATE);
    store(&intake).control.set(Behavior::Hang);
    assert_eq!(deliver_with(&intake, SECRET, 1200).await, DUPLICATE);
}

#[tokio::test]
async fn failed_warm_up_is_repeated_by_the_first_webhook() {
    let intake = intake();
    store(&intake).control.set(Behavior::Fail);
    assert!(intake.secrets.warm_up(at(0)).await.is_err());
    store(&intake).control.set(Behavior::Succeed);
    assert_eq!(deliver_with(&intake, SECRET, 0).await, ACCEPTED);
}

#[rstest]
#[case::failing(Behavior::Fail)]
#[case::hanging(Behavior::Hang)]
#[tokio::test(start_paused = true)]
async fn failed_first_read_is_500_and_repeated_after_ten_seconds(#[case] behavior: Behavior) {
    let intake = intake();
    store(&intake).control.set(behavior);
    for second in 0..10 {
        for secret in [SECRET, "guess"] {
            let outcome = deliver_with(&intake, secret, second).await;
            assert_eq!(outcome.answer().status(), 500, "{secret} at {second}");
        }
    }
    assert_eq!(store(&intake).control.calls(), 1);
    store(&intake).control.set(Behavior::Succeed);
    assert_eq!(deliver_with(&intake, SECRET, 10).await, ACCEPTED);
}

#[tokio::test]
async fn failed_read_is_repeated_at_once_if_configured() {
    let intake =
        FakeIntake { secrets: SecretCache::new(FakeSecretStore::new(SECRET)).with_immediate_retry(), ..intake() };
    store(&intake).control.set(Behavior::Fail);
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).control.set(Behavior::Succeed);
    assert_eq!(deliver_with(&intake, SECRET, 0).await, ACCEPTED);
}

#[rstest]
#[case::succeeding(Behavior::Delay(Duration::from_millis(100)), ACCEPTED)]
#[case::failing(Behavior::Fail, Outcome::Unavailable(Unavailable::Secrets))]
#[case::hanging(Behavior::Hang, Outcome::Unavailable(Unavailable::Deadline))]
#[tokio::test(start_paused = true)]
async fn concurrent_first_webhooks_share_one_read(#[case] behavior: Behavior, #[case] first: Outcome) {
    let intake = intake();
    store(&intake).control.set(behavior);
    let outcomes = join_all((0..20).map(|_| deliver_with(&intake, SECRET, 0))).await;
    assert_eq!((outcomes[0], store(&intake).control.calls()), (first, 1));
}

#[tokio::test(start_paused = true)]
async fn concurrent_webhooks_with_a_new_secret_share_one_read() {
    let intake = intake();
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).set(r#"["new","secret"]"#);
    store(&intake).control.set(Behavior::Delay(Duration::from_millis(100)));
    let outcomes = join_all((0..20).map(|_| deliver_with(&intake, "new", 60))).await;
    assert!(outcomes.iter().all(|outcome| *outcome == DUPLICATE), "{outcomes:?}");
    assert_eq!(deliver_with(&intake, "guess", 60).await, Outcome::InvalidSignature);
    assert_eq!(store(&intake).control.calls(), 2);
}

#[tokio::test]
async fn first_webhook_with_new_secret_is_accepted() {
    let intake = intake();
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).set(r#"["new","secret"]"#);
    assert_eq!(deliver_with(&intake, "new", 60).await, DUPLICATE);
    assert_eq!(deliver_with(&intake, SECRET, 60).await, DUPLICATE, "the old secret stays valid");
}

#[tokio::test]
async fn bad_signatures_cause_a_read_at_most_every_ten_seconds() {
    let intake = intake();
    for second in 0..100 {
        assert_eq!(deliver_with(&intake, "guess", second).await, Outcome::InvalidSignature);
    }
    assert_eq!(store(&intake).control.calls(), 10);
}

/// A 4xx would be final, although the signature may be right.
#[rstest]
#[case::failing(Behavior::Fail)]
#[case::hanging(Behavior::Hang)]
#[tokio::test(start_paused = true)]
async fn bad_signature_is_5xx_if_refresh_fails_and_an_alarm_only_from_xsolla(#[case] behavior: Behavior) {
    let intake = intake();
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).control.set(behavior);
    let signed = SignedBody::with_secret(PAYMENT, "new");
    for second in 60..70 {
        for (source, reason) in [
            (XSOLLA, Unavailable::Secrets),
            (ELSEWHERE, Unavailable::UnverifiedUnknownSource),
            (None, Unavailable::UnverifiedUnknownSource),
        ] {
            let started = Instant::now();
            let delivery = Delivery { source, received_at: at(second), ..signed.delivery() };
            let report = intake.accept(&delivery).await;
            assert_eq!((report.outcome, report.unknown_source), (Outcome::Unavailable(reason), None), "{source:?}");
            assert!(report.error.is_some() && started.elapsed() <= Duration::from_millis(301));
        }
    }
    assert_eq!(store(&intake).control.calls(), 2, "failed reads are also limited");
    assert_eq!(deliver_with(&intake, SECRET, 60).await, DUPLICATE);
}
