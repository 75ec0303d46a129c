import { h, show } from './dom.js';

/**
 * What was refused, why, and what to do: the API's own words, which name the remedy.
 * @param {import('./api.js').Problem} problem
 */
export function problemBox({ status, body }) {
  const trace = [body.code, body.awsCode, body.requestId && `request ${body.requestId}`]
    .filter(Boolean)
    .join(' · ');
  return h(
    'div',
    { class: 'problem', role: 'alert' },
    h('p', null, h('strong', null, body.title), status > 0 && ` (${status})`),
    h('p', null, body.detail),
    body.errors &&
      h(
        'ul',
        null,
        body.errors.map(({ pointer, message }) =>
          h('li', null, pointer && h('code', null, pointer), ' ', message),
        ),
      ),
    trace && h('p', { class: 'trace' }, trace),
  );
}

/** Where a form or a button tells what came of it. */
export function outcome() {
  const node = h('div');
  return {
    node,
    clear: () => show(node),
    /** Runs an action and shows the problem it ends with, if any. Gives its result, or undefined. */
    async of(action) {
      show(node);
      try {
        return await action();
      } catch (error) {
        if (error.body === undefined) throw error;
        show(node, problemBox(error));
        return undefined;
      }
    },
  };
}

/** Marks the fields that the API found fault with, and goes to the first. */
export function markFields(form, error) {
  const pointers = (error.body.errors ?? []).map(({ pointer }) => pointer);
  for (const field of form.querySelectorAll('[data-pointer]')) {
    const wrong = pointers.some((pointer) => `${pointer}/`.includes(`${field.dataset.pointer}/`));
    if (wrong) field.setAttribute('aria-invalid', 'true');
    else field.removeAttribute('aria-invalid');
  }
  form.querySelector('[aria-invalid]')?.focus();
}
