//! Accepts all notification types, at the one URL that Xsolla calls.

use intake::accept::AcceptedTypes;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intake::lambda::webhook::run(AcceptedTypes::All).await
}
