// What the views share: the session, the rows of the list, and calls to the server.

export const MAX_ROWS = 1000;

export const state = {
  session: null, rows: new Map(), filters: { type: '', outcome: '', text: '' }, ids: null, draft: null, unmasked: false, read: null,
};

export async function api(path, body) {
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

/** Limits a function to one run per frame. */
export function onceAFrame(run) {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => { isPlanned = false; run(); });
  };
}

/** Delays a function until it was not called for a while. */
export function debounced(run, milliseconds) {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(run, milliseconds); };
}
