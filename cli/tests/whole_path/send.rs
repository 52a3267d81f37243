//! The command `send`: notifications made from samples, sent to a running stack.

use rstest::rstest;

use crate::test_stack::{TestStack, text};

/// Runs `send` against a stack.
async fn send(stack: &TestStack, arguments: &[&str]) -> (bool, String) {
    let url = format!("http://{}/webhooks", stack.emulator.webhook_addr);
    stack.run(&[&["send", "--to", &url], arguments].concat()).await
}

#[tokio::test]
async fn prints_answer_event_id_and_goods() {
    let stack = TestStack::start().await;
    let arguments =
        ["order_paid", "--order", "7", "--transaction", "8", "--user", "p-1", "--sku", "lamp", "--table", "events"];
    let (succeeded, printed) = send(&stack, &arguments).await;
    assert!(succeeded, "{printed}");
    assert_eq!(printed, "  order_paid               200  transaction#8#order_paid#7  goods: grant\n");
    let events = stack.receive_all().await;
    assert_eq!(events[0].user_id.as_deref(), Some("p-1"));
    assert!(events[0].notification.get().contains(r#""sku":"lamp""#));
}

#[tokio::test]
async fn every_type_is_answered_with_2xx_and_is_new_each_time() {
    let stack = TestStack::start().await;
    let (_, listed) = stack.run(&["send", "--list"]).await;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 30 && names[0] == "purchase", "{listed}");
    // Questions that accept-all cannot answer.
    let unanswered = ["partner_side_catalog", "user_search", "get_pincode", "inventory_get"];
    for name in names.into_iter().filter(|name| !unanswered.contains(name)) {
        let (succeeded, printed) = send(&stack, &[name]).await;
        assert!(succeeded, "{printed}");
    }
    let before = stack.stored().await.len();
    let (succeeded, printed) = send(&stack, &["payment", "--times", "20", "--parallel", "5"]).await;
    assert!(succeeded && printed.ends_with("  20 answers (204: 20)\n"), "{printed}");
    assert_eq!(stack.stored().await.len(), before + 20);
}

#[tokio::test]
async fn same_ids_are_a_retry() {
    let stack = TestStack::start().await;
    let (succeeded, _) = send(&stack, &["payment", "--transaction", "8", "--times", "3"]).await;
    assert!(succeeded);
    assert_eq!(stack.stored_kinds().await, ["event"]);
}

#[rstest]
#[case::separate("separate", &["payment", "order_paid", "refund", "order_canceled"])]
#[case::combined("combined", &["order_paid", "order_canceled"])]
#[tokio::test]
async fn purchase_with_refund_ends_without_goods(#[case] mode: &str, #[case] expected: &[&str]) {
    let stack = TestStack::start().await;
    let arguments = ["purchase", "--mode", mode, "--then", "refund", "--transaction", "8", "--table", "events"];
    let (succeeded, printed) = send(&stack, &arguments).await;
    assert!(succeeded && printed.lines().last().unwrap().ends_with("goods: revoke"), "{printed}");
    let types: Vec<String> = stack.receive_all().await.into_iter().map(|event| event.r#type).collect();
    assert_eq!(types, expected);
    let (_, shown) = stack.run(&["show", "8"]).await;
    assert!(shown.contains("goods: should not be held"), "{shown}");
}

#[tokio::test]
async fn wrong_signature_is_rejected_and_ends_a_purchase() {
    let stack = TestStack::start().await;
    let (succeeded, printed) = send(&stack, &["purchase", "--wrong-signature"]).await;
    assert!(!succeeded && printed.lines().count() == 1, "{printed}");
    assert!(
        printed.starts_with("  payment                  400  ") && printed.contains("INVALID_SIGNATURE"),
        "{printed}"
    );
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn file_is_sent_byte_for_byte() {
    let stack = TestStack::start().await;
    let body = " {\"notification_type\":\"payment\",\r\n\"transaction\":{\"id\":7.00}} \n";
    let file = std::env::temp_dir().join(format!("xsolla-webhooks-send-{}.json", std::process::id()));
    std::fs::write(&file, body).unwrap();
    let (succeeded, printed) = send(&stack, &["--file", file.to_str().unwrap()]).await;
    assert!(succeeded && printed.contains("transaction#7#payment"), "{printed}");
    let stored = stack.stored().await;
    assert_eq!(crate::test_stack::body(&stored[0]), body.as_bytes());
    assert_eq!(text(&stored[0], "type"), "payment");
}

#[tokio::test]
async fn print_sends_nothing_and_its_header_verifies() {
    let stack = TestStack::start().await;
    let (succeeded, printed) = send(&stack, &["payment", "--set", "transaction.id=7.00", "--print"]).await;
    let (headers, body) = printed.trim_end().split_once("\n\n").unwrap();
    assert!(succeeded && body.contains(r#""id":7.00"#), "{printed}");
    assert!(stack.stored().await.is_empty());
    let header = headers.lines().next().unwrap();
    let file = std::env::temp_dir().join(format!("xsolla-webhooks-print-{}.json", std::process::id()));
    std::fs::write(&file, body).unwrap();
    let (succeeded, verified) = stack.run(&["verify", file.to_str().unwrap(), "--header", header]).await;
    assert!(succeeded && verified.starts_with("valid ("), "{verified}");
}

#[tokio::test]
async fn unknown_type_is_an_invalid_argument_with_a_similar_name() {
    let stack = TestStack::start().await;
    let (succeeded, printed) = send(&stack, &["paymnet"]).await;
    assert!(!succeeded && printed.contains("tip: a similar value exists: 'payment'"), "{printed}");
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn goods_are_unknown_if_the_table_cannot_be_read() {
    let stack = TestStack::start().await;
    let (succeeded, printed) = send(&stack, &["payment", "--transaction", "8", "--table", "nowhere"]).await;
    let expected = "  payment                  204  transaction#8#payment  goods: unknown, dynamodb:GetItem: \
        table nowhere does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE\n";
    assert_eq!((succeeded, printed.as_str()), (true, expected));
}

#[rstest]
#[case::foreign_host_without_a_secret(&["payment", "--to", "https://example.invalid/"], "error: a secret is required for https://example.invalid: pass --secret or set XSOLLA_SECRETS\n")]
#[case::mode_without_purchase(&["payment", "--mode", "combined"], "error: --mode and --then need `send purchase`\n")]
#[case::not_running(&["payment", "--to", "http://127.0.0.1:1/webhooks"], "  payment                  no answer from http://127.0.0.1:1: Connection refused (os error 111)\n")]
#[tokio::test]
async fn failure_says_what_to_do(#[case] arguments: &[&str], #[case] expected: &str) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.arg("send").args(arguments).env_clear();
    assert_eq!(crate::test_stack::output(command).await, (false, expected.to_owned()));
}
