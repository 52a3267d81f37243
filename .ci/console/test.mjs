// Tests the web console in Chromium. Starts `local` on free ports, and stops it at the end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const root = path.resolve(import.meta.dirname, '../..');
const output = path.join(root, 'target/console');
const { chromium } = createRequire(path.join(output, 'package.json'))('playwright-core');

const SECRET = 'secret of the browser test';
const XSS = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"\'`${window.hacked=1}';

/** Starts `local`. Returns the process and the page's address. */
async function startLocal() {
  const options = ['local', '--port', '0', '--dynamodb-port', '0', '--sqs-port', '0', '--secret', SECRET];
  const local = spawn(path.join(root, 'target/debug/xsolla-webhooks'), options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const addresses = {};
  for await (const line of createInterface({ input: local.stdout })) {
    const [, name, address] = line.match(/^\s*(Console|DynamoDB|SQS|Queue)\s+(http:[^\s,]+)/) ?? [];
    if (name) addresses[name] = address;
    if (line.includes('Press Ctrl-C')) break;
  }
  assert.deepEqual(Object.keys(addresses), ['Console', 'DynamoDB', 'SQS', 'Queue'], '`local` prints its addresses');
  local.stdout.resume();
  return { local, addresses };
}

/** Calls the embedded SQS, as the game does. */
async function sqs(operation, parameters) {
  const headers = { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': `AmazonSQS.${operation}` };
  const body = JSON.stringify({ QueueUrl: addresses.Queue, ...parameters });
  const response = await fetch(addresses.SQS, { method: 'POST', headers, body });
  return response.json();
}

/** Starts `console` for the stack at these addresses, as for a deployed one. Returns the process and the page's address. */
async function startConsole() {
  const environment = {
    ...process.env, AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', TABLE_NAME: 'events',
    AWS_ENDPOINT_URL_DYNAMODB: addresses.DynamoDB, AWS_ENDPOINT_URL_SQS: addresses.SQS, QUEUE_URL: addresses.Queue,
    DEAD_LETTER_QUEUE_URL: addresses.Queue.replace('events.fifo', 'events-dead-letters.fifo'),
    PARKED_QUEUE_URL: addresses.Queue.replace('events.fifo', 'parked'),
  };
  const readOnly = spawn(path.join(root, 'target/debug/xsolla-webhooks'), ['console', '--port', '0'], {
    env: environment, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: readOnly.stdout }), 'line');
  return { readOnly, readOnlyAddress: line.match(/http:\S+/)[0] };
}

async function webhook(address, notification, secret = SECRET) {
  const body = typeof notification === 'string' ? notification : JSON.stringify(notification);
  const signature = createHash('sha1').update(body + secret).digest('hex');
  const response = await fetch(`${address}webhooks`, { method: 'POST', body, headers: { Authorization: `Signature ${signature}` } });
  return response.status;
}

const { local, addresses } = await startLocal();
const address = addresses.Console;
const profile = mkdtempSync(path.join(tmpdir(), 'console-'));
let context;
const problems = [];
const pages = [address];
let consoleProcess;
try {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium',
    viewport: { width: 1280, height: 800 },
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(15_000);
  page.on('console', (message) => message.type() === 'error' && problems.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(`page: ${error.message}`));
  page.on('request', (request) => {
    if (!pages.some((known) => request.url().startsWith(known)) && !request.url().startsWith('data:')) problems.push(`request to ${request.url()}`);
  });
  const open = (hash) => page.evaluate((to) => new Promise((resolve) => {
    if (location.hash === to) resolve();
    // The page's own listener comes first.
    window.addEventListener('hashchange', resolve, { once: true });
    location.hash = to;
  }), hash);
  const step = async (name, run) => {
    await run();
    assert.deepEqual(problems, [], name);
    assert.equal(await page.evaluate(() => window.hacked), undefined, `${name}: injected code ran`);
    console.log(`ok: ${name}`);
  };

  await step('the list shows the demonstration', async () => {
    await page.goto(address);
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 12);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByText('partial revoke').first().waitFor();
  });

  await step('a webhook appears while the page is open', async () => {
    const body = '{"notification_type":"payment","transaction":{"id":900719925474099312345},"user":{"id":"mira"},"amount":1.10}';
    assert.equal(await webhook(address, body), 204);
    await page.locator('tbody tr').nth(12).waitFor();
    await page.locator('tbody tr').first().getByText('In queue').waitFor();
  });

  await step('the queue state follows the game', async () => {
    const { Messages: messages } = await sqs('ReceiveMessage', { MaxNumberOfMessages: 4 });
    await page.getByText('Received', { exact: true }).nth(3).waitFor();
    for (const { ReceiptHandle } of messages.slice(0, 3)) await sqs('DeleteMessage', { ReceiptHandle });
    await page.getByText('Processed', { exact: true }).nth(2).waitFor();
    await page.screenshot({ path: path.join(output, 'light.png') });
  });

  await step('a dead letter is listed and redriven', async () => {
    const queue = addresses.Queue.replace('events.fifo', 'events-dead-letters.fifo');
    const { Messages: [{ Body: body }] } = await sqs('ReceiveMessage', { MaxNumberOfMessages: 1 });
    await sqs('SendMessage', { QueueUrl: queue, MessageBody: body, MessageGroupId: 'g', MessageDeduplicationId: 'd' });
    await open('#/queue');
    await page.locator('tbody tr').first().waitFor();
    await page.screenshot({ path: path.join(output, 'queue.png') });
    await page.getByRole('button', { name: 'Redrive all' }).click();
    await page.getByText('Queued 1 dead letter and 0 parked events.').waitFor();
    await page.getByText('No dead letters').waitFor();
    await open('#/events');
  });

  await step('filters select rows', async () => {
    await page.getByLabel('Player, order or event id').fill('mira');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.getByLabel('Player, order or event id').fill('');
    await page.getByLabel('Outcome').selectOption('Refused');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.getByLabel('Outcome').selectOption('');
  });

  await step('a sale opens, and its body has every digit', async () => {
    await page.getByLabel('Player, order or event id').fill('mira');
    await page.locator('tbody a').first().click();
    await page.getByText('transaction#900719925474099312345#payment').first().waitFor();
    await page.getByText('Body', { exact: true }).click();
    await page.getByText('900719925474099312345', { exact: true }).waitFor();
    await page.getByText('1.10', { exact: true }).waitFor();
  });

  await step('a webhook sent from the page appears', async () => {
    await open('#/send');
    assert.match(await page.locator('#send-body').inputValue(), /"order_paid"/);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('Answered 200').waitFor();
    await page.screenshot({ path: path.join(output, 'send.png') });
    await page.getByText('See it in the list').click();
    await page.getByLabel('Player, order or event id').fill('');
    await page.locator('tbody tr').first().getByText('grant').waitFor();
  });

  await step('a refund sent from the page appears', async () => {
    await page.locator('tbody tr').first().locator('a').first().click();
    await page.getByText('The player should hold the goods').waitFor();
    await page.getByRole('button', { name: 'Refund this sale' }).click();
    await page.getByText('The player should not hold the goods').waitFor();
    await page.locator('.timeline').getByText('order_canceled', { exact: true }).waitFor();
    await page.locator('.timeline').getByText('In queue').nth(1).waitFor();
    await page.screenshot({ path: path.join(output, 'sale.png') });
  });

  await step('a wrong signature is shown with the reason', async () => {
    await open('#/send');
    await page.getByLabel('Wrong').check();
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByText('Answered 400').waitFor();
    await page.getByText('See why').click();
    await page.locator('.state.bad').nth(1).waitFor();
  });

  await step('an attack in any field of a body is text', async () => {
    const notification = {
      notification_type: 'order_paid', [XSS]: XSS,
      order: { id: XSS, mode: XSS, amount: XSS, currency: XSS, status: XSS, invoice_id: XSS },
      user: { external_id: XSS, id: XSS, email: XSS, name: XSS, country: XSS },
      items: [{ sku: XSS, type: XSS, quantity: XSS, amount: XSS, custom_attributes: { [XSS]: XSS } }],
      billing: { notification_type: XSS, transaction: { id: XSS, dry_run: XSS }, purchase: { total: { currency: XSS } } },
      custom_parameters: { [XSS]: XSS },
    };
    assert.equal(await webhook(address, notification), 200);
    assert.equal(await webhook(address, { ...notification, notification_type: XSS }), 200 + 4);
    assert.equal(await webhook(address, notification, 'other'), 400);
    assert.equal(await webhook(address, `{${XSS}`), 400);
    await open('#/events');
    await page.getByText(XSS, { exact: true }).first().waitFor();
    for (const hash of [`#/user/${encodeURIComponent(XSS)}`, `#/sale/${encodeURIComponent(XSS)}`]) {
      await open(hash);
      await page.locator('.timeline summary').first().click();
      await page.locator('.timeline pre').first().getByText('window.hacked').first().waitFor();
    }
    await open('#/refused');
    await page.locator('summary').first().waitFor();
    for (const summary of await page.locator('summary').all()) await summary.click();
    await page.getByText('window.hacked').first().waitFor();
    await page.getByRole('button', { name: 'Edit and send' }).first().click();
    await page.locator('#send-body').waitFor();
    await page.getByLabel('Find a sale by').fill(XSS);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.locator('.timeline').first().waitFor();
    await open('#/queue');
    await page.getByText('Waiting for the game').waitFor();
  });

  await step('a body that is made to stop the page is shown', async () => {
    assert.equal(await webhook(address, '\\"'.repeat(60_000), 'other'), 400);
    assert.equal(await webhook(address, `[${'"a",0,'.repeat(20_000)}0]`, 'other'), 400);
    await open('#/refused');
    for (let index = 0; index < 2; index += 1) {
      await page.locator('summary').nth(index).click();
      await page.locator('details').nth(index).locator('pre').waitFor({ timeout: 3000 });
    }
  });

  await step('characters that change the direction of text are shown as their code', async () => {
    const body = '{"notification_type":"payment","transaction":{"id":41},"user":{"id":"a\u202eb\u2066c"}}';
    assert.equal(await webhook(address, body), 204);
    await open('#/events');
    await page.getByText('a[U+202E]b[U+2066]c').first().waitFor();
    await open('#/sale/41');
    await page.locator('.timeline summary').click();
    await page.locator('pre').getByText('"a[U+202E]b[U+2066]c"').waitFor();
  });

  await step('every link and control is reached with the keyboard', async () => {
    await page.goto(`${address}#/events`);
    await page.locator('tbody tr').first().waitFor();
    const expected = await page.locator('a, button, input, select').count();
    await page.evaluate(() => { window.reached = new Set(); document.activeElement?.blur(); });
    for (let press = 0; press < expected + 5; press += 1) {
      await page.keyboard.press('Tab');
      await page.evaluate(() => document.activeElement.matches('a, button, input, select') && window.reached.add(document.activeElement));
    }
    assert.equal(await page.evaluate(() => window.reached.size), expected);
    await page.locator('tbody a').first().focus();
    await page.keyboard.press('Enter');
    await page.locator('.timeline').waitFor();
  });

  const sale = (await page.evaluate(() => location.hash));
  await step('no view scrolls sideways at phone width', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const hash of ['#/events', sale, `#/user/${encodeURIComponent(XSS)}`, '#/queue', '#/refused', '#/send']) {
      await open(hash);
      await page.locator('#main:not(:has-text("Loading…")):not(:has-text("Reading the queues"))').waitFor();
      const { scroll, width } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, width: window.innerWidth }));
      assert.ok(scroll <= width, `${hash}: ${scroll} > ${width}`);
    }
    await open('#/events');
    await page.screenshot({ path: path.join(output, 'phone.png') });
  });

  await step('dark colours', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await open('#/events');
    await page.screenshot({ path: path.join(output, 'dark.png') });
  });

  await step('the console of a deployed stack is read-only and masks personal data', async () => {
    const { readOnly, readOnlyAddress } = await startConsole();
    consoleProcess = readOnly;
    pages.push(readOnlyAddress);
    await page.goto(readOnlyAddress);
    await page.getByText('This console is read-only').waitFor();
    await page.getByLabel('Find a sale by').fill('900719925474099312345');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('Body', { exact: true }).click();
    await page.locator('pre').getByText('"***"').first().waitFor();
    assert.equal(await page.getByText('mira').count(), 0);
    assert.equal(await page.getByRole('button', { name: /Refund|Resend|Edit/ }).count(), 0);
    await page.screenshot({ path: path.join(output, 'read-only.png') });
  });

  await step('the console of a deployed stack reads the table on request', async () => {
    await open('#/events');
    await page.getByText('reads all of it').waitFor();
    assert.equal(await page.locator('tbody tr').count(), 0);
    assert.equal(await page.getByText('null').count(), 0);
    await page.getByLabel('Time of receipt').focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText(/received since .* items read/).waitFor();
    const rows = await page.locator('tbody tr').count();
    assert.ok(rows > 12, `${rows} rows`);
    assert.ok(await page.getByText('***', { exact: true }).count() > 0);
    assert.equal(await page.getByText('mira').count(), 0);
    await page.getByLabel('Type').selectOption('refund');
    await page.waitForFunction((all) => document.querySelectorAll('tbody tr').length < all, rows);
    await page.getByLabel('Type').selectOption('');
    await page.setViewportSize({ width: 360, height: 740 });
    const { scroll, width } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, width: window.innerWidth }));
    assert.ok(scroll <= width, `${scroll} > ${width}`);
    await page.screenshot({ path: path.join(output, 'received-phone.png') });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.screenshot({ path: path.join(output, 'received.png') });
  });

  await step('the console of a deployed stack shows personal data when asked to', async () => {
    await page.getByLabel('Show personal data').check();
    await page.getByRole('button', { name: 'Read the table' }).click();
    await page.getByLabel('Player, order or event id').fill('mira');
    await page.locator('tbody tr').first().getByText('mira').waitFor();
    await page.locator('tbody a').first().click();
    await page.getByText('Body', { exact: true }).click();
    await page.locator('pre').getByText('mira').first().waitFor();
    await open('#/events');
    await page.locator('tbody tr').first().getByText('mira').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Find' }).waitFor();
    await page.getByLabel('Find a sale by').fill('900719925474099312345');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('button', { name: 'Show personal data' }).click();
    await page.getByText('mira').first().waitFor();
  });
} finally {
  await context?.close();
  consoleProcess?.kill('SIGINT');
  local.kill('SIGINT');
  rmSync(profile, { recursive: true, force: true });
}
