"""Compares alarms and dashboard with the metrics that the functions have printed."""

import json
import re

from exercise import logs

AWS_METRICS = {
    "AWS/ApiGateway": {"5XXError", "Latency"},
    "AWS/DynamoDB": {"ThrottledRequests"},
    "AWS/Lambda": {"Errors", "IteratorAge", "Throttles"},
    "AWS/SQS": {
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesSent",
    },
}


def emitted(stack):
    """All metrics of the log lines and metric filters: namespace, name, and dimensions with values."""
    metrics = set()
    for line in [line for lines in logs(stack).values() for line in lines if '"_aws"' in line]:
        line = json.loads(line)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                values = frozenset((name, line[name]) for name in dimensions)
                metrics |= {(directive["Namespace"], metric["Name"], values) for metric in directive["Metrics"]}
    # Those that metric filters derive from the access log, which the emulator does not write.
    for filter in stack.emulator.client("logs").describe_metric_filters()["metricFilters"]:
        if filter["logGroupName"] == stack.resources()["ApiLogs"]:
            metrics |= {(metric["metricNamespace"], metric["metricName"], frozenset()) for metric in filter["metricTransformations"]}
    return metrics


def check(stack, checks, printed=None):
    """Each metric that an alarm or a widget refers to was printed, or is one of AWS with a resource of this stack."""
    printed = printed or emitted(stack)
    resources = set(stack.resources().values())
    apis = stack.emulator.client("apigateway").get_rest_apis()["items"]
    queues = {name.rsplit("/", 1)[-1] for name in resources}
    own_names = resources | queues | {api["name"] for api in apis if api["id"] in resources} | {"live", "PutItem"}

    def metric(where, namespace, name, dimensions):
        dimensions = frozenset(dimensions.items())
        what = f"{where}: {namespace} {name} {dict(dimensions)}"
        if namespace in AWS_METRICS:
            exists = name in AWS_METRICS[namespace] and dimensions and all(value in own_names for _, value in dimensions)
            checks.expect(what, exists, True)
        else:
            checks.expect(f"{what} was printed", (namespace, name, dimensions) in printed, True)

    def expression(where, text):
        if query := re.search(r'SELECT SUM\((\w+)\) FROM "([^"]+)"', text):
            metric_of_any_dimension(where, query[2], query[1], lambda names: True)
        elif search := re.search(r'SEARCH\(\'\{"([^"]+)",([^}]+)\} MetricName="(\w+)" (\w+)="(\w+)"\'', text):
            namespace, names, name, key, value = search.groups()
            names = {name.strip('"') for name in names.split(",")}
            metric_of_any_dimension(where, namespace, name, lambda d: {k for k, _ in d} == names and (key, value) in d)
        else:
            checks.expect(f"{where}: expression without own metric", re.search("SELECT|SEARCH|Xsolla", text), None)

    def metric_of_any_dimension(where, namespace, name, fits):
        found = any(n == namespace and m == name and fits(d) for n, m, d in printed)
        checks.expect(f"{where}: {namespace} {name} was printed", found, True)

    alarms = {n: p for n, p in stack.emulator.properties().items() if p["Type"] == "AWS::CloudWatch::Alarm" and n in resources}
    for name, alarm in alarms.items():
        if "MetricName" in alarm:
            metric(name, alarm["Namespace"], alarm["MetricName"], named(alarm.get("Dimensions", [])))
        for item in alarm.get("Metrics", []):
            if "MetricStat" in item:
                of = item["MetricStat"]["Metric"]
                metric(name, of["Namespace"], of["MetricName"], named(of.get("Dimensions", [])))
            else:
                expression(name, item["Expression"])
    types = stack.resource_types()
    checks.expect("alarms of the stack", len(alarms), sum(kind == "AWS::CloudWatch::Alarm" for kind in types.values()))
    dashboard(stack, checks, metric, expression, alarms)
    return printed


def dashboard(stack, checks, metric, expression, alarms):
    body = stack.emulator.client("cloudwatch").get_dashboard(DashboardName=stack.resources()["Dashboard"])["DashboardBody"]
    widgets = json.loads(body)["widgets"]
    shown = {arn.rsplit(":", 1)[-1] for widget in widgets for arn in widget["properties"].get("alarms", [])}
    checks.expect("alarms on the dashboard", shown, set(alarms))
    for properties in (widget["properties"] for widget in widgets):
        previous = []
        for entry in properties.get("metrics", []):
            fields = [field for field in entry if not isinstance(field, dict)]
            for options in (field for field in entry if isinstance(field, dict) and "expression" in field):
                expression(properties["title"], options["expression"])
            if fields == ["..."]:
                fields = previous
            if fields:
                metric(properties["title"], fields[0], fields[1], dict(zip(fields[2::2], fields[3::2])))
            previous = fields


def named(dimensions):
    return {dimension["Name"]: dimension["Value"] for dimension in dimensions}


def check_separation(first, second, checks):
    """Two stacks in one account: no metric of one is counted by the other, and no alarm is shared."""
    namespaces = [{namespace for namespace, _, _ in emitted(stack)} for stack in (first, second)]
    checks.expect("namespaces of two stacks", namespaces, [{f"XsollaWebhooks/{stack.name}"} for stack in (first, second)])
    for stack, other in ((first, second), (second, first)):
        properties = stack.emulator.properties()
        own = {name: properties[name] for name in stack.resources().values() if name in properties}
        dashboards = stack.emulator.client("cloudwatch").get_dashboard(DashboardName=stack.resources()["Dashboard"])
        text = json.dumps(own) + dashboards["DashboardBody"]
        names = {*other.resources().values(), f"XsollaWebhooks/{other.name}"} - set(stack.resources().values())
        foreign = [name for name in names if name in text]
        checks.expect(f"alarms and dashboard of {stack.name} that refer to {other.name}", foreign, [])
