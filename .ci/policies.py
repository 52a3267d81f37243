"""Looks at every IAM policy of the template, as SAM translates it: known actions, on resources that they can have, and no
wildcards. It first looks at wildcards planted on purpose, which it has to find."""

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
HERE = "eu-central-1:123456789012"
ARNS = {
    ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{HERE}:table/any",
    ("AWS::DynamoDB::Table", "StreamArn"): f"arn:aws:dynamodb:{HERE}:table/any/stream/any",
    ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{HERE}:any",
    ("AWS::SecretsManager::Secret", None): f"arn:aws:secretsmanager:{HERE}:secret:any",
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012", "AWS::StackName": "any"}
# AWS's own, for logs, traces, API Gateway's log and CodeDeploy. The boundary narrows the first two.
MANAGED = {
    "AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AWSCodeDeployRoleForLambda",
}


def translated():
    template = yaml_parse(TEMPLATE.read_text())
    template["Globals"]["Function"]["CodeUri"] = "s3://any/any"
    parameters = {name: parameter.get("Default", "any") for name, parameter in template["Parameters"].items()}
    # With a region, nothing is asked of AWS.
    session = boto3.Session(region_name="eu-central-1")
    return Translator({}, Parser(), boto_session=session).translate(template, parameters)["Resources"]


def resolved(value, resources):
    """The value with ARNs in the place of what refers to them."""
    def arn(name, attribute=None):
        return PSEUDO[name] if name in PSEUDO else ARNS[resources[name]["Type"], attribute]

    if isinstance(value, list):
        return [resolved(item, resources) for item in value]
    match value:
        case {"Ref": name}:
            return arn(name)
        case {"Fn::If": [_, there, _]}:
            return resolved(there, resources)
        case {"Fn::GetAtt": [name, attribute]}:
            return arn(name, attribute)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: arn(*found[1].split(".")), text)
        case dict():
            return {key: resolved(item, resources) for key, item in value.items()}
    return value


def policies(resources):
    for name, resource in resources.items():
        if resource["Type"] in ("AWS::IAM::ManagedPolicy", "AWS::IAM::Role"):
            own, inline = resource["Properties"].get("PolicyDocument"), resource["Properties"].get("Policies", [])
            for policy in ([own] if own else []) + [policy["PolicyDocument"] for policy in inline]:
                yield name, resolved(policy, resources)


def findings(name, policy):
    for statement in policy["Statement"]:
        actions = statement.get("Action", ["*"])
        for action in [actions] if isinstance(actions, str) else actions:
            if "*" in action:
                yield f"{name}: a wildcard: {action}"
    for finding in analyze_policy_string(json.dumps(policy)).findings:
        yield f"{name}: {finding.issue}: {finding.detail}"


def find_what_is_planted(policy):
    for planted in ({"Action": "dynamodb:*"}, {"Resource": "*"}, {"Action": "*", "Resource": "*"}, {"Action": "dynamodb:PutItems"}):
        bad = copy.deepcopy(policy)
        bad["Statement"][0].update(planted)
        assert list(findings("planted", bad)), f"not found: {planted}"


def main():
    logging.disable()
    resources = translated()
    for name in ("StoreEvents", "PermissionsBoundary"):
        find_what_is_planted(dict(policies(resources))[name])
    found = [finding for name, policy in policies(resources) for finding in findings(name, policy)]
    for name, role in resources.items():
        if role["Type"] == "AWS::IAM::Role":
            attached = re.findall(r":aws:policy/([\w/-]+)", json.dumps(role["Properties"].get("ManagedPolicyArns", [])))
            found += [f"{name}: {policy}" for policy in attached if policy.split("/")[-1] not in MANAGED]
            for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
                if set(statement["Principal"]) != {"Service"}:
                    found.append(f"{name}: taken by {statement['Principal']}")
    print("\n".join(found) or f"{len(list(policies(resources)))} policies of {len(resources)} resources")
    sys.exit(bool(found))


main()
