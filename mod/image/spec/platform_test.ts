import { strictEqual, throws } from "node:assert/strict";
import { choosePlatform, formatPlatform, isSamePlatform, parsePlatform } from "./platform.ts";

const NAMES: ReadonlyArray<readonly [text: string, platform: string]> = [
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["aarch64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["armhf", "linux/arm/v7"],
  ["linux/arm/v6", "linux/arm/v6"],
  ["windows/amd64", "windows/amd64"],
];

for (const [text, platform] of NAMES) {
  Deno.test(`parsePlatform() takes ${text} for ${platform}`, () => {
    strictEqual(formatPlatform(parsePlatform(text)), platform);
  });
}

for (const text of ["", "/", "linux/", "a/b/c/d", "linux/amd64 "]) {
  Deno.test(`parsePlatform() refuses "${text}"`, () => {
    throws(() => parsePlatform(text), { kind: "invalid_argument" });
  });
}

Deno.test("isSamePlatform() knows arm64 with and without its only variant for one", () => {
  strictEqual(isSamePlatform(parsePlatform("linux/arm64/v8"), parsePlatform("arm64")), true);
});

const CHOICES: ReadonlyArray<readonly [wanted: string, offers: string[], chosen?: string]> = [
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"],
  ["linux/arm/v7", ["linux/arm/v5", "linux/arm/v6"], "linux/arm/v6"],
  ["linux/arm/v6", ["linux/arm/v7"]],
  ["linux/amd64", ["linux/arm64", "windows/amd64"]],
  ["linux/amd64", ["linux/amd64/v3", "linux/amd64"], "linux/amd64"],
];

for (const [wanted, offers, chosen] of CHOICES) {
  Deno.test(`choosePlatform() takes ${chosen ?? "nothing"} of ${offers} for ${wanted}`, () => {
    strictEqual(choosePlatform(offers, parsePlatform(wanted), parsePlatform), chosen);
  });
}
