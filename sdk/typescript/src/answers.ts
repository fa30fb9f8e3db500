import { documented } from './answers.gen.js';
import type { Erasure, Problem } from './generated/index.js';

/** The successes that the contract documents. */
export interface Documented {
  operations: {
    id: string;
    method: string;
    path: string;
    query?: string[];
    /** Whether it takes an Idempotency-Key. */
    keyed?: boolean;
    /** The type of an item, if it lists by cursor. */
    item?: string;
    /** `same` are the fields that repeat the path's parameters. */
    answers: Record<string, { media?: string; schema?: Shape; headers?: Record<string, Shape>; same?: string[] }>;
  }[];
  schemas: Record<string, Shape>;
}

/** What a client checks in a value. */
export interface Shape {
  ref?: string;
  all?: Shape[];
  type?: string;
  format?: string;
  pattern?: string;
  nullable?: boolean;
  items?: Shape;
  required?: string[];
  properties?: Record<string, Shape>;
}

/** How much of an error answer is kept, in bytes. */
const errorLimit = 64 << 10;

/**
 * Any answer that is not a success as the contract documents it: its status,
 * media type, and required headers and fields. It always has the fields of a
 * `Problem`, even if the service did not send one.
 */
export class ProblemError extends Error implements Problem {
  override readonly name = 'ProblemError';
  /** The HTTP status, 0 if nothing answered; `cause` says why. */
  readonly status: number;
  /** The service's own problem; undefined if something else answered, such as a gateway in between. */
  readonly problem: Problem | undefined;
  /** As much of the answer as arrived, at most 64 KiB. */
  readonly body: string;
  /** The answer, if there is one. */
  readonly response: Response | undefined;
  /** Seconds to wait before trying again, if known. */
  readonly retryAfter: number | undefined;
  readonly type: string;
  readonly title: string;
  /** What is wrong according to the service, or what is wrong with the answer. */
  readonly detail: string;
  readonly parameter?: string;
  readonly request_id: string;

  constructor(fault: string, about: { response?: Response; problem?: Problem; body?: string; cause?: unknown } = {}) {
    const { response, problem, body = '', cause } = about;
    const status = response?.status ?? 0;
    const title = problem?.title ?? (response ? response.statusText : 'No answer');
    const detail = problem?.detail ?? fault;
    super(`${status} ${title}: ${detail}`, { cause });
    this.status = status;
    this.problem = problem;
    this.body = body;
    this.response = response;
    this.retryAfter = response && retryAfter(response);
    this.type = problem?.type ?? 'about:blank';
    this.title = title;
    this.detail = detail;
    this.request_id = problem?.request_id ?? response?.headers.get('X-Request-Id') ?? '';
    if (problem?.parameter !== undefined) {
      this.parameter = problem.parameter;
    }
  }
}

/** The seconds in Retry-After, or until its date. */
export function retryAfter({ headers }: Response): number | undefined {
  const text = headers.get('Retry-After') ?? '';
  if (/^[0-9]{1,9}$/.test(text)) {
    return Number(text);
  }
  // Date.parse accepts much that is not an HTTP date.
  const at = /^[A-Z][a-z]+, .* GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - Date.now()) / 1000));
}

/** A `fetch` that returns only documented successes and throws everything else as `ProblemError`. */
export function documentedOnly(send: typeof fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    let response: Response;
    try {
      response = await send(request);
    } catch (cause) {
      throw new ProblemError(message(cause), { cause });
    }
    const { media, charset } = mediaType(response.headers);
    const { operation, asked } = operationOf(request);
    const [expected, unexpected] = expectedOf(operation, response);
    let fault = unexpected;
    if (!fault && expected.media === undefined) {
      if (new URL(request.url).pathname.endsWith('/events') && !request.headers.get('Last-Event-ID')) {
        fault = '204 means that the stream has ended, but no end was received';
      }
    } else if (!fault && charset) {
      fault = charset;
    } else if (!fault && media !== expected.media) {
      fault = `the answer is not ${expected.media} but ${media || 'nothing'}; is this the service's address?`;
    }
    fault ||= headersFault(expected.headers ?? {}, response.headers);
    if (fault) {
      throw await failure(response, media, fault);
    }
    if (media === 'text/event-stream' && expected.media) {
      return response;
    }

    const { body, cause } = expected.media === undefined ? { body: null, cause: undefined } : await read(response, Number.POSITIVE_INFINITY);
    if (expected.media === undefined) {
      await response.body?.cancel().catch(() => {});
    }
    if (cause !== undefined) {
      throw new ProblemError(`the answer was cut short: ${message(cause)}`, { response, body: kept(body), cause });
    }
    if (body && expected.schema) {
      fault = jsonFault(expected.schema, body, expected.same, asked);
    } else if (body && media === 'text/plain') {
      const file = text(body);
      if (file === undefined) {
        fault = 'the answer is not UTF-8';
      } else if (expected.same) {
        fault = receiptFault(file, asked[0]!, new URL(request.url).searchParams.get('reached'));
      }
    }
    if (fault) {
      throw new ProblemError(fault, { response, body: kept(body) });
    }
    const { status, statusText, headers } = response;
    return new Response(body, { status, statusText, headers });
  };
}

