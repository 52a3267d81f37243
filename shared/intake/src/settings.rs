//! Settings of the functions: environment variables, read once during initialization.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use jiff::SignedDuration;
use lambda_http::http::Uri;
use lambda_http::http::uri::Scheme;
use secrecy::SecretString;
use xsolla::{PaymentWithoutOrder, Secrets, SourceRanges, WeakSecret};

use crate::record::RETENTION;
use crate::sources::SourcePolicy;
use crate::unsigned::MIN_KEY_LEN;

#[cfg(test)]
mod tests;

/// Valid retention of events, in days.
///
/// The minimum covers retries, and disputes some months after a sale: both need the stored event.
pub const RETENTION_DAYS: RangeInclusive<u16> = 180..=3650;

const NO_KEY: &str = "an endpoint requires a key in DIRECTORY_KEY_SECRET_ID or DIRECTORY_KEY";

/// An invalid variable. The message has its name, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// A required variable is not set.
    #[error("{0} is not set: {1}")]
    Missing(&'static str, &'static str),
    /// The value of a variable is invalid.
    #[error("{0} is invalid: {1}")]
    Invalid(&'static str, String),
}

/// Settings of the functions that accept signed webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// `TABLE_NAME`: the events table.
    pub table: String,
    /// `RETENTION_DAYS`: retention of events; 400 days by default.
    pub retention: SignedDuration,
    /// `XSOLLA_SECRET_ID` or `XSOLLA_SECRETS`.
    pub secrets: SecretsSetting,
    /// `PSEUDONYM_KEY_SECRET_ID` or `PSEUDONYM_KEY`; without them, the log has no users.
    pub pseudonym_keys: Option<SecretsSetting>,
    /// `USER_DIRECTORY`, for functions that accept questions.
    pub directory: Option<DirectorySetting>,
    /// `SOURCE_ADDRESSES`: `report` (default) or `enforce`. `SOURCE_RANGES`: replaces the published ranges.
    pub sources: SourcePolicy,
}

/// Settings of the function `unsigned`.
#[derive(Debug, Clone)]
pub struct UnsignedSettings {
    /// `TABLE_NAME`: the events table.
    pub table: String,
    /// `RETENTION_DAYS`: retention of events; 400 days by default.
    pub retention: SignedDuration,
    /// `UNSIGNED_KEY_SECRET_ID` or `UNSIGNED_KEY`: one key, or a list in the format of the webhook secrets.
    pub keys: SecretsSetting,
    /// `PSEUDONYM_KEY_SECRET_ID` or `PSEUDONYM_KEY`; without them, the log has no users.
    pub pseudonym_keys: Option<SecretsSetting>,
    /// `USER_DIRECTORY`.
    pub directory: DirectorySetting,
    /// `SOURCE_RANGES`: replaces the published ranges. Always enforced, regardless of `SOURCE_ADDRESSES`.
    pub sources: SourceRanges,
}

/// Source of secrets.
#[derive(Debug, Clone)]
pub enum SecretsSetting {
    /// `XSOLLA_SECRET_ID`, `UNSIGNED_KEY_SECRET_ID`, `PSEUDONYM_KEY_SECRET_ID`: name or ARN of a secret in Secrets Manager.
    SecretsManager(String),
    /// `XSOLLA_SECRETS`, `UNSIGNED_KEY`, `PSEUDONYM_KEY`: the secrets.
    Given(Secrets),
}

/// The directory that answers questions.
#[derive(Debug, Clone)]
pub enum DirectorySetting {
    /// `accept-all`
    AcceptAll,
    /// `table:NAME`
    Table(String),
    /// `endpoint` or `http:URL`
    Endpoint {
        /// Source of the URL.
        url: UrlSetting,
        /// The key that signs requests.
        key: KeySetting,
    },
}

/// Source of the URL of the studio's endpoint.
#[derive(Debug, Clone)]
pub enum UrlSetting {
    /// `endpoint`, with `ENDPOINT_URL_SECRET_ID`: name or ARN of a secret in Secrets Manager, whose text is the URL.
    SecretsManager(String),
    /// `http:URL`
    Given(EndpointUrl),
}

