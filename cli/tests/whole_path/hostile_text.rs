//! Text from outside that could control a terminal, printed by every command.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::test_stack::{TestStack, output};

/// A user id with an escape sequence, a carriage return, line ends, C1 controls, directional and invisible characters, and
/// a line that looks like one of `show`.
const USER: &str =
    "\u{1b}[2J\rx\n  State of transaction#7 (live):\u{9b}\u{85}\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}\u{7f}";

/// The same text in JSON. Half of it is escaped there, and a lone surrogate follows.
const USER_JSON: &str =
    "\\u001b[2J\\rx\\n  State of transaction#7 (live):\u{9b}\\u0085\\u202e\u{2066}\u{200b}\\u2028\u{feff}\\u007f";

/// Asserts that the output contains only visible characters and line ends, and no line that an id made.
fn assert_safe(printed: &str) {
    let is_hidden =
        |char: &char| char.is_control() && *char != '\n' || "\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}".contains(*char);
    let hidden: Vec<char> = printed.chars().filter(is_hidden).collect();
    assert!(hidden.is_empty(), "{hidden:?} in {printed:?}");
    assert!(!printed.lines().any(|line| line.starts_with(r"  State of transaction#7 (live):\u{9b}")));
}

fn payment(id: u32) -> String {
    format!(
        r#"{{"notification_type":"payment","transaction":{{"id":{id}}},"user":{{"id":"{USER_JSON}"}},"purchase":{{"total":{{"currency":"{USER_JSON}","amount":1}}}},"{USER_JSON}":"\ud800"}}"#
    )
}

fn unknown_type() -> String {
    format!(r#"{{"notification_type":"{USER_JSON}","transaction":{{"id":7}},"user":{{"id":"{USER_JSON}\ud800"}}}}"#)
}

#[tokio::test]
async fn commands_escape_text_of_webhooks() {
    let stack = TestStack::start().await;
    for body in [payment(7), payment(7).replace("\"amount\":1", "\"amount\":2"), unknown_type(), "\u{202e}".to_owned()]
    {
        stack.send(body).await;
    }
    assert_eq!(stack.receive_all().await.len(), 2);
    for arguments in [
        &["show", "7"][..],
        &["show", "7", "--bodies"],
        &["show", "7", "--unredacted"],
        &["show", "--user", USER],
        &["replay", "--subject", "transaction#7", "--dry-run"],
        &["erase", "--user", USER, "--dry-run"],
        &["drift", "--table", "events"],
        &["replay", "--subject", "transaction#7"],
    ] {
        let (succeeded, printed) = stack.run(arguments).await;
        assert!(succeeded, "{arguments:?}: {printed}");
        assert_safe(&printed);
    }
    for arguments in [&["show", USER][..], &["erase", "--user", "\u{202e}"], &["drift", "\u{202e}\u{1b}"]] {
        let (succeeded, printed) = stack.run(arguments).await;
        assert!(!succeeded && printed.starts_with("error: "), "{printed}");
        assert_safe(&printed);
    }
}

#[tokio::test]
async fn dead_letters_and_notes_are_escaped() {
    let stack = TestStack::start().await;
    let sqs = &stack.emulator.sqs;
    let json = |text: &str| serde_json::to_string(text).unwrap();
    let letter = format!(r#"{{"pk":{0},"sk":{0},"cause":{0}}}"#, json(USER));
    let queues = &stack.emulator.queues;
    let send = sqs.send_message().queue_url(&queues.dead_letters).message_body(&letter);
    send.message_group_id("g").message_deduplication_id("d").send().await.unwrap();
    sqs.send_message().queue_url(&queues.parked).message_body(&letter).send().await.unwrap();
    let (_, listed) = stack.run(&["dlq", "list"]).await;
    assert!(listed.contains("\\u{202e}"), "{listed}");
    assert_safe(&listed);
    for arguments in [
        &["dlq", "show", &format!("{USER}#{USER}")][..],
        &["dlq", "redrive", "--dry-run"],
        &["dlq", "redrive", "--yes"],
    ] {
        let (_, printed) = stack.run(arguments).await;
        assert_safe(&printed);
    }
}

#[tokio::test]
async fn invalid_arguments_are_escaped() {
    for arguments in [
        &["replay", "--from", "\u{202e}\u{1b}[2J"][..],
        &["send", "purchase", "--mode", "\u{202e}\u{1b}[2J"],
        &["show", "--\u{202e}\u{1b}[2J"],
        &["\u{202e}\u{1b}[2J"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
        command.args(arguments).env_clear();
        let (succeeded, printed) = output(command).await;
        assert!(!succeeded && printed.starts_with("error: ") && printed.contains("\\u{202e}"), "{printed}");
        assert_safe(&printed);
    }
}

#[tokio::test]
async fn names_of_files_are_escaped() {
    let folder = std::env::temp_dir().join(format!("xsolla-webhooks-hostile-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let name = [USER.as_bytes(), b"\xed\xa0\x80\xff"].concat();
    let file = folder.join(std::ffi::OsStr::from_bytes(&name));
    fs::write(&file, payment(7)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.arg("drift").arg(&folder).env_clear();
    let (succeeded, printed) = output(command).await;
    assert!(succeeded && printed.contains("\\u{1b}[2J\\rx\\n  State"), "{printed}");
    assert_safe(&printed);

    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.arg("drift").arg(&file).env_clear();
    let (succeeded, printed) = output(command).await;
    assert!(!succeeded && printed.starts_with("error: cannot read "), "{printed}");
    assert_safe(&printed);
    fs::remove_dir_all(folder).unwrap();
}
