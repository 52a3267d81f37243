// The form that sends webhooks.

import { badge, empty, h, json } from './dom.js';
import { api, state } from './state.js';

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

export function sendView() {
  if (!state.session.is_live) return { title: 'Send', nodes: [empty('This console is read-only', 'Run `xsolla-webhooks local` to send webhooks.')] };
  const body = h('textarea', { spellcheck: 'false', 'aria-label': 'Body', id: 'send-body' });
  body.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) body.form.requestSubmit();
  });
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