function message(cause: unknown): string {
  if (!(cause instanceof Error)) {
    return String(cause);
  }
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

type Operation = Documented['operations'][number];

/** The operation of a request, and the parameters of its path. */
export function operationOf({ method, url }: Request): { operation?: Operation; asked: string[] } {
  const { pathname } = new URL(url);
  for (const operation of documented.operations) {
    const path = operation.method === method && new RegExp(operation.path).exec(pathname);
    if (path) {
      return { operation, asked: path.slice(1) };
    }
  }
  return { asked: [] };
}

/** The identifier in the path of a request, '' if there is none. */
export function askedFor(request: Request): string {
  return operationOf(request).asked[0] ?? '';
}

/** What the contract documents for an answer with this status, or why it documents nothing. */
function expectedOf(operation: Operation | undefined, response: Response): [Operation['answers'][string], string] {
  if (response.redirected) {
    return [{}, `the answer is from ${response.url}, after a redirect`];
  }
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400 && response.headers.has('Location'))) {
    const to = response.headers.get('Location');
    return [{}, `a redirect${to ? ` to ${to}` : ''}, which is not followed; use the service's own address`];
  }
  const expected = operation?.answers[response.status];
  return expected ? [expected, ''] : [{}, `${response.status} is not a documented success of this call`];
}

/** How an answer is about something other than what was requested, '' if it is not. */
function anotherFault(field: string, told: unknown, asked: string): string {
  return String(told).toLowerCase() === asked.toLowerCase()
    ? ''
    : `the answer is for something else: its ${field} is ${told}, not ${asked}`;
}

/**
 * The same for a receipt file: the receipt with this identifier, or the one that
 * confirms a later level for it. `verifyReceipt` checks the receipt itself.
 */
function receiptFault(file: string, asked: string, reached: string | null): string {
  const leaf = /\nextra (.*)/.exec(file)?.[1] ?? '';
  let receipt: { id?: unknown; level?: unknown; about?: unknown } | undefined;
  try {
    receipt = JSON.parse(atob(leaf)) as typeof receipt;
  } catch {
    // Reported below.
  }
  if (!receipt?.id) {
    return 'the answer is not a receipt';
  }
  if (reached === null) {
    return anotherFault('id', receipt.id, asked);
  }
  return anotherFault('level', receipt.level, reached) || anotherFault('erasure', receipt.about, asked);
}

