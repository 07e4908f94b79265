/** Lists of tags, which registries give page by page. @module */

import { WherryError } from "../../errors.ts";
import { MAX_DOCUMENT_SIZE } from "../spec/oci.ts";
import { isTag } from "../spec/reference.ts";
import type { Place } from "./place.ts";
import type { TransferOptions } from "./registry.ts";
import type { Answer } from "./transport.ts";

/** Many more than any repository has. */
const MAX_PAGES = 10_000;
const MAX_TAGS = 250_000;
/** Longest address of a page, in characters. */
const MAX_ADDRESS_LENGTH = 2_000;

/**
 * All tags of a repository, in the registry's order.
 *
 * @throws {WherryError} `corrupt` if there is no end to them, or one of them is none: it would become a part of
 * addresses, and of the store's index.
 */
export async function* readTags(
  place: Place,
  options: TransferOptions,
): AsyncGenerator<string> {
  const seen = new Set<string>();
  let count = 0;
  let target: string | URL | undefined = `${place.path}/tags/list`;
  while (target !== undefined) {
    if (seen.has(String(target)) || seen.size >= MAX_PAGES || count > MAX_TAGS) {
      throw new WherryError("corrupt", `Cannot list tags of "${place.describe()}": they never end`);
    }
    seen.add(String(target));
    await using answer: Answer = await place.host.request({
      method: "GET",
      target,
      scopes: place.scopes,
      expected: [200],
      explain: (refusal, authorization) => place.explain(refusal, authorization),
    }, options);
    const tags = parseTags(await answer.bytes(MAX_DOCUMENT_SIZE), place);
    count += tags.length;
    yield* tags;
    target = nextPage(answer, place);
  }
}

function parseTags(bytes: Uint8Array | undefined, place: Place): readonly string[] {
  const refuse = (state: string, cause?: unknown): never => {
    throw new WherryError("corrupt", `Cannot list tags of "${place.describe()}": ${state}`, {
      cause,
    });
  };
  if (bytes === undefined) return refuse(`more than ${MAX_DOCUMENT_SIZE} bytes in one answer`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    return refuse("the answer is not JSON", cause);
  }
  if (typeof json === "object" && json !== null && "tags" in json) {
    const tags = json.tags ?? [];
    if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string" && isTag(tag))) {
      return tags;
    }
  }
  return refuse("the answer is no list of tags");
}

/** No part of it goes beyond the next `<`: so a header of many takes no longer than its length says. */
const NEXT_PAGE = /<([^<>]*)>\s*;[^,<>]*\brel="?next"?/i;

/** @see RFC 8288 */
function nextPage({ headers, url }: Answer, place: Place): URL | undefined {
  const link = headers.get("link") ?? "";
  const [, address] = NEXT_PAGE.exec(link) ?? [];
  if (address === undefined) return undefined;
  if (address.length > MAX_ADDRESS_LENGTH) {
    throw new WherryError(
      "corrupt",
      `Cannot list tags of "${place.describe()}": the address of the next ones is too long`,
    );
  }
  const next = URL.parse(address, url);
  if (next?.origin === url.origin) return next;
  throw new WherryError(
    "corrupt",
    `Cannot list tags of "${place.describe()}": the next ones are on another server`,
  );
}
