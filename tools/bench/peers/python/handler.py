"""Typical Python implementation of the webhook function. Powertools makes storing and queueing idempotent."""

import base64
import hashlib
import hmac
import json
import os
import time
from datetime import datetime, timezone

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

QUEUE_URL = os.environ["QUEUE_URL"]
TABLE_NAME = os.environ["TABLE_NAME"]
SECRET = os.environ["XSOLLA_SECRET"].encode()
ORDERS = {"order_paid", "order_canceled"}

dynamodb = boto3.client("dynamodb")
sqs = boto3.client("sqs")
store = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"], boto3_client=dynamodb)
# Xsolla retries for two days.
config = IdempotencyConfig(expires_after_seconds=3 * 24 * 60 * 60)


@idempotent_function(data_keyword_argument="event_id", persistence_store=store, config=config)
def store_and_queue_once(event_id, notification_type, subject, body, notification):
    """Runs once per event id: Powertools hashes that argument only."""
    item = {
        "pk": {"S": subject},
        "sk": {"S": notification_type},
        "type": {"S": notification_type},
        "received_at": {"S": datetime.now(timezone.utc).isoformat()},
        "body": {"S": body},
    }
    for name in ("user", "order"):
        if identifier := (notification.get(name) or {}).get("id"):
            item[f"{name}_id"] = {"S": str(identifier)}
    dynamodb.put_item(TableName=TABLE_NAME, Item=item)
    sqs.send_message(
        QueueUrl=QUEUE_URL,
        MessageBody=body,
        MessageGroupId=subject,
        MessageDeduplicationId=event_id,
        MessageAttributes={"type": {"DataType": "String", "StringValue": notification_type}},
    )
    return True


def signed(headers, body):
    given = headers.get("Authorization") or headers.get("authorization") or ""
    expected = "Signature " + hashlib.sha1(body + SECRET).hexdigest()
    return hmac.compare_digest(given.encode(), expected.encode())


def read(body):
    try:
        notification = json.loads(body)
    except ValueError:
        return None
    if isinstance(notification, dict) and isinstance(notification.get("notification_type"), str):
        return notification
    return None


def subject_of(notification, body):
    """The sale, else the digest of the body."""
    transaction, order = notification.get("transaction") or {}, notification.get("order") or {}
    transaction_id = transaction.get("id") or order.get("invoice_id")
    if transaction_id is not None:
        return f"transaction#{transaction_id}"
    if order.get("id") is not None:
        return f"order#{order['id']}"
    return f"body#{hashlib.sha256(body).hexdigest()}"


def success(notification_type):
    return {"statusCode": 200 if notification_type in ORDERS else 204, "body": ""}


def failure(status, code, message):
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"error": {"code": code, "message": message}}),
    }


def receive(event, body):
    if not signed(event.get("headers") or {}, body):
        return {"outcome": "invalid_signature"}, failure(400, "INVALID_SIGNATURE", "Invalid signature")
    notification = read(body)
    if notification is None:
        return {"outcome": "unreadable"}, failure(400, "INVALID_PARAMETER", "Not a webhook")
    notification_type = notification["notification_type"]
    result = {"outcome": "accepted", "type": notification_type}
    if notification_type == "user_validation":
        return result | {"outcome": "user_found"}, success(notification_type)
    subject = subject_of(notification, body)
    result["event_id"] = event_id = f"{subject}#{notification_type}"
    try:
        store_and_queue_once(
            event_id=event_id,
            notification_type=notification_type,
            subject=subject,
            body=body.decode(),
            notification=notification,
        )
    except Exception as error:  # any failure: Xsolla retries
        result |= {"outcome": "failed", "error": type(error).__name__}
        return result, failure(500, "SERVER_ERROR", "Temporary error, try again")
    return result, success(notification_type)


def handler(event, context):
    started = time.perf_counter()
    config.register_lambda_context(context)
    body = event.get("body") or ""
    body = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    result, answer = receive(event, body)
    line = {"timestamp": datetime.now(timezone.utc).isoformat(), "level": "INFO", "message": "webhook"} | result
    line["status"] = answer["statusCode"]
    line["duration_ms"] = 1000 * (time.perf_counter() - started)
    line["request_id"] = context.aws_request_id
    print(json.dumps(line))
    return answer