/** The media type of an answer, and what is wrong with it. */
function mediaType(headers: Headers): { media: string; charset: string } {
  const given = headers.get('Content-Type') ?? '';
  const parts = /^([\w!#$&^.+-]+\/[\w!#$&^.+-]+)((?:\s*;\s*[\w!#$&^.+-]+=(?:"[^"]*"|[^\s;"]+))*)\s*$/.exec(given);
  if (!parts?.[1]) {
    return { media: '', charset: `"${given}" is not a media type` };
  }
  const charset = /;\s*charset="?([^";\s]*)/i.exec(parts[2] ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  const known = ['utf-8', 'utf8', 'us-ascii'].includes(charset);
  return { media: parts[1].toLowerCase(), charset: known ? '' : `the answer's charset is "${charset}", not UTF-8` };
}

function headersFault(required: Record<string, Shape>, headers: Headers): string {
  for (const [name, shape] of Object.entries(required)) {
    const value = headers.get(name);
    const fault = value ? shapeFault(shape, value, name) : `the answer has no ${name}`;
    if (fault) {
      return fault;
    }
  }
  return '';
}

/** The answer as an error. */
async function failure(response: Response, media: string, fault: string): Promise<ProblemError> {
  const { body, cause } = await read(response, errorLimit);
  let problem: Problem | undefined;
  if (media === 'application/problem+json' && response.status >= 400 && !jsonFault({ ref: 'Problem' }, body)) {
    problem = JSON.parse(text(body) ?? '') as Problem;
  }
  return new ProblemError(fault, { response, body: kept(body), cause, ...(problem && { problem }) });
}

/** As much of the body as arrived, and why the rest did not; slightly more than the limit at most. */
async function read(response: Response, limit: number): Promise<{ body: Uint8Array<ArrayBuffer>; cause: unknown }> {
  const parts: Uint8Array[] = [];
  let size = 0;
  let cause: unknown;
  const reader = response.body?.getReader();
  try {
    while (reader && size < limit) {
      const { done, value } = await reader.read();
      if (done) {
        break;
      }
      parts.push(value);
      size += value.length;
    }
  } catch (error) {
    cause = error;
  }
  await reader?.cancel().catch(() => {});
  const body = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return { body, cause };
}

function kept(body: Uint8Array | null): string {
  return new TextDecoder().decode(body?.subarray(0, errorLimit));
}

function text(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** How JSON does not match a shape or, in these fields, what was requested. */
function jsonFault(shape: Shape, body: Uint8Array, same: string[] = [], asked: string[] = []): string {
  const json = text(body);
  if (json === undefined) {
    return 'the answer is not UTF-8';
  }
  try {
    const value: unknown = JSON.parse(json);
    let fault = shapeFault(shape, value, 'the answer');
    for (let at = 0; !fault && at < same.length; at += 1) {
      fault = anotherFault(same[at]!, (value as Record<string, unknown>)[same[at]!], asked[at]!);
    }
    return fault;
  } catch (error) {
    return `the answer is not JSON, or was cut short: ${message(error)}`;
  }
}

/** How a value does not match a shape, '' if it does. */
function shapeFault(shape: Shape, value: unknown, name: string): string {
  if (value === null && shape.nullable) {
    return '';
  }
  if (shape.ref !== undefined) {
    return shapeFault(documented.schemas[shape.ref] ?? {}, value, name);
  }
  for (const part of shape.all ?? []) {
    const fault = shapeFault(part, value, name);
    if (fault) {
      return fault;
    }
  }
  if (shape.type !== undefined && !is(shape, value)) {
    return `${name} is not of the type in the contract: ${shape.type} ${shape.format ?? ''}`.trimEnd();
  }
  if (shape.type === 'object') {
    const fields = value as Record<string, unknown>;
    const missing = shape.required?.find((field) => !Object.hasOwn(fields, field));
    if (missing !== undefined) {
      return `${name} has no ${missing}`;
    }
    for (const [field, inner] of Object.entries(shape.properties ?? {})) {
      const fault = Object.hasOwn(fields, field) ? shapeFault(inner, fields[field], field) : '';
      if (fault) {
        return fault;
      }
    }
  }
  if (shape.type === 'array' && shape.items) {
    for (const inner of value as unknown[]) {
      const fault = shapeFault(shape.items, inner, name);
      if (fault) {
        return fault;
      }
    }
  }
  return '';
}

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function is({ type, format, pattern }: Shape, value: unknown): boolean {
  switch (type) {
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
  }
  if (typeof value !== 'string') {
    return false;
  }
  switch (format) {
    case 'uuid':
      return uuid.test(value);
    case 'date-time':
      return dateTime.test(value) && !Number.isNaN(Date.parse(value));
  }
  return pattern === undefined || new RegExp(pattern).test(value);
}

/** Whether an event is the end of the requested erasure; throws `ProblemError` if the event should carry that erasure but does not. */
export function isEnd(event: string | undefined, data: unknown, asked: string, response: Response | undefined): boolean {
  if (event !== 'progress' && event !== 'end') {
    return false;
  }
  let fault = shapeFault({ ref: 'Erasure' }, data, 'the event') || anotherFault('id', (data as Erasure).id, asked);
  if (!fault && event === 'end' && ['pending', 'running'].includes((data as Erasure).state)) {
    fault = `got an end event for an erasure that is ${(data as Erasure).state}`;
  }
  if (fault) {
    const body = typeof data === 'string' ? data : JSON.stringify(data);
    throw new ProblemError(fault, { body: body?.slice(0, errorLimit) ?? '', ...(response && { response }) });
  }
  return event === 'end';
}
