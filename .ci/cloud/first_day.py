"""What a stranger does and sees on the first day with a stack: the secret, webhooks, outputs, operator commands."""

import json
import os
import re
import time
import urllib.parse

import documents
from checks import wait_for
from emulator import REGION, ROOT
from changes import ELSEWHERE
from exercise import PATIENCE, Round, receive
from xsolla import ADDRESS, OLD_SECRET, SECRET, USER, Api, sample, sign

CLI = os.environ.get("CLOUD_CLI", str(ROOT / "target/debug/xsolla-webhooks"))
# The emulator delays two of three writes of this transaction. A conflict, which needs two writes, takes too long.
SLOW = "408408408"
# Seconds until a changed secret is used: the functions read it again after ten.
REFRESH = 15
PAYMENT, NON_ASCII = "2298114507", '"custom_parameters": {"n": "Žofie 🎮 \\u00e9"}'


def set_secret(stack, checks):
    """Before the secret is set, webhooks are answered 500. The documented command sets it."""
    api, payment = Api(stack), sample("payment")
    checks.expect("without a secret", api.post("/webhooks", payment), lambda answer: answer[0] == 500)
    key = documents.block("docs/deploy.md", "read -rs SECRET")
    commands = {"README.md": (), "docs/deploy.md": (key,)}
    for page, more in commands.items():
        script = documents.for_stack(page, *more, stack=stack)
        # The key is typed, as the commands expect it.
        status, printed, error = stack.emulator.shell(script, typed=SECRET + "\n")
        checks.expect(f"{page}: set the secret", (status, error), (0, ""))
        checks.expect(f"{page}: the URL whole", printed.splitlines()[0], stack.outputs["WebhookUrl"])
    stored = stack.emulator.client("secretsmanager").get_secret_value(SecretId=stack.outputs["SecretArn"])["SecretString"]
    checks.expect("the stored secret", json.loads(stored), {"secrets": [SECRET]})
    accepted = wait_for(lambda: api.post("/webhooks", payment)[0] == 204, REFRESH)
    checks.expect("the first webhook after the secret is set", accepted, True)


