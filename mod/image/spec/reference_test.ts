import { strictEqual, throws } from "node:assert/strict";
import { formatFamiliar, formatReference, parseReference } from "./reference.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

const NORMALISED: ReadonlyArray<readonly [given: string, full: string, familiar: string]> = [
  ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["team/app", "docker.io/team/app:latest", "team/app:latest"],
  ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"],
  ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
  ["Host/app", "Host/app:latest", "Host/app:latest"],
  ["a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest", "a__b/c---d.e_f:latest"],
  [`busybox@${DIGEST}`, `docker.io/library/busybox@${DIGEST}`, `busybox@${DIGEST}`],
  [`busybox:1@${DIGEST}`, `docker.io/library/busybox:1@${DIGEST}`, `busybox:1@${DIGEST}`],
  ["docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
];

for (const [given, full, familiar] of NORMALISED) {
  Deno.test(`parseReference() normalises ${given}`, () => {
    strictEqual(formatReference(parseReference(given)), full);
  });

  Deno.test(`formatFamiliar() shortens ${given}`, () => {
    strictEqual(formatFamiliar(parseReference(given)), familiar);
  });

  Deno.test(`parseReference() takes the familiar form of ${given} for the same`, () => {
    strictEqual(formatReference(parseReference(familiar)), full);
  });
}

const REFUSED: ReadonlyArray<readonly [what: string, given: string, message: RegExp]> = [
  ["an empty text", "", /: invalid reference format: it is empty$/],
  ["an upper-case name", "busyBox", /repository name \(library\/busyBox\) must be lowercase$/],
  ["an upper-case path", "host.io/App", /repository name \(App\) must be lowercase$/],
  ["an empty tag", "busybox:", /empty tag at position 9/],
  ["a tag that starts with a dash", "busybox:-1", /tag that is not .* at position 9/],
  ["a tag that is too long", `a:${"t".repeat(129)}`, /tag longer than 128 characters/],
  ["a bad digest", "busybox@sha256:12", /malformed or unsupported digest at position 9/],
  ["an empty component", "a//b", /empty path component at position 3/],
  ["two dots", "a..b", /path component "a\.\.b"/],
  ["a space", "a b", /path component "a b"/],
  ["a name that is too long", "a".repeat(256), /longer than 255 characters/],
  ["an id", "a".repeat(64), /cannot specify 64-byte hexadecimal strings$/],
  ["a bad host", "-x.io/app", /malformed host "-x\.io" at position 1/],
  ["a newline", "busybox\n", /path component/],
];

for (const [what, given, message] of REFUSED) {
  Deno.test(`parseReference() refuses ${what}`, () => {
    throws(() => parseReference(given), { kind: "invalid_argument", message });
  });
}
