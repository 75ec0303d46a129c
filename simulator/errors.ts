/** HTTP statuses of EC2's error codes; all other codes have 400. */
const statuses: ReadonlyMap<string, number> = new Map([
  ['MissingAuthenticationToken', 403],
  ['UnauthorizedOperation', 403],
  ['AccessDenied', 403],
  ['DryRunOperation', 412],
  ['InternalError', 500],
  ['InternalFailure', 500],
  ['InsufficientInstanceCapacity', 500],
  ['RequestLimitExceeded', 503],
  ['ServiceUnavailable', 503],
  ['Unavailable', 503],
]);

/** A refusal with EC2's code and message; wire/answers.ts turns it into the answer. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number = statuses.get(code) ?? 400) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
  }
}

function list(ids: readonly string[]): string {
  return ids.length === 1 ? `id '[${ids[0]}]' does not exist` : `ids '[${ids.join(', ')}]' do not exist`;
}

/** Images that do not exist, or that the caller may not see. */
export function imageNotFound(...ids: string[]): AwsError {
  return new AwsError('InvalidAMIID.NotFound', `The image ${list(ids)}`);
}

/** Snapshots that do not exist, or that the caller may not see. */
export function snapshotNotFound(id: string): AwsError {
  return new AwsError('InvalidSnapshot.NotFound', `The snapshot '${id}' does not exist.`);
}

export function missingParameter(name: string): AwsError {
  return new AwsError('MissingParameter', `The request must contain the parameter ${name}`);
}

export function invalidValue(name: string, value: string, why: string): AwsError {
  return new AwsError('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid. ${why}`);
}

/** EC2's refusal to an account that can see a resource but does not own it. */
export function notTheOwner(kind: 'image' | 'snapshot', id: string): AwsError {
  return new AwsError('AuthFailure', `Not authorized for ${kind}:${id}`);
}
