import { h, setText } from './dom.js';

const CALM_MS = 250;

/** A function that, however often it is called, does its work once in a while, and once more after the last call. */
export function soon(action, signal) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      if (!signal.aborted) void action();
    }, CALM_MS);
  };
}

/** Says whether what is shown is how things are. */
export function liveSign() {
  const node = h('p', { class: 'live' }, 'Connecting …');
  const say = (state, text) => {
    node.dataset.live = state;
    setText(node, text);
  };
  return {
    node,
    opened: () => say('yes', 'Live: what happens shows by itself.'),
    closed: (goesOn) =>
      goesOn ? say('no', 'Connection lost; trying again …') : say('over', 'The job has ended.'),
  };
}
