//! The reply to a Web Shop's question about a user.

use xsolla::Reply;

use crate::ports::PortError;

/// Returns the reply that repeats the question's user, with a display name if there is one.
pub(super) fn web_shop_user(question: &[u8], name: Option<&str>) -> Result<Reply, PortError> {
    Reply::web_shop_user(question, name)
        .map_err(|error| PortError { operation: "writing the reply to a Web Shop", cause: error.to_string() })
}
