// Elements of the page. All text from webhooks goes into text nodes: see `h`. Bodies are never parsed as JSON, because
// JavaScript's numbers would lose digits.

/** Shows characters that change the direction of text, and other control characters, as their code. */
export function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]/g,
    (char) => `[U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

/** Creates an element. Properties that start with `on` are listeners, all others attributes; children are nodes or text. */
export function h(tag, attributes = {}, ...children) {
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

export const OUTCOMES = {
  accepted: ['Accepted', 'good'], duplicate: ['Duplicate', ''], conflict: ['Conflict', 'warn'], unreadable: ['Unreadable', 'warn'],
  invalid_signature: ['Refused', 'bad'], user_found: ['User found', 'info'], user_not_found: ['User not found', 'warn'],
  answered: ['Answered', 'info'], not_found: ['Not found', 'warn'],
};
export const GOODS = {
  grant: 'good', revoke: 'bad', partial_revoke: 'bad', subscription_started: 'good', subscription_renewed: 'good',
  subscription_changed: 'info', subscription_ended: 'bad', money_only: '', risk: 'warn', info: '',
};
export const QUEUE = {
  queued: ['In queue', 'info'], received: ['Received', 'warn'], processed: ['Processed', 'good'],
  dead_letter: ['Dead letter', 'bad'], parked: ['Parked', 'bad'],
};

export const words = (name) => (name ?? '').replaceAll('_', ' ');
export const badge = (text, kind) => h('span', { class: `badge ${kind}` }, text);
export const goodsBadge = (goods) => (goods ? badge(words(goods), GOODS[goods] ?? '') : null);
export const queueBadge = (queue) => (queue ? badge(...QUEUE[queue] ?? [queue, '']) : null);
export const outcomeOf = (row) => (Object.hasOwn(OUTCOMES, row.outcome) && OUTCOMES[row.outcome]) || [capital(words(row.outcome)), row.status >= 400 ? 'bad' : ''];
export const saleLink = (id, text) => h('a', { href: `#/sale/${encodeURIComponent(id)}`, title: text ? null : id }, text ?? id);
export const userLink = (id) => h('a', { href: `#/user/${encodeURIComponent(id)}`, title: id }, id);
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const modeTag = (mode) => (mode === 'sandbox' ? h('span', { class: 'tag' }, 'sandbox') : null);

export function time(at) {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  return h('time', { datetime: at, title: at }, isToday ? clock : `${date.toLocaleDateString()} ${clock}`);
}

export function empty(title, ...text) {
  return h('div', { class: 'empty' }, h('strong', {}, title), ...text);
}

export const MAX_COLOURED = 64 * 1024;

/** Splits text into names, strings, numbers and the rest, in linear time. Returns pairs of a class and a text. */
export function tokens(text) {
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
export function json(text) {
  const coloured = tokens(text.slice(0, MAX_COLOURED)).map(([kind, part]) => (kind ? h('span', { class: kind }, part) : part));
  return h('pre', { tabindex: '0', 'aria-label': 'Body' }, coloured, text.slice(MAX_COLOURED));
}

/** A body that is shown when it is opened. `open` remembers the keys of open bodies. */
export function bodyDetails(key, text, open, ...more) {
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
export function command(text, attributes, run) {
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
