//! The demonstration that `xsolla-webhooks local` runs at its start.

use local::{Stack, StackOptions, demo};

use crate::test_stack::{SECRET, TestStack, options, sample};

#[tokio::test]
async fn passes_again_on_the_same_table() {
    let directory = std::env::temp_dir().join(format!("xsolla-webhooks-demo-{}", std::process::id()));
    for _ in 0..2 {
        let stack = Stack::start(StackOptions { data: Some(directory.clone()), ..options() }).await.unwrap();
        let report = demo::run(&stack, SECRET).await.unwrap();
        assert!(report.passed(), "{report}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn leaves_its_events_and_other_messages_in_the_queue() {
    let stack = TestStack::start().await;
    stack.send(sample("dispute")).await;
    let report = demo::run(&stack.emulator, SECRET).await.unwrap();
    assert!(report.passed(), "{report}");
    let mut types: Vec<String> = stack.receive_all().await.into_iter().map(|message| message.r#type).collect();
    types.sort_unstable();
    assert_eq!(
        types,
        [
            "dispute",
            "order_canceled",
            "order_canceled",
            "order_paid",
            "order_paid",
            "partial_refund",
            "payment",
            "refund"
        ]
    );
}

#[tokio::test]
async fn reports_an_unexpected_answer() {
    let stack = Stack::start(options()).await.unwrap();
    let report = demo::run(&stack, "another secret").await.unwrap();
    assert!(!report.passed());
    assert!(report.to_string().contains("expected: 204, stored once, queued once"));
}
