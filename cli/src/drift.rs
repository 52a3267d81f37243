//! What `xsolla-webhooks drift` shows: how bodies that have come differ from their models.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use intake::record::Kind;
use intake::table::{BODY, ERASED_AT, KIND, PK, RECEIVED_AT, SK, TYPE};
use jiff::Timestamp;
use serde::Deserialize;
use xsolla::inspect::{DriftRow, DriftTally};
use xsolla::{EventId, json_text};

use crate::columns::columns;
use crate::connection::Clients;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    tally: DriftTally<Sighting>,
    /// Bodies that are no notification.
    others: usize,
}

/// A body in which a difference was met; the least of several is the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Sighting {
    /// ISO 8601.
    since: String,
    /// The event id, or the file's name.
    name: String,
}

/// Why the bodies could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder, or one of its files.
    #[error("{}: {cause}", path.display())]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The table.
    #[error("the table {table} cannot be read: {cause}")]
    Table {
        /// Which one.
        table: String,
        /// What DynamoDB said, or what happened on the way to it.
        cause: String,
    },
}

/// Looks at the bodies in a folder, each a file of its own, signed or not. "Since" is when the file was changed.
///
/// # Errors
///
/// When the folder or one of its files cannot be read.
pub fn of_folder(folder: &Path) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Typed {
        notification_type: String,
    }

    let failed = |path: &Path| {
        let path = path.to_owned();
        |cause| ReadError::Folder { path, cause }
    };
    let mut report = Report::default();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let about = fs::metadata(&path).map_err(failed(&path))?;
        if !about.is_file() {
            continue;
        }
        let body = fs::read(&path).map_err(failed(&path))?;
        let changed = about.modified().ok().and_then(|changed| Timestamp::try_from(changed).ok());
        let first = Sighting {
            since: changed.map_or_else(|| "unknown".to_owned(), |changed| format!("{changed:.0}")),
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        match json_text(&body).map(|text| (text, serde_json::from_str::<Typed>(text))) {
            Ok((text, Ok(typed))) => report.tally.add(&typed.notification_type, text, &first),
            _ => report.others += 1,
        }
    }
    Ok(report)
}

/// Looks at the events in a table, with what the environment says of AWS (`AWS_REGION`, `AWS_PROFILE`,
/// `AWS_ENDPOINT_URL_DYNAMODB`, …). Reads the whole table.
///
/// # Errors
///
/// When the table cannot be read.
pub async fn of_table(table: &str) -> Result<Report, ReadError> {
    let dynamodb = Clients::of_environment().await.dynamodb;
    // An erased body is no longer what Xsolla sent.
    let condition = "#kind = :event AND attribute_not_exists(#erased_at)";
    let mut scan = dynamodb.scan().table_name(table).filter_expression(condition);
    scan = scan.expression_attribute_values(":event", AttributeValue::S(Kind::Event.name().to_owned()));
    // By way of names, since some are words of DynamoDB's own.
    for name in [KIND, ERASED_AT, PK, SK, TYPE, RECEIVED_AT, BODY] {
        scan = scan.expression_attribute_names(format!("#{name}"), name);
    }
    let wanted = [PK, SK, TYPE, RECEIVED_AT, BODY].map(|name| format!("#{name}")).join(", ");
    let mut items = scan.projection_expression(wanted).into_paginator().items().send();
    let mut report = Report::default();
    while let Some(item) = items.next().await {
        let item = item.map_err(|error| ReadError::Table {
            table: table.to_owned(),
            cause: DisplayErrorContext(error).to_string(),
        })?;
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let body = item.get(BODY).and_then(|body| body.as_b().ok());
        match (text(PK), text(SK), text(TYPE), text(RECEIVED_AT), body.map(|body| json_text(body.as_ref()))) {
            (Some(subject), Some(rest), Some(type_name), Some(since), Some(Ok(notification))) => {
                let first = Sighting { since, name: EventId::new(subject, rest).to_string() };
                report.tally.add(&type_name, notification, &first);
            }
            _ => report.others += 1,
        }
    }
    Ok(report)
}

/// For people: a line per type, place and difference, the newest first.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<DriftRow<'_, Sighting>> = self.tally.rows().collect();
        // Stable: of one moment, by type and place.
        rows.sort_by(|one, other| other.example.since.cmp(&one.example.since));
        let head = ["since", "how often", "type", "where", "what", "kind", "first in"].map(str::to_owned);
        let lines: Vec<[String; 7]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
        if !rows.is_empty() {
            writeln!(f, "{}", columns(&lines))?;
        }
        let found = if rows.is_empty() { "No drift" } else { "Drift" };
        write!(f, "  {found} in {} notifications", self.tally.notifications())?;
        if self.others > 0 {
            write!(f, "; {} others are not notifications", self.others)?;
        }
        writeln!(f, ".")
    }
}

fn cells(row: &DriftRow<'_, Sighting>) -> [String; 7] {
    let path = if row.path.is_empty() { "(all of it)" } else { row.path };
    [
        row.example.since.clone(),
        format!("{} of {}", row.count, row.of),
        row.type_label.to_owned(),
        path.to_owned(),
        row.drift.to_string(),
        row.json_type.unwrap_or("-").to_owned(),
        row.example.name.clone(),
    ]
}
