//! The table of events, as people look into it: nothing is written here but what [`crate::erase`] takes away.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use intake::aws::port_error;
use intake::ports::PortError;
use intake::record::{Item as _, Kind};
use intake::table::{BODY, ERASED_AT, KIND, ORDER_ID, PK, RECEIVED_AT, SK, TYPE, USER_ID};
use jiff::Timestamp;
use xsolla::EventId;

/// What stands under one key.
pub type Item = HashMap<String, AttributeValue>;

/// An index, and by what it finds.
#[derive(Debug, Clone, Copy)]
pub enum Index {
    /// By Xsolla's order id.
    Order,
    /// By the game's user id.
    User,
}

/// The table of events.
#[derive(Debug, Clone)]
pub struct Table {
    /// Asks DynamoDB.
    pub client: Client,
    /// What it is called.
    pub name: String,
}

/// Where an event is, and when it came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it was received: as the table has it, so that texts sort as times do.
    pub received_at: String,
    /// The subject.
    pub pk: String,
    /// The rest of the event id.
    pub sk: String,
}

/// Which events are meant, of all that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// Not those received earlier.
    pub from: Option<Timestamp>,
    /// Not those received later.
    pub to: Option<Timestamp>,
    /// Only those of this `notification_type`.
    pub type_name: Option<String>,
}

/// What a range holds.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The events, in the order in which they came.
    pub places: Vec<Place>,
    /// How many items were read to find them: all that the table has.
    pub read: usize,
}

impl Place {
    /// The key.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        EventId::new(self.pk.clone(), self.sk.clone())
    }

    pub(crate) fn of(item: &Item) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        Self { received_at: text(RECEIVED_AT), pk: text(PK), sk: text(SK) }
    }
}

impl Table {
    /// All that is kept under a subject, whatever kind it is.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn of_subject(&self, subject: &str) -> Result<Vec<Item>, PortError> {
        let query = self.client.query().table_name(&self.name).key_condition_expression("#pk = :pk");
        let query = query.expression_attribute_names("#pk", PK).expression_attribute_values(":pk", string(subject));
        let items = query.consistent_read(true).into_paginator().items().send();
        items.try_collect().await.map_err(|error| port_error("dynamodb:Query", &error))
    }

    /// The subjects of all that has this id.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
    pub async fn subjects_by(&self, index: Index, id: &str) -> Result<Vec<String>, PortError> {
        let (index, attribute) = match index {
            Index::Order => ("by_order", ORDER_ID),
            Index::User => ("by_user", USER_ID),
        };
        let query = self.client.query().table_name(&self.name).index_name(index);
        let query = query.key_condition_expression("#id = :id").expression_attribute_names("#id", attribute);
        let mut items = query.expression_attribute_values(":id", string(id)).into_paginator().items().send();
        let mut subjects = Vec::new();
        while let Some(item) = items.next().await {
            let subject = Place::of(&item.map_err(|error| port_error("dynamodb:Query", &error))?).pk;
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        Ok(subjects)
    }

    /// What stands under this key.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn item(&self, event_id: &EventId) -> Result<Option<Item>, PortError> {
        let get = self.client.get_item().table_name(&self.name).consistent_read(true);
        let get = get.key(PK, string(event_id.subject())).key(SK, string(event_id.rest()));
        let got = get.send().await.map_err(|error| port_error("dynamodb:GetItem", &error))?;
        Ok(got.item)
    }

    /// Puts this body in the place of the one that stands under the key, and takes away whose it was. `false` if nothing
    /// stands there, or that was done before.
    ///
    /// # Errors
    ///
    /// When the table cannot be written.
    pub async fn erase(&self, event_id: &EventId, body: String, now: Timestamp) -> Result<bool, PortError> {
        let update = self.client.update_item().table_name(&self.name);
        let update = update.key(PK, string(event_id.subject())).key(SK, string(event_id.rest()));
        let update = update
            .update_expression("SET #body = :body, #erased_at = :now REMOVE #user_id")
            // An update would make anew what the table has forgotten meanwhile.
            .condition_expression("attribute_exists(#pk) AND attribute_not_exists(#erased_at)")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#body", BODY)
            .expression_attribute_names("#erased_at", ERASED_AT)
            .expression_attribute_names("#user_id", USER_ID)
            .expression_attribute_values(":body", AttributeValue::B(body.into_bytes().into()))
            .expression_attribute_values(":now", AttributeValue::S(format!("{now:.3}")));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(port_error("dynamodb:UpdateItem", &error)),
            },
        }
    }

    /// The events of a range. Reads the whole table, since none of its keys is a time.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn scan(&self, range: &Range) -> Result<Scanned, PortError> {
        let mut scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let mut conditions = vec!["#kind = :kind"];
        scan = scan.expression_attribute_values(":kind", string(Kind::Event.name()));
        for (value, name, condition) in [
            (range.from.map(|from| format!("{from:.3}")), ":from", "#received_at >= :from"),
            (range.to.map(|to| format!("{to:.3}")), ":to", "#received_at <= :to"),
            (range.type_name.clone(), ":type", "#type = :type"),
        ] {
            if let Some(value) = value {
                conditions.push(condition);
                scan = scan.expression_attribute_values(name, AttributeValue::S(value));
            }
        }
        // By way of names, since some are words of DynamoDB's own.
        for name in [KIND, RECEIVED_AT, PK, SK] {
            scan = scan.expression_attribute_names(format!("#{name}"), name);
        }
        if range.type_name.is_some() {
            scan = scan.expression_attribute_names("#type", TYPE);
        }
        let scan = scan.filter_expression(conditions.join(" AND ")).projection_expression("#received_at, #pk, #sk");
        let mut pages = scan.into_paginator().send();
        let mut scanned = Scanned::default();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("dynamodb:Scan", &error))?;
            scanned.read += usize::try_from(page.scanned_count()).unwrap_or_default();
            scanned.places.extend(page.items().iter().map(Place::of));
        }
        scanned.places.sort_unstable();
        Ok(scanned)
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
