//! Errors of AWS calls in words that say what to do.

use intake::ports::PortError;
use intake::settings::environment;

use Service::{DynamoDb, SecretsManager, Sqs};

/// Services, as operations name them.
const SERVICES: [(&str, Service); 3] = [("dynamodb:", DynamoDb), ("sqs:", Sqs), ("secretsmanager:", SecretsManager)];

/// Starts of the SDK's debug output, which follows its error texts.
const DEBUG_OUTPUT: [&str; 5] =
    [" (DispatchFailure(", " (TimeoutError(", " (ResponseError(", " (ServiceError(", " (ConstructionFailure("];

/// Start of a cause that names a queue.
const QUEUE: &str = "queue ";

/// Signs of a cause in the text of an error, and what to do. Names in braces are placeholders.
///
/// The first match counts.
const CAUSES: [(&[&str], &str); 12] = [
    (
        &["failed to apply endpoint"],
        "the endpoint of {service} is not a URL with http:// or https://; check the variables AWS_ENDPOINT_URL…",
    ),
    (
        &["Connection refused"],
        "cannot connect to {service}{address}; if it is the emulator: is `xsolla-webhooks local` running?",
    ),
    (&["` was not defined"], "profile {missing_profile} is not in the AWS configuration files; check AWS_PROFILE"),
    (
        &["requires following cargo feature"],
        "this command does not read credentials of SSO or an external process; first run: \
            eval \"$(aws configure export-credentials --format env)\"",
    ),
    (
        &["loading credentials", "CredentialsNotLoaded", "no providers in chain", "no credentials found"],
        "no AWS credentials{profile}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY{or_local}",
    ),
    (&["Missing Region", "missing signing region", "region must be set"], "no AWS region; set AWS_REGION{or_local}"),
    (
        &["ResourceNotFoundException", "QueueDoesNotExist", "NonExistentQueue"],
        "{resource} does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE",
    ),
    (
        &["AccessDenied", "not authorized"],
        "access to {resource} denied; docs/operations/cli.md lists the permissions of each command",
    ),
    (
        &["ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"],
        "AWS rejects the credentials; they are wrong, expired, or of another region",
    ),
    (
        &["dns error", "failed to lookup address"],
        "the host of {service}{address} is unknown; check AWS_REGION and the endpoint",
    ),
    (
        &["timed out", "timeout", "TimeoutError"],
        "no answer from {service}{address} in time; check the network and the region",
    ),
    (&["ThrottlingException", "ProvisionedThroughputExceeded"], "{service} limits the rate; try again later"),
];

#[derive(Clone, Copy)]
enum Service {
    DynamoDb,
    Sqs,
    SecretsManager,
}

impl Service {
    /// The name for people.
    const fn name(self) -> &'static str {
        match self {
            DynamoDb => "DynamoDB",
            Sqs => "SQS",
            SecretsManager => "Secrets Manager",
        }
    }
}

/// The command that failed. The errors of the SDK do not contain it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Name of the table.
    pub table: Option<String>,
    /// URL of the game's queue.
    pub queue: Option<String>,
    /// The [profile].
    pub profile: Option<String>,
    /// Whether the command has the option `--local`.
    pub has_local: bool,
}

/// Profile of the variable `AWS_PROFILE`.
#[must_use]
pub fn profile() -> Option<String> {
    environment("AWS_PROFILE").filter(|profile| !profile.is_empty())
}

impl Context {
    /// The table, queue or secret of a failed call.
    fn resource(&self, service: Service) -> String {
        let (kind, name) = match service {
            DynamoDb => ("table", self.table.as_ref()),
            Sqs => ("queue", self.queue.as_ref()),
            SecretsManager => ("secret", None),
        };
        name.map_or_else(|| format!("the {kind}"), |name| format!("{kind} {name}"))
    }
}

