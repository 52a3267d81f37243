//! Accepts only `payment_duplicate_reject`.

use intake::accept::AcceptedTypes;
use xsolla::NotificationType;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intake::lambda::webhook::run(AcceptedTypes::Only(NotificationType::PAYMENT_DUPLICATE_REJECT)).await
}
