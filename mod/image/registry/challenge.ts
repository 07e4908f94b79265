/** Challenges of a server that wants to know who asks. @see RFC 9110, section 11.6.1 @module */

/** One way to sign in that a server offers. */
export interface Challenge {
  /** In lower case, such as `bearer` or `basic`. */
  scheme: string;
  /** By name in lower case; the first of several of one name. */
  parameters: ReadonlyMap<string, string>;
}

const SEPARATORS = /[\s,]*/y;
const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
/** What some schemes have in place of parameters; it ends where a list goes on. */
const TOKEN68 = /[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)/y;

/**
 * Parses `WWW-Authenticate`: several challenges, with parameters that may be quoted.
 *
 * @param header Several headers are joined with commas.
 * @returns In the server's order; what comes after something malformed is left out.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const scanner = new Scanner(header);
  for (;;) {
    scanner.take(SEPARATORS);
    const name = scanner.take(TOKEN)?.[0].toLowerCase();
    if (name === undefined) return challenges;
    const current = challenges.at(-1);
    if (scanner.take(EQUALS) === undefined) {
      challenges.push({ scheme: name, parameters: new Map() });
      scanner.take(TOKEN68);
      continue;
    }
    const value = takeValue(scanner);
    if (current === undefined || value === undefined) return challenges;
    if (!current.parameters.has(name)) current.parameters.set(name, value);
  }
}

function takeValue(scanner: Scanner): string | undefined {
  const quoted = scanner.take(QUOTED);
  if (quoted !== undefined) return (quoted[1] ?? "").replace(/\\(.)/g, "$1");
  return scanner.take(TOKEN)?.[0];
}

/** Reads a text from its start to its end. */
class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes what `pattern`, which is sticky, finds here; nothing if that is not here. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match;
  }
}
