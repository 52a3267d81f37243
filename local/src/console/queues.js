// The queue with dead letters and parked events, and the refused webhooks.

import { bodyDetails, command, empty, goodsBadge, h, saleLink, time, userLink, words } from './dom.js';
import { api, debounced, state } from './state.js';

export function queueView() {
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

export function refusedView() {
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
