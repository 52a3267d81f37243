//! Parallel scan of a table, with bounded memory.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use intake::aws::port_error;
use intake::ports::PortError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::progress::Progress;

/// Number of parts that are read side by side. A page takes longer to read than to process.
const SEGMENTS: i32 = 4;
/// Number of pages of up to 1 MiB that wait to be processed.
const WAITING_PAGES: usize = 4;

/// Reads all pages of a table, in no order. Counts the items that DynamoDB reads.
///
/// # Errors
///
/// If the table cannot be read.
pub(crate) async fn scan(
    client: &Client,
    table: &str,
    request: ScanFluentBuilder,
    progress: &Progress,
    mut on_page: impl FnMut(ScanOutput),
) -> Result<(), PortError> {
    progress.start(approximate_items(client, table).await);
    let (sender, mut receiver) = mpsc::channel(WAITING_PAGES);
    // Dropping the set ends the tasks, after a failure of one of them too.
    let mut tasks = JoinSet::new();
    for segment in 0..SEGMENTS {
        let request = request.clone().table_name(table).segment(segment).total_segments(SEGMENTS);
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
        let page = page?;
        progress.add(usize::try_from(page.scanned_count()).unwrap_or_default());
        on_page(page);
    }
    Ok(())
}

/// Number of items, up to six hours old. `None`: unknown, or the permission is missing.
async fn approximate_items(client: &Client, table: &str) -> Option<usize> {
    let output = client.describe_table().table_name(table).send().await.ok()?;
    usize::try_from(output.table?.item_count?).ok().filter(|count| *count > 0)
}
