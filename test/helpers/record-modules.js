import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

// For --import: writes down the address of every module that the process loads, into the file that MODULES_FILE names.
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.MODULES_FILE, `${url}\n`);
    return next(url, context);
  },
});