/// Replaces the SDK's part of an error by its cause and what to do. Other text is unchanged.
///
/// The operation remains, so that the error can be searched for.
#[must_use]
pub fn explain(text: &str, context: &Context) -> String {
    let service = SERVICES.iter().find_map(|(prefix, service)| Some((operation(text, prefix)?, *service)));
    let cause_start = service.and_then(|(start, _)| Some(start + text[start..].find(": ")? + 2));
    let (Some((_, service)), Some(cause_start)) = (service, cause_start) else { return text.to_owned() };
    let (before, cause) = text.split_at(cause_start);
    // Some texts have several lines, and all end with the debug output, which has one.
    let debug = DEBUG_OUTPUT.iter().filter_map(|start| cause.find(start)).min();
    let end = cause[debug.unwrap_or(0)..].find('\n').map_or(cause.len(), |end| debug.unwrap_or(0) + end);
    let (cause, after) = cause.split_at(end);
    let Some((_, advice)) = CAUSES.iter().find(|(signs, _)| signs.iter().any(|sign| cause.contains(sign))) else {
        return format!("{before}{}{after}", &cause[..debug.unwrap_or(cause.len())]);
    };
    let address = address(cause).map(|address| format!(" at {address}")).unwrap_or_default();
    let profile = context.profile.as_ref();
    let profile = profile.map(|name| format!(": profile `{name}` has none or does not exist")).unwrap_or_default();
    // The error names it: the profile of the variable can refer to another one.
    let missing_profile = between(cause, "profile `", "` was not defined").unwrap_or_default();
    let resource = named_queue(cause).unwrap_or_else(|| context.resource(service));
    let advice = advice.replace("{service}", service.name()).replace("{address}", &address);
    let or_local = if context.has_local { ", or pass --local" } else { "" };
    let advice = advice
        .replace("{or_local}", or_local)
        .replace("{profile}", &profile)
        .replace("{missing_profile}", &format!("`{missing_profile}`"));
    format!("{before}{}{after}", advice.replace("{resource}", &resource))
}

/// Start of the operation of a service. An ARN has the same prefix, but no upper-case letter after it.
fn operation(text: &str, prefix: &str) -> Option<usize> {
    let mut starts = text.match_indices(prefix).map(|(start, _)| start);
    starts.find(|start| text[start + prefix.len()..].starts_with(|char: char| char.is_ascii_uppercase()))
}

/// The queue at the start of a cause, from an error of [`of_queue`].
fn named_queue(cause: &str) -> Option<String> {
    Some(format!("{QUEUE}{}", between(cause, QUEUE, ": ").filter(|_| cause.starts_with(QUEUE))?))
}

/// Adds the URL of a queue to the error of a call.
#[must_use]
pub(crate) fn of_queue(url: &str, error: &PortError) -> PortError {
    PortError { operation: error.operation, cause: format!("{QUEUE}{url}: {}", error.cause) }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once(end)?.0)
}