def webhooks(stack, checks):
    """Each kind of answer, and what is stored and queued after it."""
    api, table, receipt = Api(stack), stack.outputs["TableName"], receive(stack, "QueueUrl")
    transaction = str(time.time_ns() // 10**6)
    payment = sample("payment", **{PAYMENT: transaction, '"custom_parameters": {}': NON_ASCII})
    conflict = payment.replace(b"7.99", b"8.99")

    def answers(what, status, answer):
        checks.expect(what, answer, lambda answer: answer[0] == status)

    answers("payment", 204, api.post("/webhooks", payment))
    answers("payment, retried at its own path", 204, api.post("/webhooks/payment", payment))
    answers("payment, other content type", 204, api.call("POST", "/webhooks", payment, {**sign(payment), "Content-Type": "image/png"}))
    answers("payment, same id but other content", 204, api.post("/webhooks", conflict))
    invalid = lambda answer: answer[0] == 400 and "INVALID_SIGNATURE" in answer[1]
    checks.expect("wrong signature", api.post("/webhooks", payment, secret="wrong"), invalid)
    checks.expect("wrong signature, from an unknown address", api.post("/webhooks", payment, secret="wrong", source=ELSEWHERE), invalid)
    checks.expect("no signature", api.call("POST", "/webhooks", payment), invalid)
    unreadable = b"\x00\xff\xfe no JSON"
    checks.expect("unreadable", api.post("/webhooks", unreadable), lambda a: a[0] == 400 and "INVALID_PARAMETER" in a[1])
    answers("from an unknown address", 204, api.post("/webhooks", sample("dispute"), source=ELSEWHERE))
    answers("unknown type", 204, api.post("/webhooks", b'{"notification_type":"gift_sent","user":{"id":"1"}}'))
    answers("unknown field", 204, api.post("/webhooks", sample("payment", **{PAYMENT: transaction + "1", '"custom_parameters": {}': '"brand_new": 1'})))
    answers("refund at the path of payments", 503, api.post("/webhooks/payment", sample("refund")))
    answers("slow table", 204, api.post("/webhooks", sample("payment", **{PAYMENT: SLOW})))
    answers("slow table, two writes", 500, api.post("/webhooks", sample("payment", **{PAYMENT: SLOW, "7.99": "8.99"})))
    answers("user that does not exist", 400, api.post("/webhooks", sample("user-validation", **{USER: "missing"})))
    answers("question without a directory", 503, api.post("/webhooks", sample("partner-side-catalog")))
    answers("withdrawn question", 503, api.post("/webhooks", b'{"notification_type":"get_pincode","user":{"id":"1"}}'))

    for method, path in (("GET", "/webhooks"), ("PUT", "/webhooks"), ("HEAD", "/webhooks"), ("OPTIONS", "/webhooks"), ("POST", "/unknown"), ("POST", "/webhooks/a/b")):
        answers(f"{method} {path}", 503, api.call(method, path))
    answers("11 MB", 503, api.call("POST", "/webhooks", b"x" * (11 << 20)))

    dynamodb = stack.emulator.client("dynamodb")
    key = {"pk": {"S": f"transaction#{transaction}"}, "sk": {"S": "payment"}}
    item = dynamodb.get_item(TableName=table, Key=key).get("Item", {})
    checks.expect("stored byte for byte", item.get("body", {}).get("B"), payment)
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": key["pk"]}}
    kinds = sorted(item["kind"]["S"] for item in dynamodb.query(TableName=table, **query)["Items"])
    checks.expect("stored items of the sale", kinds, ["conflict", "event"])

    def delivered():
        receipt.extend(receive(stack, "QueueUrl"))
        return [message for message in receipt if message["subject"] == key["pk"]["S"]]

    messages = wait_for(delivered, PATIENCE)
    checks.expect("messages of the sale", [(m["type"], m["goods"], m["mode"]) for m in messages], [("payment", "grant", "live")])
    checks.expect("the message contains the notification", messages and messages[0]["notification"], json.loads(payment))


def unusable_secret(stack, checks):
    """While the stored secret is unusable, cached secrets verify webhooks. Junk from other addresses is no failure then."""
    api, secrets, secret = Api(stack), stack.emulator.client("secretsmanager"), stack.outputs["SecretArn"]
    stored = secrets.get_secret_value(SecretId=secret)["SecretString"]
    payment = sample("payment", **{PAYMENT: str(time.time_ns() // 10**6)})
    checks.expect("before the secret is unusable", api.post("/webhooks", payment)[0], 204)
    secrets.put_secret_value(SecretId=secret, SecretString='{"secrets":[]}')
    junk = lambda: api.post("/webhooks", payment, secret="wrong", source=ELSEWHERE)[0]
    checks.expect("junk while the secret is unusable", wait_for(lambda: junk() == 503, REFRESH), True)
    checks.expect("a webhook while the secret is unusable", api.post("/webhooks", payment)[0], 204)
    secrets.put_secret_value(SecretId=secret, SecretString=stored)


def sales_to_review(stack, checks):
    """Sales that need a person. They have the metrics of the alarm SalesToReview."""
    api, number = Api(stack), time.time_ns() // 10**6

    def paid(order, transaction):
        order = {"id": order, "invoice_id": str(transaction), "mode": "default"}
        return {"notification_type": "order_paid", "order": order, "items": [], "user": {"external_id": USER}}

    payment = {"notification_type": "payment", "transaction": {"id": number}, "user": {"id": USER}}
    undated = {"notification_type": "partial_refund", "transaction": {"id": number + 3}, "purchase": {"total": {"amount": 5}}}
    sale, double = paid(number, number), [paid(number + 1, number + 1), paid(number + 1, number + 2)]
    reasons = [None, "already_granted", None, "order_already_granted", None, "possible_retry"]
    for body in (payment, sale, *double, undated, undated):
        answer = api.post("/webhooks", json.dumps(body).encode())
        checks.expect(body["notification_type"], answer, lambda answer: answer[0] in (200, 204))
    found = []

    def delivered():
        for message in receive(stack, "QueueUrl"):
            if any(f"#{number + n}#" in message["event_id"] for n in range(4)):
                found.append(message["goods_reason"])
        return len(found) >= len(reasons)

    wait_for(delivered, PATIENCE)
    checks.expect("reasons of sales to review", sorted(map(str, found)), sorted(map(str, reasons)))


def unsigned(stack, checks):
    """The URLs that the documented command prints, and what others get."""
    urls = documents.block("docs/unsigned-webhooks.md", "UnsignedUrlsCommand")
    script = documents.for_stack("docs/operations/cli.md", urls, stack=stack)
    status, printed, error = stack.emulator.shell(script)
    checks.expect("UnsignedUrlsCommand", (status, error), (0, ""))
    api = Api(stack)
    pattern = rf"https://{api.id}\.execute-api\.{REGION}\.amazonaws\.com/live(/unsigned/[A-Za-z0-9]{{43}}/(?:user-validation|payout))"
    paths = re.findall(pattern, printed)
    if checks.expect("the two URLs", printed, lambda _: len(paths) == 2):
        payout, other_key = paths[1], re.sub(r"unsigned/\w+", "unsigned/" + "x" * 43, paths[1])
        body = sample("unsigned")
        for what, path, source, expected in (("payout", payout, ADDRESS, 200), ("wrong key", other_key, ADDRESS, 503), ("unknown address", payout, ELSEWHERE, 503)):
            checks.expect(f"unsigned: {what}", api.call("POST", path, body, source=source), lambda answer: answer[0] == expected)


def rotation(stack, checks):
    """The rotation of the runbook. A webhook with the old secret is still accepted."""
    rotate = documents.block("docs/operations/runbook.md", "put-secret-value")
    script = documents.for_stack("docs/operations/runbook.md", rotate, stack=stack)
    status, printed, error = stack.emulator.shell(script, typed=f"{SECRET}\n{OLD_SECRET}\n")
    checks.expect("runbook: rotation", (status, error), (0, ""))
    checks.expect("runbook: the dashboard's URL", printed.splitlines()[:1], [stack.outputs["DashboardUrl"]])
    old = sample("payment", **{PAYMENT: str(time.time_ns() // 10**6)})
    accepted = wait_for(lambda: Api(stack).post("/webhooks", old, secret=OLD_SECRET)[0] == 204, REFRESH)
    checks.expect("a webhook with the old secret", accepted, True)


def first_hour(stack, checks):
    """Those commands of the list for a real account that need nothing else."""
    for text, expected in (
        ("RelayStalled", lambda printed: "ALARM" not in printed.replace("ALARMS", "") and "[" in printed),
        ("describe-log-streams", lambda printed: all(re.search(rf"{stack.name}-{name}-\w+ [1-9]", printed) for name in ("WebhookLogs", "RelayLogs"))),
        ("get-account", lambda printed: printed.startswith("arn:")),
    ):
        script = documents.for_stack("docs/operations/cli.md", documents.block("docs/deploy.md", text), stack=stack)
        status, printed, error = stack.emulator.shell(script)
        checks.expect(f"first hour: {text}", (status, error, printed), lambda result: result[:2] == (0, "") and expected(printed))


def outputs(stack, checks):
    """Each output names a resource that exists."""
    emulator, values = stack.emulator, dict(stack.outputs)
    take = lambda name: values.pop(name, None)
    api = Api(stack)
    stages = emulator.client("apigateway").get_stages(restApiId=api.id)["item"]
    checks.expect("WebhookUrl", take("WebhookUrl"), f"https://{api.id}.execute-api.{REGION}.amazonaws.com/{stages[0]['stageName']}/webhooks")
    sqs = emulator.client("sqs")
    arn = lambda url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["QueueArn"]
    checks.expect("QueueUrl", arn(take("QueueUrl")), take("QueueArn"))
    checks.expect("DeadLetterQueueUrl", arn(take("DeadLetterQueueUrl")).endswith(f"{stack.name}-events-dead.fifo"), True)
    checks.expect("ParkedQueueUrl", stack.name in arn(take("ParkedQueueUrl")), True)
    dynamodb, name = emulator.client("dynamodb"), take("TableName")
    table = dynamodb.describe_table(TableName=name)["Table"]
    checks.expect("TableName", (table["DeletionProtectionEnabled"], table["StreamSpecification"]["StreamViewType"]), (True, "NEW_IMAGE"))
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    checks.expect("expiry of events", expiry, {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"})
    recovery = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    checks.expect("recovery", recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"], "ENABLED")
    secrets = emulator.client("secretsmanager")
    checks.expect("SecretArn", secrets.describe_secret(SecretId=values["SecretArn"])["ARN"], take("SecretArn"))
    checks.expect("AlarmTopicArn", emulator.client("sns").get_topic_attributes(TopicArn=values["AlarmTopicArn"])["Attributes"]["TopicArn"], take("AlarmTopicArn"))
    dashboard = urllib.parse.urlsplit(take("DashboardUrl")).fragment.split("/")[-1]
    checks.expect("DashboardUrl", emulator.client("cloudwatch").get_dashboard(DashboardName=dashboard)["DashboardName"], dashboard)
    if "UsersTableName" in values:
        checks.expect("UsersTableName", bool(emulator.client("dynamodb").describe_table(TableName=take("UsersTableName"))), True)
    if "EndpointKeyArn" in values:
        key = secrets.get_secret_value(SecretId=take("EndpointKeyArn"))["SecretString"]
        checks.expect("EndpointKeyArn", re.fullmatch(r"[A-Za-z0-9]{43}", key) is not None, True)
    # Executed by the other functions of this module.
    executed = {"SetSecretCommand", "CliEnvironment"} | ({"UnsignedUrlsCommand"} if stack.parameters.get("UnsignedRoutes") == "on" else set())
    checks.expect("outputs without a check", set(values), executed)


def commands(stack, checks):
    """Each operator command, with the documented environment."""
    done = Round(stack)
    checks.expect("a round before the commands", done.problems(), [])
    subject, event = f"transaction#{done.transaction}", f"transaction#{done.transaction}#payment"
    status, printed, error = stack.emulator.shell(documents.for_stack("docs/operations/cli.md", "export -p", stack=stack))
    checks.expect("docs/operations/cli.md: environment", (status, error), (0, ""))

    def run(command, *expected, status=0):
        result = stack.emulator.shell(f"{printed}\n{CLI} {command}")
        checks.expect(command, result, lambda r: r[0] == status and all(text in r[1] + r[2] for text in expected))

    def queued():
        return [message for message in receive(stack, "QueueUrl") if message["subject"] == subject]

    run(f"show {done.transaction}", event, "grant", "revoke")
    run(f"show --user {USER}", event)
    run(f"log-query --user {USER}", "filter")
    run('drift --table "$TABLE_NAME"', "gift_sent")
    run(f"replay --subject '{subject}' --dry-run", event)
    receive(stack, "QueueUrl")
    run(f"replay --event '{event}' --yes")
    fail_ten_times(stack)
    done.put_unreadable_event(sort_key="unreadable-again")
    wait_for(lambda: length(stack, "ParkedQueueUrl"), PATIENCE)
    run("dlq list", "payment")
    run(f"dlq show '{event}'", "dead letter", "7.99")
    run("dlq redrive --dry-run", event)
    run("dlq redrive --yes", status=3)  # the unreadable event remains
    redriven = [(message["event_id"], message["replay"]) for message in wait_for(queued, PATIENCE)]
    checks.expect("redriven", redriven, [(event, True)])
    run(f"erase --user {USER} --dry-run", event)
    run(f"erase --user {USER} --yes")
    run(f"show {done.transaction} --unredacted", event)


def fail_ten_times(stack):
    """Receives the only message of the queue without deleting it, as a game that fails."""
    for _ in range(12):
        stack.emulator.client("sqs").receive_message(QueueUrl=stack.outputs["QueueUrl"], VisibilityTimeout=0)
    assert length(stack, "DeadLetterQueueUrl") == 1, "the message is no dead letter after ten receipts"


def length(stack, queue):
    attributes = stack.emulator.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=["All"])
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])
