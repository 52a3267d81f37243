"""Receives events from the queue in QUEUE_URL. Applies each event once and grants each order once."""

import json, os, sqlite3
import boto3

sqs, queue = boto3.client("sqs"), os.environ["QUEUE_URL"]
game = sqlite3.connect("game.db")
game.executescript("""
    CREATE TABLE IF NOT EXISTS applied (event_id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS granted (order_id TEXT PRIMARY KEY, user TEXT);
    CREATE TABLE IF NOT EXISTS revoked (sale TEXT PRIMARY KEY);
""")


class OddMessage(Exception):
    """A person must look at the message."""


def lines(event):
    """Returns what an order contains: quantity and SKU of each line."""
    result, next_roles = [], event["item_roles"][1:] + ["standalone"]
    for item, next_role in zip(event["notification"]["items"], next_roles, strict=True):
        kind, sku, quantity = item.get("type"), item.get("sku"), item.get("quantity")
        if not isinstance(kind, str) or not isinstance(sku, str):
            raise OddMessage("an item has no type or SKU")
        if type(quantity) not in (int, float) or not 1 <= quantity < 2**53 or quantity % 1:
            raise OddMessage("an item has no valid quantity")
        sku.encode()  # Fails for half a surrogate pair.
        # The contents of a bundle are the next items. If there are none, grant them from the game's catalog.
        if kind != "bundle" or next_role == "standalone":
            result.append(f"{int(quantity)} × {sku}")
    return result


def order_user(event, user):
    """Stores the effect on the order. Returns the user who gets or loses it; None if there is nothing to do."""
    order = f"{event['mode']} {event['order_id']}"
    # The sale is the first two parts of the event id. Every order_paid of an order has the same "subject".
    sale = f"{event['mode']} {'#'.join(event['event_id'].split('#')[:2])}"
    if event["goods"] == "grant":
        if game.execute("SELECT 1 FROM revoked WHERE sale = ?", [sale]).fetchone():
            return None
        return user if game.execute("INSERT OR IGNORE INTO granted VALUES (?, ?)", [order, user]).rowcount else None
    game.execute("INSERT OR IGNORE INTO revoked VALUES (?)", [sale])
    granted = game.execute("SELECT user FROM granted WHERE order_id = ?", [order]).fetchone()
    game.execute("DELETE FROM granted WHERE order_id = ?", [order])
    return granted[0] if granted else None


def apply(event):
    goods, user, event_id = event["goods"], event["recipient_user_id"], event["event_id"]
    if goods not in ("grant", "revoke") or event["mode"] == "sandbox":
        reason = f" ({event['goods_reason']})" if event["goods_reason"] else ""
        print(f"{event_id}: {event['mode']} {goods}{reason}")
        return
    if goods == "grant" and user is None:
        raise OddMessage("no user id of the recipient")
    contents = lines(event) if event["type"] in ("order_paid", "order_canceled") else [event_id]
    if event["order_id"] is not None:
        user = order_user(event, user)
        if user is None:
            print(f"{event_id}: {goods} skipped, the order is already granted or revoked")
            return
    for line in contents:
        print(f"{user}: {goods} {line}")


def receive():
    attributes = ["MessageGroupId"]
    return sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5, MessageSystemAttributeNames=attributes
    ).get("Messages")


# Ends when the queue is empty. A real consumer runs forever.
while messages := receive():
    stopped = set()
    for message in messages:
        group = message["Attributes"]["MessageGroupId"]
        if group in stopped:  # In order: an earlier message of the group failed.
            continue
        try:
            event = json.loads(message["Body"])
            with game:  # One transaction: grants and stores the event id, or neither.
                if game.execute("INSERT OR IGNORE INTO applied VALUES (?)", [event["event_id"]]).rowcount:
                    apply(event)
                else:
                    print(f"{event['event_id']}: skipped, already applied")
        except Exception as error:
            # Not deleted: SQS retries it, and moves it to the dead-letter queue after ten deliveries.
            stopped.add(group)
            fault = error if isinstance(error, OddMessage) else f"unexpected {type(error).__name__}"
            print(f"{group}: message set aside: {fault}")
        else:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
