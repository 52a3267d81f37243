// Receives events from the queue in QUEUE_URL. Applies each event once and grants each order once.
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Event } from "./event.d.ts"; // npx json-schema-to-typescript --unreachableDefinitions schema.json event.d.ts

const sqs = new SQSClient();
const QueueUrl = process.env.QUEUE_URL!;
// In a real game: tables, written in the transaction that grants.
const applied = new Set<string>(); // Event ids.
const granted = new Map<string, string>(); // Users who have an order.
const revoked = new Set<string>(); // Sales.

/** A person must look at the message. */
class OddMessage extends Error {}

/** Returns what an order contains: quantity and SKU of each line. */
function lines(event: Event): string[] {
  const items = event.notification.items as { type?: unknown; sku?: unknown; quantity?: unknown }[];
  return items.flatMap(({ type, sku, quantity }, index) => {
    if (typeof type !== "string" || typeof sku !== "string") throw new OddMessage("an item has no type or SKU");
    if (/\p{Surrogate}/u.test(sku)) throw new OddMessage("a SKU has half a surrogate pair");
    if (!Number.isSafeInteger(quantity) || (quantity as number) < 1) {
      throw new OddMessage("an item has no valid quantity");
    }
    // The contents of a bundle are the next items. If there are none, grant them from the game's catalog.
    const nextRole = event.item_roles![index + 1] ?? "standalone";
    return type === "bundle" && nextRole !== "standalone" ? [] : [`${quantity} × ${sku}`];
  });
}

/** Stores the effect on the order. Returns the user who gets or loses it; undefined if there is nothing to do. */
function orderUser(event: Event, user: string | null): string | null | undefined {
  const order = `${event.mode} ${event.order_id}`;
  // The sale is the first two parts of the event id. Every order_paid of an order has the same "subject".
  const sale = `${event.mode} ${event.event_id.split("#", 2).join("#")}`;
  if (event.goods === "grant") {
    if (granted.has(order) || revoked.has(sale)) return undefined;
    granted.set(order, user!);
    return user;
  }
  revoked.add(sale);
  const owner = granted.get(order);
  granted.delete(order);
  return owner;
}

function apply(event: Event): void {
  const { goods, event_id, type } = event;
  let user: string | null | undefined = event.recipient_user_id;
  if ((goods !== "grant" && goods !== "revoke") || event.mode === "sandbox") {
    const reason = event.goods_reason ? ` (${event.goods_reason})` : "";
    console.log(`${event_id}: ${event.mode} ${goods}${reason}`);
    return;
  }
  if (goods === "grant" && user == null) throw new OddMessage("no user id of the recipient");
  const contents = type === "order_paid" || type === "order_canceled" ? lines(event) : [event_id];
  if (event.order_id !== null) {
    user = orderUser(event, user);
    if (user === undefined) {
      console.log(`${event_id}: ${goods} skipped, the order is already granted or revoked`);
      return;
    }
  }
  for (const line of contents) console.log(`${user}: ${goods} ${line}`);
}

async function main(): Promise<void> {
  while (true) {
    const received = await sqs.send(new ReceiveMessageCommand({
      QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5, MessageSystemAttributeNames: ["MessageGroupId"],
    }));
    if (!received.Messages?.length) return; // A real consumer runs forever.
    const stopped = new Set<string>();
    for (const message of received.Messages) {
      const group = message.Attributes!.MessageGroupId!;
      if (stopped.has(group)) continue; // In order: an earlier message of the group failed.
      try {
        const event: Event = JSON.parse(message.Body!);
        if (typeof event.event_id !== "string") throw new OddMessage("not an event");
        if (applied.has(event.event_id)) console.log(`${event.event_id}: skipped, already applied`);
        else apply(event);
        applied.add(event.event_id);
      } catch (error) {
        // Not deleted: SQS retries it, and moves it to the dead-letter queue after ten deliveries.
        stopped.add(group);
        const fault = error instanceof OddMessage ? error.message : `unexpected ${(error as Error).name}`;
        console.log(`${group}: message set aside: ${fault}`);
        continue;
      }
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    }
  }
}

main();
