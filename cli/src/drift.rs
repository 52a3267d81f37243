//! Differences between received notifications and their models (`xsolla-webhooks drift`).

use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::types::AttributeValue;

use intake::ports::PortError;
use intake::record::Kind;
use intake::table::{BODY, ERASED_AT, KIND, PK, RECEIVED_AT, SK, TYPE};
use jiff::Timestamp;
use serde::Deserialize;
use xsolla::inspect::{DriftRow, DriftTally};
use xsolla::{EventId, json_text};

use crate::format::{columns, counted, one_line};
use crate::progress::Progress;
use crate::table::{self, Item, Table};

/// Differences found in a set of bodies. Its `Display` prints one line per type, path and difference, newest first.
#[derive(Debug, Default)]
pub struct Report {
    tally: DriftTally<FirstSeen>,
    /// Number of bodies that are not notifications.
    skipped: usize,
}

/// The earliest body that has a difference. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FirstSeen {
    /// ISO 8601.
    at: String,
    /// Event id or file name.
    source: String,
}

/// Failure to read the bodies.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder or one of its files cannot be read.
    #[error("cannot read {}: {cause}", one_line(path.display()))]
    Folder {
        /// Path of the folder or file.
        path: PathBuf,
        /// The operating system's error.
        cause: std::io::Error,
    },
    /// The table cannot be read.
    #[error("cannot read table {table}: {cause}")]
    Table {
        /// Table name.
        table: String,
        /// Error of the scan.
        cause: PortError,
    },
}

/// Compares the bodies in a folder, one per file. A difference is dated by the file's modification time.
///
/// # Errors
///
/// If the folder or one of its files cannot be read.
pub fn compare_folder(folder: &Path) -> Result<Report, ReadError> {
    #[derive(Deserialize)]
    struct Notification {
        notification_type: String,
    }

    let read_error = |path: &Path| {
        let path = path.to_owned();
        |cause| ReadError::Folder { path, cause }
    };
    let mut report = Report::default();
    for entry in fs::read_dir(folder).map_err(read_error(folder))? {
        let path = entry.map_err(read_error(folder))?.path();
        let metadata = fs::metadata(&path).map_err(read_error(&path))?;
        if !metadata.is_file() {
            continue;
        }
        let body = fs::read(&path).map_err(read_error(&path))?;
        let modified = metadata.modified().ok().and_then(|modified| Timestamp::try_from(modified).ok());
        let first_seen = FirstSeen {
            at: modified.map_or_else(|| "unknown".to_owned(), |modified| format!("{modified:.0}")),
            source: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        match json_text(&body).map(|text| (text, serde_json::from_str::<Notification>(text))) {
            Ok((text, Ok(notification))) => report.tally.add(&notification.notification_type, text, &first_seen),
            _ => report.skipped += 1,
        }
    }
    Ok(report)
}

/// Compares all events in a table. Erased events are excluded, because their bodies are not what Xsolla sent.
///
/// # Errors
///
/// If the table cannot be read.
pub async fn compare_table(table: &Table, progress: &Progress) -> Result<Report, ReadError> {
    let mut scan = table.client.scan();
    scan = scan.filter_expression("#kind = :event AND attribute_not_exists(#erased_at)");
    scan = scan.expression_attribute_values(":event", AttributeValue::S(Kind::Event.name().to_owned()));
    // Placeholders, because some names are reserved words of DynamoDB.
    for name in [KIND, ERASED_AT, PK, SK, TYPE, RECEIVED_AT, BODY] {
        scan = scan.expression_attribute_names(format!("#{name}"), name);
    }
    let projection = [PK, SK, TYPE, RECEIVED_AT, BODY].map(|name| format!("#{name}")).join(", ");
    let mut report = Report::default();
    let add_page = |page: ScanOutput| {
        page.items().iter().for_each(|item| report.add(item));
        ControlFlow::Continue(())
    };
    table::scan_with_progress(table, scan.projection_expression(projection), progress, add_page)
        .await
        .map_err(|cause| ReadError::Table { table: table.name.clone(), cause })?;
    Ok(report)
}

impl Report {
    /// Compares the body of an item.
    fn add(&mut self, item: &Item) {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let body = item.get(BODY).and_then(|body| body.as_b().ok());
        match (text(PK), text(SK), text(TYPE), text(RECEIVED_AT), body.map(|body| json_text(body.as_ref()))) {
            (Some(pk), Some(sk), Some(type_name), Some(at), Some(Ok(notification))) => {
                let first_seen = FirstSeen { at, source: EventId::new(pk, sk).to_string() };
                self.tally.add(&type_name, notification, &first_seen);
            }
            _ => self.skipped += 1,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<DriftRow<'_, FirstSeen>> = self.tally.rows().collect();
        // A stable sort: rows of the same time stay ordered by type and path.
        rows.sort_by(|one, other| other.example.at.cmp(&one.example.at));
        if !rows.is_empty() {
            let header = ["first seen", "count", "type", "path", "finding", "JSON type", "first example"];
            let lines: Vec<_> = std::iter::once(header.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
            writeln!(f, "{}", columns(&lines))?;
        }
        let notifications = counted(self.tally.notifications(), "notification", "notifications");
        let differences = match rows.len() {
            0 => "no differences".to_owned(),
            count => counted(count, "difference", "differences"),
        };
        write!(f, "  Compared {notifications}: {differences}.")?;
        if self.skipped > 0 {
            write!(f, " Skipped {} that are not notifications.", counted(self.skipped, "body", "bodies"))?;
        }
        writeln!(f)
    }
}

fn cells(row: &DriftRow<'_, FirstSeen>) -> [String; 7] {
    let path = if row.path.is_empty() { "(entire body)" } else { row.path };
    [
        row.example.at.clone(),
        format!("{} of {}", row.count, row.total),
        row.type_label.to_owned(),
        path.to_owned(),
        row.drift.to_string(),
        row.json_type.unwrap_or("-").to_owned(),
        row.example.source.clone(),
    ]
}
