//! Types besides payments, refunds and orders.

use super::*;

fn subscription(fields: &str) -> Subscription {
    with::<CreateSubscription>(&format!(r#""subscription":{{{fields}}}"#)).subscription
}

fn event(fields: &str) -> BlackListEvent {
    with::<AfsBlackList>(&format!(r#""event":{{{fields}}}"#)).event
}

fn dispute(fields: &str) -> DisputeDetails {
    with::<Dispute>(&format!(r#""dispute":{{{fields}}}"#)).dispute
}

// 4, 7, 8, 17, 18
#[test]
fn declined_payment_has_strings_in_place_of_numbers() {
    let declined = sample::<PsDeclined>("ps_declined");
    assert_text(declined.transaction.id, "2298133380");
    assert_text(declined.transaction.payment_method, "1380");
    assert_eq!(declined.transaction.dry_run, Some(true));
    let settings = declined.settings.unwrap();
    assert_text(settings.project_id, "52417");
    assert_text(settings.merchant_id, "8806");
    let details = declined.refund_details.unwrap();
    assert_eq!(details.code, Some(RefundCode::PaymentSystemRequest));
    assert_text(details.reason_detail, "Card limit exceeded");
    assert_text(declined.user.unwrap().id, "isle-9120");

    for json in ["1380", r#""1380""#] {
        let fields = format!(r#""transaction":{{"id":{json},"payment_method":{json}}},"refund_details":{{"code":8}}"#);
        let declined: PsDeclined = with(&fields);
        assert_text(declined.transaction.id, "1380");
        assert_text(declined.transaction.payment_method, "1380");
        assert_text(declined.refund_details.unwrap().code, "8");
    }
    for (json, dry_run) in [("0", Some(false)), (r#""0""#, Some(false)), ("1", Some(true)), ("null", None)] {
        let declined: PsDeclined = with(&format!(r#""transaction":{{"dry_run":{json}}}"#));
        assert_eq!(declined.transaction.dry_run, dry_run, "{json}");
    }
}

// 4, 5, 8, 9, 18
#[test]
fn rejected_payment_has_code_potential_fraud() {
    let rejected = sample::<AfsReject>("afs_reject");
    assert_text(rejected.transaction.id, "2298133402");
    assert_text(rejected.transaction.external_id, "45");
    assert_text(rejected.transaction.agreement, "3");
    assert_eq!(rejected.transaction.dry_run, Some(true));
    let details = rejected.refund_details.unwrap();
    assert_eq!(details.code, Some(RefundCode::PotentialFraud));
    assert_text(details.reason, "Potential fraud");
    assert_eq!(&*rejected.user.unwrap().phone.unwrap(), "3120000000");
}

// 4, 17, 32, 38
#[test]
fn block_list_has_ids_in_its_event() {
    let event_of = |json| event(&format!(r#""transaction_id":{json},"project_id":{json}"#));
    for json in ["9007199254740993001", r#""9007199254740993001""#] {
        assert_text(event_of(json).transaction_id, "9007199254740993001");
        assert_text(event_of(json).project_id, "9007199254740993001");
    }
    assert_eq!(event_of("null"), BlackListEvent::default());

    let event = sample::<AfsBlackList>("afs_black_list").event;
    assert_eq!(event.action, Some(BlackListAction::Adding));
    assert_eq!(event.reason, Some(BlackListReason::PsReportedFraud));
    assert_eq!(event.parameter, Some(BlackListParameter::Email));
    assert_eq!(&*event.parameter_value.unwrap(), "levi@example.com");
    assert_text(event.date_of_last_action, "2026-05-22T14:03:11+03:00");
    assert_text(event.transaction_id, "2298133402");
    assert_text(event.project_id, "52417");
}

// 4, 7
#[test]
fn payment_method_of_dispute_is_a_word() {
    let disputed = sample::<Dispute>("dispute");
    assert_text(disputed.transaction.payment_method, "credit_debit_card");
    assert_text(disputed.transaction.total, "7.99 EUR");
    assert_text(disputed.transaction.date_create, "2026-05-14T18:21:40+03:00");
    assert_eq!(disputed.transaction.id, sample::<Payment>("payment").transaction.id);
    assert_eq!(disputed.transaction.country_code, None);
    let user = disputed.user.unwrap();
    assert_text(user.id, "isle-4471");
    assert_text(user.country_code, "DE");
    assert_eq!(disputed.action, Some(DisputeAction::Adding));
    assert_eq!(disputed.dispute.reason, Some(DisputeReason::NonReceipt));
    assert_eq!(disputed.dispute.dispute_type, Some(DisputeType::Retrieval));
    assert_eq!(disputed.dispute.status, Some(DisputeStatus::New));
    assert_text(disputed.dispute.incoming_date, "2026-06-02T09:00:00+03:00");

    for id in ["4294967296", r#""4294967296""#] {
        let fields = format!(r#""id":{id},"external_id":{id},"payment_method":1380,"country_code":"DE""#);
        let transaction = with::<Dispute>(&format!(r#""transaction":{{{fields}}}"#)).transaction;
        assert_text(transaction.id, "4294967296");
        assert_text(transaction.external_id, "4294967296");
        assert_text(transaction.payment_method, "1380");
        assert_text(transaction.country_code, "DE");
    }
}

// 34
#[test]
fn enums_accept_new_values() {
    for value in ["other", "regretted"] {
        let fields = format!(r#""reason":"{value}","type":"{value}","status":"{value}""#);
        let dispute = dispute(&fields);
        assert_eq!(dispute.reason, Some(DisputeReason::Other(value.to_owned())));
        assert_eq!(dispute.dispute_type, Some(DisputeType::Other(value.to_owned())));
        assert_eq!(dispute.status, Some(DisputeStatus::Other(value.to_owned())));

        let event = event(&format!(r#""action":"{value}","reason":"{value}","parameter":"{value}""#));
        assert_text(event.action, value);
        assert_text(event.reason, value);
        assert_text(event.parameter, value);

        let moved: MoveToGame = with(&format!(r#""items":[{{"type":"{value}"}}]"#));
        assert_text(moved.items[0].item_type.as_ref(), value);
        assert_text(subscription(&format!(r#""trial":{{"type":"{value}"}}"#)).trial.unwrap().unit, value);
    }
}

// 10, 11
#[test]
fn subscription_ids_can_be_numbers_or_strings() {
    for json in ["31", r#""31""#] {
        let subscription = subscription(&format!(r#""plan_id":{json},"subscription_id":{json},"product_id":{json}"#));
        assert_text(subscription.plan_id, "31");
        assert_text(subscription.subscription_id, "31");
        assert_text(subscription.product_id, "31");
    }
}

// 41
#[test]
fn missing_is_gift_is_none() {
    for (json, is_gift) in [("true", Some(true)), ("1", Some(true)), (r#""false""#, Some(false)), ("null", None)] {
        assert_eq!(subscription(&format!(r#""is_gift":{json}"#)).is_gift, is_gift, "{json}");
    }
    assert_eq!(sample::<CreateSubscription>("create_subscription").subscription.is_gift, Some(true));
    assert_eq!(sample::<UpdateSubscription>("update_subscription").subscription.is_gift, None);
}

#[test]
fn subscription_has_one_id_from_trial_to_end() {
    let created = sample::<CreateSubscription>("create_subscription");
    let trial = created.subscription.trial.unwrap();
    assert_text(trial.value, "14");
    assert_eq!(trial.unit, Some(TrialUnit::Day));
    assert_eq!(&*created.user.unwrap().name.unwrap(), "June Arden");
    assert_text(created.subscription.date_next_charge, "2026-04-02T10:00:00+03:00");

    let updated = sample::<UpdateSubscription>("update_subscription").subscription;
    assert_text(updated.date_next_charge, "2026-05-02T10:00:00+03:00");

    let not_renewed = sample::<NonRenewalSubscription>("non_renewal_subscription").subscription;
    assert_text(not_renewed.amount, "0.05");
    assert_text(not_renewed.currency, "USD");

    let cancelled = sample::<CancelSubscription>("cancel_subscription").subscription;
    assert_text(cancelled.date_create, "2026-03-02T10:00:00+03:00");
    assert_text(cancelled.date_end, "2026-06-02T10:00:00+03:00");
    assert_text(cancelled.product_id, "Isle Pass");

    for id in [created.subscription.subscription_id, updated.subscription_id, not_renewed.subscription_id] {
        assert_eq!(id, cancelled.subscription_id);
    }

    let more: CreateSubscription =
        with(r#""coupon":{"coupon_code":"SPRING"},"custom_parameters":[],"subscription":{"tags":["monthly"]}"#);
    assert_text(more.coupon.unwrap().coupon_code, "SPRING");
    assert_eq!(more.custom_parameters.unwrap().get(), "[]");
    assert_eq!(more.subscription.tags, ["monthly"]);
}

// 7, 17
#[test]
fn added_and_removed_payment_account_are_equal() {
    let added = sample::<PaymentAccountAdd>("payment_account_add");
    assert_eq!(sample::<PaymentAccountRemove>("payment_account_remove").payment_account, added.payment_account);
    assert_text(added.payment_account.id, "55120983");
    assert_text(added.payment_account.payment_method, "24");
    assert_text(added.payment_account.account_type, "paypal");
    assert_eq!(&*added.payment_account.name.unwrap(), "june@example.com");
    assert_eq!(&*added.user.unwrap().zip.unwrap(), "20001");

    let added: PaymentAccountAdd = with(
        r#""payment_account":{"id":55120983,"payment_method":24},"settings":{"project_id":"52417","merchant_id":"8806"}"#,
    );
    assert_text(added.payment_account.id, "55120983");
    assert_text(added.payment_account.payment_method, "24");
    assert_text(added.settings.unwrap().merchant_id, "8806");
}

// 2, 3, 40
#[test]
fn catalog_user_can_be_missing() {
    let question = sample::<PartnerSideCatalog>("partner_side_catalog");
    assert_text(question.user_id(), "isle-4471");
    assert_text(question.user.unwrap().country, "DE");

    let with = |user: &str| with::<PartnerSideCatalog>(&format!(r#""user":{user}"#));
    for user in [r#"{"user_id":7}"#, r#"{"id":"7"}"#, r#"{"user_id":null,"id":"7"}"#, r#"{"id":8,"user_id":7}"#] {
        assert_text(with(user).user_id(), "7");
    }
    for without_id in [r#"{"user_id":null,"country":"DE"}"#, "{}", "[]", "null"] {
        assert_eq!(with(without_id).user_id(), None, "{without_id}");
    }
    let user = with(r#"{"user_id":null,"currency":"EUR","locale":"de"}"#).user.unwrap();
    assert_text(user.currency, "EUR");
    assert_text(user.locale, "de");

    let without_type = r#"{"user":{"user_id":"isle-4471"}}"#;
    assert!(PartnerSideCatalog::from_json(without_type).is_err_and(|error| error.is_other_type()));
}

// 2
#[test]
fn user_search_has_only_a_public_id() {
    let user = sample::<UserSearch>("user_search").user.unwrap();
    assert_eq!(&*user.public_id.unwrap(), "mira.holm@example.com");
    assert_eq!(user.id, None);
}

// 2
#[test]
fn move_to_game_has_two_forms() {
    let moved = sample::<MoveToGame>("move_to_game");
    assert_text(moved.user.unwrap().id, "isle-2036");
    let item = &moved.items[0];
    assert_text(item.id.as_ref(), "17");
    assert_text(item.sku.as_ref(), "tide-compass");
    assert_text(item.quantity, "2");
    assert_eq!(item.item_type, Some(MovedItemType::VirtualItem));

    let older: MoveToGame = with(r#""project_id":52417,"game_player_id":"isle-2036","item_id":17"#);
    assert_text(older.project_id, "52417");
    assert_text(older.game_player_id, "isle-2036");
    assert_text(older.item_id, "17");
    assert!(older.items.is_empty());
}

#[test]
fn empty_object_can_be_an_array() {
    let declined: PsDeclined = with(r#""transaction":[],"settings":[],"user":[],"refund_details":[]"#);
    assert_eq!(declined.refund_details, Some(RefundDetails::default()));
    assert_eq!(subscription(r#""trial":[]"#).trial, Some(Trial::default()));
    let created: CreateSubscription = with(r#""subscription":[],"coupon":[]"#);
    assert_eq!(created.subscription, Subscription::default());
    let removed: PaymentAccountRemove = with(r#""payment_account":[]"#);
    assert_eq!(removed.payment_account, PaymentAccount::default());
    assert_eq!(with::<AfsBlackList>(r#""event":[]"#).event, BlackListEvent::default());
    let disputed: Dispute = with(r#""transaction":[],"dispute":[],"user":[]"#);
    assert_eq!(disputed.transaction, DisputeTransaction::default());
    assert_eq!(disputed.dispute, DisputeDetails::default());
    assert_eq!(disputed.user, Some(DisputeUser::default()));
    assert_eq!(with::<UserSearch>(r#""user":[]"#).user, Some(SearchedUser::default()));
    assert_eq!(with::<MoveToGame>(r#""items":[[]],"user":[]"#).items, [MovedItem::default()]);
}

#[test]
fn payout_has_status_and_reject_reason() {
    let payout = Payout::from_json(samples::get("payout").unwrap().body).unwrap();
    assert_text(payout.id, "8841");
    assert_text(payout.amount, "412.08");
    assert_text(payout.currency, "EUR");
    assert_eq!(&*payout.customer_email.unwrap(), "studio@example.com");
    assert_eq!(&*payout.customer_name.unwrap(), "Lantern Works");
    assert_text(payout.fee_merchant, "3");
    assert_text(payout.fee_transaction, "5.12");
    assert_text(payout.fee_total, "8.12");
    assert_text(payout.service_name, "international_wire_transfer");
    assert_eq!(payout.status, Some(PayoutStatus::InProgress));

    let rejected =
        Payout::from_json(r#"{"id":"8841","status":"reject","reject_reason":"Closed","group_name":"wire"}"#).unwrap();
    assert_text(rejected.id, "8841");
    assert_eq!(rejected.status, Some(PayoutStatus::Reject));
    assert_text(rejected.reject_reason, "Closed");
    assert_text(rejected.group_name, "wire");
    assert_eq!(Payout::from_json("{}").unwrap(), Payout::default());
    assert!(Payout::from_json(r#"{"id":true}"#).unwrap_err().is_shape());
    assert!(Payout::from_json("").unwrap_err().is_syntax());
}

#[test]
fn debug_shows_ids_and_hides_personal_data() {
    let shown = [
        format!("{:?}", Payout::from_json(samples::get("payout").unwrap().body).unwrap()),
        format!("{:?}", sample::<PsDeclined>("ps_declined")),
        format!("{:?}", sample::<AfsReject>("afs_reject")),
        format!("{:?}", sample::<AfsBlackList>("afs_black_list")),
        format!("{:?}", sample::<CreateSubscription>("create_subscription")),
        format!("{:?}", sample::<NonRenewalSubscription>("non_renewal_subscription")),
        format!("{:?}", sample::<PaymentAccountAdd>("payment_account_add")),
        format!("{:?}", sample::<Dispute>("dispute")),
        format!("{:?}", sample::<UserSearch>("user_search")),
    ]
    .concat();
    for id in ["isle-9120", "isle-3312", "isle-4471", "2298133402", "55120983"] {
        assert!(shown.contains(id), "{id}");
    }
    for hidden in
        ["example.com", "xsolla.com", "198.51.100.", "192.0.2.", "3120000000", "Levi", "June", "20001", "Lantern Works"]
    {
        assert!(!shown.contains(hidden), "{hidden}");
    }
}
