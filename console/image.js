import { get } from './api.js';
import { badge, facts, h, imageHref, imageLink, show, time } from './dom.js';
import { imageFields } from './forms.js';
import { lineageView } from './lineage.js';
import { permissionsView } from './permissions.js';
import { scopeQuery, several, where } from './places.js';
import { outcome } from './problems.js';

/** Asks which image. */
export async function findImagePage() {
  const form = h('form', { class: 'card' }, imageFields(), h('button', { class: 'primary' }, 'Show'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { imageId, region, account } = form.elements;
    location.hash = imageHref({ imageId: imageId.value, region: region.value, account: account?.value });
  });
  return { title: 'Find an image', content: [form] };
}

/** One image: what it is, where it came from and went to, and who may launch it. */
export async function imagePage({ args: [region, imageId], query: asked, signal }) {
  const path = `/amis/${encodeURIComponent(imageId)}`;
  const query = `?${scopeQuery({ account: asked.get('account'), region })}`;
  const image = await get(`${path}${query}`, signal);
  const lineage = section('Lineage', async () =>
    lineageView(image, await get(`${path}/copies${query}`, signal), signal),
  );
  const permissions = section('Permissions', (again) =>
    permissionsView(`${path}/permissions${query}`, again, signal),
  );
  return { title: image.name || image.imageId, content: [aboutImage(image), lineage, permissions] };
}

/** A part of the page that is read by itself: asking every region takes a while, and one may be refused. */
function section(title, load) {
  const result = outcome();
  const content = h('div', null, h('p', null, 'Loading …'));
  const heading = h('h2', { tabindex: -1 }, title);
  const read = async () => show(content, await result.of(() => load(again)));
  // What had the focus is replaced.
  const again = () => read().then(() => heading.focus());
  void read().catch(ignoreLeaving);
  return h('section', { class: 'card' }, heading, result.node, content);
}

function ignoreLeaving(error) {
  if (error.name !== 'AbortError') throw error;
}

/** EC2 does not say in which account the source is: where there are several, the lineage leads to it. */
function copyOf({ account, source: { imageId, region } }) {
  const id = several() ? h('span', { class: 'id' }, imageId) : imageLink({ imageId, account, region });
  return h('span', null, id, ` in ${region}`);
}

/** @param {import('../src/http/schemas/image.ts').Image} image */
function aboutImage(image) {
  const state = badge();
  state.update(image.state);
  const { source } = image;
  const copy = new URLSearchParams({ imageId: image.imageId, ...Object.fromEntries(scopeQuery(image)) });
  return h(
    'section',
    { class: 'card', 'aria-label': 'About the image' },
    h(
      'div',
      { class: 'row' },
      state.node,
      h('span', { class: 'id' }, image.imageId),
      ` in ${where(image)}`,
      h('a', { class: 'button', href: `#/copy?${copy}` }, 'Copy this image'),
    ),
    facts([
      ['Description', image.description],
      ['Owner', image.ownerId],
      ['Created', time(image.createdAt)],
      ['Architecture', image.architecture],
      ['Encrypted', image.encrypted ? 'yes' : 'no'],
      ['Copy of', source && copyOf(image)],
      ['Failed because', image.stateReason],
      ['Product codes', image.productCodes.join(', ')],
    ]),
    h('h2', null, 'Tags'),
    Object.keys(image.tags).length > 0 ? facts(Object.entries(image.tags)) : h('p', null, 'None.'),
    h('h2', null, 'Snapshots'),
    facts(
      image.snapshots.map((one) => [
        one.deviceName,
        `${one.snapshotId ?? 'not yet known'}, ${one.sizeGiB ?? '?'} GiB, ${one.encrypted ? 'encrypted' : 'not encrypted'}`,
      ]),
    ),
  );
}
