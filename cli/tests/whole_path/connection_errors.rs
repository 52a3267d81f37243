//! Errors of the command line without a stack: one line that says what to do.

use std::process::Command;

use rstest::rstest;

use crate::test_stack::{TestStack, output, sample};

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
    for arguments in [
        &["show", "7", "--table", "nowhere"][..],
        &["drift", "--table", "nowhere"],
        &["erase", "--user", "u", "--table", "nowhere"],
        &["replay", "7", "--table", "nowhere"],
    ] {
        let (succeeded, printed) = stack.run(arguments).await;
        assert!(!succeeded && printed.contains("table nowhere does not exist in this region and account"), "{printed}");
    }
    let missing = stack.emulator.queues.parked.replace("parked", "nowhere");
    let (succeeded, printed) = stack.run(&["dlq", "list", "--parked-queue-url", &missing]).await;
    assert!(!succeeded && printed.contains(&format!("queue {missing} does not exist in this region")), "{printed}");
    assert!(stack.send(sample("payment")).await.status < 300);
    let (succeeded, printed) = stack.run(&["replay", "2298114507", "--queue-url", &missing]).await;
    assert!(!succeeded && printed.contains(&format!("queue {missing} does not exist in this region")), "{printed}");
}

#[rstest]
#[case::story_of_a_type(&["send", "payment", "--then", "refund"])]
#[case::impossible_path(&["send", "payment", "--set", "user[0]=1"])]
#[case::reversed_span(&["replay", "--local", "--from", "2026-11-28", "--to", "2026-11-27"])]
#[case::empty_secret(&["local", "--secret", ""])]
#[case::short_key(&["local", "--unsigned-key", "short"])]
fn arguments_that_do_not_fit_together_are_invalid(#[case] arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks")).args(arguments).output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && printed.starts_with("error: "), "{:?}: {printed}", output.status);
}

#[rstest]
#[case::not_in_the_files("nowhere", "profile `nowhere` is not in the AWS configuration files")]
#[case::without_credentials("empty", "no AWS credentials: profile `empty` has none or does not exist; set ")]
#[case::sso("sso", "aws configure export-credentials --format env")]
#[tokio::test]
async fn profile_without_usable_credentials_is_named(#[case] profile: &str, #[case] expected: &str) {
    let file = std::env::temp_dir().join(format!("xsolla-webhooks-profiles-{}-{profile}", std::process::id()));
    let sso = "sso_session = x\nsso_account_id = 1\nsso_role_name = r\n[sso-session x]\nsso_region = us-east-1\nsso_start_url = https://x.invalid\n";
    std::fs::write(&file, format!("[profile empty]\nregion = us-east-1\n[profile sso]\n{sso}")).unwrap();
    let variables =
        [("AWS_PROFILE", profile), ("AWS_CONFIG_FILE", file.to_str().unwrap()), ("AWS_REGION", "us-east-1")];
    let printed = run(&["show", "7", "--table", "t"], &variables).await;
    assert!(printed.contains(expected), "{printed}");
}

#[rstest]
#[case::option_of_the_stack(&["show", "7"], true)]
#[case::other_argument(&["verify", "body.json"], false)]
#[tokio::test]
async fn missing_argument_names_the_stack_output_only_for_options_of_a_stack(
    #[case] arguments: &[&str],
    #[case] expected: bool,
) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.args(arguments).env_clear();
    let (succeeded, printed) = output(command).await;
    assert!(!succeeded && printed.contains("required arguments were not provided"), "{printed}");
    assert_eq!(printed.contains("The stack output CliEnvironment sets"), expected, "{printed}");
}
