"""Runs ministack with corrections: what it lacks of AWS, or does otherwise than AWS.

What it lacks is validated against botocore's model of the call that CloudFormation makes, and recorded.
"""

import asyncio
import functools
import itertools
import json
import os
import random
import re
import string
import time

import botocore.session
from botocore.validate import ParamValidator
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import cloudwatch, iam, lambda_svc
from ministack.services.cloudformation import changesets, provisioners

HANDLERS = provisioners._RESOURCE_HANDLERS
SERVICES = botocore.session.Session()
TRUE = (True, "true")
recorded = {}


def record(name, kind, properties):
    """Writes the resolved properties of a resource for the checks."""
    recorded[name] = {"Type": kind, **properties}
    with open(os.environ["PROPERTIES_FILE"], "w") as file:
        json.dump(recorded, file, default=str)


def validate(service, operation, parameters):
    shape = SERVICES.get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise ValueError(f"{service}:{operation}: {report.generate_report()}")


def wraps(module, name):
    """Replaces a function of ministack with one that receives the original as its first argument."""

    def decorate(replacement):
        original = getattr(module, name)
        setattr(module, name, functools.partial(replacement, original))
        return replacement

    return decorate


def wraps_handler(kind, operation):
    """As `wraps`, for the creation, update or deletion of a resource by CloudFormation."""

    def decorate(replacement):
        HANDLERS[kind][operation] = functools.partial(replacement, HANDLERS[kind][operation])
        return replacement

    return decorate


# ---- CloudFormation: a change set heeds conditions ---------------------------------------------------


def existing_resources(template, conditions):
    """Resources whose condition is false do not exist."""
    resources = template.get("Resources", {})
    return {name: resource for name, resource in resources.items() if conditions.get(resource.get("Condition"), True)}


@wraps(changesets, "_resolve_props_for_diff")
def resolve_for_comparison(original, template, parameters, *arguments):
    conditions = changesets._evaluate_conditions(template, parameters) if template else {}
    return {"Resources": existing_resources(original(template, parameters, *arguments), conditions)}


@wraps(changesets, "validate_template_support")
def validate_template(original, template, conditions, **keywords):
    """No resource may depend on one that does not exist."""
    resources = existing_resources(template, conditions)
    for resource in resources.values():
        needed = resource.get("DependsOn", [])
        missing = set(needed if isinstance(needed, list) else [needed]) - set(resources)
        if missing:
            text = f"Unresolved resource dependencies {sorted(missing)} in the Resources block of the template"
            raise ValueError(f"Template format error: {text}")
    return original(template, conditions, **keywords)


# ---- CloudWatch: alarms of several metrics ---------------------------------------------------------


