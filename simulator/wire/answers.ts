import type { ServerResponse } from 'node:http';
import type { AwsError } from '../errors.ts';
import { elements, escapeXml, type XmlObject } from './xml.ts';

/** A complete answer before it is sent, which a fault may still replace. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const xmlHeader = '<?xml version="1.0" encoding="UTF-8"?>\n';
const xmlType = 'text/xml;charset=UTF-8';
const ec2Namespace = 'http://ec2.amazonaws.com/doc/2016-11-15/';
const stsNamespace = 'https://sts.amazonaws.com/doc/2011-06-15/';

export function ec2Success(action: string, requestId: string, result: XmlObject): Answer {
  const body = `${xmlHeader}<${action}Response xmlns="${ec2Namespace}"><requestId>${requestId}</requestId>${elements(result)}</${action}Response>`;
  return { status: 200, contentType: xmlType, body };
}

export function ec2Failure(requestId: string, error: AwsError): Answer {
  const body = `${xmlHeader}<Response><Errors><Error><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`;
  return { status: error.status, contentType: xmlType, body };
}

export function stsSuccess(action: string, requestId: string, result: XmlObject): Answer {
  const body = `${xmlHeader}<${action}Response xmlns="${stsNamespace}"><${action}Result>${elements(result)}</${action}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`;
  return { status: 200, contentType: xmlType, body };
}

export function stsFailure(requestId: string, error: AwsError): Answer {
  const body = `${xmlHeader}<ErrorResponse xmlns="${stsNamespace}"><Error><Type>Sender</Type><Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
  return { status: error.status, contentType: xmlType, body };
}

export function kmsSuccess(result: object): Answer {
  return { status: 200, contentType: 'application/x-amz-json-1.1', body: JSON.stringify(result) };
}

export function kmsFailure(error: AwsError): Answer {
  const body = JSON.stringify({ __type: error.code, message: error.message });
  return { status: error.status, contentType: 'application/x-amz-json-1.1', body };
}

const sqsType = 'application/x-amz-json-1.0';

export function sqsSuccess(result: object): Answer {
  return { status: 200, contentType: sqsType, body: JSON.stringify(result) };
}

/** Errors whose code was different in SQS' Query protocol; a header still has that code (x-amzn-query-mode). */
const queryCodes: ReadonlyMap<string, string> = new Map([
  ['QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'],
]);

export function sqsFailure(error: AwsError): Answer {
  const { code, message, status } = error;
  const side = status < 500 ? 'Sender' : 'Receiver';
  return {
    status,
    contentType: sqsType,
    headers: { 'x-amzn-query-error': `${queryCodes.get(code) ?? code};${side}` },
    body: JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }),
  };
}

/** The SDK reads the request id from this header, not from the body. */
export function send(response: ServerResponse, requestId: string, answer: Answer): void {
  begin(response, requestId, answer).end(answer.body);
}

/** Sends the head and half of the body, and never the rest. */
export function sendHalf(response: ServerResponse, requestId: string, answer: Answer): void {
  begin(response, requestId, answer).write(answer.body.slice(0, answer.body.length / 2));
}

function begin(response: ServerResponse, requestId: string, answer: Answer): ServerResponse {
  const { status, contentType, headers } = answer;
  return response.writeHead(status, {
    'content-type': contentType,
    'x-amzn-requestid': requestId,
    ...headers,
  });
}
