import { Type } from 'typebox';
import type { TSchema } from 'typebox';
import type { ErrorCode } from '../errors.ts';
import { ERRORS } from '../errors.ts';
import { PROBLEM_JSON } from './problem.ts';
import type { Component } from './schemas/component.ts';
import { ref } from './schemas/component.ts';
import { JobEvent } from './schemas/event.ts';
import { Job } from './schemas/job.ts';
import { problemExample } from './schemas/problem-examples.ts';
import { Problem } from './schemas/problem.ts';

/** Errors that are possible on every route. */
const ALWAYS: readonly ErrorCode[] = ['bad-request', 'internal-error'];
/** On every route that calls EC2. */
export const EC2_ERRORS: readonly ErrorCode[] = [
  'overloaded',
  'validation-failed',
  'unknown-region',
  'unknown-account',
  'region-not-enabled',
  'account-not-reachable',
  'ec2-access-denied',
  'ec2-error',
  'ec2-throttled',
  'ec2-unavailable',
];
/** On every route that takes a body. */
export const BODY_ERRORS: readonly ErrorCode[] = ['invalid-json', 'body-too-large', 'unsupported-media-type'];
/** Part of the schema of a route whose body is optional; its config has `optionalBody`. See plugins/openapi.ts. */
export const OPTIONAL_BODY = { 'x-optional-body': true } as const;
/** On every route that uses Redis and validates its request. */
export const JOB_ERRORS: readonly ErrorCode[] = [
  'overloaded',
  'validation-failed',
  'redis-unavailable',
  'record-too-new',
];

/** On every route that answers with server-sent events. */
export const STREAM_ERRORS: readonly ErrorCode[] = [...JOB_ERRORS, 'too-many-streams'];

/** On every route that needs credentials. */
export const ACCESS_ERRORS: readonly ErrorCode[] = [
  'unauthenticated',
  'missing-scope',
  'rate-limited',
  'keys-unavailable',
];

/** Documents the errors of a route: one answer per status, which lists its codes. */
export function problems(...codes: readonly ErrorCode[]) {
  const all = [...new Set([...codes, ...ALWAYS])];
  const statuses = new Set(all.map((code) => ERRORS[code].status));
  return Object.fromEntries(
    [...statuses].map((status) => [
      status,
      problemAnswer(all.filter((code) => ERRORS[code].status === status)),
    ]),
  );
}

/** One example per code; {@link withInstance} puts the route's own path into each. */
function problemAnswer(codes: readonly ErrorCode[]) {
  const examples = codes.map(
    (code) => [code, { summary: ERRORS[code].title, value: problemExample(code, '') }] as const,
  );
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join('\n\n'),
    content: { [PROBLEM_JSON]: { schema: ref(Problem), examples: Object.fromEntries(examples) } },
  };
}

/** The codes that {@link problems} documents for a status. */
export function documentedCodes(answer: unknown): ErrorCode[] {
  if (!isProblemAnswer(answer)) return [];
  const named = Object.keys(answer.content[PROBLEM_JSON].examples);
  return named.filter((code): code is ErrorCode => code in ERRORS);
}

/**
 * Puts the path of a route into the examples of its problems.
 * @param path with an example in place of each parameter
 */
export function withInstance(response: Record<string, unknown>, path: string): Record<string, unknown> {
  const named = Object.entries(response).map(([status, answer]) => {
    if (!isProblemAnswer(answer)) return [status, answer];
    const { examples, schema } = answer.content[PROBLEM_JSON];
    const own = Object.entries(examples).map(([code, example]) => [
      code,
      { ...example, value: { ...example.value, instance: path } },
    ]);
    return [
      status,
      { ...answer, content: { [PROBLEM_JSON]: { schema, examples: Object.fromEntries(own) } } },
    ];
  });
  return Object.fromEntries(named);
}

type ProblemAnswer = ReturnType<typeof problemAnswer>;

/** Whether a documented answer is one of {@link problems}. */
function isProblemAnswer(answer: unknown): answer is ProblemAnswer {
  if (typeof answer !== 'object' || answer === null || !('content' in answer)) return false;
  const { content } = answer;
  return typeof content === 'object' && content !== null && PROBLEM_JSON in content;
}

/** Documents a successful answer. */
export function answer<T extends TSchema>(description: string, schema: Component<T>, headers: object = {}) {
  return { description, headers, ...ref(schema) };
}

/** Documents a stream of server-sent events. */
export const EVENT_STREAM = {
  description: `Events, with an \`id\`, the type as \`event\` and a JSON object as \`data\`, until the client or the service closes the stream.`,
  content: { 'text/event-stream': { schema: ref(JobEvent) } },
};

export const PREFERENCE_APPLIED = {
  'Preference-Applied': Type.String({
    description: 'The wait that was granted, if the request had Prefer: wait.',
  }),
};

/** On every route that takes an Idempotency-Key. */
export const KEY_ERRORS: readonly ErrorCode[] = ['idempotency-key-in-progress', 'idempotency-key-reused'];

/** On every route that starts or changes a job. */
export const CHANGE_ERRORS: readonly ErrorCode[] = [...BODY_ERRORS, ...JOB_ERRORS, ...KEY_ERRORS];

/** On every route that copies or shares an image. */
export const SHARING_ERRORS: readonly ErrorCode[] = [
  ...EC2_ERRORS,
  'outside-policy',
  'image-not-found',
  'image-not-available',
  'foreign-snapshot',
  'other-partition',
  'aws-managed-key',
  'public-and-encrypted',
  'public-with-product-codes',
  'public-access-blocked',
  'too-many-public-images',
  'too-many-sharees',
];

/** Documents the answers of a route that starts work: the job, or, after a wait, the job when it has finished. */
export const JOB_ACCEPTED = {
  200: answer('With Prefer: wait, the job has finished in time.', Job, PREFERENCE_APPLIED),
  202: answer('The job is accepted and runs in the background.', Job, {
    Location: Type.String({ description: 'Path of the job: /jobs/{id}.' }),
    ...PREFERENCE_APPLIED,
  }),
};
