// The web console. All text from webhooks goes into text nodes: see `h`. Bodies are never parsed as JSON, because
// JavaScript's numbers would lose digits.

const main = document.getElementById('main');
const state = { session: null, rows: new Map(), filters: { type: '', outcome: '', text: '' }, ids: null, draft: null, unmasked: false };

/** Shows characters that change the direction of text, and other control characters, as their code. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
    (char) => `[U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

/** Creates an element. Properties that start with `on` are listeners, all others attributes; children are nodes or text. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, name === 'title' ? visible(value) : value);
  }
  const shown = children.flat(9).filter((child) => child != null && child !== false);
  element.append(...shown.map((child) => (child instanceof Node ? child : visible(String(child)))));
  return element;
}

async function api(path, body) {
  const options = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  };
  const response = await fetch(path, options).catch(() => { throw new Error('The console does not answer. Is `local` running?'); });
  const text = await response.text();
  let value;
  try { value = JSON.parse(text); } catch { throw new Error(text || `status ${response.status}`); }
  if (!response.ok) throw new Error(value.error);
  return value;
}

const OUTCOMES = {
  accepted: ['Accepted', 'good'], duplicate: ['Duplicate', ''], conflict: ['Conflict', 'warn'], unreadable: ['Unreadable', 'warn'],
  invalid_signature: ['Refused', 'bad'], user_found: ['User found', 'info'], user_not_found: ['User not found', 'warn'],
  answered: ['Answered', 'info'], not_found: ['Not found', 'warn'],
};
const GOODS = {
  grant: 'good', revoke: 'bad', partial_revoke: 'bad', subscription_started: 'good', subscription_renewed: 'good',
  subscription_changed: 'info', subscription_ended: 'bad', money_only: '', risk: 'warn', info: '',
};
const QUEUE = {
  queued: ['In queue', 'info'], received: ['Received', 'warn'], processed: ['Processed', 'good'],
  dead_letter: ['Dead letter', 'bad'], parked: ['Parked', 'bad'],
};

const words = (name) => (name ?? '').replaceAll('_', ' ');
const badge = (text, kind) => h('span', { class: `badge ${kind}` }, text);
const goodsBadge = (goods) => (goods ? badge(words(goods), GOODS[goods] ?? '') : null);
const queueBadge = (queue) => (queue ? badge(...QUEUE[queue]) : null);
const outcomeOf = (row) => OUTCOMES[row.outcome] ?? [capital(words(row.outcome)), row.status >= 400 ? 'bad' : ''];
const saleLink = (id, text) => h('a', { href: `#/sale/${encodeURIComponent(id)}`, title: text ? null : id }, text ?? id);
const userLink = (id) => h('a', { href: `#/user/${encodeURIComponent(id)}`, title: id }, id);
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const modeTag = (mode) => (mode === 'sandbox' ? h('span', { class: 'tag' }, 'sandbox') : null);

function time(at) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  return h('time', { datetime: at, title: at }, isToday ? clock : `${date.toLocaleDateString()} ${clock}`);
}

function empty(title, ...text) {
  return h('div', { class: 'empty' }, h('strong', {}, title), ...text);
}

const MAX_ROWS = 1000;
const MAX_COLOURED = 64 * 1024;

/** Splits text into names, strings, numbers and the rest, in linear time. Returns pairs of a class and a text. */
function tokens(text) {
  const found = [];
  let start = 0;
  let end = 0;
  const add = (kind, from, to) => {
    if (from > start) found.push(['', text.slice(start, from)]);
    found.push([kind, text.slice(from, to)]);
    start = to;
    end = to;
  };
  while (end < text.length) {
    if (text[end] === '"') {
      let close = end + 1;
      while (close < text.length && text[close] !== '"') close += text[close] === '\\' ? 2 : 1;
      if (close >= text.length) break;
      add(text[close + 1] === ':' ? 'j-name' : 'j-string', end, close + 1);
    } else if (/[\d-]/.test(text[end])) {
      let next = end + 1;
      while (next < text.length && /[\d.eE+-]/.test(text[next])) next += 1;
      add('j-number', end, next);
    } else end += 1;
  }
  found.push(['', text.slice(start)]);
  return found;
}

/** Shows JSON text with colours. All characters remain. */
function json(text) {
  const coloured = tokens(text.slice(0, MAX_COLOURED)).map(([kind, part]) => (kind ? h('span', { class: kind }, part) : part));
  return h('pre', { tabindex: '0', 'aria-label': 'Body' }, coloured, text.slice(MAX_COLOURED));
}

