// The list of webhooks.

import { badge, empty, goodsBadge, h, modeTag, outcomeOf, queueBadge, saleLink, time, userLink, words } from './dom.js';
import { readTable } from './received.js';
import { onceAFrame, state } from './state.js';

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
    h('td', row.user ? { class: 'one-line', 'data-label': 'player' } : {}, row.user && (row.user === '***' ? row.user : userLink(row.user))),
    h('td', row.order || row.event_id ? { class: 'one-line mono', 'data-label': row.order ? 'order' : '' } : {}, sale),
    h('td', {}, waiting ? badge('Waiting for relay', '') : queueBadge(row.queue),
      row.receives > 1 && h('span', { class: 'note' }, `received ${row.receives} times`)));
}

/** What to do if no row is shown. */
function noRows(isFiltered) {
  if (isFiltered) return empty('No webhook matches', 'Change the filters above.');
  if (!state.session.is_live) return state.read ? empty('Nothing was received in this time') : '';
  return empty('No webhooks yet', h('a', { href: '#/send' }, 'Send one from this page'), ', or with any HTTP client to ',
    h('span', { class: 'mono' }, state.session.webhook_url), '.');
}

export function eventsView() {
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
    const wanted = [...new Set(['', ...values, selected])];
    if (wanted.join('\n') === [...select.options].map((option) => option.value).join('\n')) return;
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
        if (!isFirst && !known && state.session.is_live) element.classList.add('new');
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
    nothing.replaceChildren(shown.length ? '' : noRows(all.length > 0));
  }

  const reading = state.session.is_live ? { nodes: [h('h1', { class: 'skip' }, 'Events')] } : readTable(draw);
  draw();
  return {
    title: 'Events', update: onceAFrame(draw), close: reading.close,
    nodes: [...reading.nodes, h('div', { class: 'row filters' }, typeSelect, outcomeSelect, text, count), table, nothing],
  };
}