def typed(value, key=None):
    """CloudFormation's strings as the numbers and booleans that CloudWatch expects."""
    if isinstance(value, dict):
        return {name: typed(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if key == "Threshold":
        return float(value)
    if key in ("Period", "EvaluationPeriods", "DatapointsToAlarm"):
        return int(value)
    if key in ("ReturnData", "ActionsEnabled"):
        return value in TRUE
    return value


@wraps(provisioners, "_cw_metric_alarm_record")
def alarm(original, name, properties):
    record(name, "AWS::CloudWatch::Alarm", properties)
    shape = SERVICES.get_service_model("cloudwatch").operation_model("PutMetricAlarm").input_shape
    # botocore does not know the newest properties.
    known = {key: value for key, value in typed(properties).items() if key in shape.members or key != "EvaluationWindow"}
    validate("cloudwatch", "PutMetricAlarm", {"AlarmName": name, **known})
    metrics = properties.get("Metrics")
    if not metrics:
        return original(name, properties)
    ids = [metric["Id"] for metric in metrics]
    if len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", id) for id in ids):
        raise ValueError(f"{name}: invalid ids {ids}")
    if sum(metric.get("ReturnData", True) in TRUE for metric in metrics) != 1:
        raise ValueError(f"{name}: exactly one metric must return data")
    if sum("MetricStat" in metric for metric in metrics) > 10:
        raise ValueError(f"{name}: an alarm can have at most 10 metrics")
    single = {key: value for key, value in properties.items() if key != "Metrics"}
    return original(name, {**single, "MetricName": "several", "Namespace": "recorded"})


# ---- CodeDeploy -----------------------------------------------------------------------------------


def lower_camel_case(value):
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: lower_camel_case(item) for name, item in value.items()}
    if isinstance(value, list):
        return [lower_camel_case(item) for item in value]
    return value in TRUE if value in (*TRUE, False, "false") else value


def create_application(logical_id, properties, stack):
    validate("codedeploy", "CreateApplication", {"applicationName": "any", "computePlatform": properties["ComputePlatform"]})
    return provisioners._physical_name(stack, logical_id, max_len=100), {}


def create_deployment_group(logical_id, properties, stack):
    validate("codedeploy", "CreateDeploymentGroup", {**lower_camel_case(properties), "deploymentGroupName": "any"})
    alarms = [alarm["Name"] for alarm in properties["AlarmConfiguration"]["Alarms"]]
    missing = [name for name in alarms if name not in cloudwatch._alarms]
    if missing or len(alarms) > 10:
        raise ValueError(f"AlarmConfigurationException: missing {missing} of {len(alarms)} alarms, at most 10 are allowed")
    name = provisioners._physical_name(stack, logical_id, max_len=100)
    record(name, "AWS::CodeDeploy::DeploymentGroup", properties)
    return name, {}


for kind, create in (("Application", create_application), ("DeploymentGroup", create_deployment_group)):
    HANDLERS[f"AWS::CodeDeploy::{kind}"] = {
        "create": create,
        "update": lambda physical_id, old, new, stack, logical_id=None: (physical_id, {}),
        "delete": lambda *_: None,
    }


# ---- Secrets Manager: the Ref of a secret is its ARN, and a secret may be empty ----------------------

SECRETS = provisioners._sm._secrets
SECRET = "AWS::SecretsManager::Secret"


def secret_name(arn):
    return next((name for name, secret in SECRETS.items() if secret["ARN"] == arn), arn)


@wraps_handler(SECRET, "create")
def create_secret(original, logical_id, properties, stack):
    name, attributes = original(logical_id, properties, stack)
    if not properties.get("SecretString") and not properties.get("GenerateSecretString"):
        SECRETS[name]["Versions"].clear()
    return attributes["Arn"], attributes


@wraps_handler(SECRET, "update")
def update_secret(original, physical_id, old, new, stack, logical_id=None):
    original(secret_name(physical_id), old, new, stack, logical_id)
    return physical_id, {"Id": physical_id, "Arn": physical_id}


@wraps_handler(SECRET, "delete")
def delete_secret(original, physical_id, properties):
    return original(secret_name(physical_id), properties)


@wraps(provisioners, "_sm_secret_string")
def secret_string(original, properties):
    generate = properties.get("GenerateSecretString") or {}
    if generate.get("ExcludePunctuation") not in TRUE:
        return original(properties)
    characters = string.ascii_letters + string.digits
    return "".join(random.SystemRandom().choices(characters, k=int(generate.get("PasswordLength", 32))))


# ---- API Gateway: `*~1*` is `*/*`, and an API's definition may contain a policy and gateway responses ----

gateway = provisioners._apigw_v1
REST_API = "AWS::ApiGateway::RestApi"


def as_imported(properties):
    """The properties of an API with those that AWS reads from its definition."""
    policy = (properties.get("Body") or {}).get("x-amazon-apigateway-policy")
    kinds = [kind.replace("~1", "/") for kind in properties.get("BinaryMediaTypes", [])]
    return {**properties, "BinaryMediaTypes": kinds, "Policy": policy}


def put_gateway_responses(api, properties):
    for kind, response in (properties.get("Body") or {}).get("x-amazon-apigateway-gateway-responses", {}).items():
        status, _, text = gateway._put_gateway_response(api, kind, dict(response))
        if status >= 400:
            raise ValueError(f"gateway response {kind}: {text}")


@wraps_handler(REST_API, "create")
def create_api(original, logical_id, properties, stack):
    api, attributes = original(logical_id, as_imported(properties), stack)
    put_gateway_responses(api, properties)
    return api, attributes


@wraps_handler(REST_API, "update")
def update_api(original, physical_id, old, new, stack, logical_id=None):
    result = original(physical_id, as_imported(old), as_imported(new), stack, logical_id)
    # A changed definition makes a new API here.
    put_gateway_responses(result[0] if isinstance(result, tuple) else result, new)
    return result


@wraps(gateway, "_authorize_request_v1")
async def authorize(original, api, stage, record, method, path, resource, headers, *arguments):
    """The API's policy sees the address that the functions see."""
    iam_evaluator.pin_request_origin(gateway._header_ci(headers, "x-forwarded-for") or "127.0.0.1", False)
    return await original(api, stage, record, method, path, resource, headers, *arguments)


@wraps(gateway, "_invoke_lambda_proxy_v1")
async def invoke_function(original, integration, api, stage, stage_record, resource, path, method, *arguments, **keywords):
    """API Gateway may invoke a function only if the function's policy names the API and the path."""
    reference = gateway._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
    policy, account = lambda_svc.function_policy_for_arn(reference) or ({"Statement": []}, "")
    source = f"arn:aws:execute-api:{reference.split(':')[3]}:{account}:{api}/{stage}/{method}{path}"
    for statement in policy["Statement"]:
        pattern = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
        is_gateway = statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        if statement["Resource"] == reference and is_gateway and iam_evaluator.fnmatch_iam_cs(source, pattern):
            return await original(integration, api, stage, stage_record, resource, path, method, *arguments, **keywords)
    return 500, {"Content-Type": "application/json"}, b'{"message": "Internal server error"}'


@wraps(gateway, "_gateway_response_for_type")
def gateway_response(original, customized, kind):
    """A kind that is not customized has the status of its family (DEFAULT_4XX), too."""
    response = original(customized, kind)
    family = customized.get(gateway._gateway_response_family(kind))
    if kind not in customized and family and family.get("statusCode"):
        response["statusCode"] = family["statusCode"]
    return response


# ---- DynamoDB: TTL, point-in-time recovery, and the attributes that a request accesses ----------------


@wraps_handler("AWS::DynamoDB::Table", "create")
def create_table(original, logical_id, properties, stack):
    name, attributes = original(logical_id, properties, stack)
    for setting, call in (
        ("TimeToLiveSpecification", provisioners._dynamodb._update_ttl),
        ("PointInTimeRecoverySpecification", provisioners._dynamodb._update_continuous_backups),
    ):
        if properties.get(setting):
            call({"TableName": name, setting: properties[setting]})
    return name, attributes


# The subject whose writes are slow.
SLOW_SUBJECT = b'"transaction#408408408"'
slow_writes = itertools.count()
KEYWORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}


