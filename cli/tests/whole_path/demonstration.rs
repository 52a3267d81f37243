//! What `xsolla-webhooks local` shows first, and that it stands in nobody's way.

use local::{Stack, StackOptions, demo};

use crate::world::{SECRET, World, options, sample};

#[tokio::test]
async fn all_comes_out_as_it_should_also_on_a_table_that_has_seen_it_before() {
    let directory = std::env::temp_dir().join(format!("xsolla-webhooks-demonstration-{}", std::process::id()));
    for _ in 0..2 {
        let stack = Stack::start(StackOptions { data: Some(directory.clone()), ..options() }).await.unwrap();
        let report = demo::run(&stack, SECRET).await.unwrap();
        assert!(report.passed(), "{report}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn what_others_have_sent_stays_in_the_queue() {
    let world = World::start().await;
    world.send(sample("dispute")).await;
    let report = demo::run(&world.stack, SECRET).await.unwrap();
    assert!(report.passed(), "{report}");
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn a_wrong_answer_is_told() {
    let stack = Stack::start(options()).await.unwrap();
    let report = demo::run(&stack, "another secret").await.unwrap();
    assert!(!report.passed());
    assert!(report.to_string().contains("<- EXPECTED: 204, stored once, queued once"));
}
