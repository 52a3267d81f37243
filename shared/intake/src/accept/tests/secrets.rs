//! The cached webhook secrets.

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
async fn failed_first_read_is_500_and_repeated() {
    let intake = intake();
    store(&intake).control.set(Behavior::Fail);
    assert_eq!(deliver_with(&intake, SECRET, 0).await, Outcome::Unavailable(Unavailable::Secrets));
    store(&intake).control.set(Behavior::Succeed);
    assert_eq!(deliver_with(&intake, SECRET, 0).await, ACCEPTED);
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

#[tokio::test]
async fn bad_signature_is_500_if_refresh_fails() {
    let intake = intake();
    deliver_with(&intake, SECRET, 0).await;
    store(&intake).control.set(Behavior::Fail);
    for second in 60..70 {
        assert_eq!(deliver_with(&intake, "new", second).await, Outcome::Unavailable(Unavailable::Secrets));
    }
    assert_eq!(store(&intake).control.calls(), 2, "failed reads are also limited");
    assert_eq!(deliver_with(&intake, SECRET, 60).await, DUPLICATE);
}
