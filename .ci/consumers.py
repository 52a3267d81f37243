"""Runs the example consumers against the emulator, with retries, double payments, gifts and hostile messages."""

import hashlib
import http.server
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

import boto3

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = ROOT / "shared/consumer/examples"
SCRATCH = ROOT / "target/consumers"
SAMPLE = (ROOT / "shared/xsolla/samples/order_paid-v2.json").read_bytes()
# The commands for TypeScript, as printed.
TYPESCRIPT = re.search(r"```sh\n(npm install.*?)```", (ROOT / "docs/consuming-events.md").read_text(), re.DOTALL)[1]
SECRET = b"test_secret"
QUEUE = "http://127.0.0.1:7702/000000000000/events.fifo"
ENVIRONMENT = os.environ | {
    "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:7702",
    "QUEUE_URL": QUEUE,
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}
DIGITS = "7" * 5000
NESTED = "[" * 5000 + "]" * 5000
# Items that no program can grant.
HOSTILE_ITEMS = {
    "no quantity": '{"sku": "SKU", "type": "virtual_good"}',
    "no type": '{"sku": "SKU", "quantity": 1}',
    "no SKU": '{"type": "virtual_good", "quantity": 1}',
    "part of a unit": '{"sku": "SKU", "type": "virtual_good", "quantity": 1.5}',
    "half an emoji": r'{"sku": "SKU\ud83d", "type": "virtual_good", "quantity": 1}',
    "not an object": '"SKU"',
}
# Fields that a program need not read.
ODD_FIELDS = {"half an emoji elsewhere": r'"\ud83d"'}
# Fields that a JSON parser may reject: the relay parks these events.
PARKED_FIELDS = [DIGITS, NESTED]
# Bodies that are not messages of the relay.
HOSTILE_MESSAGES = {"not JSON": "{", "null": "null", "list": "[]", "only nested": NESTED, "no fields": "{}"}


