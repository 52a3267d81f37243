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
async fn leaves_other_messages_in_the_queue() {
    let stack = TestStack::start().await;
    stack.send(sample("dispute")).await;
    let report = demo::run(&stack.emulator, SECRET).await.unwrap();
    assert!(report.passed(), "{report}");
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn reports_an_unexpected_answer() {
    let stack = Stack::start(options()).await.unwrap();
    let report = demo::run(&stack, "another secret").await.unwrap();
    assert!(!report.passed());
    assert!(report.to_string().contains("<- EXPECTED: 204, stored once, queued once"));
}