/** A body that is shown when it is opened. `open` remembers the keys of open bodies. */
function bodyDetails(key, text, open, ...more) {
  const details = h('details', {}, h('summary', {}, 'Body'));
  const show = () => {
    if (details.open && details.childElementCount === 1) details.append(json(text), ...more);
    if (details.open) open.add(key);
    else open.delete(key);
  };
  details.addEventListener('toggle', show);
  details.open = open.has(key);
  show();
  return details;
}

/** A button that runs a command, and shows its error beside it. */
function command(text, attributes, run) {
  const result = h('span', { role: 'status', class: 'muted' });
  const button = h('button', {
    type: 'button', ...attributes, onclick: async () => {
      button.disabled = true;
      result.className = 'muted';
      result.textContent = '…';
      try { result.textContent = (await run()) ?? ''; } catch (error) {
        result.className = 'error';
        result.textContent = error.message;
      }
      button.disabled = false;
    },
  }, text);
  return [button, result];
}

// ---------------------------------------------------------------- events

function matches(row) {
  const { type, outcome, text } = state.filters;
  const ids = [row.user, row.order, row.event_id].filter(Boolean).map((id) => id.toLowerCase());
  return (!type || row.type === type) && (!outcome || outcomeOf(row)[0] === outcome)
    && (!text || ids.some((id) => id.includes(text.toLowerCase())));
}

function eventRow(row) {
  const [word, kind] = outcomeOf(row);
  const title = row.type ?? (row.outcome === 'invalid_signature' ? 'not authenticated' : 'no type');
  let name = h('span', {}, title);
  if (row.reason) name = h('a', { href: '#/refused' }, title);
  else if (row.event_id) name = saleLink(row.event_id, title);
  const sale = row.order ? saleLink(row.order)
    : row.event_id && h('span', { class: 'muted', title: row.event_id }, row.event_id.split('#').slice(0, 2).join(' '));
  const waiting = row.outcome === 'accepted' && !row.queue && !row.goods;
  return h('tr', {},
    h('td', { class: 'time' }, time(row.at)),
    h('td', { class: 'type' }, name, ' ', modeTag(row.mode)),
    h('td', { class: 'outcome' }, badge(row.status ? `${row.status} ${word}` : word, kind),
      row.reason && h('span', { class: 'note', title: row.reason }, row.reason.split('; ')[0])),
    h('td', { class: 'goods' }, goodsBadge(row.goods), row.goods_reason && h('span', { class: 'note' }, words(row.goods_reason))),
    h('td', row.user ? { class: 'one-line', 'data-label': 'player' } : {}, row.user && userLink(row.user)),
    h('td', row.order || row.event_id ? { class: 'one-line mono', 'data-label': row.order ? 'order' : '' } : {}, sale),
    h('td', {}, waiting ? badge('Waiting for relay', '') : queueBadge(row.queue),
      row.receives > 1 && h('span', { class: 'note' }, `received ${row.receives} times`)));
}