class Case:
    """One program's messages and what it must print."""

    def __init__(self, queue):
        self.queue = queue
        self.lines = {}  # Text of a line, and how often it must occur.
        self.set_aside = {}  # Group, and the name of its fault.
        self.either = {}  # Group: the line, or set aside.

    def new_ids(self):
        """Returns ids that no other run has used: a transaction, an order, a SKU."""
        return secrets.randbelow(10**12), secrets.randbelow(10**9), f"sku-{secrets.token_hex(6)}"

    def deliver(self):
        """Sends a signed webhook for each notification of Xsolla."""
        transaction, order, _ = self.new_ids()
        sample = SAMPLE.replace(b"712071840", b"%d" % order).replace(b"2298155610", b"%d" % transaction)
        sample = sample.replace(b"isle-7044", b"user-%d" % order)
        webhook(sample)
        webhook(sample)
        self.lines[f"user-{order}: grant 1500 × isle-pearls"] = 1
        self.lines[f"user-{order}: grant 1 × starter-crate"] = 0  # Its contents are granted.

        for name, item in HOSTILE_ITEMS.items():
            transaction, order, sku = self.new_ids()
            webhook(notification("order_paid", transaction, order, item.replace("SKU", sku)))
            webhook(notification("order_canceled", transaction, order, good_item(sku)))
            self.set_aside[f"transaction#{transaction}"] = name
            self.lines[f"user-{order}: grant 1 × {sku}"] = 0
            self.lines[f"user-{order}: revoke 1 × {sku}"] = 0

        for name, value in ODD_FIELDS.items():
            transaction, order, sku = self.new_ids()
            webhook(notification("order_paid", transaction, order, good_item(sku), value))
            self.either[f"transaction#{transaction}"] = (name, f"user-{order}: grant 1 × {sku}")

        for value in PARKED_FIELDS:
            transaction, order, sku = self.new_ids()
            webhook(notification("order_paid", transaction, order, good_item(sku), value))
            self.lines[f"user-{order}: grant 1 × {sku}"] = 0

        for name, item, granted in [
            ("quantity 3.0", '{"sku": "SKU", "type": "virtual_good", "quantity": 3.0}', 3),
            ("bundle without contents", '{"sku": "SKU", "type": "bundle", "quantity": 1}', 1),
        ]:
            transaction, order, sku = self.new_ids()
            webhook(notification("order_paid", transaction, order, item.replace("SKU", sku)))
            self.lines[f"user-{order}: grant {granted} × {sku}"] = 1

    def enqueue(self):
        """Sends what the relay sends seldom: two payments in the same second, a gift, a late grant, an odd message."""
        first, order, sku = self.new_ids()
        for transaction in (first, first + 1):
            self.message(transaction, order, sku, "grant")
            self.message(transaction, order, sku, "grant")
            self.lines[f"transaction#{transaction}#order_paid#{order}: skipped, already applied"] = 1
        self.lines[f"user-{order}: grant 1 × {sku}"] = 1

        transaction, order, sku = self.new_ids()
        self.message(transaction, order, sku, "revoke")
        self.message(transaction, order, sku, "grant")
        self.lines[f"user-{order}: grant 1 × {sku}"] = 0
        self.lines[f"user-{order}: revoke 1 × {sku}"] = 0

        transaction, order, sku = self.new_ids()
        self.message(transaction, order, sku, "grant", recipient="friend")
        self.message(transaction, order, sku, "revoke", recipient=f"user-{order}")
        self.lines[f"friend: grant 1 × {sku}"] = 1
        self.lines[f"friend: revoke 1 × {sku}"] = 1

        # Paid again after the revocation. One group, since the order of groups is not defined.
        first, order, sku = self.new_ids()
        for transaction, goods in [(first, "grant"), (first, "revoke"), (first + 1, "grant"), (first, "grant")]:
            self.message(transaction, order, sku, goods, group=f"order#{order}")
        self.lines[f"user-{order}: grant 1 × {sku}"] = 2
        self.lines[f"user-{order}: revoke 1 × {sku}"] = 1

        transaction, order, sku = self.new_ids()
        self.message(transaction, order, sku, "grant", recipient=None)
        self.set_aside[f"transaction#{transaction}"] = "gift to an e-mail address"

        for name, body in HOSTILE_MESSAGES.items():
            transaction, order, sku = self.new_ids()
            group = f"transaction#{transaction}"
            self.queue.send_message(
                QueueUrl=QUEUE, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=secrets.token_hex(16)
            )
            self.message(transaction, order, sku, "grant")
            self.set_aside[group] = name
            self.lines[f"user-{order}: grant 1 × {sku}"] = 0

    def message(self, transaction, order, sku, goods, **changes):
        event = message(transaction, order, sku, goods, changes.get("recipient", f"user-{order}"))
        self.queue.send_message(
            QueueUrl=QUEUE,
            MessageBody=json.dumps(event),
            MessageGroupId=changes.get("group", event["subject"]),
            MessageDeduplicationId=secrets.token_hex(16),
        )

    def check(self, output):
        lines = output.splitlines()
        for line, count in self.lines.items():
            assert lines.count(line) == count, f"expected {count} times: {line}"
        for group, name in self.set_aside.items():
            assert is_set_aside(group, lines), f"not set aside: {group}, {name}"
        for group, (name, line) in self.either.items():
            granted = lines.count(line)
            assert granted <= 1 and is_set_aside(group, lines) == (granted == 0), f"{group}, {name}"
        assert "@example.com" not in output and DIGITS[:100] not in output and "[[[" not in output, "content of a body"


class BatchQueue(http.server.BaseHTTPRequestHandler):
    """A queue with one batch. Unlike the emulator, and like SQS, it puts several messages of a group into it."""

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {}
        if self.headers["X-Amz-Target"] == "AmazonSQS.ReceiveMessage":
            answer = {"Messages": self.server.batch} if self.server.batch else {}
            self.server.batch = []
        else:
            self.server.deleted.append(request["ReceiptHandle"])
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def check_order_of_group(name, command, directory):
    """Checks that a group stops at its odd message, while the other group continues."""
    ids = [secrets.randbelow(10**12) for _ in range(3)]
    good = [json.dumps(message(number, number, f"sku-{number}", "grant", f"user-{number}")) for number in ids]
    batch = [("a", good[0]), ("a", "{"), ("b", good[1]), ("a", good[2]), ("b", good[1])]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), BatchQueue)
    server.deleted = []
    server.batch = [
        {
            "MessageId": str(index),
            "ReceiptHandle": str(index),
            "MD5OfBody": hashlib.md5(body.encode()).hexdigest(),
            "Body": body,
            "Attributes": {"MessageGroupId": group},
        }
        for index, (group, body) in enumerate(batch)
    ]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    environment = ENVIRONMENT | {"AWS_ENDPOINT_URL_SQS": endpoint, "QUEUE_URL": f"{endpoint}/0/events.fifo"}
    output = subprocess.run(
        command, cwd=directory, env=environment, check=True, timeout=120, stdout=subprocess.PIPE, text=True
    ).stdout
    server.shutdown()
    assert server.deleted == ["0", "2", "4"], f"{name}: deleted {server.deleted}"
    assert output.count(": grant 1 × ") == 2 and output.count("a: message set aside: ") == 1, output


