// Typical Node.js implementation of the webhook function. Powertools makes storing and queueing idempotent.

import { createHash, timingSafeEqual } from 'node:crypto';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';

const { TABLE_NAME: TableName, QUEUE_URL: QueueUrl, XSOLLA_SECRET: secret } = process.env;
const { IDEMPOTENCY_TABLE: tableName } = process.env;

const client = new DynamoDBClient();
const dynamodb = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
const sqs = new SQSClient();
// Xsolla retries for two days.
const config = new IdempotencyConfig({ expiresAfterSeconds: 3 * 24 * 60 * 60 });

/** Runs once per event id: Powertools hashes the first argument. */
const storeAndQueueOnce = makeIdempotent(
  async (eventId, type, subject, MessageBody, { user, order }) => {
    const Item = {
      pk: subject,
      sk: type,
      type,
      user_id: user?.id?.toString(),
      order_id: order?.id?.toString(),
      received_at: new Date().toISOString(),
      body: MessageBody,
    };
    await dynamodb.send(new PutCommand({ TableName, Item }));
    await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody,
        MessageGroupId: subject,
        MessageDeduplicationId: eventId,
        MessageAttributes: { type: { DataType: 'String', StringValue: type } },
      }),
    );
    return true;
  },
  { persistenceStore: new DynamoDBPersistenceLayer({ tableName, awsSdkV3Client: client }), config },
);

const SIGNATURE = /^Signature ([0-9a-f]{40})$/;

function signed(headers, body) {
  const given = SIGNATURE.exec(headers?.Authorization ?? headers?.authorization ?? '');
  if (!given) return false;
  const expected = createHash('sha1').update(body).update(secret).digest();
  return timingSafeEqual(expected, Buffer.from(given[1], 'hex'));
}

function read(body) {
  try {
    const notification = JSON.parse(body);
    return typeof notification?.notification_type === 'string' ? notification : undefined;
  } catch {
    return undefined;
  }
}

/** The sale, else the digest of the body. */
function subjectOf({ transaction, order }, body) {
  const transactionId = transaction?.id ?? order?.invoice_id;
  if (transactionId != null) return `transaction#${transactionId}`;
  if (order?.id != null) return `order#${order.id}`;
  return `body#${createHash('sha256').update(body).digest('hex')}`;
}

const ORDERS = new Set(['order_paid', 'order_canceled']);

const success = (type) => ({ statusCode: ORDERS.has(type) ? 200 : 204, body: '' });

const failure = (statusCode, code, message) => ({
  statusCode,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ error: { code, message } }),
});

async function receive(event, body) {
  if (!signed(event.headers, body)) {
    return { outcome: 'invalid_signature', answer: failure(400, 'INVALID_SIGNATURE', 'Invalid signature') };
  }
  const text = body.toString('utf8');
  const notification = read(text);
  if (!notification) {
    return { outcome: 'unreadable', answer: failure(400, 'INVALID_PARAMETER', 'Not a webhook') };
  }
  const type = notification.notification_type;
  if (type === 'user_validation') return { outcome: 'user_found', type, answer: success(type) };
  const subject = subjectOf(notification, body);
  const eventId = `${subject}#${type}`;
  try {
    await storeAndQueueOnce(eventId, type, subject, text, notification);
    return { outcome: 'accepted', type, eventId, answer: success(type) };
  } catch (error) {
    const answer = failure(500, 'SERVER_ERROR', 'Temporary error, try again');
    return { outcome: 'failed', type, eventId, error: error.name, answer };
  }
}

export async function handler(event, context) {
  const started = performance.now();
  config.registerLambdaContext(context);
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  const { answer, ...result } = await receive(event, body);
  const line = { timestamp: new Date().toISOString(), level: 'INFO', message: 'webhook', ...result };
  line.status = answer.statusCode;
  line.duration_ms = performance.now() - started;
  line.request_id = context.awsRequestId;
  console.log(JSON.stringify(line));
  return answer;
}
