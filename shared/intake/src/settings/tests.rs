//! Valid settings, and the errors of invalid ones.

use rstest::rstest;

use super::*;

const TABLE: (&str, &str) = ("TABLE_NAME", "events");
const SECRET: (&str, &str) = ("XSOLLA_SECRETS", "hunter2-dR6kQ0ZrVYb2mXw9");
const SECRET_ID: (&str, &str) = ("XSOLLA_SECRET_ID", "arn");

fn read_webhook(variables: &[(&str, &str)], answers_questions: bool) -> Result<WebhookSettings, String> {
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
    WebhookSettings::read(&variable, answers_questions).map_err(|error| error.to_string())
}

#[test]
fn environment_returns_variables_of_the_process() {
    assert_eq!(environment("PATH"), std::env::var("PATH").ok());
    assert!(environment("PATH").is_some_and(|path| !path.is_empty()));
    assert_eq!(environment("XSOLLA_WEBHOOKS_UNSET"), None);
}

#[rstest]
#[case(&[SECRET], "TABLE_NAME is not set")]
#[case(&[("TABLE_NAME", " "), SECRET], "TABLE_NAME is not set")]
#[case(&[TABLE], "USER_DIRECTORY is not set")]
#[case(&[TABLE, ("USER_DIRECTORY", "accept-all")], "XSOLLA_SECRET_ID is not set")]
#[case(&[TABLE, SECRET, ("USER_DIRECTORY", "everyone")], "USER_DIRECTORY is invalid: \"everyone\" is not")]
#[case(&[TABLE, SECRET, ("USER_DIRECTORY", "table:")], "USER_DIRECTORY is invalid")]
#[case(
    &[TABLE, SECRET, ("USER_DIRECTORY", "https://game.example/ask?hunter2")],
    "USER_DIRECTORY is invalid: a URL requires the prefix http:"
)]
#[case(
    &[TABLE, SECRET, ("USER_DIRECTORY", "http:https://game.example/ask?hunter2")],
    "USER_DIRECTORY is invalid: an endpoint requires a key"
)]
#[case(
    &[
        TABLE,
        SECRET,
        ("USER_DIRECTORY", "http:https://game.example/ask"),
        ("DIRECTORY_KEY", "hunter2"),
        ("DIRECTORY_KEY_SECRET_ID", "arn"),
    ],
    "DIRECTORY_KEY is invalid: DIRECTORY_KEY_SECRET_ID is also set"
)]
#[case(
    &[TABLE, ("USER_DIRECTORY", "accept-all"), ("XSOLLA_SECRETS", "[]")],
    "XSOLLA_SECRETS is invalid: no secret: the text or list is empty"
)]
#[case(&[TABLE, ("USER_DIRECTORY", "accept-all"), ("XSOLLA_SECRETS", r#"{"hunter2":"#)], "XSOLLA_SECRETS is invalid")]
#[case(
    &[TABLE, ("USER_DIRECTORY", "accept-all"), SECRET, SECRET_ID],
    "XSOLLA_SECRETS is invalid: XSOLLA_SECRET_ID is also set"
)]
#[case(
    &[TABLE, ("USER_DIRECTORY", "accept-all"), ("XSOLLA_SECRETS", "hunter2")],
    "XSOLLA_SECRETS is invalid: secret 0 in the list has fewer than 16 characters; replace it. Webhook secrets are in \
     Publisher Account"
)]
#[case(
    &[TABLE, ("USER_DIRECTORY", "accept-all"), ("XSOLLA_SECRETS", "YOUR_WEBHOOK_SECRET_KEY")],
    "XSOLLA_SECRETS is invalid: secret 0 in the list is a placeholder"
)]
#[case(
    &[TABLE, ("USER_DIRECTORY", "accept-all"), SECRET, ("PSEUDONYM_KEY", "hunter2")],
    "PSEUDONYM_KEY is invalid: secret 0 in the list has fewer than 16 characters"
)]
#[case(
    &[
        TABLE,
        ("USER_DIRECTORY", "accept-all"),
        SECRET,
        ("PSEUDONYM_KEY", "hunter2-dR6kQ0ZrVYb2mXw9"),
        ("PSEUDONYM_KEY_SECRET_ID", "arn"),
    ],
    "PSEUDONYM_KEY is invalid: PSEUDONYM_KEY_SECRET_ID is also set"
)]
fn error_names_the_variable_and_no_secret(#[case] variables: &[(&str, &str)], #[case] message: &str) {
    let error = read_webhook(variables, true).unwrap_err();
    assert!(error.starts_with(message), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

const TEST_SECRET: (&str, &str) = ("XSOLLA_SECRETS", "test_secret");

#[rstest]
#[case(("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:7701"), true)]
#[case(("AWS_ENDPOINT_URL", "http://127.0.0.1:7701"), true)]
#[case(("AWS_ENDPOINT_URL", "https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com"), false)]
#[case(("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:7702"), false)]
#[case(("AWS_ENDPOINT_URL", ""), false)]
fn test_secret_is_valid_only_with_an_emulator(#[case] endpoint: (&str, &str), #[case] is_valid: bool) {
    assert_eq!(read_webhook(&[TABLE, TEST_SECRET, endpoint], false).is_ok(), is_valid);
}

#[rstest]
#[case(&[], None)]
#[case(&[("PSEUDONYM_KEY_SECRET_ID", "arn")], Some("arn"))]
fn pseudonym_keys_are_optional(#[case] variables: &[(&str, &str)], #[case] secret_id: Option<&str>) {
    let settings = read_webhook(&[&[TABLE, SECRET_ID], variables].concat(), false).unwrap();
    let unsigned = read_unsigned(&[&[("UNSIGNED_KEY_SECRET_ID", "arn")], variables].concat()).unwrap();
    for keys in [settings.pseudonym_keys, unsigned.pseudonym_keys] {
        let read = keys.map(|keys| match keys {
            SecretsSetting::SecretsManager(id) => id,
            SecretsSetting::Given(_) => panic!("not in Secrets Manager"),
        });
        assert_eq!(read.as_deref(), secret_id);
    }
}

fn read_retention(days: &str) -> Result<i64, String> {
    read_webhook(&[TABLE, SECRET_ID, ("RETENTION_DAYS", days)], false)
        .map(|settings| settings.retention.as_hours() / 24)
}

#[rstest]
#[case("", 400)]
#[case("180", 180)]
#[case("400", 400)]
#[case("3650", 3650)]
fn reads_retention(#[case] text: &str, #[case] days: i64) {
    assert_eq!(read_retention(text), Ok(days));
}

#[rstest]
fn rejects_retention_outside_of_range(#[values("0", "2", "179", "3651", "-400", "400.5", "a year")] text: &str) {
    let error = read_retention(text).unwrap_err();
    assert!(error.starts_with(&format!("RETENTION_DAYS is invalid: {text:?} is not a number from 180 to 3650")));
}

#[test]
fn reads_directory_only_for_functions_that_answer_questions() {
    assert!(read_webhook(&[TABLE, SECRET_ID], false).unwrap().directory.is_none());
    let directory = read_webhook(&[TABLE, SECRET_ID, ("USER_DIRECTORY", "table:players")], true).unwrap().directory;
    assert!(matches!(directory, Some(DirectorySetting::Table(name)) if name == "players"));
}

#[rstest]
#[case(&[("ENDPOINT_URL_SECRET_ID", "url"), ("DIRECTORY_KEY_SECRET_ID", "key")], None)]
#[case(&[("DIRECTORY_KEY_SECRET_ID", "key")], Some("ENDPOINT_URL_SECRET_ID is not set"))]
#[case(&[("ENDPOINT_URL_SECRET_ID", "url")], Some("USER_DIRECTORY is invalid: an endpoint requires a key"))]
fn endpoint_requires_the_secrets_of_url_and_key(#[case] variables: &[(&str, &str)], #[case] error: Option<&str>) {
    let variables = [&[TABLE, SECRET_ID, ("USER_DIRECTORY", "endpoint")], variables].concat();
    match read_webhook(&variables, true) {
        Ok(settings) => assert!(
            error.is_none()
                && matches!(
                    settings.directory,
                    Some(DirectorySetting::Endpoint {
                        url: UrlSetting::SecretsManager(url),
                        key: KeySetting::SecretsManager(key),
                    }) if url == "url" && key == "key"
                )
        ),
        Err(message) => assert!(message.starts_with(error.unwrap()), "{message}"),
    }
}

#[rstest]
#[case("https://game.example/ask?a=b", true)]
#[case("https://game.example:8443", true)]
#[case("https://[2001:db8::1]/ask", true)]
#[case("http://127.0.0.1:8080/ask", true)]
#[case("http://localhost/ask", true)]
#[case("http://[::1]:8080/ask", true)]
#[case("http://game.example/ask", false)]
#[case("http://127.0.0.1.game.example/ask", false)]
#[case("http://localhost.game.example/ask", false)]
#[case("http://192.0.2.1/ask", false)]
#[case("https://user:hunter2@game.example/ask", false)]
#[case("ftp://game.example/ask", false)]
#[case("//game.example/ask", false)]
#[case("game.example", false)]
#[case("https://", false)]
#[case("https:///ask", false)]
#[case("https://game example/", false)]
#[case("", false)]
fn endpoint_requires_https_except_on_this_machine(#[case] url: &str, #[case] is_valid: bool) {
    let key = KeySetting::Given("hunter2".into());
    match DirectorySetting::parse(&format!("http:{url}"), Some(key)) {
        Ok(directory) => {
            assert!(is_valid);
            let shown = format!("{directory:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("/ask"), "{shown}");
        }
        Err(error) => {
            assert!(!is_valid, "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

#[test]
fn endpoint_has_the_url_after_the_prefix() {
    let directory = DirectorySetting::parse("http:https://game.example/ask?a=b", Some(KeySetting::Given("key".into())));
    let Ok(DirectorySetting::Endpoint { url: UrlSetting::Given(url), .. }) = directory else { panic!("{directory:?}") };
    assert_eq!(url.uri(), "https://game.example/ask?a=b");
}

fn read_sources(variables: &[(&str, &str)]) -> Result<SourcePolicy, String> {
    read_webhook(&[&[TABLE, SECRET_ID], variables].concat(), false).map(|settings| settings.sources)
}

#[test]
fn reads_source_policy() {
    let ranges = "203.0.113.9".parse::<SourceRanges>().unwrap();
    let (reported, enforced) = (SourcePolicy::default(), SourcePolicy { enforced: true, ..SourcePolicy::default() });
    assert!(!reported.enforced);
    for (variables, expected) in [
        (&[][..], reported.clone()),
        (&[("SOURCE_ADDRESSES", ""), ("SOURCE_RANGES", " ")], reported.clone()),
        (&[("SOURCE_ADDRESSES", "report")], reported),
        (&[("SOURCE_ADDRESSES", "enforce")], enforced),
        (&[("SOURCE_RANGES", "203.0.113.9")], SourcePolicy { ranges, enforced: false }),
    ] {
        assert_eq!(read_sources(variables), Ok(expected), "{variables:?}");
    }
}

#[rstest]
#[case(("SOURCE_ADDRESSES", "on"), "SOURCE_ADDRESSES is invalid: \"on\" is not report or enforce")]
#[case(("SOURCE_RANGES", "203.0.113.9, x"), "SOURCE_RANGES is invalid: \"x\" is neither an address nor a range")]
#[case(("SOURCE_RANGES", ","), "SOURCE_RANGES is invalid: no address: the list is empty")]
fn rejects_invalid_source_policy(#[case] variable: (&str, &str), #[case] message: &str) {
    let error = read_sources(&[variable]).unwrap_err();
    assert!(error.starts_with(message), "{error}");
}

const LONG_KEY: &str = "hunter2-hunter2-hunter2-hunter2-";

fn read_unsigned(variables: &[(&str, &str)]) -> Result<UnsignedSettings, String> {
    let variables = [&[TABLE, ("USER_DIRECTORY", "accept-all")], variables].concat();
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
    UnsignedSettings::read(&variable).map_err(|error| error.to_string())
}

#[test]
fn reads_keys_and_sources_of_unsigned_routes() {
    let ranges = ("SOURCE_RANGES", "203.0.113.9");
    let settings = read_unsigned(&[("UNSIGNED_KEY", LONG_KEY), ("SOURCE_ADDRESSES", "report"), ranges]).unwrap();
    assert_eq!(settings.sources, "203.0.113.9".parse::<SourceRanges>().unwrap());
    assert!(matches!(settings.keys, SecretsSetting::Given(keys) if keys.contains(LONG_KEY)));
    let settings = read_unsigned(&[("UNSIGNED_KEY_SECRET_ID", "arn")]).unwrap();
    assert_eq!(settings.sources, SourceRanges::published());
    assert!(matches!(settings.keys, SecretsSetting::SecretsManager(id) if id == "arn"));
}

#[rstest]
#[case(&[], "UNSIGNED_KEY_SECRET_ID is not set")]
#[case(&[("UNSIGNED_KEY", &LONG_KEY[1..])], "UNSIGNED_KEY is invalid: it must have at least 32 characters")]
#[case(
    &[("UNSIGNED_KEY", r#"["hunter2-hunter2-hunter2-hunter2-","hunter2-hunter2-hun"]"#)],
    "UNSIGNED_KEY is invalid: it must have at least 32 characters"
)]
#[case(&[("UNSIGNED_KEY", "[]")], "UNSIGNED_KEY is invalid: no secret: the text or list is empty")]
#[case(
    &[("UNSIGNED_KEY", LONG_KEY), ("UNSIGNED_KEY_SECRET_ID", "arn")],
    "UNSIGNED_KEY is invalid: UNSIGNED_KEY_SECRET_ID is also set"
)]
#[case(&[("UNSIGNED_KEY", LONG_KEY), ("SOURCE_RANGES", "x")], "SOURCE_RANGES is invalid")]
fn rejects_invalid_settings_of_unsigned_routes(#[case] variables: &[(&str, &str)], #[case] message: &str) {
    let error = read_unsigned(variables).unwrap_err();
    assert!(error.starts_with(message), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

fn read_relay(url: &'static str, payment_without_order: &'static str) -> Result<RelaySettings, String> {
    RelaySettings::read(&move |name| match name {
        "QUEUE_URL" => Some(url.to_owned()),
        "TABLE_NAME" => Some("events".to_owned()),
        "PAYMENT_WITHOUT_ORDER" => Some(payment_without_order.to_owned()),
        _ => None,
    })
    .map_err(|error| error.to_string())
}

#[test]
fn reads_relay_settings() {
    let settings = read_relay("https://sqs/1/events.fifo", "grant").unwrap();
    assert_eq!(settings.parked_queue_url, None);
    assert_eq!(settings.payment_without_order, PaymentWithoutOrder::Grant);
}

#[rstest]
#[case("https://sqs/1/events", "grant", "QUEUE_URL is invalid")]
#[case("", "grant", "QUEUE_URL is not set")]
#[case("https://sqs/1/events.fifo", "", "PAYMENT_WITHOUT_ORDER is not set")]
#[case("https://sqs/1/events.fifo", "both", "PAYMENT_WITHOUT_ORDER is invalid: expected grant or money_only")]
fn rejects_invalid_relay_settings(
    #[case] url: &'static str,
    #[case] payment_without_order: &'static str,
    #[case] message: &str,
) {
    let error = read_relay(url, payment_without_order).unwrap_err();
    assert!(error.starts_with(message), "{error}");
}
