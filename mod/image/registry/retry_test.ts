import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import { WherryError } from "../../errors.ts";
import { parseRetryAfter, TransientError, withRetries } from "./retry.ts";

const { patience } = fakeSettings();
const FAILURE = new WherryError("unavailable", "Cannot get it: the connection was cut");
const { signal } = new AbortController();

Deno.test("parseRetryAfter() reads seconds and dates", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");

  strictEqual(parseRetryAfter("7", now), 7_000);
  strictEqual(parseRetryAfter("Fri, 02 Jan 2026 03:04:15 GMT", now), 10_000);
  strictEqual(parseRetryAfter("Fri, 02 Jan 2026 03:00:00 GMT", now), 0);
  strictEqual(parseRetryAfter("soon", now), undefined);
  strictEqual(parseRetryAfter(null, now), undefined);
});

Deno.test("withRetries() throws the failure itself when patience ends", async () => {
  let tries = 0;
  const fail = (): Promise<never> => {
    tries++;
    return Promise.reject(new TransientError(FAILURE));
  };

  await rejects(withRetries(fail, { patience, options: { signal } }), FAILURE);
  strictEqual(tries, patience.tries);
});

Deno.test("withRetries() does not repeat what cannot work", async () => {
  let tries = 0;
  const fail = (): Promise<never> => {
    tries++;
    return Promise.reject(FAILURE);
  };

  await rejects(withRetries(fail, { patience, options: { signal } }), FAILURE);
  strictEqual(tries, 1);
});

Deno.test("withRetries() waits as long as the server asks, and says so", async () => {
  const told: [string, number][] = [];
  const outcomes = [new TransientError(FAILURE, { retryAfterMs: 3 }), undefined];
  const action = (): Promise<string> => {
    const outcome = outcomes.shift();
    return outcome === undefined ? Promise.resolve("done") : Promise.reject(outcome);
  };
  const options = { signal, onRetry: (why: string, ms: number) => void told.push([why, ms]) };

  strictEqual(await withRetries(action, { patience, options }), "done");
  deepStrictEqual(told, [[FAILURE.message, 3]]);
});

Deno.test("withRetries() gives up when the server asks for more than patience allows", async () => {
  const fail = (): Promise<never> =>
    Promise.reject(new TransientError(FAILURE, { retryAfterMs: 3_600_000 }));

  await rejects(withRetries(fail, { patience, options: { signal } }), {
    kind: "unavailable",
    message: FAILURE.message,
    hint: "The registry asks to be left alone for 3600 seconds: try again then",
  });
});

Deno.test("withRetries() ends its wait when it is aborted", async () => {
  const controller = new AbortController();
  const fail = (): Promise<never> => Promise.reject(new TransientError(FAILURE));
  const slow = { ...patience, delayMs: 1e9, maxDelayMs: 1e9 };
  const options = { signal: controller.signal, onRetry: () => controller.abort() };

  await rejects(withRetries(fail, { patience: slow, options }), { name: "AbortError" });
});
