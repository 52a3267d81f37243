"""One round of webhooks through every function of a stack, up to the queue. It needs every grant of the functions."""

import itertools
import json
import time

from checks import wait_for
from xsolla import USER, Api, sample

numbers = itertools.count(time.time_ns() // 10**6 % 10**9 * 1000)
# Seconds for messages to arrive. They need a tenth of one on an idle machine.
PATIENCE = 10


class Round:
    """The webhooks of one round, whose ids no other round has."""

    def __init__(self, stack):
        self.stack, self.api, self.arrived = stack, Api(stack), set()
        self.transaction, self.order, self.payout = (str(next(numbers)) for _ in range(3))
        sale, order = {"2298114507": self.transaction}, {"712051377": self.order, "2298120944": self.transaction}
        subscription = {'"31"': f'"{self.order}"'}
        # Path, body, expected status.
        self.events = [
            ("/webhooks/payment", sample("payment", **sale), 204),
            ("/webhooks/refund", sample("refund", **sale), 204),
            ("/webhooks/partial_refund", sample("partial-refund", **{"2298130071": self.transaction}), 204),
            ("/webhooks/order_paid", sample("order-paid", **order), 200),
            ("/webhooks/order_canceled", sample("order-canceled", **order), 200),
            ("/webhooks/update_subscription", sample("update-subscription", **subscription), 204),
        ]
        self.questions = [
            ("/webhooks/user_validation", sample("user-validation"), 204),
            ("/webhooks", sample("user-validation"), 204),
        ]
        if stack.parameters["UserDirectory"] != "accept-all":
            self.questions.append(("/webhooks", sample("user-search"), 200))

    def problems(self, is_denied=lambda: False):
        """Runs the round. Returns the first problem, or nothing. Waits no longer for messages if a call was denied."""
        started = int(time.time() * 1000)
        self.put_user()
        for path, body, status in self.questions + self.events:
            answer = self.api.post(path, body)
            if answer[0] != status:
                return [f"{path}: {answer}"]
        unsigned = self.unsigned_problems() if "UnsignedUrlsCommand" in self.stack.outputs else []
        if unsigned:
            return unsigned
        self.put_unreadable_event()
        wait_for(lambda: not self.missing() or is_denied(), PATIENCE)
        missing = self.missing() and self.missing_later()
        if missing:
            return [f"not delivered: {sorted(missing)}"]
        found = logs(self.stack, started)
        silent = [name for name, lines in found.items() if not lines]
        if silent:
            return [f"no log lines: {silent}"]
        # A webhook is accepted without this key.
        keyless = [name for name, lines in found.items() if any("pseudonym key failed" in line for line in lines)]
        return [f"no key for the users in the log: {keyless}"] if keyless else []

    def unsigned_problems(self):
        secret = self.stack.resources()["UnsignedPathKey"]
        key = self.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        body = sample("unsigned", **{"8841": self.payout})
        found = json.dumps({"user": {"id": USER}, "settings": {"project_id": 1}}).encode()
        for route, body in (("payout", body), ("user-validation", found)):
            answer = self.api.call("POST", f"/unsigned/{key}/{route}", body)
            if answer[0] != 200:
                return [f"unsigned/{route}: {answer}"]
        return []

    def put_user(self):
        if "UsersTableName" in self.stack.outputs:
            user = {"user_id": USER, "public_id": "mira.holm@example.com", "name": "Mira"}
            item = {name: {"S": value} for name, value in user.items()}
            self.client("dynamodb").put_item(TableName=self.stack.outputs["UsersTableName"], Item=item)

    def put_unreadable_event(self, sort_key="unreadable"):
        """Puts an event into the table that no message can contain, so that the relay parks it."""
        values = {"pk": f"transaction#{self.transaction}", "sk": sort_key, "kind": "event", "type": "payment", "mode": "live"}
        item = {name: {"S": value} for name, value in values.items()}
        item |= {"body": {"B": b"no JSON"}, "identified": {"BOOL": True}, "received_at": {"S": "2026-11-22T00:31:07.042Z"}}
        self.client("dynamodb").put_item(TableName=self.stack.outputs["TableName"], Item=item)

    def missing(self):
        """What has not arrived: types of events, and the note about the unreadable one."""
        expected = {path.removeprefix("/webhooks/") for path, _, _ in self.events} | {"parked"}
        if "UnsignedUrlsCommand" in self.stack.outputs:
            expected.add("payout")
        for message in receive(self.stack, "QueueUrl"):
            if any(number in message["event_id"] for number in (self.transaction, self.order, self.payout)):
                self.arrived.add(message["type"])
        if any(self.transaction in json.dumps(note) for note in receive(self.stack, "ParkedQueueUrl")):
            self.arrived.add("parked")
        return expected - self.arrived

    def missing_later(self):
        """What is still missing after the relay has had time to finish a batch."""
        time.sleep(0.5)
        return self.missing()

    def client(self, service):
        return self.stack.emulator.client(service)


def receive(stack, queue):
    """Receives and deletes all messages of a queue, given by its output."""
    sqs, url = stack.emulator.client("sqs"), stack.outputs[queue]
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            bodies.append(json.loads(message["Body"]))
    return bodies


def logs(stack, since=0):
    """The lines of each function since a time in milliseconds, by the logical id of its log group."""
    client, lines = stack.emulator.client("logs"), {}
    for name, group in stack.resources().items():
        if not name.endswith("Logs") or name == "ApiLogs":
            continue
        lines[name] = []
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since):
            lines[name] += [event["message"] for event in page["events"]]
    return lines
