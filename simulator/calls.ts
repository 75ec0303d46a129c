import type { IncomingHttpHeaders } from 'node:http';
import { AwsError } from './errors.ts';
import { newRequestId } from './ids.ts';
import { kmsOperations } from './kms/operations.ts';
import { operations } from './operations/index.ts';
import type { Effects } from './operations/operation.ts';
import type { Simulation } from './simulation.ts';
import { organizationsOperations } from './organizations/operations.ts';
import { sqsOperations } from './sqs/operations.ts';
import type { SqsRequest } from './sqs/request.ts';
import { stsOperations } from './sts/operations.ts';
import * as answers from './wire/answers.ts';
import type { Answer } from './wire/answers.ts';
import type { Caller } from './wire/caller.ts';
import { Parameters } from './wire/parameters.ts';
import type { XmlObject, XmlValue } from './wire/xml.ts';
import { isList } from './wire/xml.ts';

/** The result of an accepted call. */
export interface Done {
  readonly answer: Answer;
  /** The image that CopyImage made, or found by its ClientToken. */
  readonly imageId?: string | undefined;
}

/** One call, independent of its protocol, with the function that answers it in that protocol. */
export interface Call {
  readonly requestId: string;
  readonly action: string;
  readonly mutates: boolean;
  /** The request's parameters for the ledger; only for EC2 calls. */
  readonly form: URLSearchParams | undefined;
  /** Whether the call is exempt from the account's token buckets. */
  readonly unlimited?: true;
  /** @throws AwsError if it is refused */
  readonly run: (effects: Effects) => Done | Promise<Done>;
  readonly refuse: (error: AwsError) => Answer;
}

const stsVersion = '2011-06-15';
const kmsTarget = 'TrentService.';
const sqsTarget = 'AmazonSQS.';
const organizationsTarget = 'AWSOrganizationsV20161128.';

/**
 * Distinguishes calls of EC2, STS, KMS, SQS and Organizations, which are served on one port.
 * @param gone aborted when the caller has disconnected
 */
export function callOf(
  simulation: Simulation,
  caller: Caller,
  headers: IncomingHttpHeaders,
  body: string,
  gone: AbortSignal,
): Call {
  const target = headers['x-amz-target'];
  if (typeof target === 'string' && target.startsWith(kmsTarget)) {
    return kmsCall(simulation, caller, target.slice(kmsTarget.length), body);
  }
  if (typeof target === 'string' && target.startsWith(sqsTarget)) {
    const origin = `http://${headers.host ?? 'localhost'}`;
    const request = { world: () => simulation.world, ...caller, origin, gone };
    return sqsCall(request, target.slice(sqsTarget.length), body);
  }
  if (typeof target === 'string' && target.startsWith(organizationsTarget))
    return organizationsCall(simulation, target.slice(organizationsTarget.length), body);
  const form = new URLSearchParams(body);
  return form.get('Version') === stsVersion
    ? stsCall(simulation, caller, form)
    : ec2Call(simulation, caller, form);
}

function invalidAction(action: string): never {
  throw new AwsError('InvalidAction', `The action ${action} is not valid for this web service.`);
}

function ec2Call(simulation: Simulation, caller: Caller, form: URLSearchParams): Call {
  const requestId = newRequestId();
  const action = form.get('Action') ?? '';
  const operation = operations.get(action);
  return {
    requestId,
    action,
    form,
    mutates: operation?.mutates ?? false,
    run(effects) {
      if (operation === undefined) return invalidAction(action);
      const parameters = Parameters.parse(effects.ignoresFilters === true ? unfiltered(form) : form);
      if (parameters.boolean('DryRun') === true) {
        throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.');
      }
      const { world } = simulation;
      const result = operation.run({
        world,
        account: caller.account,
        region: caller.region,
        parameters,
        effects,
      });
      const imageId = typeof result['imageId'] === 'string' ? result['imageId'] : undefined;
      return { answer: answers.ec2Success(action, requestId, distorted(result, effects)), imageId };
    },
    refuse: (error) => answers.ec2Failure(requestId, error),
  };
}

function unfiltered(form: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...form].filter(([name]) => !/^(?:Filter|Owner)\./.test(name)));
}

function distorted(result: XmlObject, { empty, reverses, omits = [] }: Effects): XmlObject {
  const told = empty === true ? emptied(result) : result;
  return reverses === true || omits.length > 0 ? rearranged(told, reverses === true, omits) : told;
}

function rearranged(object: XmlObject, reverses: boolean, omits: readonly string[]): XmlObject {
  const inner = (value: XmlValue): XmlValue => {
    if (isList(value)) return (reverses ? value.toReversed() : value).map(inner);
    return typeof value === 'object' ? rearranged(value, reverses, omits) : value;
  };
  const kept = Object.entries(object).filter(([name]) => !omits.includes(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, inner(value)]));
}

function emptied(result: XmlObject): XmlObject {
  return Object.fromEntries(
    Object.entries(result).map(([name, value]) => [name, Array.isArray(value) ? [] : value]),
  );
}

function stsCall(simulation: Simulation, caller: Caller, form: URLSearchParams): Call {
  const requestId = newRequestId();
  const action = form.get('Action') ?? '';
  const operation = stsOperations.get(action);
  return {
    requestId,
    action,
    mutates: false,
    form: undefined,
    run() {
      if (operation === undefined) return invalidAction(action);
      const result = operation(caller, Parameters.parse(form), simulation.world.settings);
      return { answer: answers.stsSuccess(action, requestId, result) };
    },
    refuse: (error) => answers.stsFailure(requestId, error),
  };
}

function kmsCall(simulation: Simulation, caller: Caller, action: string, body: string): Call {
  const operation = kmsOperations.get(action);
  return {
    requestId: newRequestId(),
    action,
    mutates: operation?.mutates ?? false,
    form: undefined,
    run() {
      if (operation === undefined) throw new AwsError('UnknownOperationException', action);
      const { world } = simulation;
      return {
        answer: answers.kmsSuccess(
          operation.run({ world, account: caller.account, region: caller.region }, body),
        ),
      };
    },
    refuse: answers.kmsFailure,
  };
}

function organizationsCall(simulation: Simulation, action: string, body: string): Call {
  const operation = organizationsOperations.get(action);
  return {
    requestId: newRequestId(),
    action,
    mutates: false,
    unlimited: true,
    form: undefined,
    run() {
      if (operation === undefined) throw new AwsError('UnknownOperationException', action);
      return { answer: answers.kmsSuccess(operation(simulation.world, body)) };
    },
    refuse: answers.kmsFailure,
  };
}

function sqsCall(request: SqsRequest, action: string, body: string): Call {
  const operation = sqsOperations.get(action);
  return {
    requestId: newRequestId(),
    action,
    mutates: operation?.mutates ?? false,
    unlimited: true,
    form: undefined,
    async run() {
      if (operation === undefined) throw new AwsError('UnknownOperationException', action);
      return { answer: answers.sqsSuccess(await operation.run(request, body)) };
    },
    refuse: answers.sqsFailure,
  };
}
