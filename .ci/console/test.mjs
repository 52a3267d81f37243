// Tests the web console in Chromium. Starts `local` on free ports, and stops it at the end.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
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
  const lines = createInterface({ input: local.stdout });
  let page;
  for await (const line of lines) {
    page ??= line.match(/^\s*Page\s+(http:\S+)/)?.[1];
    if (line.includes('Press Ctrl-C')) break;
  }
  assert.ok(page, '`local` prints the address of the page');
  local.stdout.resume();
  return { local, page };
}

async function webhook(address, notification, secret = SECRET) {
  const body = typeof notification === 'string' ? notification : JSON.stringify(notification);
  const signature = createHash('sha1').update(body + secret).digest('hex');
  const response = await fetch(`${address}webhooks`, { method: 'POST', body, headers: { Authorization: `Signature ${signature}` } });
  return response.status;
}

const { local, page: address } = await startLocal();
const profile = mkdtempSync(path.join(tmpdir(), 'console-'));
let context;
const problems = [];
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
    if (!request.url().startsWith(address) && !request.url().startsWith('data:')) problems.push(`request to ${request.url()}`);
  });
  const open = async (hash) => {
    await page.evaluate((to) => { location.hash = to; }, hash);
    await page.waitForFunction(() => document.querySelector('main').childElementCount > 0);
  };
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

  await step('filters select rows', async () => {
    await page.getByLabel('Player, order or event id').fill('mira');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.getByLabel('Player, order or event id').fill('');
    await page.getByLabel('Outcome').selectOption('Refused');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.getByLabel('Outcome').selectOption('');
    await page.screenshot({ path: path.join(output, 'light.png') });
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
} finally {
  await context?.close();
  local.kill('SIGINT');
  rmSync(profile, { recursive: true, force: true });
}
