import { text } from '../setting.ts';

/** The accounts besides the service's own. */
export const ACCOUNTS = {
  ACCOUNTS_FILE: text({
    default: '',
    pattern: '.',
    description:
      "file of the accounts besides the service's own that requests may name, and of the role to assume in each; if not set, there is only the own account",
  }),
};
