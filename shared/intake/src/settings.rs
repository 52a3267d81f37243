//! The functions' configuration: environment variables, read once at start.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use jiff::SignedDuration;
use lambda_http::http::Uri;
use lambda_http::http::uri::Scheme;
use secrecy::SecretString;
use xsolla::{PaymentWithoutOrder, Secrets, SourceRanges};

use crate::accept::SourcePolicy;
use crate::record::RETENTION;
use crate::unsigned::MIN_KEY;

#[cfg(test)]
mod tests;

/// For how many days an event may be kept. While it is, it is known when it comes again, and what comes later finds it:
/// a dispute after some months.
pub const RETENTION_DAYS: RangeInclusive<u16> = 180..=3650;

/// A mistake in the configuration; it names the variable, and repeats no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSetting {
    /// It must be set.
    #[error("{0} is not set: {1}")]
    Missing(&'static str, &'static str),
    /// Its value cannot be used.
    #[error("{0} cannot be used: {1}")]
    Invalid(&'static str, String),
}

/// What a function that takes webhooks must know.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// `TABLE_NAME`: the table `events`.
    pub table: String,
    /// `RETENTION_DAYS`: for how long it keeps them; 400 days if it is not set.
    pub retention: SignedDuration,
    /// `XSOLLA_SECRET_ID` or `XSOLLA_SECRETS`.
    pub secrets: SecretsSetting,
    /// `USER_DIRECTORY`, where questions are taken.
    pub directory: Option<DirectorySetting>,
    /// `SOURCE_ADDRESSES`: `report` (if it is not set) or `enforce`. `SOURCE_RANGES`: instead of the published ones.
    pub sources: SourcePolicy,
}

/// What the function must know that takes what Xsolla does not sign.
#[derive(Debug, Clone)]
pub struct UnsignedSettings {
    /// `TABLE_NAME`: the table `events`.
    pub table: String,
    /// `RETENTION_DAYS`: for how long it keeps them; 400 days if it is not set.
    pub retention: SignedDuration,
    /// `UNSIGNED_KEY_SECRET_ID` or `UNSIGNED_KEY`: one key, or a list of them as with webhook secrets.
    pub keys: SecretsSetting,
    /// `USER_DIRECTORY`.
    pub directory: DirectorySetting,
    /// `SOURCE_RANGES`: instead of the published ones. They are enforced here, whatever `SOURCE_ADDRESSES` says.
    pub sources: SourceRanges,
}

/// Where secrets are.
#[derive(Debug, Clone)]
pub enum SecretsSetting {
    /// `XSOLLA_SECRET_ID`, `UNSIGNED_KEY_SECRET_ID`: the name or ARN of a secret in Secrets Manager.
    SecretsManager(String),
    /// `XSOLLA_SECRETS`, `UNSIGNED_KEY`: the secrets themselves.
    Given(Secrets),
}

/// Who answers questions.
#[derive(Debug, Clone)]
pub enum DirectorySetting {
    /// `accept-all`
    AcceptAll,
    /// `table:NAME`
    Table(String),
    /// `http:URL`
    Endpoint {
        /// With `https`, or `http` to this machine.
        url: Uri,
        /// What questions to it are signed with.
        key: KeySetting,
    },
}

/// Where the key is that the studio's endpoint shares with us.
#[derive(Debug, Clone)]
pub enum KeySetting {
    /// `DIRECTORY_KEY_SECRET_ID`: the name or ARN of a secret in Secrets Manager, whose text is the key.
    SecretsManager(String),
    /// `DIRECTORY_KEY`: the key itself.
    Given(SecretString),
}

/// What the relay must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelaySettings {
    /// `QUEUE_URL`: the game's FIFO queue.
    pub queue_url: String,
    /// `PARKED_QUEUE_URL`: where word is left of events that can never be sent. May be missing: then only the log tells.
    pub parked_queue_url: Option<String>,
    /// `TABLE_NAME`: the table `events`.
    pub table: String,
    /// `PAYMENT_WITHOUT_ORDER`: what a payment means that names no order.
    pub payment_without_order: PaymentWithoutOrder,
}

