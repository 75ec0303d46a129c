import { credential, get, queueSession } from './api.js';
import { h, show } from './dom.js';
import { field } from './forms.js';
import { outcome, problemBox } from './problems.js';

const button = document.getElementById('sign-in-out');

/** The button in the header, and the dialog that comes up by itself when the API asks who is there. */
export function setUpSignIn({ signedIn, signedOut }) {
  const result = outcome();
  const secret = h('input', { type: 'password', required: true, autocomplete: 'off', pattern: '[ -~]+' });
  const form = h(
    'form',
    { method: 'dialog' },
    h('h2', { id: 'sign-in-title' }, 'Sign in'),
    field(
      'API key or token',
      secret,
      'Kept by this tab alone, until it is closed. API keys begin with amiferry_.',
    ),
    result.node,
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'primary' }, 'Sign in'),
      h('button', { type: 'button', click: () => dialog.close() }, 'Not now'),
    ),
  );
  const dialog = h('dialog', { 'aria-labelledby': 'sign-in-title' }, form);
  document.body.append(dialog);

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    credential.keep(secret.value.trim());
    const known = await result.of(check);
    if (known === undefined) credential.forget();
    showButton();
    if (known === undefined) return secret.focus();
    form.reset();
    dialog.close();
    await signedIn();
  });
  button.addEventListener('click', () => {
    if (!credential.known()) return dialog.showModal();
    // Where that fails the session ends by itself, in minutes.
    void queueSession.close().catch(() => {});
    credential.forget();
    showButton();
    void signedOut();
  });
  document.addEventListener('unauthenticated', (/** @type {CustomEvent} */ { detail }) => {
    if (dialog.open) return;
    show(result.node, problemBox(detail));
    dialog.showModal();
  });
  showButton();
}

/** A caller that lacks a scope is authenticated all the same. */
async function check() {
  try {
    await get('/jobs?limit=1');
  } catch (error) {
    if (error.status !== 403) throw error;
  }
  return true;
}

function showButton() {
  button.textContent = credential.known() ? 'Sign out' : 'Sign in';
}
