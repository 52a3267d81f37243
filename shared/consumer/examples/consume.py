"""Receives events from the queue in QUEUE_URL and applies each once."""

import json, os, sqlite3
import boto3

sqs, queue = boto3.client("sqs"), os.environ["QUEUE_URL"]
game = sqlite3.connect("game.db")
game.execute("CREATE TABLE IF NOT EXISTS applied (event_id TEXT PRIMARY KEY)")


def apply(event):
    user, order = event["user_id"], event["notification"]
    if event["mode"] == "sandbox":
        print(f"{user}: test event {event['event_id']}")
    elif event["goods"] == "grant" and event["type"] == "order_paid":
        for item in order["items"]:
            if item["type"] != "bundle":  # The bundle's contents are separate items.
                print(f"{user}: grant {item['quantity']} × {item['sku']}")
    else:
        print(f"{user}: {event['goods']}: {event['event_id']}")


# Ends when the queue is empty. A real consumer runs forever.
while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages"):
    for message in messages:
        event = json.loads(message["Body"])
        with game:  # One transaction: grants and stores the event id, or neither.
            new = game.execute("INSERT OR IGNORE INTO applied VALUES (?)", [event["event_id"]]).rowcount
            if new:
                apply(event)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