/// How a variable is read: [`std::env::var`], or a test's own.
pub type Variable<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Reads the process's environment.
#[must_use]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl WebhookSettings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// The first mistake found.
    pub fn read(variable: Variable<'_>, takes_questions: bool) -> Result<Self, InvalidSetting> {
        let (table, retention) = (table(variable)?, retention(variable)?);
        let directory = takes_questions.then(|| directory(variable)).transpose()?;
        let secrets = SecretsSetting::of_webhooks(variable)?;
        Ok(Self { table, retention, secrets, directory, sources: sources(variable)? })
    }
}

impl SecretsSetting {
    /// Where the webhook secrets are: `XSOLLA_SECRET_ID` or `XSOLLA_SECRETS`.
    ///
    /// # Errors
    ///
    /// When both are set, or none, or the latter cannot be used.
    pub fn of_webhooks(variable: Variable<'_>) -> Result<Self, InvalidSetting> {
        let missing = "the secret in Secrets Manager that holds the webhook secrets (or XSOLLA_SECRETS with them, for local runs)";
        secrets(variable, "XSOLLA_SECRET_ID", "XSOLLA_SECRETS", missing)
    }
}

impl UnsignedSettings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// The first mistake found.
    pub fn read(variable: Variable<'_>) -> Result<Self, InvalidSetting> {
        const KEY: &str = "UNSIGNED_KEY";
        let (table, retention, directory) = (table(variable)?, retention(variable)?, directory(variable)?);
        let missing =
            "the secret in Secrets Manager that holds the key in the path (or UNSIGNED_KEY with it, for local runs)";
        let keys = secrets(variable, "UNSIGNED_KEY_SECRET_ID", KEY, missing)?;
        match &keys {
            SecretsSetting::Given(keys) if keys.min_len() < MIN_KEY => {
                Err(InvalidSetting::Invalid(KEY, format!("it must have at least {MIN_KEY} characters")))
            }
            SecretsSetting::Given(_) | SecretsSetting::SecretsManager(_) => {
                Ok(Self { table, retention, keys, directory, sources: source_ranges(variable)? })
            }
        }
    }
}