/// The address of this machine that a connection failed to.
fn address(cause: &str) -> Option<&str> {
    let start = cause.find("127.0.0.1:")?;
    let rest = &cause[start..];
    let end = rest.find(|char: char| !char.is_ascii_digit() && !['.', ':'].contains(&char));
    Some(&rest[..end.unwrap_or(rest.len())])
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Texts of the SDK, shortened at the end.
    #[rstest]
    #[case::not_running(
        r#"dynamodb:Query: dispatch failure: io error: client error (Connect): tcp connect error: Connection refused (os error 111) (DispatchFailure(DispatchFailure { source: hyper_util::client::legacy::Error(Connect, ConnectError("tcp connect error", 127.0.0.1:7701, Os { code: 111 }"#,
        "dynamodb:Query: cannot connect to DynamoDB at 127.0.0.1:7701; if it is the emulator: is `xsolla-webhooks local` running?"
    )]
    #[case::endpoint_without_scheme(
        "dynamodb:Query: dispatch failure: other: failed to apply endpoint `127.0.0.1:7701`",
        "dynamodb:Query: the endpoint of DynamoDB is not a URL with http:// or https://; check the variables AWS_ENDPOINT_URL…"
    )]
    #[case::no_credentials(
        "sqs:ReceiveMessage: dispatch failure: other: an error occurred while loading credentials: no providers in chain provided credentials (DispatchFailure(DispatchFailure {",
        "sqs:ReceiveMessage: no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass --local"
    )]
    #[case::several_lines(
        "sqs:ReceiveMessage: dispatch failure: no credentials found in chain. Attempted:\n  environment: not set\n  profile: x (DispatchFailure(DispatchFailure {\nnext",
        "sqs:ReceiveMessage: no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass --local\nnext"
    )]
    #[case::no_region(
        "dynamodb:Query: dispatch failure: other: Invalid Configuration: Missing Region (DispatchFailure(DispatchFailure {",
        "dynamodb:Query: no AWS region; set AWS_REGION, or pass --local"
    )]
    #[case::no_region_to_sign_for(
        "sqs:ReceiveMessage: dispatch failure: other: missing signing region (DispatchFailure(DispatchFailure {",
        "sqs:ReceiveMessage: no AWS region; set AWS_REGION, or pass --local"
    )]
    #[case::no_table(
        "dynamodb:Scan: ResourceNotFoundException: Requested resource not found",
        "dynamodb:Scan: table events does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE"
    )]
    #[case::no_queue(
        "sqs:ReceiveMessage: AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.",
        "sqs:ReceiveMessage: queue https://sqs/events.fifo does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE"
    )]
    #[case::queue_of_the_error(
        "sqs:ReceiveMessage: queue https://sqs/parked: AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.",
        "sqs:ReceiveMessage: queue https://sqs/parked does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE"
    )]
    #[case::no_secret(
        "XSOLLA_SECRET_ID (arn:aws:secretsmanager:x): secretsmanager:GetSecretValue: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        "XSOLLA_SECRET_ID (arn:aws:secretsmanager:x): secretsmanager:GetSecretValue: the secret does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE"
    )]
    #[case::missing_profile(
        "dynamodb:Query: dispatch failure: no credentials found in chain. Attempted:\n  profile: the credential provider was not enabled: profile `b` was not defined: could not find source profile b (DispatchFailure(",
        "dynamodb:Query: profile `b` is not in the AWS configuration files; check AWS_PROFILE"
    )]
    #[case::profile_with_sso(
        "dynamodb:Query: dispatch failure: other: ProfileFile provider could not be built: This behavior requires following cargo feature(s) enabled: sso.  (DispatchFailure(",
        r#"dynamodb:Query: this command does not read credentials of SSO or an external process; first run: eval "$(aws configure export-credentials --format env)""#
    )]
    #[case::access_denied(
        "dynamodb:Query: AccessDeniedException: User: arn:aws:iam::123456789012:user/x is not authorized to perform: dynamodb:Query",
        "dynamodb:Query: access to table events denied; docs/operations/cli.md lists the permissions of each command"
    )]
    #[case::expired(
        "secretsmanager:GetSecretValue: ExpiredTokenException: The security token included in the request is expired",
        "secretsmanager:GetSecretValue: AWS rejects the credentials; they are wrong, expired, or of another region"
    )]
    #[case::unknown_host(
        "dynamodb:Query: dispatch failure: io error: client error (Connect): dns error: failed to lookup address information (DispatchFailure(",
        "dynamodb:Query: the host of DynamoDB is unknown; check AWS_REGION and the endpoint"
    )]
    #[case::next_step_remains(
        "stopped at x after queueing 1 of 2: sqs:SendMessageBatch: request has timed out (TimeoutError(TimeoutError { source\nTo continue, run: x",
        "stopped at x after queueing 1 of 2: sqs:SendMessageBatch: no answer from SQS in time; check the network and the region\nTo continue, run: x"
    )]
    #[case::unknown_cause_without_debug_output(
        "dynamodb:Query: dispatch failure: something new (DispatchFailure(DispatchFailure { source }))",
        "dynamodb:Query: dispatch failure: something new"
    )]
    #[case::service_error("dynamodb:Query: ValidationException: wrong", "dynamodb:Query: ValidationException: wrong")]
    #[case::other_error("no records found for 7", "no records found for 7")]
    fn cause_says_what_to_do(#[case] text: &str, #[case] expected: &str) {
        let (table, queue) = (Some("events".to_owned()), Some("https://sqs/events.fifo".to_owned()));
        assert_eq!(explain(text, &Context { table, queue, profile: None, has_local: true }), expected);
    }

    #[test]
    fn missing_credentials_name_the_profile_and_no_option_that_the_command_lacks() {
        let context = Context { profile: Some("prod".to_owned()), ..Context::default() };
        let explained = explain("sqs:ReceiveMessage: no credentials found in chain", &context);
        assert!(
            explained.contains(": no AWS credentials: profile `prod` has none or does not exist; set "),
            "{explained}"
        );
        assert!(!explained.contains("--local"), "{explained}");
    }
}