function eventsView() {
  const { filters } = state;
  const elements = new Map();
  const count = h('span', { class: 'count', role: 'status' });
  const typeSelect = h('select', { 'aria-label': 'Type', onchange: () => { filters.type = typeSelect.value; draw(); } });
  const outcomeSelect = h('select', { 'aria-label': 'Outcome', onchange: () => { filters.outcome = outcomeSelect.value; draw(); } });
  const text = h('input', {
    type: 'search', 'aria-label': 'Player, order or event id', placeholder: 'Player, order or event id', value: filters.text,
    oninput: () => { filters.text = text.value.trim(); draw(); },
  });
  const body = h('tbody');
  const head = ['Time', 'Type', 'Outcome', 'Goods', 'Player', 'Order', 'Queue'].map((name) => h('th', { scope: 'col' }, name));
  const table = h('table', {}, h('thead', {}, h('tr', {}, head)), body);
  const nothing = h('div');
  let isFirst = true;

  function options(select, all, values, selected) {
    const wanted = ['', ...values];
    if (select.options.length === wanted.length) return;
    select.replaceChildren(...wanted.map((value) => h('option', { value, selected: value === selected }, value || all)));
  }

  function draw() {
    const all = [...state.rows.values()].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
    options(typeSelect, 'All types', [...new Set(all.map((row) => row.type).filter(Boolean))].sort(), filters.type);
    options(outcomeSelect, 'All outcomes', [...new Set(all.map((row) => outcomeOf(row)[0]))].sort(), filters.outcome);
    const shown = all.filter(matches);
    const keep = new Set();
    let position = body.firstChild;
    for (const row of shown) {
      const text = JSON.stringify(row);
      let known = elements.get(row.key);
      if (known?.text !== text) {
        const element = eventRow(row);
        if (!isFirst && !known) element.classList.add('new');
        if (known?.element.isConnected) {
          if (position === known.element) position = element;
          const hadFocus = known.element.contains(document.activeElement);
          known.element.replaceWith(element);
          if (hadFocus) element.querySelector('a')?.focus();
        }
        known = { text, element };
        elements.set(row.key, known);
      }
      keep.add(known.element);
      if (known.element === position) position = position.nextSibling;
      else body.insertBefore(known.element, position);
    }
    for (const element of [...body.children]) if (!keep.has(element)) element.remove();
    isFirst = false;
    count.textContent = shown.length === all.length ? `${all.length} webhooks` : `${shown.length} of ${all.length} webhooks`;
    table.hidden = shown.length === 0;
    nothing.replaceChildren(...(shown.length ? [] : [all.length
      ? empty('No webhook matches', 'Change the filters above.')
      : empty('No webhooks yet', h('a', { href: '#/send' }, 'Send one from this page'), ', or with any HTTP client to ',
        h('span', { class: 'mono' }, state.session.webhook_url), '.')]));
  }

  if (!state.session.is_live) {
    return {
      title: 'Find a sale',
      nodes: [h('h1', {}, 'Find a sale'), empty('This console is read-only',
        'Enter a transaction id, order id, event id or player above. The table of a deployed stack has no list by time.')],
    };
  }
  draw();
  return { title: 'Events', update: onceAFrame(draw), nodes: [h('h1', { class: 'skip' }, 'Events'), h('div', { class: 'row filters' }, typeSelect, outcomeSelect, text, count), table, nothing] };
}

// ---------------------------------------------------------------- sales and players

function stateCard(saleState) {
  const lines = [];
  let [kind, title] = ['', 'No effect on goods'];
  if (saleState.is_held === true) [kind, title] = ['good', 'The player should hold the goods'];
  else if (saleState.is_held === false) {
    [kind, title] = saleState.revoked_by
      ? ['bad', 'The player should not hold the goods: they were taken back']
      : ['', 'The player should not hold the goods: nothing granted them'];
  } else if (saleState.subscription) title = 'Subscription';
  if (saleState.granted_by) lines.push(['Granted by ', h('span', { class: 'mono' }, saleState.granted_by)]);
  if (saleState.revoked_by) lines.push(['Taken back by ', h('span', { class: 'mono' }, saleState.revoked_by)]);
  for (const payment of saleState.payments) lines.push([`Transaction ${payment.id}: ${payment.is_refunded ? 'refunded' : 'paid'}`]);
  if (saleState.subscription) lines.push([`Last change: ${words(saleState.subscription)}`]);
  return h('div', { class: `state ${kind}` }, h('strong', {}, title), ' ', modeTag(saleState.mode), lines.map((line) => h('p', {}, line)));
}

function timelineEvent(event, open) {
  const kind = event.is_relayed ? GOODS[event.goods] ?? '' : 'warn';
  const body = bodyDetails(event.event_id, event.body, open);
  const resend = state.session.is_live && event.raw != null && !event.erased_at && command('Resend', {}, async () => {
    const answer = await api('/api/send', { body: event.raw, sign_with: 'secret' });
    return `answered ${answer.status}`;
  });
  const edit = state.session.is_live && event.raw != null && h('button', {
    type: 'button', onclick: () => { state.draft = event.body; location.hash = '#/send'; },
  }, 'Edit and send');
  return h('li', { class: `event ${kind}` },
    h('div', { class: 'event-head' }, h('span', { class: 'name' }, event.type ?? 'unreadable body'),
      event.is_relayed ? goodsBadge(event.goods) : badge(words(event.kind), 'warn'), queueBadge(event.queue), modeTag(event.mode),
      h('span', { class: 'time' }, time(event.at))),
    event.meaning && h('p', {}, event.meaning, event.why ? ` ${event.why}` : ''),
    event.is_relayed && !event.meaning && h('p', {}, 'Not relayed yet.'),
    event.kind === 'conflict' && h('p', {}, 'Other content under the id of an earlier event. Stored, not relayed.'),
    event.cause && h('p', { class: 'error' }, event.cause),
    event.erased_at && h('p', {}, `Personal data erased at ${event.erased_at}.`),
    h('p', { class: 'mono muted' }, event.event_id),
    body,
    (resend || edit) && h('div', { class: 'row' }, edit, resend));
}