impl RelaySettings {
    /// Reads the variables.
    ///
    /// # Errors
    ///
    /// The first mistake found.
    pub fn read(variable: Variable<'_>) -> Result<Self, InvalidSetting> {
        let queue_url = required(variable, "QUEUE_URL", "the URL of the FIFO queue from which the game takes events")?;
        // What a FIFO queue asks for, an ordinary one refuses: every event would be parked.
        if queue_url.strip_suffix(".fifo").is_none() {
            let cause = "it must be the URL of a FIFO queue, which ends in .fifo".to_owned();
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
    required(variable, "TABLE_NAME", "the name of the DynamoDB table that keeps events")
}

fn retention(variable: Variable<'_>) -> Result<SignedDuration, InvalidSetting> {
    const NAME: &str = "RETENTION_DAYS";
    let Some(text) = optional(variable, NAME) else { return Ok(RETENTION) };
    match text.parse::<u16>() {
        Ok(days) if RETENTION_DAYS.contains(&days) => Ok(SignedDuration::from_hours(i64::from(days) * 24)),
        _ => {
            let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
            Err(InvalidSetting::Invalid(NAME, format!("it is {text:?}, and must be a number from {least} to {most}")))
        }
    }
}

fn payment_without_order(variable: Variable<'_>) -> Result<PaymentWithoutOrder, InvalidSetting> {
    const NAME: &str = "PAYMENT_WITHOUT_ORDER";
    let choice = required(variable, NAME, "what a payment means that names no order: grant or money_only")?;
    choice
        .parse()
        .map_err(|error: xsolla::ParsePaymentWithoutOrderError| InvalidSetting::Invalid(NAME, error.to_string()))
}

/// Secrets in the variable `given`, or in the secret that `id` names.
fn secrets(
    variable: Variable<'_>,
    id: &'static str,
    given: &'static str,
    missing: &'static str,
) -> Result<SecretsSetting, InvalidSetting> {
    match (optional(variable, id), optional(variable, given)) {
        (Some(_), Some(_)) => {
            Err(InvalidSetting::Invalid(given, format!("{id} is set as well, and only one of them can count")))
        }
        (Some(id), None) => Ok(SecretsSetting::SecretsManager(id)),
        (None, Some(text)) => text
            .parse::<Secrets>()
            .map(SecretsSetting::Given)
            .map_err(|error| InvalidSetting::Invalid(given, error.to_string())),
        (None, None) => Err(InvalidSetting::Missing(id, missing)),
    }
}

fn directory(variable: Variable<'_>) -> Result<DirectorySetting, InvalidSetting> {
    const NAME: &str = "USER_DIRECTORY";
    let what = "accept-all, table:NAME of a DynamoDB table with the key user_id, or http:URL of an endpoint of yours";
    let choice = required(variable, NAME, what)?;
    let key = match (optional(variable, "DIRECTORY_KEY_SECRET_ID"), optional(variable, "DIRECTORY_KEY")) {
        (Some(_), Some(_)) => {
            let cause = "DIRECTORY_KEY_SECRET_ID is set as well, and only one of them can count".to_owned();
            return Err(InvalidSetting::Invalid("DIRECTORY_KEY", cause));
        }
        (Some(id), None) => Some(KeySetting::SecretsManager(id)),
        (None, key) => key.map(|key| KeySetting::Given(key.into())),
    };
    DirectorySetting::parse(&choice, key).map_err(|cause| InvalidSetting::Invalid(NAME, cause))
}

fn sources(variable: Variable<'_>) -> Result<SourcePolicy, InvalidSetting> {
    const POLICY: &str = "SOURCE_ADDRESSES";
    let enforced = match optional(variable, POLICY).as_deref() {
        None | Some("report") => false,
        Some("enforce") => true,
        Some(other) => {
            let cause = format!("it is {other:?}, and must be report or enforce");
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
    /// Reads `accept-all`, `table:NAME` or `http:URL`; the latter wants a key.
    ///
    /// # Errors
    ///
    /// What is wrong with it. A URL is not repeated: some carry a token.
    pub fn parse(choice: &str, key: Option<KeySetting>) -> Result<Self, String> {
        match choice.split_once(':') {
            None if choice == "accept-all" => Ok(Self::AcceptAll),
            Some(("table", name)) if !name.is_empty() => Ok(Self::Table(name.to_owned())),
            Some(("http", url)) => {
                let url = endpoint(url).ok_or("the URL behind http: must begin with https:// and a host")?;
                let key =
                    key.ok_or("http:URL wants a key to sign with, in DIRECTORY_KEY_SECRET_ID or DIRECTORY_KEY")?;
                Ok(Self::Endpoint { url, key })
            }
            Some(("https", _)) => {
                Err("a URL stands behind http:, as in http:https://game.example/questions".to_owned())
            }
            _ => Err(format!("it is {choice:?}, and must be accept-all, table:NAME or http:URL")),
        }
    }
}

/// A URL to which questions may go. They name users: in the clear, they stay on this machine.
fn endpoint(url: &str) -> Option<Uri> {
    let url: Uri = url.parse().ok()?;
    let host = url.host().filter(|host| !host.is_empty())?;
    let has_password = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let is_here = || {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
    };
    let allowed = url.scheme() == Some(&Scheme::HTTPS) || url.scheme() == Some(&Scheme::HTTP) && is_here();
    (allowed && !has_password).then_some(url)
}

fn required(variable: Variable<'_>, name: &'static str, what: &'static str) -> Result<String, InvalidSetting> {
    optional(variable, name).ok_or(InvalidSetting::Missing(name, what))
}

/// An empty variable is as good as none.
pub(crate) fn optional(variable: Variable<'_>, name: &str) -> Option<String> {
    variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
