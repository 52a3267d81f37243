//! Accepts notifications that Xsolla does not sign: Web Shop user validation and payouts. Optional in the template.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intake::lambda::unsigned::run().await
}