/// The URL of the studio's endpoint: an `https` URL, or an `http` URL of this machine. `Debug` hides it: it may have a token.
#[derive(Clone)]
pub struct EndpointUrl(Uri);

/// Source of the key that signs requests to the studio's endpoint.
#[derive(Debug, Clone)]
pub enum KeySetting {
    /// `DIRECTORY_KEY_SECRET_ID`: name or ARN of a secret in Secrets Manager, whose text is the key.
    SecretsManager(String),
    /// `DIRECTORY_KEY`: the key.
    Given(SecretString),
}

/// Settings of the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelaySettings {
    /// `QUEUE_URL`: the game's FIFO queue.
    pub queue_url: String,
    /// `PARKED_QUEUE_URL`: the queue for notes about events that can never be queued. Without it, they are only logged.
    pub parked_queue_url: Option<String>,
    /// `TABLE_NAME`: the events table.
    pub table: String,
    /// `PAYMENT_WITHOUT_ORDER`: meaning of a payment without an order.
    pub payment_without_order: PaymentWithoutOrder,
}

/// Reads a variable: [`environment`], or a replacement in tests.
pub type Variable<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Reads a variable of the process.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl WebhookSettings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// The first invalid variable.
    pub fn read(variable: Variable<'_>, answers_questions: bool) -> Result<Self, InvalidSetting> {
        let (table, retention) = (table(variable)?, retention(variable)?);
        let directory = answers_questions.then(|| directory(variable)).transpose()?;
        let secrets = SecretsSetting::of_webhooks(variable)?;
        let pseudonym_keys = SecretsSetting::of_pseudonyms(variable)?;
        Ok(Self { table, retention, secrets, pseudonym_keys, directory, sources: sources(variable)? })
    }
}

impl SecretsSetting {
    /// Reads the source of the webhook secrets: `XSOLLA_SECRET_ID` or `XSOLLA_SECRETS`.
    ///
    /// # Errors
    ///
    /// If both or none are set, or `XSOLLA_SECRETS` is invalid.
    pub fn of_webhooks(variable: Variable<'_>) -> Result<Self, InvalidSetting> {
        let missing = "name or ARN of the secret with the webhook secrets (for local runs, set XSOLLA_SECRETS instead)";
        secrets(variable, "XSOLLA_SECRET_ID", "XSOLLA_SECRETS")?
            .ok_or(InvalidSetting::Missing("XSOLLA_SECRET_ID", missing))
    }

    /// Reads the source of the pseudonym keys: `PSEUDONYM_KEY_SECRET_ID` or `PSEUDONYM_KEY`, if one is set.
    ///
    /// # Errors
    ///
    /// If both are set, or `PSEUDONYM_KEY` is invalid.
    pub fn of_pseudonyms(variable: Variable<'_>) -> Result<Option<Self>, InvalidSetting> {
        secrets(variable, "PSEUDONYM_KEY_SECRET_ID", "PSEUDONYM_KEY")
    }
}

impl UnsignedSettings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// The first invalid variable.
    pub fn read(variable: Variable<'_>) -> Result<Self, InvalidSetting> {
        const ID: &str = "UNSIGNED_KEY_SECRET_ID";
        const KEY: &str = "UNSIGNED_KEY";
        let (table, retention, directory) = (table(variable)?, retention(variable)?, directory(variable)?);
        let missing = "name or ARN of the secret with the key in the path (for local runs, set UNSIGNED_KEY instead)";
        let keys = secrets(variable, ID, KEY)?.ok_or(InvalidSetting::Missing(ID, missing))?;
        if let SecretsSetting::Given(keys) = &keys
            && keys.min_len() < MIN_KEY_LEN
        {
            return Err(InvalidSetting::Invalid(KEY, format!("it must have at least {MIN_KEY_LEN} characters")));
        }
        let pseudonym_keys = SecretsSetting::of_pseudonyms(variable)?;
        Ok(Self { table, retention, keys, pseudonym_keys, directory, sources: source_ranges(variable)? })
    }
}

