import { Type } from 'typebox';
import type { Static } from 'typebox';
import { ERRORS } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { component, CLOSED, oneOf } from './component.ts';

const CODES = Object.keys(ERRORS).filter((code): code is ErrorCode => code in ERRORS);

export const Problem = component(
  'Problem',
  Type.Object(
    {
      type: Type.String({ format: 'uri', description: 'urn:amiferry:error: and the code.' }),
      title: Type.String({ description: 'The code in words.' }),
      status: Type.Integer({ description: 'The HTTP status.' }),
      detail: Type.String({ description: 'What is wrong with this request, and what to do next.' }),
      instance: Type.String({ description: 'The path of the request.' }),
      code: oneOf(CODES, { description: 'Stable code to match on (docs/errors.md).' }),
      requestId: Type.String({ description: 'Id of this request in the logs; also in X-Request-Id.' }),
      errors: Type.Optional(
        Type.Array(
          Type.Object(
            {
              pointer: Type.String({
                description:
                  'JSON pointer into the body; for a parameter a slash and its name; empty for the whole body.',
              }),
              message: Type.String(),
            },
            CLOSED,
          ),
          { description: 'What is wrong with the request, field by field.' },
        ),
      ),
      awsCode: Type.Optional(Type.String({ description: "EC2's own error code, if EC2 refused." })),
      awsRequestId: Type.Optional(Type.String({ description: "EC2's request id, for AWS support." })),
    },
    {
      ...CLOSED,
      description: 'Problem details (RFC 9457), as application/problem+json.',
    },
  ),
);

export type Problem = Static<typeof Problem>;
