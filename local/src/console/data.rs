//! Reads of the events table.

use std::collections::HashSet;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
pub(super) use intake::aws::Attributes as Item;
use intake::aws::{Index, PAGE_ITEMS, port_error};
use intake::ports::PortError;
use intake::record::{Item as _, Kind, StoredEvent};
use intake::table::{
    DECIDED_AT, GOODS, GOODS_MODE, GOODS_REASON, KIND, MODE, ORDER_ID, PK, RECEIVED_AT, SK, TYPE, USER_ID,
};
use jiff::Timestamp;

use super::StackData;

/// Items that the list reads at most, with those of other kinds.
const MAX_SCANNED: usize = 5000;

/// Subjects that a player's page shows at most.
const MAX_SUBJECTS: usize = 200;

/// What a sale or player is searched by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Query {
    /// A transaction or order id, a subject or an event id.
    Id(String),
    /// The game's user id.
    User(String),
}

impl StackData {
    /// Reads the items of each sale that matches, one list per sale. An order's transactions are one sale.
    pub(super) async fn sales(&self, query: &Query) -> Result<Vec<Vec<Item>>, PortError> {
        let subjects = match query {
            Query::User(user) => self.table.subjects_by(Index::User, user).await?,
            Query::Id(id) if id.contains('#') => vec![subject_of(id)],
            Query::Id(id) => {
                let mut subjects = self.table.subjects_by(Index::Order, id).await?;
                subjects.push(format!("transaction#{id}"));
                subjects
            }
        };
        let (mut seen, mut sales) = (HashSet::new(), Vec::new());
        for subject in subjects.into_iter().take(MAX_SUBJECTS) {
            if !seen.contains(&subject) {
                let items = self.table.items_of_sale(subject, &mut seen).await?;
                sales.extend((!items.is_empty()).then_some(items));
            }
        }
        Ok(sales)
    }

    /// A scan of all items, without their bodies.
    fn rows(&self) -> ScanFluentBuilder {
        let names =
            [PK, SK, KIND, TYPE, USER_ID, ORDER_ID, MODE, RECEIVED_AT, GOODS, GOODS_REASON, GOODS_MODE, DECIDED_AT];
        let mut scan = self.table.client.scan();
        for name in names {
            scan = scan.expression_attribute_names(format!("#{name}"), name);
        }
        scan.projection_expression(names.map(|name| format!("#{name}")).join(", "))
    }

    /// A scan of the items that were received at or after a time, without their bodies.
    pub(super) fn rows_since(&self, from: Timestamp) -> ScanFluentBuilder {
        let from = AttributeValue::S(format!("{from:.6}"));
        let scan = self.rows().filter_expression(format!("#{RECEIVED_AT} >= :from"));
        scan.expression_attribute_values(":from", from)
    }

    /// Reads items without their bodies, in any order. Stops after a few thousand: for a table on this machine.
    pub(super) async fn items(&self) -> Result<Vec<Item>, PortError> {
        let scan = self.rows().table_name(&self.table.name).limit(PAGE_ITEMS);
        let mut pages = scan.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.map_err(|error| port_error("dynamodb:Scan", &error))?.items.unwrap_or_default());
            if items.len() >= MAX_SCANNED {
                break;
            }
        }
        Ok(items)
    }
}

/// The subject of an event id, or the text itself.
fn subject_of(id: &str) -> String {
    id.parse::<xsolla::EventId>().map_or_else(|_| id.to_owned(), |event_id| event_id.subject().to_owned())
}

/// Reads an event, or a conflict that an operator sent; `None` for other records, and for a damaged item.
pub(super) fn stored_event(item: &Item) -> Option<StoredEvent> {
    StoredEvent::read(item).ok().filter(|event| is_event(item) || event.decision.is_some())
}

pub(super) fn is_event(item: &Item) -> bool {
    item.string(KIND) == Some(Kind::Event.name())
}
