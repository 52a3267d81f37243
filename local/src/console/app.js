// The web console: its views, and the changes that arrive while it is open.

import { h, visible } from './dom.js';
import { eventsView } from './events.js';
import { queueView, refusedView } from './queues.js';
import { salesView } from './sales.js';
import { sendView } from './send.js';
import { MAX_ROWS, api, state } from './state.js';

const main = document.getElementById('main');
let view = {};

/** The text of a part of the address, as it is if it is not encoded. */
function decoded(part) {
  try { return decodeURIComponent(part); } catch { return part; }
}

function route() {
  const [, name = 'events', id = ''] = location.hash.split('/');
  const argument = decoded(id);
  const views = {
    events: eventsView, queue: queueView, refused: refusedView, send: sendView,
    sale: () => salesView('id', argument), user: () => salesView('user', argument),
  };
  view.close?.();
  view = (Object.hasOwn(views, name) ? views[name] : eventsView)();
  document.title = visible(`${view.title} · xsolla-webhooks`);
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
  }
  route();
} catch (error) {
  main.replaceChildren(h('p', { class: 'error' }, error.message));
}
