import { accessSync, constants } from 'node:fs';
import { findOnPath } from './redis-server.ts';

const COMMANDS = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
];
const MACOS_APPS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Finds Chromium or Chrome, for the browser tests and the screenshots. */
export function findChromium(path?: string): string | undefined {
  return (
    COMMANDS.map((name) => findOnPath(name, path)).find((found) => found !== undefined) ??
    MACOS_APPS.find(exists)
  );
}

function exists(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
