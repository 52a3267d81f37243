//! Notifications of every type, with new ids.

use rstest::rstest;
use xsolla::sign;

use super::*;

fn made(type_name: &str, changes: &Changes) -> String {
    notification(type_name, changes, &mut Ids::starting_at(1000)).unwrap()
}

/// The event id and mode of a body.
fn identified(body: &str) -> (String, String) {
    let secrets = Secrets::new(["a secret for this test"]).unwrap();
    let signature = sign(body.as_bytes(), "a secret for this test").parse::<Signature>().unwrap();
    let verified = secrets.verify(body.as_bytes(), &signature).unwrap();
    let envelope = Envelope::parse(&verified).unwrap();
    (envelope.event_id().to_string(), envelope.mode().name().to_owned())
}

#[test]
fn every_sample_is_listed_and_can_be_made_with_all_its_digits() {
    assert_eq!(list().len(), samples::ALL.len());
    for [name, meaning] in list() {
        let body = made(&name, &Changes::default());
        assert_eq!(meaning.ends_with(" (sandbox)"), identified(&body).1 == "sandbox", "{name}: {meaning}");
        let type_name = name.split('-').next().unwrap();
        assert!(body.contains(&format!(r#""notification_type":"{type_name}""#)), "{body}");
        assert!(!body.contains(['\n', '\t']), "{body}");
    }
    assert!(made("payment", &Changes::default()).contains("9007199254740993001"));
}

#[test]
fn every_name_can_be_made_and_defaults_are_listed() {
    for name in type_names() {
        made(name, &Changes::default());
    }
    let default = list().into_iter().find(|[_, meaning]| meaning.ends_with(" (default of order_paid)"));
    assert_eq!(default.unwrap()[0], "order_paid-separate");
}

#[test]
fn ids_are_new_each_time_and_consistent_within_a_notification() {
    let mut ids = Ids::starting_at(1000);
    let mut next = |name: &str| identified(&notification(name, &Changes::default(), &mut ids).unwrap()).0;
    assert_eq!(next("payment"), "transaction#1001#payment");
    assert_eq!(next("payment"), "transaction#1005#payment");
    assert_eq!(next("order_paid-combined"), "transaction#1009#order_paid#1010#sandbox");
    assert_eq!(next("create_subscription"), "subscription#1015#create_subscription");
    assert_eq!(next("order_paid"), "transaction#1017#order_paid#1018", "separate by default");
}

#[test]
fn given_ids_user_and_sku_are_in_the_body() {
    let text = |text: &str| Some(text.to_owned());
    let changes = Changes {
        user: text("p-1"),
        order: text("7"),
        transaction: text("8"),
        sku: text("lamp"),
        ..Changes::default()
    };
    let body = made("order_paid", &changes);
    for expected in [r#""external_id":"p-1""#, r#""id":7"#, r#""invoice_id":"8""#, r#""sku":"lamp""#] {
        assert!(body.contains(expected), "{expected} in {body}");
    }
    assert_eq!(identified(&body).0, "transaction#8#order_paid#7");
}

#[rstest]
#[case("payment", Changes { sku: Some("lamp".to_owned()), ..Changes::default() }, "a payment has no SKU; use --set")]
#[case("dispute", Changes { order: Some("7".to_owned()), ..Changes::default() }, "a dispute has no order id; use --set")]
#[case("paymnet", Changes::default(), "no sample of type `paymnet`; `send --list` prints the types")]
fn missing_field_or_type_is_an_error(#[case] type_name: &str, #[case] changes: Changes, #[case] expected: &str) {
    let error = notification(type_name, &changes, &mut Ids::starting_at(0)).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn set_is_applied_last() {
    let set = [("transaction.id", "00"), ("order.id", "7.00"), ("new.field", "x")];
    let set = set.map(|(path, value)| (path.to_owned(), value.to_owned())).to_vec();
    let body = made("payment", &Changes { set, sandbox: true, ..Changes::default() });
    for expected in [r#""id":"00""#, r#""dry_run":1"#, r#""order":{"id":7.00}"#, r#""new":{"field":"x"}"#] {
        assert!(body.contains(expected), "{expected} in {body}");
    }
}

#[rstest]
#[case(SaleMode::Separate, None, &["payment", "order_paid#2"])]
#[case(SaleMode::Separate, Some(Then::Refund), &["payment", "order_paid#2", "refund", "order_canceled#2"])]
#[case(SaleMode::Separate, Some(Then::Cancel), &["payment", "order_paid#2", "order_canceled#2"])]
#[case(SaleMode::Separate, Some(Then::PartialRefund), &["payment", "order_paid#2", "partial_refund#2026-05-23 08:14:03#7.99#2.5"])]
#[case(SaleMode::Combined, None, &["order_paid#2"])]
#[case(SaleMode::Combined, Some(Then::Refund), &["order_paid#2", "order_canceled#2"])]
fn story_is_one_sale_in_the_order_of_xsolla(
    #[case] mode: SaleMode,
    #[case] then: Option<Then>,
    #[case] expected: &[&str],
    #[values(false, true)] sandbox: bool,
) {
    let changes = Changes { user: Some("p-1".to_owned()), sandbox, ..Changes::default() };
    let sale = story(mode, then, &changes, &mut Ids::starting_at(0)).unwrap();
    let suffix = if sandbox { "#sandbox" } else { "" };
    let expected: Vec<String> = expected.iter().map(|rest| format!("transaction#1#{rest}{suffix}")).collect();
    assert_eq!(sale.iter().map(|(_, body)| identified(body).0).collect::<Vec<_>>(), expected);
    for (name, body) in &sale {
        assert_eq!(identified(body).1, if sandbox { "sandbox" } else { "live" }, "{name}");
        assert!(body.contains(r#"id":"p-1""#), "{body}");
    }
}

#[test]
fn dispute_ends_a_story() {
    let sale = story(SaleMode::Separate, Some(Then::Dispute), &Changes::default(), &mut Ids::starting_at(0)).unwrap();
    assert!(identified(&sale[2].1).0.starts_with("transaction#1#dispute#"));
}
