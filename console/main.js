import { accountsPage } from './accounts.js';
import { queueSession } from './api.js';
import { copyPage } from './copy.js';
import { announce, h, show } from './dom.js';
import { findImagePage, imagePage } from './image.js';
import { jobPage } from './job.js';
import { jobsPage } from './jobs.js';
import { readAccounts, several } from './places.js';
import { problemBox } from './problems.js';
import { setUpSignIn } from './sign-in.js';

/**
 * Which page is shown is in the fragment of the address: `#/jobs?state=failed`.
 * @type {[pattern: RegExp, page: (context: object) => Promise<{ title: string, content: unknown[] }>][]}
 */
const PAGES = [
  [/^\/jobs$/, jobsPage],
  [/^\/jobs\/([^/]+)$/, jobPage],
  [/^\/images$/, findImagePage],
  [/^\/images\/([^/]+)\/([^/]+)$/, imagePage],
  [/^\/copy$/, copyPage],
  [/^\/accounts$/, accountsPage],
];

const main = document.getElementById('main');
let leave = new AbortController();
let broken = false;

/** Shows the page that the address names. What the page before was still doing is ended. */
async function route() {
  leave.abort();
  leave = new AbortController();
  broken = false;
  const { signal } = leave;
  const [path, search = ''] = location.hash.slice(1).split('?');
  const [pattern, page] = PAGES.find(([known]) => known.test(path)) ?? [];
  if (page === undefined) return location.replace('#/jobs');
  const args = pattern.exec(path).slice(1);
  markCurrent(path);
  show(main, h('p', null, 'Loading …'));
  await run(async () => {
    await readAccounts(signal);
    document.getElementById('accounts').hidden = !several();
    const { title, content } = await page({
      args,
      query: new URLSearchParams(search),
      signal,
      run,
      reload: route,
    });
    if (signal.aborted) return;
    document.title = `${title} · amiferry`;
    show(main, h('h1', { tabindex: -1 }, title), ...content);
    announce(title);
  }, signal);
}

/** Runs what belongs to a page; a problem that ends it is shown on top of the page. */
async function run(action, signal = leave.signal) {
  try {
    await action();
  } catch (error) {
    if (signal.aborted) return;
    if (error.body === undefined) throw error;
    broken = true;
    const heading = main.querySelector('h1');
    if (heading === null) show(main, problemBox(error));
    else heading.after(problemBox(error));
  }
}

function markCurrent(path) {
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const links = document.querySelectorAll('nav a');
  for (const link of links) {
    const current = path.startsWith(link.hash.slice(1)) && link.hash !== '';
    if (current) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

window.addEventListener('hashchange', () => {
  void route().then(() => main.querySelector('h1')?.focus());
});
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
document.getElementById('queues').addEventListener('click', (event) => {
  event.preventDefault();
  const { pathname } = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  void run(async () => {
    await queueSession.open();
    location.assign(pathname);
  });
});
setUpSignIn({ signedIn: () => broken && route(), signedOut: route });
await route();
