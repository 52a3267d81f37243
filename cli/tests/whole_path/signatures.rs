//! The commands `sign` and `verify`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rstest::rstest;
use xsolla::sign;

use crate::test_stack::output;

const BODY: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;

fn body_file(name: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("xsolla-webhooks-{name}-{}.json", std::process::id()));
    fs::write(&file, BODY).unwrap();
    file
}

async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.args(arguments).env_clear().envs(variables.iter().copied());
    output(command).await
}

#[rstest]
#[case::of_local(&[], &[], "test_secret")]
#[case::option(&["--secret", "secret of the option"], &[("XSOLLA_SECRETS", "unused")], "secret of the option")]
#[case::first_option(&["--secret", "the first secret of two", "--secret", "the second secret of two"], &[], "the first secret of two")]
#[case::environment(&[], &[("XSOLLA_SECRETS", r#"["kX3vR8pQ2mZ7wL5t","hT6nB1cY9dF4gJ0s"]"#)], "kX3vR8pQ2mZ7wL5t")]
#[tokio::test]
async fn sign_prints_the_header_of_the_current_secret(
    #[case] options: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] secret: &str,
) {
    let file = body_file(&format!("sign-{}", secret.replace(' ', "-")));
    let (succeeded, printed) = run(&[&["sign", file.to_str().unwrap()], options].concat(), variables).await;
    assert!(succeeded, "{printed}");
    assert_eq!(printed, format!("Authorization: {}\n", sign(BODY.as_bytes(), secret)));
}

#[tokio::test]
async fn verify_says_which_secret_signed_or_why_the_signature_is_not_valid() {
    let file = body_file("verify");
    let file = file.to_str().unwrap();
    let header = sign(BODY.as_bytes(), "correct horse battery staple");
    let named = format!("authorization: {header}");
    let secrets = ["--secret", "another secret", "--secret", "correct horse battery staple"];
    for header in [&header, &named] {
        let (succeeded, printed) = run(&[&["verify", file, "--header", header], &secrets[..]].concat(), &[]).await;
        assert!(succeeded && printed == "valid (secret index 1)\n", "{printed}");
    }
    let other = sign(format!("{BODY}\n").as_bytes(), "correct horse battery staple");
    let (succeeded, printed) = run(&[&["verify", file, "--header", &other], &secrets[..]].concat(), &[]).await;
    assert!(
        !succeeded && printed == "not valid: the body was signed with a line end after it (secret index 1)\n",
        "{printed}"
    );
    let (succeeded, printed) = run(&["verify", file, "--header", &header], &[]).await;
    assert!(!succeeded && printed.ends_with("\nUsed the secret of `local`. Pass --secret for another.\n"), "{printed}");
    assert!(!printed.contains(&header["Signature ".len()..]) && !printed.contains("test_secret"), "{printed}");
}

#[tokio::test]
async fn missing_file_is_an_error() {
    for command in [&["sign", "missing.json"][..], &["verify", "missing.json", "--header", "x"]] {
        let (succeeded, printed) = run(command, &[]).await;
        assert!(!succeeded && printed.starts_with("error: cannot read missing.json: "), "{printed}");
    }
}
