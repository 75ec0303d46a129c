import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

// For --import: appends the address of every module that the process loads to the file MODULES_FILE.
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.MODULES_FILE, `${url}\n`);
    return next(url, context);
  },
});
