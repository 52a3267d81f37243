//! The game's user id in a notification.

use std::borrow::Cow;

use crate::field::{Field, Fields};
use crate::notification_type::NotificationType;

/// The places of a user id, the first one first.
const PATHS: &[Field] = &[
    Field::UserId,
    Field::ExternalUserId,
    Field::UserUserId,
    Field::PayloadUserId,
    Field::FlatUserId,
    Field::GamePlayerId,
];

/// The places in an order: its `user.id` can be Xsolla's own id, and `user.external_id` is the game's.
const ORDER_PATHS: &[Field] = &[
    Field::ExternalUserId,
    Field::UserId,
    Field::UserUserId,
    Field::PayloadUserId,
    Field::FlatUserId,
    Field::GamePlayerId,
];

/// The places in a `user_search`, which may know only the public id.
const SEARCH_PATHS: &[Field] = &[
    Field::UserId,
    Field::ExternalUserId,
    Field::UserUserId,
    Field::PayloadUserId,
    Field::FlatUserId,
    Field::GamePlayerId,
    Field::PublicUserId,
];

/// Returns the game's user id in the JSON text of a signed notification: what [`Envelope::user_id`](crate::Envelope::user_id)
/// returns for it.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{NotificationType, user_id};
///
/// let notification = r#"{"notification_type":"order_paid","user":{"id":"81","external_id":"isle-4471"}}"#;
/// assert_eq!(user_id(Some(NotificationType::ORDER_PAID), notification).as_deref(), Some("isle-4471"));
/// ```
#[must_use]
pub fn user_id(notification_type: Option<NotificationType>, notification: &str) -> Option<String> {
    find_user_id(&Fields::parse(notification).ok()?, notification_type).map(Cow::into_owned)
}

/// Returns the id at the first place that has a value.
///
/// `null` and an empty string are no value. If the value is unusable, there is no user id: an id from the next place could
/// be another user's.
pub(crate) fn find_user_id<'a>(
    fields: &Fields<'a>,
    notification_type: Option<NotificationType>,
) -> Option<Cow<'a, str>> {
    let paths = match notification_type {
        Some(NotificationType::ORDER_PAID | NotificationType::ORDER_CANCELED) => ORDER_PATHS,
        Some(NotificationType::USER_SEARCH) => SEARCH_PATHS,
        _ => PATHS,
    };
    let first = paths.iter().find(|field| fields.json(**field).is_some_and(|json| json != "null" && json != r#""""#));
    fields.text(*first?).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn user_id_of(notification_type: NotificationType, members: &str) -> Option<String> {
        user_id(Some(notification_type), &format!("{{{members}}}"))
    }

    #[rstest]
    #[case(NotificationType::ORDER_PAID, "game")]
    #[case(NotificationType::ORDER_CANCELED, "game")]
    #[case(NotificationType::PAYMENT, "xsolla")]
    #[case(NotificationType::USER_VALIDATION, "xsolla")]
    fn external_id_wins_in_orders_only(#[case] notification_type: NotificationType, #[case] expected: &str) {
        let user = r#""user":{"id":"xsolla","external_id":"game"}"#;
        assert_eq!(user_id_of(notification_type, user).as_deref(), Some(expected));
    }

    #[rstest]
    #[case::absent(r#""user":{"external_id":"next"}"#)]
    #[case::null(r#""user":{"id":null,"external_id":"next"}"#)]
    #[case::empty(r#""user":{"id":"","external_id":"next"}"#)]
    #[case::null_in_several_places(r#""user":{"id":null,"external_id":""},"user_id":"next""#)]
    fn missing_id_is_replaced_by_the_next_place(#[case] members: &str) {
        assert_eq!(user_id_of(NotificationType::PAYMENT, members).as_deref(), Some("next"));
    }

    #[rstest]
    #[case::object(r#"{"id":7}"#)]
    #[case::empty_object("{}")]
    #[case::null_in_object(r#"{"value":null}"#)]
    #[case::empty_in_object(r#"{"value":""}"#)]
    #[case::object_in_object(r#"{"value":{"value":7}}"#)]
    #[case::array("[7]")]
    #[case::yes("true")]
    #[case::no("false")]
    #[case::lone_surrogate(r#""\ud800""#)]
    fn unusable_id_means_no_user_id(#[case] id: &str) {
        let members = format!(r#""user":{{"id":{id},"external_id":"other","user_id":"other"}},"user_id":"other""#);
        assert_eq!(user_id_of(NotificationType::PAYMENT, &members), None);
        let members = format!(r#""user":{{"external_id":{id},"id":"other"}}"#);
        assert_eq!(user_id_of(NotificationType::ORDER_PAID, &members), None);
        let members = format!(r#""user_id":{id},"game_player_id":"other""#);
        assert_eq!(user_id_of(NotificationType::PAYMENT, &members), None);
    }

    #[rstest]
    #[case(r#"{"value":"7"}"#, "7")]
    #[case("7.0", "7.0")]
    #[case(r#"" 7 ""#, " 7 ")]
    #[case(r#""\u00e9""#, "é")]
    fn id_is_returned_as_sent(#[case] id: &str, #[case] expected: &str) {
        let members = format!(r#""user":{{"id":{id}}}"#);
        assert_eq!(user_id_of(NotificationType::PAYMENT, &members).as_deref(), Some(expected));
    }

    #[rstest]
    #[case(NotificationType::USER_SEARCH, Some("mira"))]
    #[case(NotificationType::USER_VALIDATION, None)]
    #[case(NotificationType::PAYMENT, None)]
    #[case(NotificationType::ORDER_PAID, None)]
    fn public_id_is_a_user_id_in_a_search_only(
        #[case] notification_type: NotificationType,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(user_id_of(notification_type, r#""user":{"public_id":"mira"}"#).as_deref(), expected);
    }
}