impl RelaySettings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// The first invalid variable.
    pub fn read(variable: Variable<'_>) -> Result<Self, InvalidSetting> {
        let queue_url = required(variable, "QUEUE_URL", "the URL of the game's FIFO queue")?;
        // A standard queue rejects the parameters of a FIFO queue, so every event would be parked.
        if queue_url.strip_suffix(".fifo").is_none() {
            let cause = "it must be the URL of a FIFO queue, which ends with .fifo".to_owned();
            return Err(InvalidSetting::Invalid("QUEUE_URL", cause));
        }
        Ok(Self {
            queue_url,
            parked_queue_url: optional(variable, "PARKED_QUEUE_URL"),
            table: table(variable)?,
            payment_without_order: payment_without_order(variable)?,
        })
    }
}

fn table(variable: Variable<'_>) -> Result<String, InvalidSetting> {
    required(variable, "TABLE_NAME", "name of the DynamoDB table for events")
}

fn retention(variable: Variable<'_>) -> Result<SignedDuration, InvalidSetting> {
    const NAME: &str = "RETENTION_DAYS";
    let Some(text) = optional(variable, NAME) else { return Ok(RETENTION) };
    match text.parse::<u16>() {
        Ok(days) if RETENTION_DAYS.contains(&days) => Ok(SignedDuration::from_hours(i64::from(days) * 24)),
        _ => {
            let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
            Err(InvalidSetting::Invalid(NAME, format!("{text:?} is not a number from {least} to {most}")))
        }
    }
}

fn payment_without_order(variable: Variable<'_>) -> Result<PaymentWithoutOrder, InvalidSetting> {
    const NAME: &str = "PAYMENT_WITHOUT_ORDER";
    let choice = required(variable, NAME, "meaning of a payment without an order: grant or money_only")?;
    choice
        .parse()
        .map_err(|error: xsolla::ParsePaymentWithoutOrderError| InvalidSetting::Invalid(NAME, error.to_string()))
}

/// Reads secrets from the variable `given`, or their source from the variable `id`. `None`: neither is set.
fn secrets(
    variable: Variable<'_>,
    id: &'static str,
    given: &'static str,
) -> Result<Option<SecretsSetting>, InvalidSetting> {
    match (optional(variable, id), optional(variable, given)) {
        (Some(_), Some(_)) => Err(InvalidSetting::Invalid(given, format!("{id} is also set; set only one of them"))),
        (Some(id), None) => Ok(Some(SecretsSetting::SecretsManager(id))),
        (None, Some(text)) => {
            let invalid = |cause| InvalidSetting::Invalid(given, cause);
            let secrets = text.parse::<Secrets>().map_err(|error| invalid(error.to_string()))?;
            if !uses_emulator(variable) {
                secrets.check_strength().map_err(|weak| invalid(remedy(weak)))?;
            }
            Ok(Some(SecretsSetting::Given(secrets)))
        }
        (None, None) => Ok(None),
    }
}

