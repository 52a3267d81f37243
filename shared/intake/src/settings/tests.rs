//! Which settings are taken, and what is said of those that are not.

use super::*;

fn webhook(variables: &[(&str, &str)], takes_questions: bool) -> Result<WebhookSettings, String> {
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
    WebhookSettings::read(&variable, takes_questions).map_err(|error| error.to_string())
}

#[test]
fn every_mistake_names_its_variable() {
    let table = ("TABLE_NAME", "events");
    let secret = ("XSOLLA_SECRETS", "hunter2");
    for (variables, message) in [
        (vec![secret], "TABLE_NAME is not set"),
        (vec![("TABLE_NAME", " "), secret], "TABLE_NAME is not set"),
        (vec![table], "USER_DIRECTORY is not set"),
        (vec![table, ("USER_DIRECTORY", "accept-all")], "XSOLLA_SECRET_ID is not set"),
        (vec![table, secret, ("USER_DIRECTORY", "everyone")], "USER_DIRECTORY cannot be used: it is \"everyone\""),
        (vec![table, secret, ("USER_DIRECTORY", "table:")], "USER_DIRECTORY cannot be used"),
        (
            vec![table, secret, ("USER_DIRECTORY", "https://game.example/ask?hunter2")],
            "USER_DIRECTORY cannot be used: a URL stands behind http:",
        ),
        (
            vec![table, secret, ("USER_DIRECTORY", "http:https://game.example/ask?hunter2")],
            "USER_DIRECTORY cannot be used: http:URL wants a key",
        ),
        (
            vec![
                table,
                secret,
                ("USER_DIRECTORY", "http:https://game.example/ask"),
                ("DIRECTORY_KEY", "hunter2"),
                ("DIRECTORY_KEY_SECRET_ID", "arn"),
            ],
            "DIRECTORY_KEY cannot be used: DIRECTORY_KEY_SECRET_ID is set as well",
        ),
        (
            vec![table, ("USER_DIRECTORY", "accept-all"), ("XSOLLA_SECRETS", "[]")],
            "XSOLLA_SECRETS cannot be used: no secret: the text or list is empty",
        ),
        (
            vec![table, ("USER_DIRECTORY", "accept-all"), ("XSOLLA_SECRETS", r#"{"hunter2":"#)],
            "XSOLLA_SECRETS cannot be used",
        ),
        (
            vec![table, ("USER_DIRECTORY", "accept-all"), secret, ("XSOLLA_SECRET_ID", "arn")],
            "XSOLLA_SECRETS cannot be used: XSOLLA_SECRET_ID is set as well",
        ),
    ] {
        let error = webhook(&variables, true).unwrap_err();
        assert!(error.starts_with(message), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn events_are_kept_for_400_days_unless_it_is_said_otherwise() {
    let retention = |days: &str| {
        let variables = [("TABLE_NAME", "events"), ("XSOLLA_SECRET_ID", "arn"), ("RETENTION_DAYS", days)];
        webhook(&variables, false).map(|settings| settings.retention.as_hours() / 24)
    };
    for (days, expected) in [("", 400), ("180", 180), ("400", 400), ("3650", 3650)] {
        assert_eq!(retention(days), Ok(expected), "{days}");
    }
    for days in ["0", "2", "179", "3651", "-400", "400.5", "a year"] {
        let error = retention(days).unwrap_err();
        assert!(error.starts_with("RETENTION_DAYS cannot be used: it is "), "{error}");
    }
}

#[test]
fn a_directory_of_users_is_asked_for_only_where_it_is_used() {
    let variables = [("TABLE_NAME", "events"), ("XSOLLA_SECRET_ID", "arn")];
    assert!(webhook(&variables, false).unwrap().directory.is_none());
    let variables = [&variables[..], &[("USER_DIRECTORY", "table:players")]].concat();
    let directory = webhook(&variables, true).unwrap().directory;
    assert!(matches!(directory, Some(DirectorySetting::Table(name)) if name == "players"));
}

#[test]
fn questions_leave_this_machine_over_tls_only() {
    let key = || Some(KeySetting::Given("hunter2".into()));
    for (url, allowed) in [
        ("https://game.example/ask?a=b", true),
        ("https://game.example:8443", true),
        ("https://[2001:db8::1]/ask", true),
        ("http://127.0.0.1:8080/ask", true),
        ("http://localhost/ask", true),
        ("http://[::1]:8080/ask", true),
        ("http://game.example/ask", false),
        ("http://127.0.0.1.game.example/ask", false),
        ("http://localhost.game.example/ask", false),
        ("http://192.0.2.1/ask", false),
        ("https://user:hunter2@game.example/ask", false),
        ("ftp://game.example/ask", false),
        ("//game.example/ask", false),
        ("game.example", false),
        ("https://", false),
        ("https:///ask", false),
        ("https://game example/", false),
        ("", false),
    ] {
        match DirectorySetting::parse(&format!("http:{url}"), key()) {
            Ok(directory) => {
                assert!(allowed, "{url}");
                assert!(!format!("{directory:?}").contains("hunter2"), "{directory:?}");
            }
            Err(error) => {
                assert!(!allowed, "{url}: {error}");
                assert!(!error.contains("hunter2"), "{error}");
            }
        }
    }
}

#[test]
fn source_addresses_are_the_published_ones_and_reported_unless_it_is_said_otherwise() {
    let needed = [("TABLE_NAME", "events"), ("XSOLLA_SECRET_ID", "arn")];
    let sources = |variables: &[(&str, &str)]| {
        webhook(&[&needed[..], variables].concat(), false).map(|settings| settings.sources)
    };
    let own = "203.0.113.9".parse::<SourceRanges>().unwrap();
    let (reported, enforced) = (SourcePolicy::default(), SourcePolicy { enforced: true, ..SourcePolicy::default() });
    assert!(!reported.enforced);
    for (variables, expected) in [
        (&[][..], reported.clone()),
        (&[("SOURCE_ADDRESSES", ""), ("SOURCE_RANGES", " ")], reported.clone()),
        (&[("SOURCE_ADDRESSES", "report")], reported),
        (&[("SOURCE_ADDRESSES", "enforce")], enforced),
        (&[("SOURCE_RANGES", "203.0.113.9")], SourcePolicy { ranges: own, enforced: false }),
    ] {
        assert_eq!(sources(variables), Ok(expected), "{variables:?}");
    }
    for (variable, message) in [
        (("SOURCE_ADDRESSES", "on"), "SOURCE_ADDRESSES cannot be used: it is \"on\", and must be report or enforce"),
        (("SOURCE_RANGES", "203.0.113.9, x"), "SOURCE_RANGES cannot be used: \"x\" is neither an address nor a range"),
        (("SOURCE_RANGES", ","), "SOURCE_RANGES cannot be used: no address: the list is empty"),
    ] {
        let error = sources(&[variable]).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn the_unsigned_routes_want_a_key_that_nobody_guesses() {
    let read = |variables: &[(&str, &str)]| {
        let needed = [("TABLE_NAME", "events"), ("USER_DIRECTORY", "accept-all")];
        let variables = [&needed[..], variables].concat();
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        UnsignedSettings::read(&variable).map_err(|error| error.to_string())
    };
    let long = "hunter2hunter2hunter2hunter2hunt";
    let ranges = ("SOURCE_RANGES", "203.0.113.9");
    let settings = read(&[("UNSIGNED_KEY", long), ("SOURCE_ADDRESSES", "report"), ranges]).unwrap();
    assert_eq!(settings.sources, "203.0.113.9".parse::<SourceRanges>().unwrap());
    assert!(matches!(settings.keys, SecretsSetting::Given(keys) if keys.contains(long)));
    let settings = read(&[("UNSIGNED_KEY_SECRET_ID", "arn")]).unwrap();
    assert_eq!(settings.sources, SourceRanges::published());
    assert!(matches!(settings.keys, SecretsSetting::SecretsManager(id) if id == "arn"));

    let list = format!(r#"["{long}","hunter2"]"#);
    for (variables, message) in [
        (&[][..], "UNSIGNED_KEY_SECRET_ID is not set"),
        (&[("UNSIGNED_KEY", &long[1..])], "UNSIGNED_KEY cannot be used: it must have at least 32 characters"),
        (&[("UNSIGNED_KEY", &list)], "UNSIGNED_KEY cannot be used: it must have at least 32 characters"),
        (&[("UNSIGNED_KEY", "[]")], "UNSIGNED_KEY cannot be used: no secret: the text or list is empty"),
        (
            &[("UNSIGNED_KEY", long), ("UNSIGNED_KEY_SECRET_ID", "arn")],
            "UNSIGNED_KEY cannot be used: UNSIGNED_KEY_SECRET_ID is set as well",
        ),
        (&[("UNSIGNED_KEY", long), ("SOURCE_RANGES", "hunter2")], "SOURCE_RANGES cannot be used"),
    ] {
        let error = read(variables).unwrap_err();
        assert!(error.starts_with(message), "{error}");
        assert!(variables.contains(&("SOURCE_RANGES", "hunter2")) || !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn the_relay_wants_a_fifo_queue_and_to_know_what_a_payment_means() {
    let read = |url: &'static str, meaning: &'static str| {
        RelaySettings::read(&move |name| match name {
            "QUEUE_URL" => Some(url.to_owned()),
            "TABLE_NAME" => Some("events".to_owned()),
            "PAYMENT_WITHOUT_ORDER" => Some(meaning.to_owned()),
            _ => None,
        })
        .map_err(|error| error.to_string())
    };
    let settings = read("https://sqs/1/events.fifo", "grant").unwrap();
    assert_eq!(settings.parked_queue_url, None);
    assert_eq!(settings.payment_without_order, PaymentWithoutOrder::Grant);
    for (url, meaning, message) in [
        ("https://sqs/1/events", "grant", "QUEUE_URL cannot be used"),
        ("", "grant", "QUEUE_URL is not set"),
        ("https://sqs/1/events.fifo", "", "PAYMENT_WITHOUT_ORDER is not set"),
        ("https://sqs/1/events.fifo", "both", "PAYMENT_WITHOUT_ORDER cannot be used: expected grant or money_only"),
    ] {
        let error = read(url, meaning).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}
