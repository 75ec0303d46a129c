import { apiKeyCommand } from '../auth/api-key-command.ts';
import { orExit } from './or-exit.ts';

orExit(() =>
  apiKeyCommand(process.argv.slice(2), process.env, {
    out: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
  }),
);
