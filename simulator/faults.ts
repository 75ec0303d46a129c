import { Type, type Static } from 'typebox';

/** The body of POST /_simulator/faults. */
export const FaultSchema = Type.Object(
  {
    /** An action of EC2, STS, KMS or SQS, or `*` for any. */
    action: Type.String({ minLength: 1 }),
    region: Type.Optional(Type.String()),
    account: Type.Optional(Type.String()),
    /** The number of calls that fail. */
    times: Type.Optional(Type.Integer({ minimum: 1 })),
    /** The number of matching calls that pass before. */
    skip: Type.Optional(Type.Integer({ minimum: 0 })),
    /** `after`: the call is executed, and then its answer is late, wrong or lost. */
    when: Type.Optional(Type.Union([Type.Literal('before'), Type.Literal('after')])),
    /** An error code; its HTTP status is EC2's, or `status`. */
    error: Type.Optional(Type.String({ minLength: 1 })),
    message: Type.Optional(Type.String()),
    status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599 })),
    /** Real milliseconds. */
    delayMs: Type.Optional(Type.Number({ minimum: 0, maximum: 600_000 })),
    /** Never answers; the connection stays open. */
    hang: Type.Optional(Type.Boolean()),
    /** Sends the head and half of the body, then nothing; the connection stays open. */
    half: Type.Optional(Type.Boolean()),
    /** Cuts the connection. */
    drop: Type.Optional(Type.Boolean()),
    /** Answers with a web page and `status` or 200, as a firewall, a proxy or a captive portal does. */
    html: Type.Optional(Type.Boolean()),
    /** Answers a Describe call with empty lists, as an EC2 server with a stale view does. */
    empty: Type.Optional(Type.Boolean()),
    /** Ignores the filters and owners of the request. */
    ignoresFilters: Type.Optional(Type.Boolean()),
    /** Reverses the lists in the answer. */
    reverses: Type.Optional(Type.Boolean()),
    /** Names of elements that are removed from the answer. */
    omits: Type.Optional(Type.Array(Type.String())),
    /** The copy is accepted and fails later. */
    copyFails: Type.Optional(
      Type.Object(
        { reason: Type.String(), snapshotReason: Type.Optional(Type.String()) },
        { additionalProperties: false },
      ),
    ),
    /** The time for which the new ids are NotFound, simulated milliseconds. */
    consistencyDelayMs: Type.Optional(Type.Number({ minimum: 0 })),
  },
  { additionalProperties: false },
);

export type Fault = Static<typeof FaultSchema>;

interface Armed {
  readonly fault: Fault;
  skip: number;
  left: number;
}

/** The active faults in the order in which they were added. The first matching one applies to a call. */
export class Faults {
  #armed: Armed[] = [];

  add(fault: Fault): void {
    this.#armed.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#armed = [];
  }

  /** Returns the fault that applies to this call, if any, and decrements its count. */
  take(action: string, region: string, account: string): Fault | undefined {
    if (this.#armed.length === 0) return undefined;
    for (const armed of this.#armed) {
      if (!fits(armed.fault, action, region, account)) continue;
      if (armed.skip > 0) {
        armed.skip--;
        continue;
      }
      armed.left--;
      if (armed.left === 0) this.#armed = this.#armed.filter((other) => other !== armed);
      return armed.fault;
    }
    return undefined;
  }

  /** The active faults with their remaining counts. */
  view(): readonly (Fault & { readonly left: number })[] {
    return this.#armed.map(({ fault, left }) => ({ ...fault, left }));
  }
}

function fits(fault: Fault, action: string, region: string, account: string): boolean {
  return (
    (fault.action === '*' || fault.action === action) &&
    (fault.region ?? region) === region &&
    (fault.account ?? account) === account
  );
}
