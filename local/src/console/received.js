// The list of a deployed stack. No key of the table has the time, so a person decides when to read the whole table.

import { h } from './dom.js';
import { state } from './state.js';

const SPANS = [[1, 'Last hour'], [24, 'Last day'], [7 * 24, 'Last week']];
const number = (count) => count.toLocaleString('en-US');

/** Controls that read the table into `state.rows`. Returns them, and a function that ends the reading. */
export function readTable(onRows) {
  let source;
  const result = h('span', { class: 'muted', role: 'status' }, state.read?.result);
  const progress = h('span', { class: 'muted' });
  const span = h('select', { 'aria-label': 'Time of receipt' }, SPANS.map(([hours, text]) => h('option', { value: hours, selected: state.read?.hours === hours }, text)));
  const unmask = h('input', { type: 'checkbox', checked: state.unmasked, onchange: () => { state.unmasked = unmask.checked; state.rows = new Map(); onRows(); } });
  const button = h('button', { type: 'button', class: 'main', onclick: () => (source ? finish('Stopped') : start()) }, 'Read the table');

  function close() {
    source?.close();
    source = undefined;
    button.textContent = 'Read the table';
    progress.textContent = '';
  }

  function finish(text, isError = false) {
    close();
    result.className = isError ? 'error' : 'muted';
    result.textContent = text;
  }

  function start() {
    const hours = Number(span.value);
    result.textContent = '';
    button.textContent = 'Stop';
    progress.textContent = 'Reading…';
    source = new EventSource(`/api/received?${new URLSearchParams({ hours, ...(state.unmasked ? { unmasked: '1' } : {}) })}`);
    source.addEventListener('progress', ({ data }) => {
      const { items_read: read, total } = JSON.parse(data);
      progress.textContent = `${number(read)}${total ? ` of about ${number(Math.max(read, total))}` : ''} items read`;
    });
    source.addEventListener('rows', ({ data }) => {
      const { rows, found, items_read: read, from } = JSON.parse(data);
      const shown = found > rows.length ? `The newest ${number(rows.length)} of ${number(found)}` : number(found);
      state.rows = new Map(rows.map((row) => [row.key, row]));
      state.read = { hours, result: `${shown} received since ${new Date(from).toLocaleString()}. ${number(read)} items read.` };
      finish(state.read.result);
      onRows();
    });
    source.addEventListener('failure', ({ data }) => finish(JSON.parse(data).error, true));
    // The browser would connect again, which would read the table again.
    source.addEventListener('error', () => finish('The console does not answer, or another page reads the table.', true));
  }

  const nodes = [
    h('h1', {}, 'Events'),
    h('p', {}, 'This console is read-only. Enter a transaction id, order id, event id or player above, or read the table.'),
    h('p', { class: 'sub' }, 'The table has no list by time. “Read the table” reads all of it, with at most 1,000 rows as the result: ',
      'about 200,000 read units per million events, $0.03 in us-east-1.'),
    h('div', { class: 'row filters' }, span, h('label', {}, unmask, ' Show personal data'), button, progress, result),
  ];
  return { nodes, close };
}