def message(transaction, order, sku, goods, recipient):
    """Returns a message as the relay writes it."""
    kind = "order_paid" if goods == "grant" else "order_canceled"
    return {
        "event_id": f"transaction#{transaction}#{kind}#{order}",
        "type": kind,
        "goods": goods,
        "goods_reason": None,
        "subject": f"transaction#{transaction}",
        "order_id": str(order),
        "user_id": f"user-{order}",
        "recipient_user_id": recipient,
        "project_id": None,
        "mode": "live",
        "identified": True,
        "deprecated": False,
        "replay": False,
        "received_at": "2026-11-22T00:31:07.042Z",
        "item_roles": ["standalone"],
        "notification": json.loads(notification(kind, transaction, order, good_item(sku))),
    }


def is_set_aside(group, lines):
    return any(line.startswith(f"{group}: message set aside: ") and len(line) < 200 for line in lines)


def good_item(sku):
    return f'{{"sku": "{sku}", "type": "virtual_good", "quantity": 1}}'


def notification(kind, transaction, order, item, odd_field="null"):
    return (
        f'{{"notification_type": "{kind}", "items": [{item}], "odd_field": {odd_field}, "order": {{"id": {order}, '
        f'"mode": "default", "currency_type": "real", "invoice_id": "{transaction}"}}, '
        f'"user": {{"external_id": "user-{order}", "email": "anke@example.com"}}}}'
    ).encode()


def webhook(body):
    signature = hashlib.sha1(body + SECRET).hexdigest()
    request = urllib.request.Request(
        "http://127.0.0.1:7700/webhooks", body, {"Authorization": f"Signature {signature}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200, answer.status


def wait_until_open(server):
    for _ in range(120):
        assert server.poll() is None, "the emulator has exited"
        try:
            urllib.request.urlopen("http://127.0.0.1:7700/", timeout=10)
            return
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the emulator did not open its port within a minute")


def run(name, queue, command, directory=ROOT):
    case = Case(queue)
    case.deliver()
    case.enqueue()
    output = subprocess.run(
        command, cwd=directory, env=ENVIRONMENT, check=True, timeout=240, stdout=subprocess.PIPE, text=True
    ).stdout
    print(f"{name}:\n{output}", flush=True)
    case.check(output)
    check_order_of_group(name, command, directory)


def typed_notifications():
    """Returns a TypeScript program that compiles only if every notification has a type with typed fields."""
    schema = json.loads((ROOT / "shared/message/schema.json").read_text())
    cases = [case["then"]["properties"]["notification"]["$ref"] for case in schema["allOf"]]
    names = sorted({reference.rpartition("/")[2] for reference in cases})
    lines = [f'import type {{ {", ".join(names)} }} from "./event.d.ts";']
    for name in names:
        # Not `any`, which accepts a number.
        lines += ["// @ts-expect-error", f"export const not{name}: {name} = 7;"]
    lines += ["// @ts-expect-error", 'export const items: OrderPaid = { items: 7, order: {}, user: {} };']
    return "\n".join(lines)


def main(python, npm):
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    server = subprocess.Popen([ROOT / "target/debug/xsolla-webhooks", "local", "--quiet"])
    try:
        wait_until_open(server)
        os.environ.update(ENVIRONMENT)
        queue = boto3.client("sqs")
        rust = ["cargo", "run", "--quiet", "-p", "consumer", "--example", "consume"]
        subprocess.run(["cargo", "build", *rust[2:]], cwd=ROOT, check=True)
        run("Rust", queue, rust)
        run("Python", queue, [python, EXAMPLES / "consume.py"], SCRATCH)
        shutil.copy(EXAMPLES / "consume.ts", SCRATCH)
        shutil.copy(ROOT / "shared/message/schema.json", SCRATCH)
        *setup, program = TYPESCRIPT.strip().splitlines()
        for line in setup:
            subprocess.run(line.split(), cwd=SCRATCH, check=True)
        types = ["@types/node@22", "typescript@5"]
        subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", *types], cwd=SCRATCH, check=True)
        flags = "--noEmit --strict --module nodenext --target es2022 --allowImportingTsExtensions --skipLibCheck"
        (SCRATCH / "notifications.ts").write_text(typed_notifications())
        programs = ["consume.ts", "notifications.ts"]
        subprocess.run(["npx", "tsc", *flags.split(), "--types", "node", *programs], cwd=SCRATCH, check=True)
        run("TypeScript", queue, program.split(), SCRATCH)
    finally:
        server.terminate()
        server.wait()


main(*sys.argv[1:])
