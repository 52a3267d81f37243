"""Checks the IAM policies of the template, as SAM translates it: known actions, valid resources, no wildcards.

Also checks each role's managed policies and principals. First plants violations, and fails if one is not detected.
"""

import copy
import json
import logging
import pathlib
import re
import sys
import warnings

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

with warnings.catch_warnings(action="ignore"):
    from parliament import analyze_policy_string

TEMPLATE = pathlib.Path(__file__).parent.parent / "template.yaml"
REGION = "eu-central-1"
ACCOUNT = f"{REGION}:123456789012"
ARNS = {
    ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{ACCOUNT}:table/any",
    ("AWS::DynamoDB::Table", "StreamArn"): f"arn:aws:dynamodb:{ACCOUNT}:table/any/stream/any",
    ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{ACCOUNT}:any",
    ("AWS::SecretsManager::Secret", None): f"arn:aws:secretsmanager:{ACCOUNT}:secret:any",
}
PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "any",
}
# Managed policies of AWS for logs, traces, API Gateway's log and CodeDeploy. The boundary narrows the first two.
ALLOWED_MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AWSCodeDeployRoleForLambda",
}
VIOLATIONS = (
    {"Action": "dynamodb:*"},
    {"Resource": "*"},
    {"Action": "*", "Resource": "*"},
    {"Action": "dynamodb:PutItems"},
)


def translate_template():
    template = yaml_parse(TEMPLATE.read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://any/any"
    parameters = {name: parameter.get("Default", "any") for name, parameter in template["Parameters"].items()}
    # An explicit region, so that the translator does not call AWS.
    session = boto3.Session(region_name=REGION)
    return Translator({}, Parser(), boto_session=session).translate(template, parameters)["Resources"]


def resolve(value, resources):
    """Replaces intrinsic functions with the ARNs that they refer to. Takes the first branch of Fn::If."""

    def arn(name, attribute=None):
        return PSEUDO_PARAMETERS[name] if name in PSEUDO_PARAMETERS else ARNS[resources[name]["Type"], attribute]

    if isinstance(value, list):
        return [resolve(item, resources) for item in value]
    match value:
        case {"Ref": name}:
            return arn(name)
        case {"Fn::If": [_, if_true, _]}:
            return resolve(if_true, resources)
        case {"Fn::GetAtt": [name, attribute]}:
            return arn(name, attribute)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda variable: arn(*variable[1].split(".")), text)
        case dict():
            return {key: resolve(item, resources) for key, item in value.items()}
    return value


def policy_documents(resources):
    """Yields the name and the resolved document of each policy."""
    for name, resource in resources.items():
        if resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role"):
            managed = resource["Properties"].get("PolicyDocument")
            inline = resource["Properties"].get("Policies", [])
            for document in ([managed] if managed else []) + [policy["PolicyDocument"] for policy in inline]:
                yield name, resolve(document, resources)


def check_policy(name, document):
    for statement in document["Statement"]:
        actions = statement.get("Action", ["*"])
        for action in [actions] if isinstance(actions, str) else actions:
            if "*" in action:
                yield f"{name}: wildcard action: {action}"
    for finding in analyze_policy_string(json.dumps(document)).findings:
        yield f"{name}: {finding.issue}: {finding.detail}"


def check_role(name, role):
    managed = json.dumps(role["Properties"].get("ManagedPolicyArns", []))
    for policy in re.findall(r":aws:policy/([\w/-]+)", managed):
        if policy.split("/")[-1] not in ALLOWED_MANAGED_POLICIES:
            yield f"{name}: unexpected managed policy: {policy}"
    for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
        if set(statement["Principal"]) != {"Service"}:
            yield f"{name}: can be assumed by {statement['Principal']}"


def check_api(name, api):
    """The API always has a policy, and its only statement is limited to source addresses."""
    statements = api["Properties"]["Body"].get("x-amazon-apigateway-policy", {}).get("Statement", [])
    if len(statements) != 1 or set(statements[0].get("Condition", {}).get("IpAddress", {})) != {"aws:SourceIp"}:
        yield f"{name}: the policy is not exactly one statement with source addresses"


def check_detects_planted_violations(document):
    for violation in VIOLATIONS:
        bad = copy.deepcopy(document)
        bad["Statement"][0].update(violation)
        assert list(check_policy("planted", bad)), f"not detected: {violation}"


def main():
    logging.disable()
    resources = translate_template()
    documents = list(policy_documents(resources))
    for name in ("StoreEvents", "PermissionsBoundary"):
        check_detects_planted_violations(dict(documents)[name])
    findings = [finding for name, document in documents for finding in check_policy(name, document)]
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Role":
            findings += check_role(name, resource)
        if resource["Type"] == "AWS::ApiGateway::RestApi":
            findings += check_api(name, resource)
    print("\n".join(findings) or f"{len(documents)} policies of {len(resources)} resources have no violations")
    sys.exit(bool(findings))


main()
