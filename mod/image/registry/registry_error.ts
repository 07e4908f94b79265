/** What registries answer when something is wrong. @see distribution-spec, "Error Codes" @module */

import { type ErrorKind, WherryError, type WherryErrorOptions } from "../../errors.ts";
import { parseRetryAfter, TransientError } from "./retry.ts";
import { type Answer, redact } from "./transport.ts";

/** Most bytes of an error's text that are read. */
const MAX_ERROR_SIZE = 64 << 10;
/** Most characters of it that are shown. */
const MAX_SHOWN = 300;

/** An answer that says no. */
export class RegistryError extends WherryError {
  /** HTTP status. */
  readonly status: number;
  /** The specification's codes, such as `MANIFEST_UNKNOWN`. */
  readonly codes: readonly string[];

  constructor(
    kind: ErrorKind,
    message: string,
    options: WherryErrorOptions & { status: number; codes: readonly string[] },
  ) {
    super(kind, message, options);
    this.status = options.status;
    this.codes = options.codes;
  }
}

/** What an answer says is wrong. */
export interface Refusal {
  status: number;
  /** The specification's codes, in capitals. */
  codes: readonly string[];
  /** For people: `code: message`, or the status. */
  text: string;
  /** How long the registry wants to be left alone, in milliseconds. */
  retryAfterMs: number | undefined;
}

/** Reads the error of an answer, and gives up the rest of it. */
export async function readRefusal(answer: Answer): Promise<Refusal> {
  await using _given = answer;
  const errors = parseErrors(await readText(answer));
  const [first] = errors;
  const { status, headers } = answer;
  return {
    status,
    codes: errors.map(({ code }) => code.toUpperCase()),
    text: first === undefined ? `status ${status} of "${redact(answer.url)}"` : shorten(first),
    retryAfterMs: parseRetryAfter(headers.get("retry-after"), Date.now()),
  };
}

function shorten({ code, message }: SpecifiedError): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  // Many a message only says the code again
  const text = message.toLowerCase() === words ? message : `${words}: ${message}`;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** The text only explains the status: without it that has to do. */
async function readText(answer: Answer): Promise<string> {
  try {
    return new TextDecoder().decode(await answer.bytes(MAX_ERROR_SIZE));
  } catch (error) {
    if (error instanceof TransientError) return "";
    throw error;
  }
}

interface SpecifiedError {
  code: string;
  message: string;
}

function parseErrors(text: string): SpecifiedError[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // A page for people, of whatever stands before the registry
    return [];
  }
  if (typeof json !== "object" || json === null) return [];
  // A token service may give a single one, see RFC 6749, section 5.2
  const { errors = [json] } = json as { errors?: unknown };
  return Array.isArray(errors) ? errors.flatMap(parseError) : [];
}

function parseError(json: unknown): SpecifiedError[] {
  if (typeof json !== "object" || json === null) return [];
  const { code, message, error, error_description: description, details } = json as Record<
    string,
    unknown
  >;
  const word = code ?? error ?? "error";
  const sentence = message ?? description ?? details;
  return typeof word === "string" && typeof sentence === "string"
    ? [{ code: word, message: sentence }]
    : [];
}

/** Statuses after which the same request may succeed. */
const TRANSIENT_STATUSES = [408, 429, 500, 502, 503, 504];
/** The ones that say that nothing has been done. */
const UNTOUCHED_STATUSES = [429, 503];

/** Whether to make the same request again after a refusal. */
export function isTransient(
  { status }: Refusal,
  { isIdempotent }: { isIdempotent: boolean },
): boolean {
  return (isIdempotent ? TRANSIENT_STATUSES : UNTOUCHED_STATUSES).includes(status);
}
