//! Notifications for tests, made from Xsolla's documented samples (`xsolla-webhooks send`).

mod edit;
mod story;

use xsolla::{Envelope, Mode, NotificationType, Role, Secrets, Signature, samples};

pub use edit::EditError;
pub(crate) use edit::Node;
pub use story::{SaleMode, Then, story};

/// Paths of ids that must be new in each notification. Those of a line have the same value.
const TRANSACTION_PATHS: [&str; 4] =
    ["transaction.id", "order.invoice_id", "billing.transaction.id", "event.transaction_id"];
const ORDER_PATHS: [&str; 3] = ["order.id", "purchase.order.id", "billing.purchase.order.id"];
const SUBSCRIPTION_PATHS: [&str; 3] = [
    "subscription.subscription_id",
    "purchase.subscription.subscription_id",
    "billing.purchase.subscription.subscription_id",
];
const OTHER_PATHS: [&str; 2] = ["payment_account.id", "id_operation"];
const USER_PATHS: [&str; 4] = ["user.external_id", "user.id", "user.id.value", "user.user_id"];
const SKU_PATHS: [&str; 4] =
    ["items[0].sku", "purchase.order.lineitems[0].sku", "purchase.virtual_items.items[0].sku", "sku"];

/// The samples that have the name of another type for the default.
const DEFAULT_VARIANTS: [(&str, &str); 2] =
    [("order_paid", "order_paid-separate"), ("order_canceled", "order_canceled-separate")];

/// Changes of a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The user id.
    pub user: Option<String>,
    /// The order id.
    pub order: Option<String>,
    /// The transaction id.
    pub transaction: Option<String>,
    /// The SKU of the first item.
    pub sku: Option<String>,
    /// Paths and their values: JSON, or else text.
    pub set: Vec<(String, String)>,
    /// Marks the notification as a test without real money.
    pub sandbox: bool,
}

/// A notification that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no sample of the type.
    #[error("no sample of type `{0}`; `send --list` prints the types")]
    UnknownType(String),
    /// The sample has no field for the option.
    #[error("a {type_name} has no {option}; use --set")]
    NoField {
        /// Name of the sample.
        type_name: String,
        /// Name of the option.
        option: &'static str,
    },
    /// A change cannot be made.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// New ids: each is larger than the one before.
#[derive(Debug, Clone)]
pub struct Ids(u64);

impl Ids {
    /// Ids from this one on. The time in microseconds makes them different from those of earlier runs.
    #[must_use]
    pub fn starting_at(first: u64) -> Self {
        Self(first)
    }

    fn next(&mut self) -> String {
        self.0 += 1;
        self.0.to_string()
    }
}

/// The names that [`notification`] accepts: types, and variants of them.
pub fn type_names() -> impl Iterator<Item = &'static str> {
    let defaults = DEFAULT_VARIANTS.into_iter().map(|(type_name, _)| type_name);
    defaults.chain(samples::ALL.iter().map(|sample| sample.name))
}

/// Lists the types: name and meaning, with the variants of the sample.
#[must_use]
pub fn list() -> Vec<[String; 2]> {
    let mut rows: Vec<[String; 2]> = Vec::new();
    for sample in samples::ALL {
        let (type_name, variant) = sample.name.split_once('-').unwrap_or((sample.name, ""));
        let Ok(known) = type_name.parse::<NotificationType>() else { continue };
        let kind = match known.role() {
            Role::Event(_) => "event",
            Role::Question(_) => "question",
        };
        let meaning = [description(known), variant_description(variant)].concat();
        let sandbox = if is_sandbox(sample.body) { " (sandbox)" } else { "" };
        let default = DEFAULT_VARIANTS.iter().find(|(_, default)| *default == sample.name);
        let default = default.map(|(type_name, _)| format!(" (default of {type_name})")).unwrap_or_default();
        rows.push([sample.name.to_owned(), format!("{kind}: {meaning}{default}{sandbox}")]);
    }
    rows
}