function saleSection(sale, open, level) {
  const isPaid = sale.events.some((event) => ['payment', 'order_paid'].includes(event.type) && event.is_relayed);
  const isRefunded = sale.states.every(({ is_held: isHeld, payments }) => !isHeld && payments.every((payment) => payment.is_refunded));
  const refund = state.session.is_live && isPaid && !isRefunded && command('Refund this sale', { class: 'danger' }, async () => {
    const { answers } = await api('/api/refund', { event_id: sale.events[0].event_id });
    return `sent, answered ${answers.map((answer) => answer.status).join(', ')}`;
  });
  return h('section', {},
    h('div', { class: 'row between' }, h(level, {}, capital(sale.subject.replace('#', ' '))), refund && h('div', { class: 'row' }, refund)),
    h('p', { class: 'sub' }, sale.user && ['Player ', sale.user === '***' ? sale.user : userLink(sale.user)], sale.order && [sale.user ? ' · order ' : 'Order ', saleLink(sale.order)],
      ` · ${sale.events.length} ${sale.events.length === 1 ? 'event' : 'events'}`),
    sale.states.map(stateCard),
    h('ol', { class: 'timeline' }, sale.events.map((event) => timelineEvent(event, open))));
}

function salesView(parameter, id) {
  const content = h('div', {}, h('p', { class: 'muted' }, 'Loading…'));
  const open = new Set();
  let shown = '';
  async function load() {
    const path = `/api/sale?${new URLSearchParams({ [parameter]: id, ...(state.unmasked ? { unmasked: '1' } : {}) })}`;
    let found;
    try { found = await api(path); } catch (error) {
      content.replaceChildren(h('p', { class: 'error' }, error.message));
      return;
    }
    const text = JSON.stringify(found);
    if (text === shown) return;
    shown = text;
    const { sales } = found;
    const isUser = parameter === 'user';
    content.replaceChildren(
      isUser ? h('h1', {}, `Player ${id}`) : '',
      isUser ? h('p', { class: 'sub' }, `${sales.length} ${sales.length === 1 ? 'sale' : 'sales'}`) : '',
      found.is_masked ? h('p', {}, h('button', { type: 'button', onclick: () => { state.unmasked = true; load(); } }, 'Show personal data')) : '',
      ...(sales.length ? sales.map((sale) => saleSection(sale, open, isUser ? 'h2' : 'h1')) : [empty(`Nothing stored for ${id}`,
        'Webhooks with a wrong signature are not stored: see ', h('a', { href: '#/refused' }, 'Refused'), '.')]),
    );
  }
  load();
  return { title: id, update: debounced(load, 250), nodes: [content] };
}

// ---------------------------------------------------------------- queue

