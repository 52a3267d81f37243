//! Reads of the events table for operators: by the commands and the console. The functions do not use them.

use std::collections::HashSet;
use std::ops::ControlFlow;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};
use xsolla::EventId;

use super::error::port_error;
use super::events::Attributes;
use crate::ports::PortError;
use crate::record::{Item as _, Kind};
use crate::table::{DECIDED_AT, KIND, ORDER_ID, PK, RECEIVED_AT, SK, USER_ID};

/// Number of parts that a scan reads side by side. A page takes longer to read than to process.
const SEGMENTS: i32 = 4;
/// Number of pages of up to 1 MiB that wait to be processed.
const WAITING_PAGES: usize = 4;
/// Number of items per page of a scan. DynamoDB ends a page at 1 MiB, about 500 items. The emulator has no other limit.
pub const PAGE_ITEMS: i32 = 1000;

/// A secondary index of the table.
#[derive(Debug, Clone, Copy)]
pub enum Index {
    /// By Xsolla's order id.
    Order,
    /// By the game's user id.
    User,
}

/// The events table, with all kinds of records.
#[derive(Debug, Clone)]
pub struct EventsTable {
    /// DynamoDB client.
    pub client: Client,
    /// Table name.
    pub name: String,
}

impl EventsTable {
    /// The key of an item.
    #[must_use]
    pub fn key(event_id: &EventId) -> Attributes {
        [(PK, event_id.subject()), (SK, event_id.rest())].map(|(name, value)| (name.to_owned(), string(value))).into()
    }

    /// Reads one item, or `None` if the key does not exist.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn item(&self, event_id: &EventId) -> Result<Option<Attributes>, PortError> {
        let get = self.client.get_item().table_name(&self.name).consistent_read(true);
        let output = get.set_key(Some(Self::key(event_id))).send().await;
        Ok(output.map_err(|error| port_error("dynamodb:GetItem", &error))?.item)
    }

    /// Reads all items of a subject, of every kind.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn items_of_subject(&self, subject: &str) -> Result<Vec<Attributes>, PortError> {
        let query = self.client.query().table_name(&self.name).key_condition_expression("#pk = :pk");
        let query = query.expression_attribute_names("#pk", PK).expression_attribute_values(":pk", string(subject));
        let items = query.consistent_read(true).into_paginator().items().send();
        items.try_collect().await.map_err(|error| port_error("dynamodb:Query", &error))
    }

    /// Reads all items of a subject, and of the subjects that share its orders, oldest first. Adds the subjects to `seen`.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn items_of_sale(
        &self,
        subject: String,
        seen: &mut HashSet<String>,
    ) -> Result<Vec<Attributes>, PortError> {
        let (mut items, mut orders) = (Vec::new(), HashSet::new());
        let mut subjects = vec![subject];
        while let Some(subject) = subjects.pop() {
            if !seen.insert(subject.clone()) {
                continue;
            }
            let of_subject = self.items_of_subject(&subject).await?;
            // A conflict that an operator has sent counts, too.
            let events = of_subject
                .iter()
                .filter(|item| item.string(KIND) == Some(Kind::Event.name()) || item.contains_key(DECIDED_AT));
            for order in events.filter_map(|item| item.string(ORDER_ID)) {
                if orders.insert(order.to_owned()) {
                    subjects.extend(self.subjects_by(Index::Order, order).await?);
                }
            }
            items.extend(of_subject);
        }
        items.sort_by(|one, other| one.string(RECEIVED_AT).cmp(&other.string(RECEIVED_AT)));
        Ok(items)
    }

    /// Finds the subjects that an index lists under an id, each once. The first one has the newest event.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub async fn subjects_by(&self, index: Index, id: &str) -> Result<Vec<String>, PortError> {
        let (index, attribute) = match index {
            Index::Order => ("by_order", ORDER_ID),
            Index::User => ("by_user", USER_ID),
        };
        let query = self.client.query().table_name(&self.name).index_name(index);
        let query = query.key_condition_expression("#id = :id").expression_attribute_names("#id", attribute);
        let query = query.expression_attribute_values(":id", string(id)).scan_index_forward(false);
        let mut items = query.into_paginator().items().send();
        let (mut subjects, mut seen) = (Vec::new(), HashSet::new());
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| port_error("dynamodb:Query", &error))?;
            if let Some(subject) = item.string(PK)
                && seen.insert(subject.to_owned())
            {
                subjects.push(subject.to_owned());
            }
        }
        Ok(subjects)
    }

    /// Reads all pages of the table in parallel, in no order, with bounded memory, until `on_page` breaks.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn scan(
        &self,
        request: ScanFluentBuilder,
        mut on_page: impl FnMut(ScanOutput) -> ControlFlow<()>,
    ) -> Result<(), PortError> {
        let (sender, mut receiver) = mpsc::channel(WAITING_PAGES);
        // Dropping the set ends the tasks, after a failure of one of them too.
        let mut tasks = JoinSet::new();
        for segment in 0..SEGMENTS {
            let request = request.clone().table_name(&self.name).limit(PAGE_ITEMS);
            let request = request.segment(segment).total_segments(SEGMENTS);
            let sender = sender.clone();
            tasks.spawn(async move {
                let mut pages = request.into_paginator().send();
                while let Some(page) = pages.next().await {
                    let page = page.map_err(|error| port_error("dynamodb:Scan", &error));
                    let is_last = page.is_err();
                    if sender.send(page).await.is_err() || is_last {
                        break;
                    }
                }
            });
        }
        drop(sender);
        while let Some(page) = receiver.recv().await {
            if on_page(page?).is_break() {
                break;
            }
            // Otherwise, pages that are always ready starve the caller's `select!`, and with it Ctrl-C.
            yield_now().await;
        }
        Ok(())
    }

    /// Number of items, up to six hours old. `None`: unknown, or the permission is missing.
    pub async fn approximate_items(&self) -> Option<usize> {
        let output = self.client.describe_table().table_name(&self.name).send().await.ok()?;
        usize::try_from(output.table?.item_count?).ok().filter(|count| *count > 0)
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
