//! Takes what Xsolla does not sign: Web Shop user validation and payouts. Deployed only where it was asked for.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intake::lambda::unsigned::run().await
}
