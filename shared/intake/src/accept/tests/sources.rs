//! Source addresses of signed webhooks.

use std::net::Ipv4Addr;

use super::*;

pub(super) const XSOLLA: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(185, 30, 21, 9)));
pub(super) const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)));

fn enforcing() -> FakeIntake {
    Intake { sources: SourcePolicy { enforced: true, ..SourcePolicy::default() }, ..intake() }
}

async fn deliver_from(intake: &FakeIntake, source: Option<IpAddr>, secret: &str) -> (Outcome, Option<UnknownSource>) {
    let signed = SignedBody::with_secret(PAYMENT, secret);
    let report = intake.accept(&Delivery { source, ..signed.delivery() }).await;
    (report.outcome, report.unknown_source)
}

#[tokio::test]
async fn unknown_source_is_accepted_and_reported_by_default() {
    for source in [XSOLLA, ELSEWHERE, None] {
        let unknown = (source != XSOLLA).then_some(UnknownSource(source));
        assert_eq!(deliver_from(&intake(), source, SECRET).await, (ACCEPTED, unknown), "{source:?}");
    }
}

#[tokio::test]
async fn unknown_source_is_503_if_enforced() {
    let intake = enforcing();
    for source in [ELSEWHERE, None] {
        let rejected = (Outcome::Unavailable(Unavailable::UnknownSource), Some(UnknownSource(source)));
        assert_eq!(deliver_from(&intake, source, SECRET).await, rejected, "{source:?}");
    }
    assert_eq!(intake.events.control.calls(), 0);
    assert_eq!(deliver_from(&intake, XSOLLA, SECRET).await, (ACCEPTED, None));
}

#[tokio::test]
async fn bad_signature_is_400_from_any_source_and_has_no_address() {
    for intake in [intake(), enforcing()] {
        for source in [XSOLLA, ELSEWHERE, None] {
            let signed = SignedBody::with_secret(PAYMENT, "other");
            let report = intake.accept(&Delivery { source, ..signed.delivery() }).await;
            assert_eq!((report.outcome, report.unknown_source), (Outcome::InvalidSignature, None), "{source:?}");
            assert_eq!(report.is_from_xsolla, source == XSOLLA, "{source:?}");
        }
    }
}
