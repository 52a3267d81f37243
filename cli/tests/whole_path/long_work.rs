//! Commands on tables of several pages, and their interruption.

use std::process::{Command, Stdio};

use cli::progress::Progress;
use cli::replay::{PlanError, Selection};
use cli::table::{EventFilter, find_events};
use intake::aws::QueueUrls;

use crate::test_stack::{TestStack, aws_variables};

/// Sends this many events, with a body of this many bytes each.
async fn stack_with(events: usize, len: usize) -> TestStack {
    let stack = TestStack::start().await;
    for number in 0..events {
        let padding = "x".repeat(len);
        let body = format!(r#"{{"notification_type":"payment","transaction":{{"id":{number}}},"p":"{padding}"}}"#);
        assert_eq!(stack.send(body).await.status, 204);
    }
    stack.receive_all().await;
    stack
}

#[tokio::test]
async fn scan_reads_all_pages_and_counts_them() {
    let stack = stack_with(60, 60_000).await;
    let progress = Progress::default();
    let find = async |max| find_events(&stack.table(), &EventFilter::default(), |_| true, max, &progress).await;
    let found = find(100).await.unwrap();
    // With the marker of `receive_all`.
    assert_eq!(found.len(), 61);
    // The emulator counts an item twice if a page ends before it.
    assert!((61..65).contains(&progress.done()), "{}", progress.done());
    assert!(found.is_sorted());
    let mut ids: Vec<String> = found.iter().map(|event| event.pk.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 61, "no item is read twice");
    let few = find(10).await.unwrap();
    assert!((11..61).contains(&few.len()), "{}: the scan ends after the page with the eleventh event", few.len());
    let (succeeded, printed) = stack.run(&["drift", "--table", "events"]).await;
    assert!(succeeded && printed.contains("  Compared 61 notifications: "), "{printed}");
}

#[tokio::test]
async fn interrupted_replay_says_how_to_continue() {
    let stack = stack_with(300, 10).await;
    let emulator = &stack.emulator;
    let QueueUrls { events, .. } = &emulator.queues;
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.args(["replay", "--type", "payment", "--yes"]);
    command.envs(aws_variables(&emulator.dynamodb_endpoint, &emulator.sqs_endpoint));
    command.envs([("QUEUE_URL", events.as_str()), ("PAYMENT_WITHOUT_ORDER", "money_only")]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let first = loop {
        if let Some(message) = stack.receive(1).await.into_iter().next() {
            break message;
        }
    };
    assert!(first.replay);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.starts_with("error: interrupted after ") && printed.contains(" of 301 events, "), "{printed}");

    let (_, options) = printed.trim_end().split_once("\nTo continue, run: xsolla-webhooks ").unwrap();
    let arguments: Vec<&str> = options.split(' ').chain(["--yes"]).collect();
    let (succeeded, printed) = stack.run(&arguments).await;
    assert!(succeeded && printed.starts_with("  Queued "), "{printed}");
    let count: usize = printed.split(' ').nth(3).unwrap().parse().unwrap();
    assert!((1..301).contains(&count), "{printed}");
}

#[tokio::test]
async fn replay_of_too_many_events_is_refused() {
    let stack = stack_with(3, 10).await;
    let replay = stack.replay().with_max_events(3);
    let all = Selection::Filter(EventFilter::default());
    // With the marker of `receive_all`.
    let refused = replay.plan(all.clone()).await.unwrap_err();
    assert_eq!(refused, PlanError::TooManyEvents { found: 4, items_read: 4, max: 3 });
    assert_eq!(stack.replay().with_max_events(4).plan(all).await.unwrap().len(), 4);
}
