//! The receiver's view of a notification.

use xsolla::{Answer, BodyDigest, Envelope, EventId, Secrets, Signature, sign};

/// The webhook secret of the simulation.
pub(crate) const SECRET: &str = "simulation_secret";

/// The parts of a notification that the receiver derives from its body.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    pub(crate) event_id: EventId,
    pub(crate) digest: String,
    /// Status of the documented success answer.
    pub(crate) success: u16,
}

impl Notification {
    /// Reads a body as the receiver does; `None` if it is not a notification.
    pub(crate) fn read(body: &str) -> Option<Self> {
        let secrets = SECRET.parse::<Secrets>().ok()?;
        let signature = sign(body.as_bytes(), SECRET).parse::<Signature>().ok()?;
        let verified = secrets.verify(body.as_bytes(), &signature).ok()?;
        let envelope = Envelope::parse(&verified).ok()?;
        Some(Self {
            success: Answer::Success(envelope.success()).status(),
            event_id: envelope.event_id().clone(),
            digest: BodyDigest::of(body.as_bytes()).to_string(),
        })
    }
}

/// The same notification with an additional field.
pub(crate) fn with_field(body: &str, field: &str) -> String {
    body.replacen('{', &format!(r#"{{"{field}":true,"#), 1)
}

#[cfg(test)]
impl Notification {
    /// The event that the receiver stores for a body.
    pub(crate) fn stored_event(body: &str, received_at: jiff::Timestamp) -> intake::record::StoredEvent {
        let signature = sign(body.as_bytes(), SECRET).parse::<Signature>().unwrap();
        let secrets = SECRET.parse::<Secrets>().unwrap();
        let envelope = Envelope::parse(&secrets.verify(body.as_bytes(), &signature).unwrap()).unwrap();
        intake::record::StoredEvent {
            event_id: envelope.event_id().clone(),
            type_name: envelope.type_name().to_owned(),
            order_id: envelope.order_id().map(str::to_owned),
            user_id: envelope.user_id().map(str::to_owned),
            project_id: envelope.project_id().map(str::to_owned),
            mode: envelope.mode(),
            identified: envelope.is_identified(),
            received_at: format!("{received_at:.6}"),
            trace: None,
            body: body.as_bytes().to_vec(),
            decision: None,
        }
    }
}
