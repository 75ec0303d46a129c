import { isWorkerRunning } from './api.js';
import { h, setText } from './dom.js';

const CALM_MS = 250;
const WORKERS_MS = 10_000;

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

/** Says whether what is shown is how things are, and whether a worker runs. */
export function liveSign(signal) {
  const node = h('p', { class: 'live' }, 'Connecting …');
  const say = (state, text) => {
    node.dataset.live = state;
    setText(node, text);
  };
  let timer;
  const look = async () => {
    const [known, running] = [timer, await isWorkerRunning()];
    if (known !== timer) return;
    if (running) say('yes', 'Live: changes appear as they happen.');
    else say('no', 'No worker is running: jobs wait.');
  };
  const stop = () => (timer = clearInterval(timer));
  signal.addEventListener('abort', stop);
  return {
    node,
    opened: () => {
      timer = setInterval(() => void look(), WORKERS_MS);
      void look();
    },
    closed: (goesOn) => {
      stop();
      if (goesOn) say('no', 'Connection lost; trying again …');
      else say('over', 'The job has ended.');
    },
  };
}