/// Whether DynamoDB is an emulator, where test secrets are valid. The endpoints of AWS have `https` addresses.
fn uses_emulator(variable: Variable<'_>) -> bool {
    let endpoint = optional(variable, "AWS_ENDPOINT_URL_DYNAMODB").or_else(|| optional(variable, "AWS_ENDPOINT_URL"));
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

/// Returns the message about a weak secret, with its remedy.
pub(crate) fn remedy(weak: WeakSecret) -> String {
    format!(
        "{weak}; replace it. Webhook secrets are in Publisher Account: Project settings, Webhooks. All others are random text"
    )
}

fn directory(variable: Variable<'_>) -> Result<DirectorySetting, InvalidSetting> {
    const NAME: &str = "USER_DIRECTORY";
    let description = "accept-all, table:NAME (a DynamoDB table with the key user_id), endpoint or http:URL";
    let choice = required(variable, NAME, description)?;
    let key = match (optional(variable, "DIRECTORY_KEY_SECRET_ID"), optional(variable, "DIRECTORY_KEY")) {
        (Some(_), Some(_)) => {
            let cause = "DIRECTORY_KEY_SECRET_ID is also set; set only one of them".to_owned();
            return Err(InvalidSetting::Invalid("DIRECTORY_KEY", cause));
        }
        (Some(id), None) => Some(KeySetting::SecretsManager(id)),
        (None, key) => key.map(|key| KeySetting::Given(key.into())),
    };
    if choice == "endpoint" {
        let missing =
            "name or ARN of the secret with the endpoint's URL (for local runs, use USER_DIRECTORY=http:URL instead)";
        let url = UrlSetting::SecretsManager(required(variable, "ENDPOINT_URL_SECRET_ID", missing)?);
        let key = key.ok_or_else(|| InvalidSetting::Invalid(NAME, NO_KEY.to_owned()))?;
        return Ok(DirectorySetting::Endpoint { url, key });
    }
    DirectorySetting::parse(&choice, key).map_err(|cause| InvalidSetting::Invalid(NAME, cause))
}

fn sources(variable: Variable<'_>) -> Result<SourcePolicy, InvalidSetting> {
    const POLICY: &str = "SOURCE_ADDRESSES";
    let enforced = match optional(variable, POLICY).as_deref() {
        None | Some("report") => false,
        Some("enforce") => true,
        Some(other) => {
            let cause = format!("{other:?} is not report or enforce");
            return Err(InvalidSetting::Invalid(POLICY, cause));
        }
    };
    Ok(SourcePolicy { ranges: source_ranges(variable)?, enforced })
}

fn source_ranges(variable: Variable<'_>) -> Result<SourceRanges, InvalidSetting> {
    const NAME: &str = "SOURCE_RANGES";
    optional(variable, NAME).map_or_else(
        || Ok(SourceRanges::published()),
        |text| text.parse::<SourceRanges>().map_err(|error| InvalidSetting::Invalid(NAME, error.to_string())),
    )
}

impl DirectorySetting {
    /// Parses `accept-all`, `table:NAME` or `http:URL`. The last one requires a key.
    ///
    /// # Errors
    ///
    /// A description of the mistake. It does not contain the URL, which may include a token.
    pub fn parse(choice: &str, key: Option<KeySetting>) -> Result<Self, String> {
        match choice.split_once(':') {
            None if choice == "accept-all" => Ok(Self::AcceptAll),
            Some(("table", name)) if !name.is_empty() => Ok(Self::Table(name.to_owned())),
            Some(("http", url)) => {
                let url = EndpointUrl::parse(url).ok_or("the URL after http: must start with https:// and a host")?;
                Ok(Self::Endpoint { url: UrlSetting::Given(url), key: key.ok_or(NO_KEY)? })
            }
            Some(("https", _)) => {
                Err("a URL requires the prefix http:, as in http:https://game.example/questions".to_owned())
            }
            _ => Err(format!("{choice:?} is not accept-all, table:NAME or http:URL")),
        }
    }
}

impl EndpointUrl {
    /// Parses a URL. Questions contain user ids, so `http` is only allowed to this machine.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let host = url.host().filter(|host| !host.is_empty())?;
        let has_password = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let is_loopback = || {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse();
            host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
        };
        let allowed = url.scheme() == Some(&Scheme::HTTPS) || url.scheme() == Some(&Scheme::HTTP) && is_loopback();
        (allowed && !has_password).then_some(Self(url))
    }

    pub(crate) const fn uri(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointUrl(…)")
    }
}

fn required(variable: Variable<'_>, name: &'static str, description: &'static str) -> Result<String, InvalidSetting> {
    optional(variable, name).ok_or(InvalidSetting::Missing(name, description))
}

/// Reads an optional variable. An empty variable counts as not set.
pub(crate) fn optional(variable: Variable<'_>, name: &str) -> Option<String> {
    variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
