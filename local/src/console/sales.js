// A sale with its events, and the sales of a player.

import {
  GOODS, badge, bodyDetails, capital, command, empty, goodsBadge, h, modeTag, queueBadge, saleLink, time, userLink, words,
} from './dom.js';
import { api, debounced, state } from './state.js';

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

export function salesView(parameter, id) {
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
