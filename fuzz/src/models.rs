//! What the game's code reads: any notification is read or refused, and its meaning found, without a panic.

use std::fmt::Debug;
use std::hint::black_box;

use xsolla::model::{self, Model, Payment};
use xsolla::{Goods, ItemRole, Mode, NotificationType, PaymentWithoutOrder, Told};

use crate::notification;

macro_rules! models {
    ($($model:ident),+ $(,)?) => {
        /// The type of each model that is tried.
        pub const TYPES: &[&str] = &[$(model::$model::TYPE),+];

        const MODELS: &[fn(&str) -> bool] = &[$(reads::<model::$model>),+];
    };
}

models![
    AfsBlackList,
    AfsReject,
    CancelSubscription,
    CreateSubscription,
    Dispute,
    MoveToGame,
    NonRenewalSubscription,
    OrderCanceled,
    OrderPaid,
    PartialRefund,
    PartnerSideCatalog,
    Payment,
    PaymentAccountAdd,
    PaymentAccountRemove,
    PsDeclined,
    Refund,
    UpdateSubscription,
    UserSearch,
    UserValidation,
];

/// Takes a notification.
///
/// # Panics
///
/// If it is read as two types, or with another id than the one in its text.
pub fn check(body: &[u8]) {
    let Some(text) = notification::json(body) else { return };
    let known = notification::type_name(body).as_deref().and_then(NotificationType::named);

    let read: Vec<&str> = MODELS.iter().zip(TYPES).filter(|(reads, _)| reads(text)).map(|(_, name)| *name).collect();
    assert!(read.iter().all(|name| known.is_some_and(|known| known.name() == *name)), "{read:?}");
    if let Ok(payment) = Payment::read(text)
        && let Some(id) = payment.transaction.id
    {
        let id = id.to_string();
        assert!(text.contains(&id) || text.contains('\\'), "{id:?}");
    }

    for known in [known, Some(NotificationType::ORDER_PAID)] {
        if let Some(roles) = ItemRole::of_items(known, text) {
            let lines = text.bytes().filter(|byte| *byte == b',').count() + 1;
            assert!(roles.len() <= lines, "{roles:?}");
        }
    }
    for known in NotificationType::ALL {
        let told = |received_at| {
            let (known, mode) = (Some(*known), Mode::Live);
            Told { known, identified: true, mode, received_at, notification: text }
        };
        let (earlier, event) = ([told("2026-11-21T00:31:07.042Z")], told("2026-11-22T00:31:07.042Z"));
        black_box(Goods::of(&event, PaymentWithoutOrder::Grant, &earlier));
        let goods = Goods::of(&event, PaymentWithoutOrder::MoneyOnly, &earlier);
        assert!(*known != NotificationType::PAYMENT || goods == Goods::MoneyOnly, "{goods:?}");
    }
}

/// Whether the text is of this model. A model and an error can be shown.
fn reads<M: Model + Debug>(text: &str) -> bool {
    match M::read(text) {
        Ok(model) => {
            black_box(format!("{model:?}"));
            true
        }
        Err(error) => {
            black_box(format!("{error} {error:?}"));
            false
        }
    }
}
