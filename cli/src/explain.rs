//! Errors of AWS calls in words that say what to do.

/// Services, as operations name them, and their names for people.
const SERVICES: [(&str, &str); 3] =
    [("dynamodb:", "DynamoDB"), ("sqs:", "SQS"), ("secretsmanager:", "Secrets Manager")];

/// Starts of the SDK's debug output, which follows its error texts.
const DEBUG_OUTPUT: [&str; 5] =
    [" (DispatchFailure(", " (TimeoutError(", " (ResponseError(", " (ServiceError(", " (ConstructionFailure("];

/// Signs of a cause in the text of an error, and what to do. `{service}` and `{address}` are replaced.
///
/// The first match counts.
const CAUSES: [(&[&str], &str); 9] = [
    (
        &["Connection refused"],
        "cannot connect to {service}{address}; if it is the emulator: is `xsolla-webhooks local` running?",
    ),
    (
        &["loading credentials", "CredentialsNotLoaded", "no providers in chain", "no credentials found"],
        "no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or pass --local",
    ),
    (&["Missing Region", "region must be set"], "no AWS region; set AWS_REGION, or pass --local"),
    (
        &["ResourceNotFoundException", "QueueDoesNotExist", "NonExistentQueue"],
        "it does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE",
    ),
    (
        &["AccessDenied", "not authorized"],
        "access denied; docs/operations/cli.md lists the permissions of each command",
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

/// Replaces the SDK's part of an error by its cause and what to do. Other text is unchanged.
///
/// The operation remains, so that the error can be searched for.
#[must_use]
pub fn explain(text: &str) -> String {
    let service = SERVICES.iter().find_map(|(prefix, name)| Some((text.find(prefix)?, *name)));
    let cause_start = service.and_then(|(start, _)| Some(start + text[start..].find(": ")? + 2));
    let (Some((_, service)), Some(cause_start)) = (service, cause_start) else { return text.to_owned() };
    let (before, cause) = text.split_at(cause_start);
    // Some texts have several lines, and all end with the debug output, which has one.
    let debug = DEBUG_OUTPUT.iter().filter_map(|start| cause.find(start)).min();
    let end = cause[debug.unwrap_or(0)..].find('\n').map_or(cause.len(), |end| debug.unwrap_or(0) + end);
    let (cause, after) = cause.split_at(end);
    let address = address(cause).map(|address| format!(" at {address}")).unwrap_or_default();
    let known = CAUSES.iter().find(|(signs, _)| signs.iter().any(|sign| cause.contains(sign)));
    match known {
        Some((_, advice)) => {
            format!("{before}{}{after}", advice.replace("{service}", service).replace("{address}", &address))
        }
        None => format!("{before}{}{after}", &cause[..debug.unwrap_or(cause.len())]),
    }
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
    #[case::no_table(
        "cannot read table events: dynamodb:Scan: ResourceNotFoundException: Requested resource not found",
        "cannot read table events: dynamodb:Scan: it does not exist in this region and account; check its name, AWS_REGION and AWS_PROFILE"
    )]
    #[case::access_denied(
        "dynamodb:Query: AccessDeniedException: User: arn:aws:iam::123456789012:user/x is not authorized to perform: dynamodb:Query",
        "dynamodb:Query: access denied; docs/operations/cli.md lists the permissions of each command"
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
        assert_eq!(explain(text), expected);
    }
}