/// Makes a notification from the sample of a type, with new ids unless the changes have some.
///
/// # Errors
///
/// If there is no such sample, or it has no field for a change.
pub fn notification(type_name: &str, changes: &Changes, ids: &mut Ids) -> Result<String, SendError> {
    let variant = DEFAULT_VARIANTS.iter().find(|(name, _)| *name == type_name);
    let name = variant.map_or(type_name, |(_, variant)| variant);
    let sample = samples::ALL.iter().find(|sample| sample.name == name);
    let sample = sample.ok_or_else(|| SendError::UnknownType(type_name.to_owned()))?;
    let mut body = Node::parse(sample.body)?;
    for (given, paths, option) in [
        (&changes.transaction, &TRANSACTION_PATHS[..], "transaction id"),
        (&changes.order, &ORDER_PATHS, "order id"),
        (&None, &SUBSCRIPTION_PATHS, ""),
        (&None, &OTHER_PATHS, ""),
    ] {
        let id = given.clone().unwrap_or_else(|| ids.next());
        let found = replace_all(&mut body, paths, &id)?;
        if given.is_some() && !found {
            return Err(SendError::NoField { type_name: type_name.to_owned(), option });
        }
    }
    for (given, paths, option) in [(&changes.user, USER_PATHS, "user id"), (&changes.sku, SKU_PATHS, "SKU")] {
        if let Some(given) = given
            && !replace_all(&mut body, &paths, given)?
        {
            return Err(SendError::NoField { type_name: type_name.to_owned(), option });
        }
    }
    if changes.sandbox {
        mark_sandbox(&mut body)?;
    }
    for (path, value) in &changes.set {
        body.set(path, Node::value(value))?;
    }
    Ok(body.to_string())
}

/// Replaces the ids at these paths. Returns whether there was one.
fn replace_all(body: &mut Node, paths: &[&str], id: &str) -> Result<bool, EditError> {
    let mut found = false;
    for path in paths {
        found |= body.replace_id(path, id)?;
    }
    Ok(found)
}

/// Whether a sample is a test without real money. An [`Envelope`] requires a verified body, so this signs it.
fn is_sandbox(body: &str) -> bool {
    let Ok(secrets) = Secrets::new(["signs samples for the list"]) else { return false };
    let signature = secrets.sign(body.as_bytes()).parse::<Signature>().ok();
    let verified = signature.and_then(|signature| secrets.verify(body.as_bytes(), &signature).ok());
    let envelope = verified.as_ref().and_then(|verified| Envelope::parse(verified).ok());
    envelope.is_some_and(|envelope| envelope.mode() == Mode::Sandbox)
}

/// Sets Xsolla's markers of a test, in each place that can have one.
fn mark_sandbox(body: &mut Node) -> Result<(), EditError> {
    for transaction in ["transaction", "billing.transaction"] {
        if body.get(transaction).is_some() {
            body.set(&format!("{transaction}.dry_run"), Node::value("1"))?;
        }
    }
    if body.get("order").is_some() {
        body.set("order.mode", Node::text("sandbox"))?;
    }
    Ok(())
}

/// Removes Xsolla's markers of a test.
fn mark_live(body: &mut Node) -> Result<(), EditError> {
    for transaction in ["transaction", "billing.transaction"] {
        body.remove(transaction, "dry_run");
    }
    if body.get("order.mode").is_some() {
        body.set("order.mode", Node::text("default"))?;
    }
    Ok(())
}

/// What a type reports or asks, in some words.
fn description(known: NotificationType) -> &'static str {
    match known {
        NotificationType::USER_VALIDATION => "does the user exist?",
        NotificationType::USER_SEARCH => "who has this public id?",
        NotificationType::PARTNER_SIDE_CATALOG => "which items may the user see?",
        NotificationType::PAYMENT => "the user has paid",
        NotificationType::REFUND => "the payment was returned",
        NotificationType::PARTIAL_REFUND => "a part of the payment was returned",
        NotificationType::PS_DECLINED => "the payment system declined the payment",
        NotificationType::PAYMENT_DUPLICATE_REJECT => "a second payment of the same purchase was rejected",
        NotificationType::ORDER_PAID => "an order was paid",
        NotificationType::ORDER_CANCELED => "a paid order was cancelled",
        NotificationType::CREATE_SUBSCRIPTION => "a subscription began",
        NotificationType::UPDATE_SUBSCRIPTION => "a subscription was renewed or changed",
        NotificationType::CANCEL_SUBSCRIPTION => "a subscription ends",
        NotificationType::NON_RENEWAL_SUBSCRIPTION => "a subscription will not be renewed",
        NotificationType::PAYMENT_ACCOUNT_ADD => "a payment account was saved",
        NotificationType::PAYMENT_ACCOUNT_REMOVE => "a payment account was removed",
        NotificationType::AFS_REJECT => "the anti-fraud system rejected a payment",
        NotificationType::AFS_BLACK_LIST => "the block list has changed",
        NotificationType::DISPUTE => "a dispute was opened or has changed",
        NotificationType::MOVE_TO_GAME => "the user moves items into the game",
        _ => "withdrawn by Xsolla",
    }
}

fn variant_description(variant: &str) -> &'static str {
    match variant {
        "combined" => ", with the payment (combined webhooks)",
        "separate" => ", the payment is a webhook of its own",
        "free" => " without money",
        "v2" => ", version 2 of the webhooks",
        "full" => ", with every documented field",
        "token" => ", with the user id of a token",
        "subscription" => ", of a subscription",
        "legacy" => ", old form",
        "number" => " (the id is a number)",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
