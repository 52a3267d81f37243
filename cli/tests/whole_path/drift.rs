//! The command `drift`: reports differences between notifications and their models.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::test_stack::{TestStack, output, sample, text};

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.arg("drift").env_clear();
    command
}

/// The cells of a line of the printed table.
fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[tokio::test]
async fn searches_a_table() {
    let stack = TestStack::start().await;
    for name in ["payment", "payment-token", "order_paid-v2", "redeem_key"] {
        assert!(stack.send(sample(name)).await.status < 300);
    }
    let (succeeded, shown) = stack.run(&["drift", "--table", "events"]).await;
    assert!(succeeded, "{shown}");
    assert_eq!(shown, "  Compared 4 notifications: no differences.\n");

    let changed = sample("refund").replace(r#""user":"#, r#""mira@example.com":"Mira","user":"#);
    assert_eq!(stack.send(&changed).await.status, 204);
    assert_eq!(stack.send("no notification").await.status, 400);
    assert_eq!(stack.send(changed.replace("Mira", "Jo")).await.status, 204, "a conflict is not searched");
    let (_, shown) = stack.run(&["drift", "--table", "events"]).await;
    let lines: Vec<Vec<&str>> = shown.lines().map(cells).collect();
    let stored = stack.stored().await;
    let since = stored.iter().find(|item| text(item, "sk") == "refund").map(|item| text(item, "received_at")).unwrap();
    let expected: [&[&str]; 4] = [
        &["first seen", "count", "type", "path", "finding", "JSON type", "first example"],
        &[&since, "1 of 1", "refund", "(redacted key)", "unknown field", "string(4)", "transaction#2298114507#refund"],
        &[],
        &["Compared 5 notifications: 1 difference."],
    ];
    assert_eq!(lines, expected);
    assert!(!shown.contains("ira"), "{shown}");
}

#[tokio::test]
async fn fails_if_the_table_does_not_exist() {
    let stack = TestStack::start().await;
    let (succeeded, shown) = stack.run(&["drift", "--table", "nowhere"]).await;
    assert!(!succeeded);
    assert!(shown.starts_with("error: cannot read table nowhere: "), "{shown}");
}

#[tokio::test]
async fn lists_differences_of_a_folder_newest_first() {
    let folder: PathBuf = std::env::temp_dir().join(format!("xsolla-webhooks-drift-{}", std::process::id()));
    fs::create_dir_all(folder.join("no file")).unwrap();
    let risk = |value: &str| {
        format!(r#"{{"notification_type":"refund","transaction":{{"id":1,"risk":{value}}},"user":{{"id":"mira"}}}}"#)
    };
    for (seconds, name, body) in [
        (3, "a.json", risk("[1]")),
        (1, "b.json", risk(r#""Mira Sol""#)),
        (2, "c", r#"{"notification_type":"chargeback","user":{"id":"mira"}}"#.to_owned()),
        (4, "sample.json", sample("refund").to_owned()),
        (5, "payout.json", sample("payout").to_owned()),
        (6, "malformed.txt", sample("malformed-extra_brace").to_owned()),
    ] {
        fs::write(folder.join(name), body).unwrap();
        let file = File::options().append(true).open(folder.join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
    let mut command = command();
    command.arg(&folder);
    let (succeeded, shown) = output(command).await;
    fs::remove_dir_all(&folder).unwrap();
    assert!(succeeded, "{shown}");
    assert_eq!(
        shown,
        "  \
  first seen            count   type        path              finding        JSON type  first example
  1970-01-01T00:00:02Z  1 of 1  chargeback  (entire body)     unknown type   -          c
  1970-01-01T00:00:01Z  2 of 3  refund      transaction.risk  unknown field  string(8)  b.json

  Compared 4 notifications: 2 differences. Skipped 2 bodies that are not notifications.
"
    );
}

#[tokio::test]
async fn requires_a_table_or_a_folder() {
    let (succeeded, shown) = output(command()).await;
    assert!(!succeeded);
    assert!(shown.contains("--table <NAME>"), "{shown}");
}