function queueView() {
  const content = h('div', {}, h('p', { class: 'muted' }, 'Reading the queues…'));
  const redriven = h('p', { role: 'status', class: 'muted' });
  const entryTable = (head, rows) => h('table', {}, h('thead', {}, h('tr', {}, head.map((name) => h('th', { scope: 'col' }, name)))), h('tbody', {}, rows));
  async function load() {
    let queues;
    try { queues = await api(`/api/queues${state.unmasked ? '?unmasked=1' : ''}`); } catch (error) {
      content.replaceChildren(h('p', { class: 'error' }, error.message));
      return;
    }
    const { events, dead_letters: letters, parked } = queues;
    const card = (name, number, note) => h('div', { class: 'card' }, h('div', { class: 'muted' }, name), h('div', { class: 'number' }, String(number)), h('div', { class: 'muted' }, note));
    const canRedrive = state.session.is_live && letters.length + parked.length > 0;
    content.replaceChildren(
      h('div', { class: 'cards' },
        card('Waiting for the game', events.waiting, 'messages'),
        card('Received, not deleted', events.received, 'messages'),
        card('Dead letters', letters.length, 'failed ten times'),
        card('Parked', parked.length, 'can never be queued')),
      h('div', { class: 'row' }, h('button', { type: 'button', onclick: load }, 'Refresh'),
        canRedrive && command('Redrive all', { class: 'main' }, async () => {
          redriven.textContent = (await api('/api/redrive', {})).result;
          await load();
        }), redriven),
      h('h2', {}, 'Dead letters'),
      letters.length ? entryTable(['Since', 'Type', 'Goods', 'Player', 'Event'], letters.map((letter) => h('tr', {},
        h('td', { class: 'time' }, letter.since && time(letter.since)), h('td', { class: 'type' }, letter.type),
        h('td', {}, goodsBadge(letter.goods)), h('td', {}, letter.user && userLink(letter.user)),
        h('td', { class: 'mono' }, letter.event_id && saleLink(letter.event_id)))))
        : empty('No dead letters', 'Messages that the game receives ten times without deleting them appear here.'),
      h('h2', {}, 'Parked events'),
      parked.length ? entryTable(['Since', 'Event', 'Reason'], parked.map((note) => h('tr', {},
        h('td', { class: 'time' }, note.since && time(note.since)), h('td', { class: 'mono' }, note.event_id && saleLink(note.event_id)),
        h('td', {}, note.cause))))
        : empty('No parked events', 'Events that SQS can never accept appear here.'),
    );
  }
  load();
  return { title: 'Queue', nodes: [h('h1', {}, 'Queue'), h('p', { class: 'sub mono' }, state.session.queue), content] };
}

// ---------------------------------------------------------------- refused

function refusedView() {
  const content = h('div');
  const open = new Set();
  async function load() {
    const refused = await api('/api/refused');
    content.replaceChildren(...(refused.length ? refused.map(({ delivery, path, body, raw }) => {
      const details = bodyDetails(delivery.number, body, open,
        h('button', { type: 'button', onclick: () => { state.draft = raw; location.hash = '#/send'; } }, 'Edit and send'));
      return h('div', { class: 'state bad' }, h('div', { class: 'event-head' }, h('strong', {}, `${delivery.status} ${words(delivery.outcome)}`),
        h('span', { class: 'mono muted' }, path), h('span', { class: 'time' }, time(delivery.at))), h('p', {}, delivery.reason), details);
    }) : [empty('No refused webhooks', 'Webhooks with a wrong signature, and other failures of this session, appear here with the reason.')]));
  }
  load();
  return { title: 'Refused', update: debounced(load, 250), nodes: [h('h1', {}, 'Refused webhooks'), h('p', { class: 'sub' }, 'The last 50 of this session. They are not stored.'), content] };
}

// ---------------------------------------------------------------- send

function freshIds() {
  return Object.fromEntries(state.session.sample_ids.map((id) => {
    const random = crypto.getRandomValues(new Uint32Array(1))[0];
    return [id, `9${String(random).padStart(10, '0').slice(-9)}`];
  }));
}

function sample(name) {
  state.ids ??= freshIds();
  const { body } = state.session.samples.find((known) => known.name === name);
  return Object.entries(state.ids).reduce((text, [id, fresh]) => text.replaceAll(id, fresh), body);
}

