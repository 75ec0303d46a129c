import type { Config } from '../config/config.ts';
import { ConfigError } from '../errors.ts';
import { isLoopback } from './loopback.ts';
import type { Policy, PolicySource } from '../domain/policy.ts';
import { NO_POLICY } from '../domain/policy.ts';
import type { Logger } from '../logging/logging.ts';
import { openApiKeyFile } from './api-keys.ts';
import type { Authenticate } from './authenticate.ts';
import { authenticator } from './authenticate.ts';
import type { CheckedFile, FileState } from '../checked-file.ts';
import { LOOK_MS } from '../checked-file.ts';
import { jwtVerifier } from './jwt.ts';
import type { VerifyToken } from './jwt.ts';
import { openPolicyFile } from './policy-file.ts';

type AuthConfig = Pick<Config, 'authNone' | 'apiKeysFile' | 'jwt' | 'policyFile' | 'host'>;

/** A file that is reloaded when it changes. */
type Reloadable = FileState & Pick<CheckedFile<unknown>, 'look' | 'reload'>;

export interface Access {
  /** `null`: callers are not authenticated. */
  authenticate: Authenticate | null;
  /** Whether callers are not authenticated because only this machine can connect. */
  loopbackOnly: boolean;
  policy: PolicySource;
  files: readonly Reloadable[];
}

/**
 * Builds authentication and policy from the settings. @throws {ConfigError} if a file is invalid, if settings contradict each
 * other, or if all callers would be admitted without AUTH=none
 */
export function accessOf(config: AuthConfig): Access {
  const apiKeys = config.apiKeysFile === '' ? null : openApiKeyFile(config.apiKeysFile);
  const verifyToken = tokenVerifier(config);
  const { policy, files } = policyOf(config);
  if (apiKeys === null && verifyToken === null) {
    if (!config.authNone) requireLoopback(config.host);
    return { authenticate: null, loopbackOnly: !config.authNone, policy, files };
  }
  const authenticate = authenticator({ apiKeys, verifyToken });
  return { authenticate, loopbackOnly: false, policy, files: apiKeys === null ? files : [...files, apiKeys] };
}

/** Loads the policy from the settings. @throws {ConfigError} if it is invalid, or missing although callers are authenticated */
export function policyOf(config: AuthConfig): { policy: PolicySource; files: readonly Reloadable[] } {
  const toldApart = [config.apiKeysFile, config.jwt.jwksUrl].filter((one) => one !== '').length > 0;
  if (toldApart && config.authNone) {
    throw new ConfigError('AUTH=none contradicts API_KEYS_FILE and JWT_JWKS_URL: set one or the other.');
  }
  if (config.policyFile !== '') {
    const file: CheckedFile<Policy> = openPolicyFile(config.policyFile);
    return { policy: file, files: [file] };
  }
  if (toldApart) {
    throw new ConfigError(
      'POLICY_FILE is not set: API_KEYS_FILE and JWT_JWKS_URL need a policy that says who may do what (docs/security.md).',
    );
  }
  return { policy: NO_POLICY, files: [] };
}

/**
 * Reloads changed files within {@link LOOK_MS}, and on SIGHUP at once. Without any file, SIGHUP ends the process as by
 * default. The timer does not keep the process alive.
 */
export function keepFresh(files: readonly Reloadable[], logger: Logger): void {
  if (files.length === 0) return;
  process.on('SIGHUP', () => {
    for (const file of files) file.reload(logger);
  });
  const look = () => void Promise.all(files.map((file) => file.look(logger))).then(wait);
  const wait = () => setTimeout(look, LOOK_MS).unref();
  wait();
}

function tokenVerifier({ jwt }: AuthConfig): VerifyToken | null {
  const { jwksUrl, issuer, audience, algorithms } = jwt;
  if (jwksUrl === '') {
    if (issuer === '' && audience === '') return null;
    throw new ConfigError(
      'JWT_ISSUER and JWT_AUDIENCE have no effect without JWT_JWKS_URL: set all three, or none.',
    );
  }
  if (issuer === '' || audience === '') {
    throw new ConfigError(
      'JWT_JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE: tokens issued for other audiences are not accepted here.',
    );
  }
  return jwtVerifier({ jwksUrl: new URL(jwksUrl), issuer, audience, algorithms });
}

function requireLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new ConfigError(
    `HOST=${host} would admit everybody without credentials: set API_KEYS_FILE or JWT_JWKS_URL (docs/security.md), listen on 127.0.0.1, or set AUTH=none if that is intended.`,
  );
}
