//! AWS adapters of the ports, and the configuration that their clients share.

mod config;
mod error;
mod events;
mod history;
mod queue;
mod secrets;
mod table;

pub(crate) use config::function_config;
pub use config::{CallLimits, http_client, sdk_config, with_call_limits};
pub use error::port_error;
pub use events::{Attributes, Events};
pub use history::EventHistory;
pub use queue::{ParkingQueue, QueueUrls, SqsQueue};
pub use secrets::SecretSource;
pub(crate) use secrets::{GET_SECRET_VALUE, secret_text};
pub use table::{EventsTable, Index, PAGE_ITEMS};