@wraps(iam_actions, "dynamodb_service_context")
def dynamodb_context(original, body):
    """`dynamodb:Attributes` has all top-level attributes of a request. ministack reads only those of projections."""
    context = original(body)
    request = json.loads(body or b"{}")
    accessed = set(context.get("dynamodb:Attributes", []))
    for members in ("Key", "Item", "AttributeUpdates", "Expected"):
        accessed.update(request.get(members, {}))
    names = request.get("ExpressionAttributeNames", {})
    for kind in ("Update", "Condition", "Filter", "KeyCondition"):
        # Words that are no value, no part of a path after its first, and no function.
        words = re.findall(r"(?<![\w.:#])#?[A-Za-z_]\w*\b(?!\s*\()", request.get(f"{kind}Expression", ""))
        accessed.update(names.get(word, word) for word in words if word.upper() not in KEYWORDS)
    if accessed:
        context["dynamodb:Attributes"] = sorted(accessed)
    return context


@wraps(provisioners._dynamodb, "handle_request")
async def dynamodb_request(original, method, path, headers, body, query):
    """Delays two of three writes of one sale longer than the functions wait for an attempt."""
    if SLOW_SUBJECT in body and headers.get("x-amz-target", "").endswith(".PutItem") and next(slow_writes) % 3 < 2:
        await asyncio.sleep(2.5)
    return await original(method, path, headers, body, query)


# ---- IAM: actions, boundaries, and a record of decisions ---------------------------------------------

BATCHES = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
decisions = open(os.environ["DECISIONS_FILE"], "w")


@wraps(iam_actions, "extract_iam_action")
def iam_action(original, *arguments, **keywords):
    """IAM has no actions of their own for SQS's batches."""
    action = original(*arguments, **keywords)
    return BATCHES.get(action, action) if isinstance(action, str) else action


