// Receives events from the queue in QUEUE_URL and applies each once.
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Event } from "./event.d.ts"; // npx json-schema-to-typescript shared/message/schema.json event.d.ts

const sqs = new SQSClient();
const QueueUrl = process.env.QUEUE_URL!;
const applied = new Set<string>(); // In a real game: a table, written in the transaction that grants.

function apply(event: Event): void {
  if (event.mode === "sandbox") {
    console.log(`${event.user_id}: test event ${event.event_id}`);
  } else if (event.goods === "grant" && event.type === "order_paid") {
    const items = event.notification.items as { sku: string; type: string; quantity: number }[];
    // The contents of a bundle are separate items: grant these, not the bundle.
    for (const item of items.filter(({ type }) => type !== "bundle")) {
      console.log(`${event.user_id}: grant ${item.quantity} × ${item.sku}`);
    }
  } else {
    console.log(`${event.user_id}: ${event.goods}: ${event.event_id}`);
  }
}

while (true) {
  const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }));
  if (!received.Messages?.length) break; // A real consumer runs forever.
  for (const message of received.Messages) {
    const event: Event = JSON.parse(message.Body!);
    if (!applied.has(event.event_id)) {
      apply(event);
      applied.add(event.event_id);
    }
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
  }
}
