//! Errors of the command line without a stack: one line that says what to do.

use std::process::Command;

use rstest::rstest;

use crate::test_stack::{TestStack, output};

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")];

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    // A home without profiles.
    command.args(arguments).env_clear().env("HOME", "/nonexistent").envs(variables.iter().copied());
    let (succeeded, printed) = output(command).await;
    assert!(!succeeded && printed.lines().count() == 1, "{printed}");
    printed
}

#[rstest]
#[case::no_credentials(&[("AWS_REGION", "us-east-1")], "no AWS credentials; set AWS_PROFILE")]
#[case::no_region(&KEYS, "no AWS region; set AWS_REGION")]
#[case::no_server(&[KEYS[0], KEYS[1], ("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")], "at 127.0.0.1:1; if it is the emulator: is `xsolla-webhooks local` running?")]
#[tokio::test]
async fn missing_connection_is_one_line_that_says_what_to_do(
    #[case] variables: &[(&str, &str)],
    #[case] expected: &str,
    #[values(&["show", "7", "--table", "t"], &["drift", "--table", "t"], &["erase", "--user", "u", "--table", "t"])]
    arguments: &[&str],
) {
    let printed = run(arguments, variables).await;
    assert!(printed.contains(expected) && !printed.contains("DispatchFailure"), "{printed}");
}

#[tokio::test]
async fn missing_table_or_queue_says_what_to_check() {
    let stack = TestStack::start().await;
    for arguments in [&["show", "7", "--table", "nowhere"][..], &["drift", "--table", "nowhere"]] {
        let (succeeded, printed) = stack.run(arguments).await;
        assert!(!succeeded && printed.contains("does not exist in this region and account"), "{printed}");
    }
    let missing = stack.emulator.queues.parked.replace("parked", "nowhere");
    let (succeeded, printed) = stack.run(&["dlq", "list", "--parked-queue-url", &missing]).await;
    assert!(!succeeded && printed.contains("does not exist in this region and account"), "{printed}");
}