function sendView() {
  if (!state.session.is_live) return { title: 'Send', nodes: [empty('This console is read-only', 'Run `xsolla-webhooks local` to send webhooks.')] };
  const body = h('textarea', { spellcheck: 'false', 'aria-label': 'Body', id: 'send-body' });
  const result = h('div', { role: 'status', id: 'send-result' });
  const select = h('select', { id: 'send-type', onchange: () => { body.value = sample(select.value); result.replaceChildren(); } },
    state.session.samples.map(({ name }) => h('option', { value: name, selected: name === 'order_paid-separate' }, name)));
  body.value = state.draft ?? sample('order_paid-separate');
  state.draft = null;
  const sign = (value, label, checked) => h('label', {}, h('input', { type: 'radio', name: 'sign', value, checked }), label);
  const signing = h('fieldset', {}, sign('secret', 'Right', true), sign('wrong_secret', 'Wrong', false), sign('nothing', 'None', false));
  async function submit(event) {
    event.preventDefault();
    result.replaceChildren(h('span', { class: 'muted' }, 'Sending…'));
    try {
      const signWith = form.querySelector('input[name=sign]:checked').value;
      const { status, answer } = await api('/api/send', { body: body.value, sign_with: signWith });
      result.replaceChildren(badge(`Answered ${status}`, status < 300 ? 'good' : 'bad'), answer ? json(answer) : '',
        h('p', {}, status < 300 ? h('a', { href: '#/events' }, 'See it in the list') : h('a', { href: '#/refused' }, 'See why')));
    } catch (error) {
      result.replaceChildren(h('span', { class: 'error' }, error.message));
    }
  }
  const form = h('form', { onsubmit: submit, class: 'send' }, body, h('div', { class: 'side' },
    h('label', { class: 'field' }, 'Type', select),
    h('div', {}, h('div', { class: 'muted' }, 'Signature'), signing),
    h('div', { class: 'row' }, h('button', { type: 'submit', class: 'main' }, 'Send'),
      h('button', { type: 'button', onclick: () => { state.ids = null; body.value = sample(select.value); } }, 'New ids')),
    result,
    h('p', { class: 'muted' }, 'Types of one sale share their ids: send a payment, then its refund. “New ids” starts another sale.'),
    h('p', { class: 'muted' }, 'Sent to ', h('span', { class: 'mono' }, state.session.webhook_url))));
  return { title: 'Send', nodes: [h('h1', {}, 'Send a webhook'), h('p', { class: 'sub' }, 'Documented samples, signed as Xsolla does. The body is sent exactly as it is in the field.'), form] };
}

// ---------------------------------------------------------------- navigation and live changes

let view = {};

function onceAFrame(run) {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => { isPlanned = false; run(); });
  };
}

function debounced(run, milliseconds) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(run, milliseconds); };
}

function route() {
  const [, name = 'events', id = ''] = location.hash.split('/');
  const argument = decodeURIComponent(id);
  const views = {
    events: eventsView, queue: queueView, refused: refusedView, send: sendView,
    sale: () => salesView('id', argument), user: () => salesView('user', argument),
  };
  view = (views[name] ?? eventsView)();
  document.title = `${view.title} · xsolla-webhooks`;
  for (const link of document.querySelectorAll('#nav a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  main.replaceChildren(...view.nodes);
}

async function loadRows() {
  const rows = await api('/api/events');
  state.rows = new Map(rows.map((row) => [row.key, row]));
  view.update?.();
}

function follow() {
  const live = document.getElementById('live');
  const source = new EventSource('/api/stream');
  const show = (isOn) => {
    live.textContent = isOn ? 'Live' : 'Reconnecting…';
    live.classList.toggle('on', isOn);
  };
  let wasOpen = false;
  source.addEventListener('open', () => { show(true); if (wasOpen) loadRows(); wasOpen = true; });
  source.addEventListener('error', () => show(false));
  source.addEventListener('reload', loadRows);
  source.addEventListener('delivery', ({ data }) => {
    const row = JSON.parse(data);
    state.rows.set(row.key, row);
    if (state.rows.size > MAX_ROWS) {
      const [oldest] = [...state.rows.values()].sort((a, b) => (a.at < b.at ? -1 : 1));
      state.rows.delete(oldest.key);
    }
    view.update?.();
  });
  source.addEventListener('message', ({ data }) => {
    const { event_id: eventId, ...message } = JSON.parse(data);
    for (const row of state.rows.values()) {
      if (row.event_id === eventId && row.outcome === 'accepted') {
        Object.assign(row, { queue: message.queue, receives: message.receives });
        if (message.goods) Object.assign(row, { goods: message.goods, goods_reason: message.goods_reason });
      }
    }
    view.update?.();
  });
}

document.getElementById('search').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = document.getElementById('search-text').value.trim();
  if (!text) return;
  const byId = await api(`/api/sale?${new URLSearchParams({ id: text })}`).catch(() => ({ sales: [] }));
  location.hash = `#/${byId.sales.length ? 'sale' : 'user'}/${encodeURIComponent(text)}`;
});

window.addEventListener('hashchange', () => { route(); main.focus(); });

try {
  state.session = await api('/api/session');
  document.getElementById('stack').textContent = state.session.is_live ? 'local' : `${state.session.table} · read-only`;
  if (state.session.is_live) {
    await loadRows();
    follow();
  } else {
    for (const link of document.querySelectorAll('#nav a')) if (['#/refused', '#/send'].includes(link.hash)) link.remove();
    document.querySelector('#nav a').textContent = 'Find';
  }
  route();
} catch (error) {
  main.replaceChildren(h('p', { class: 'error' }, error.message));
}
