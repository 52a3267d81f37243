//! The types that are neither payments, refunds nor orders.

use super::*;
use crate::refund_code::RefundCode;

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
fn a_declined_payment_has_strings_for_numbers() {
    let declined = sample::<PsDeclined>("ps_declined");
    is(declined.transaction.id, "2298133380");
    is(declined.transaction.payment_method, "1380");
    assert_eq!(declined.transaction.dry_run, Some(true));
    let settings = declined.settings.unwrap();
    is(settings.project_id, "52417");
    is(settings.merchant_id, "8806");
    let details = declined.refund_details.unwrap();
    assert_eq!(details.code, Some(RefundCode::PaymentSystemRequest));
    is(details.reason_detail, "Card limit exceeded");
    is(declined.user.unwrap().id, "isle-9120");

    for json in ["1380", r#""1380""#] {
        let fields = format!(r#""transaction":{{"id":{json},"payment_method":{json}}},"refund_details":{{"code":8}}"#);
        let declined: PsDeclined = with(&fields);
        is(declined.transaction.id, "1380");
        is(declined.transaction.payment_method, "1380");
        is(declined.refund_details.unwrap().code, "8");
    }
    for (json, dry_run) in [("0", Some(false)), (r#""0""#, Some(false)), ("1", Some(true)), ("null", None)] {
        let declined: PsDeclined = with(&format!(r#""transaction":{{"dry_run":{json}}}"#));
        assert_eq!(declined.transaction.dry_run, dry_run, "{json}");
    }
}

// 4, 5, 8, 9, 18
#[test]
fn a_rejected_payment_is_suspected_of_fraud() {
    let rejected = sample::<AfsReject>("afs_reject");
    is(rejected.transaction.id, "2298133402");
    is(rejected.transaction.external_id, "45");
    is(rejected.transaction.agreement, "3");
    assert_eq!(rejected.transaction.dry_run, Some(true));
    let details = rejected.refund_details.unwrap();
    assert_eq!(details.code, Some(RefundCode::PotentialFraud));
    is(details.reason, "Potential fraud");
    assert_eq!(&*rejected.user.unwrap().phone.unwrap(), "3120000000");
}

// 4, 17, 32, 38
#[test]
fn a_block_list_has_its_ids_in_the_event() {
    let event_of = |json| event(&format!(r#""transaction_id":{json},"project_id":{json}"#));
    for json in ["9007199254740993001", r#""9007199254740993001""#] {
        is(event_of(json).transaction_id, "9007199254740993001");
        is(event_of(json).project_id, "9007199254740993001");
    }
    assert_eq!(event_of("null"), BlackListEvent::default());

    let event = sample::<AfsBlackList>("afs_black_list").event;
    assert_eq!(event.action, Some(BlackListAction::Adding));
    assert_eq!(event.reason, Some(BlackListReason::PsReportedFraud));
    assert_eq!(event.parameter, Some(BlackListParameter::Email));
    assert_eq!(&*event.parameter_value.unwrap(), "levi@example.com");
    is(event.date_of_last_action, "2026-05-22T14:03:11+03:00");
    is(event.transaction_id, "2298133402");
    is(event.project_id, "52417");
}

// 4, 7
#[test]
fn a_disputes_payment_method_is_a_word() {
    let disputed = sample::<Dispute>("dispute");
    is(disputed.transaction.payment_method, "credit_debit_card");
    is(disputed.transaction.total, "7.99 EUR");
    is(disputed.transaction.date_create, "2026-05-14T18:21:40+03:00");
    assert_eq!(disputed.transaction.id, sample::<Payment>("payment").transaction.id);
    assert_eq!(disputed.transaction.country_code, None);
    let user = disputed.user.unwrap();
    is(user.id, "isle-4471");
    is(user.country_code, "DE");
    assert_eq!(disputed.action, Some(DisputeAction::Adding));
    assert_eq!(disputed.dispute.reason, Some(DisputeReason::NonReceipt));
    assert_eq!(disputed.dispute.dispute_type, Some(DisputeType::Retrieval));
    assert_eq!(disputed.dispute.status, Some(DisputeStatus::New));
    is(disputed.dispute.incoming_date, "2026-06-02T09:00:00+03:00");

    for id in ["4294967296", r#""4294967296""#] {
        let fields = format!(r#""id":{id},"external_id":{id},"payment_method":1380,"country_code":"DE""#);
        let transaction = with::<Dispute>(&format!(r#""transaction":{{{fields}}}"#)).transaction;
        is(transaction.id, "4294967296");
        is(transaction.external_id, "4294967296");
        is(transaction.payment_method, "1380");
        is(transaction.country_code, "DE");
    }
}

// 34
#[test]
fn lists_of_values_may_grow() {
    for value in ["other", "regretted"] {
        let fields = format!(r#""reason":"{value}","type":"{value}","status":"{value}""#);
        let dispute = dispute(&fields);
        assert_eq!(dispute.reason, Some(DisputeReason::Other(value.to_owned())));
        assert_eq!(dispute.dispute_type, Some(DisputeType::Other(value.to_owned())));
        assert_eq!(dispute.status, Some(DisputeStatus::Other(value.to_owned())));

        let event = event(&format!(r#""action":"{value}","reason":"{value}","parameter":"{value}""#));
        is(event.action, value);
        is(event.reason, value);
        is(event.parameter, value);

        let moved: MoveToGame = with(&format!(r#""items":[{{"type":"{value}"}}]"#));
        is(moved.items[0].item_type.as_ref(), value);
        is(subscription(&format!(r#""trial":{{"type":"{value}"}}"#)).trial.unwrap().unit, value);
    }
}

// 10, 11
#[test]
fn a_subscriptions_ids_may_be_numbers_or_strings() {
    for json in ["31", r#""31""#] {
        let subscription = subscription(&format!(r#""plan_id":{json},"subscription_id":{json},"product_id":{json}"#));
        is(subscription.plan_id, "31");
        is(subscription.subscription_id, "31");
        is(subscription.product_id, "31");
    }
}

// 41
#[test]
fn a_gift_is_only_marked_when_it_is_one() {
    for (json, is_gift) in [("true", Some(true)), ("1", Some(true)), (r#""false""#, Some(false)), ("null", None)] {
        assert_eq!(subscription(&format!(r#""is_gift":{json}"#)).is_gift, is_gift, "{json}");
    }
    assert_eq!(sample::<CreateSubscription>("create_subscription").subscription.is_gift, Some(true));
    assert_eq!(sample::<UpdateSubscription>("update_subscription").subscription.is_gift, None);
}

#[test]
fn a_subscription_is_followed_from_its_trial_to_its_end() {
    let created = sample::<CreateSubscription>("create_subscription");
    let trial = created.subscription.trial.unwrap();
    is(trial.value, "14");
    assert_eq!(trial.unit, Some(TrialUnit::Day));
    assert_eq!(&*created.user.unwrap().name.unwrap(), "June Arden");
    is(created.subscription.date_next_charge, "2026-04-02T10:00:00+03:00");

    let updated = sample::<UpdateSubscription>("update_subscription").subscription;
    is(updated.date_next_charge, "2026-05-02T10:00:00+03:00");

    let kept = sample::<NonRenewalSubscription>("non_renewal_subscription").subscription;
    is(kept.amount, "0.05");
    is(kept.currency, "USD");

    let cancelled = sample::<CancelSubscription>("cancel_subscription").subscription;
    is(cancelled.date_create, "2026-03-02T10:00:00+03:00");
    is(cancelled.date_end, "2026-06-02T10:00:00+03:00");
    is(cancelled.product_id, "Isle Pass");

    for id in [created.subscription.subscription_id, updated.subscription_id, kept.subscription_id] {
        assert_eq!(id, cancelled.subscription_id);
    }

    let more: CreateSubscription =
        with(r#""coupon":{"coupon_code":"SPRING"},"custom_parameters":[],"subscription":{"tags":["monthly"]}"#);
    is(more.coupon.unwrap().coupon_code, "SPRING");
    assert_eq!(more.custom_parameters.unwrap().get(), "[]");
    assert_eq!(more.subscription.tags, ["monthly"]);
}

// 7, 17
#[test]
fn a_payment_account_is_the_same_when_it_is_removed() {
    let added = sample::<PaymentAccountAdd>("payment_account_add");
    assert_eq!(sample::<PaymentAccountRemove>("payment_account_remove").payment_account, added.payment_account);
    is(added.payment_account.id, "55120983");
    is(added.payment_account.payment_method, "24");
    is(added.payment_account.account_type, "paypal");
    assert_eq!(&*added.payment_account.name.unwrap(), "june@example.com");
    assert_eq!(&*added.user.unwrap().zip.unwrap(), "20001");

    let added: PaymentAccountAdd = with(
        r#""payment_account":{"id":55120983,"payment_method":24},"settings":{"project_id":"52417","merchant_id":"8806"}"#,
    );
    is(added.payment_account.id, "55120983");
    is(added.payment_account.payment_method, "24");
    is(added.settings.unwrap().merchant_id, "8806");
}

// 2, 3, 40
#[test]
fn a_catalogue_is_for_somebody_or_for_nobody_in_particular() {
    let asked = sample::<PartnerSideCatalog>("partner_side_catalog");
    is(asked.user_id(), "isle-4471");
    is(asked.user.unwrap().country, "DE");

    let with = |user: &str| with::<PartnerSideCatalog>(&format!(r#""user":{user}"#));
    for user in [r#"{"user_id":7}"#, r#"{"id":"7"}"#, r#"{"user_id":null,"id":"7"}"#, r#"{"id":8,"user_id":7}"#] {
        is(with(user).user_id(), "7");
    }
    for nobody in [r#"{"user_id":null,"country":"DE"}"#, "{}", "[]", "null"] {
        assert_eq!(with(nobody).user_id(), None, "{nobody}");
    }
    let user = with(r#"{"user_id":null,"currency":"EUR","locale":"de"}"#).user.unwrap();
    is(user.currency, "EUR");
    is(user.locale, "de");

    let without_type = r#"{"user":{"user_id":"isle-4471"}}"#;
    assert!(PartnerSideCatalog::read(without_type).is_err_and(|error| error.is_other_type()));
}

// 2
#[test]
fn a_user_is_sought_by_the_public_id() {
    let user = sample::<UserSearch>("user_search").user.unwrap();
    assert_eq!(&*user.public_id.unwrap(), "mira.holm@example.com");
    assert_eq!(user.id, None);
}

// 2
#[test]
fn items_are_moved_in_either_form() {
    let moved = sample::<MoveToGame>("move_to_game");
    is(moved.user.unwrap().id, "isle-2036");
    let item = &moved.items[0];
    is(item.id.as_ref(), "17");
    is(item.sku.as_ref(), "tide-compass");
    is(item.quantity, "2");
    assert_eq!(item.item_type, Some(MovedItemType::VirtualItem));

    let older: MoveToGame = with(r#""project_id":52417,"game_player_id":"isle-2036","item_id":17"#);
    is(older.project_id, "52417");
    is(older.game_player_id, "isle-2036");
    is(older.item_id, "17");
    assert!(older.items.is_empty());
}

#[test]
fn an_empty_object_may_be_written_as_an_array() {
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
    assert_eq!(with::<UserSearch>(r#""user":[]"#).user, Some(SoughtUser::default()));
    assert_eq!(with::<MoveToGame>(r#""items":[[]],"user":[]"#).items, [MovedItem::default()]);
}

#[test]
fn a_payout_tells_how_far_it_has_come() {
    let payout = Payout::read(named("payout").unwrap().body).unwrap();
    is(payout.id, "8841");
    is(payout.amount, "412.08");
    is(payout.currency, "EUR");
    assert_eq!(&*payout.customer_email.unwrap(), "studio@example.com");
    assert_eq!(&*payout.customer_name.unwrap(), "Lantern Works");
    is(payout.fee_merchant, "3");
    is(payout.fee_transaction, "5.12");
    is(payout.fee_total, "8.12");
    is(payout.service_name, "international_wire_transfer");
    assert_eq!(payout.status, Some(PayoutStatus::InProgress));

    let rejected =
        Payout::read(r#"{"id":"8841","status":"reject","reject_reason":"Closed","group_name":"wire"}"#).unwrap();
    is(rejected.id, "8841");
    assert_eq!(rejected.status, Some(PayoutStatus::Reject));
    is(rejected.reject_reason, "Closed");
    is(rejected.group_name, "wire");
    assert_eq!(Payout::read("{}").unwrap(), Payout::default());
    assert!(Payout::read(r#"{"id":true}"#).unwrap_err().is_shape());
    assert!(Payout::read("").unwrap_err().is_syntax());
}

#[test]
fn debug_shows_ids_and_hides_persons() {
    let shown = [
        format!("{:?}", Payout::read(named("payout").unwrap().body).unwrap()),
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
