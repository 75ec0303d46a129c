import { Type, type Static } from 'typebox';

/** The body of POST /_simulator/faults. */
export const FaultSchema = Type.Object(
  {
    /** An action of EC2, STS, KMS or SQS, or `*` for any. */
    action: Type.String({ minLength: 1 }),
    region: Type.Optional(Type.String()),
    account: Type.Optional(Type.String()),
    /** How many calls it befalls. */
    times: Type.Optional(Type.Integer({ minimum: 1 })),
    /** How many matching calls it lets through first. */
    skip: Type.Optional(Type.Integer({ minimum: 0 })),
    /** `after`: EC2 does it, and then the answer is late, wrong or lost. */
    when: Type.Optional(Type.Union([Type.Literal('before'), Type.Literal('after')])),
    /** An error code, with EC2's status for it unless `status` says otherwise. */
    error: Type.Optional(Type.String({ minLength: 1 })),
    message: Type.Optional(Type.String()),
    status: Type.Optional(Type.Integer({ minimum: 400, maximum: 599 })),
    /** Real milliseconds. */
    delayMs: Type.Optional(Type.Number({ minimum: 0, maximum: 600_000 })),
    /** Never answers; the connection stays open. */
    hang: Type.Optional(Type.Boolean()),
    /** Sends the head and half of the body, and then nothing; the connection stays open. */
    half: Type.Optional(Type.Boolean()),
    /** Cuts the connection. */
    drop: Type.Optional(Type.Boolean()),
    /** A web page in place of the answer, with `status` or 200: a firewall, a proxy, a captive portal. */
    html: Type.Optional(Type.Boolean()),
    /** EC2 answers a Describe call with empty lists, as a machine of it does that has not heard of the resource yet. */
    empty: Type.Optional(Type.Boolean()),
    /** EC2 answers as if no filter, and no owner, had been named. */
    ignoresFilters: Type.Optional(Type.Boolean()),
    /** EC2 lists in the opposite order. */
    reverses: Type.Optional(Type.Boolean()),
    /** Elements that EC2 leaves out of its answer, wherever they are. */
    omits: Type.Optional(Type.Array(Type.String())),
    /** The copy is accepted and fails later. */
    copyFails: Type.Optional(
      Type.Object(
        { reason: Type.String(), snapshotReason: Type.Optional(Type.String()) },
        { additionalProperties: false },
      ),
    ),
    /** The new ids answer NotFound for so many simulated milliseconds. */
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

/** The faults waiting for their calls, in the order they were given; a call meets the first that fits it. */
export class Faults {
  #armed: Armed[] = [];

  add(fault: Fault): void {
    this.#armed.push({ fault, skip: fault.skip ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#armed = [];
  }

  /** Takes the fault that befalls this call, if any, off its count. */
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

  /** What is still waiting, with the calls left. */
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
