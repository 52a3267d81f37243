"""Changes the parameters of a running stack, and deletes it."""

import time

from exercise import Round, logs
from stack import DeploymentError
from xsolla import Api, sample

ELSEWHERE = "203.0.113.9"

# What the documentation says about removal (docs/deploy.md, "Remove").
RETAINED = {"EventsTable", "UsersTable", "XsollaSecret", "ApiLogging", "ApiLoggingRole"}


def retention(stack, checks):
    """A changed parameter reaches the functions: an event expires a day later."""
    days = []
    for setting in (400, 401):
        stack.deploy(**stack.parameters | {"RetentionDays": setting})
        transaction = str(time.time_ns() // 10**6)
        answer = Api(stack).post("/webhooks", sample("payment", **{"2298114507": transaction}))
        checks.expect(f"RetentionDays {setting}: payment", answer[0], 204)
        key = {"pk": {"S": f"transaction#{transaction}"}, "sk": {"S": "payment"}}
        item = stack.emulator.client("dynamodb").get_item(TableName=stack.outputs["TableName"], Key=key)["Item"]
        days.append(round((int(item["expires_at"]["N"]) - time.time()) / 86400))
    checks.expect("RetentionDays in the stored events", days, [400, 401])


def enforcement(stack, checks):
    """With `enforce`, API Gateway refuses other addresses before a function sees the request. `report` accepts them."""
    for setting, ranges, source, status in (
        ("enforce", "", ELSEWHERE, 503),
        ("enforce", f"198.51.100.0/24,{ELSEWHERE}", ELSEWHERE, 204),
        ("report", "", ELSEWHERE, 204),
    ):
        what = f"{setting} {ranges}"
        stack.deploy(**stack.parameters | {"SourceAddresses": setting, "SourceRanges": ranges})
        started = int(time.time() * 1000)
        body = sample("payment", **{"2298114507": str(time.time_ns() // 10**6)})
        checks.expect(f"{what}: a webhook from {source}", Api(stack).post("/webhooks", body, source=source)[0], status)
        seen = bool(logs(stack, started)["WebhookLogs"])
        checks.expect(f"{what}: seen by the function", seen, status == 204)
    checks.expect("report: a round", Round(stack).problems(), [])


def switch(stack, checks, **changed):
    """Changes parameters of a running stack. All functions then work, and exactly the expected resources exist."""
    what = " ".join(f"{name}={value}" for name, value in changed.items())
    try:
        stack.deploy(**stack.parameters | changed)
    except DeploymentError as error:
        checks.expect(f"{what}: deployed", str(error), None)
        return
    resources, parameters = stack.resources(), stack.parameters
    for name, parameter, value in (
        ("Payment", "SeparateFunctions", "on"),
        ("Unsigned", "UnsignedRoutes", "on"),
        ("ApiLogging", "ApiLogsRole", "create"),
        ("ServerlessDeploymentApplication", "Canary", "true"),
        ("UsersTable", "UserDirectory", "users-table"),
        ("EndpointKey", "UserDirectory", "endpoint"),
        ("EndpointAddress", "UserDirectory", "endpoint"),
    ):
        checks.expect(f"{what}: {name} exists", name in resources, parameters.get(parameter, stack.default(parameter)) == value)
    checks.expect(f"{what}: a round", Round(stack).problems(), [])


def delete(stack, checks):
    """Deletes the stack. Exactly what the documentation says remains, of all that bears the stack's name."""
    retained = stack.delete()
    checks.expect(f"{stack.name}: retained", retained, lambda names: {"EventsTable", "XsollaSecret"} <= names <= RETAINED)
    # Including those that an earlier change of parameters has removed from the stack. The account has no name.
    events = [event for event in stack.events() if event["LogicalResourceId"] in RETAINED - {"ApiLogging"}]
    expected = {event["PhysicalResourceId"] for event in events if event.get("PhysicalResourceId")}
    remaining = {name for name in existing(stack.emulator) if stack.name in name}
    checks.expect(f"{stack.name}: remaining resources", remaining, expected)


def existing(emulator):
    """The names of everything in the account that a stack can create."""
    for service, operation, key, name in (
        ("apigateway", "get_rest_apis", "items", "name"),
        ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        ("dynamodb", "list_tables", "TableNames", None),
        ("iam", "list_policies", "Policies", "PolicyName"),
        ("iam", "list_roles", "Roles", "RoleName"),
        ("lambda", "list_event_source_mappings", "EventSourceMappings", "FunctionArn"),
        ("lambda", "list_functions", "Functions", "FunctionName"),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("secretsmanager", "list_secrets", "SecretList", "ARN"),
        ("sns", "list_topics", "Topics", "TopicArn"),
        ("sqs", "list_queues", "QueueUrls", None),
    ):
        client = emulator.client(service)
        pages = client.get_paginator(operation).paginate() if client.can_paginate(operation) else [getattr(client, operation)()]
        for page in pages:
            yield from (item[name] if name else item for item in page.get(key, []))