@wraps_handler("AWS::IAM::Role", "create")
def create_role(original, logical_id, properties, stack):
    name, attributes = original(logical_id, properties, stack)
    if properties.get("PermissionsBoundary"):
        iam._roles[name]["PermissionsBoundary"] = properties["PermissionsBoundary"]
    return name, attributes


def record_decision(role, action, resource, allowed):
    print(json.dumps([role, action, resource, allowed], default=str), file=decisions, flush=True)


@wraps(iam_evaluator, "enforce")
def enforce(original, access_key_id, action, service, region, resource_arn="*", service_context=None):
    denied = original(access_key_id, action, service, region, resource_arn=resource_arn, service_context=service_context)
    if access_key_id.startswith("ASIA"):
        identity = iam_evaluator.resolve_caller_identity(access_key_id) or {}
        role = iam_evaluator._role_name_from_assumed_arn(identity.get("userArn", ""))
        record_decision(role, action, resource_arn, denied is None)
    return denied


def role_may(role_arn, action, resource):
    """Whether a role may do what Lambda itself does with it: read a stream, write the log."""
    account, name = role_arn.split(":")[4], role_arn.split("/")[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn, principal_type="AssumedRole", principal_account=account, action=action, resource_arn=resource, region=""
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    allowed = iam_evaluator.evaluate(context, policies, *limits).decision == "Allow"
    record_decision(name, action, resource, allowed)
    return allowed


def restart_functions(original, *arguments, **keywords):
    """New environments after a change of policies. Otherwise a cached secret hides a missing permission."""
    result = original(*arguments, **keywords)
    lambda_runtime.reset()
    return result


for action in ("CreatePolicyVersion", "PutRolePolicy"):
    iam._IAM_HANDLERS[action] = functools.partial(restart_functions, iam._IAM_HANDLERS[action])


# ---- Lambda: the role reads the stream and writes the log; a part of a batch may fail -----------------

STREAM_ACTIONS = ("dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords")


def role_of(esm):
    _, config = lambda_svc._get_func_record_for_qualifier(esm["FunctionName"], esm.get("Qualifier"))
    return config.get("Role") if config else None


@wraps(lambda_svc, "_poll_dynamodb_streams")
def poll_streams(original):
    from ministack.core.responses import _request_account_id, _request_region

    for account, region, esm in lambda_svc._iter_all_esms():
        tokens = (_request_account_id.set(account), _request_region.set(region))
        try:
            role, stream = role_of(esm), esm.get("EventSourceArn", "")
            if role and not all([*(role_may(role, action, stream) for action in STREAM_ACTIONS), role_may(role, "dynamodb:ListStreams", "*")]):
                esm["LastProcessingResult"] = "PROBLEM: Function call failed (access denied)"
                lambda_svc._esm_backoff_until[esm["UUID"]] = time.time() + 0.2
        finally:
            _request_account_id.reset(tokens[0])
            _request_region.reset(tokens[1])
    return original()


@wraps(lambda_svc, "_execute_function")
def execute(original, function, event):
    """Retries the whole batch if the function reports a failed item. AWS retries from that item."""
    result = original(function, event)
    body = result.get("body")
    if isinstance(body, dict) and body.get("batchItemFailures"):
        return {**result, "error": True, "body": {"errorType": "BatchItemFailures", "errorMessage": "partial failure"}}
    return result


@wraps_handler("AWS::Logs::LogGroup", "create")
def create_log_group(original, logical_id, properties, stack):
    """A log group without a name is named as other resources are. ministack puts it below `/aws/cloudformation`."""
    name = properties.get("LogGroupName") or provisioners._physical_name(stack, logical_id, max_len=512)
    return original(logical_id, {**properties, "LogGroupName": name}, stack)


@wraps(lambda_svc, "_emit_lambda_logs")
def write_log(original, function, *arguments, **keywords):
    config = function.get("config") or function
    _, _, _, region, account, *_ = config["FunctionArn"].split(":")
    group = config["LoggingConfig"]["LogGroup"]
    stream = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:any"
    if all([role_may(config["Role"], action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")]):
        original(function, *arguments, **keywords)


if __name__ == "__main__":
    from ministack.app import main

    main()
