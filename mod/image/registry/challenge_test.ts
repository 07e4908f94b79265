import { deepStrictEqual } from "node:assert/strict";
import { parseChallenges } from "./challenge.ts";

function parsed(header: string): [string, Record<string, string>][] {
  return parseChallenges(header).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

Deno.test("parseChallenges() reads quoted parameters with commas in them", () => {
  deepStrictEqual(
    parsed(
      'Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull,push"',
    ),
    [["bearer", {
      realm: "https://auth.example/token",
      service: "r",
      scope: "repository:a/b:pull,push",
    }]],
  );
});

Deno.test("parseChallenges() reads several challenges of one header", () => {
  deepStrictEqual(parsed('Negotiate, Basic realm="a b" , Bearer realm=x, error = "y"'), [
    ["negotiate", {}],
    ["basic", { realm: "a b" }],
    ["bearer", { realm: "x", error: "y" }],
  ]);
});

Deno.test("parseChallenges() takes escapes out of quoted text", () => {
  deepStrictEqual(parsed(String.raw`Basic realm="say \"hi\" \\"`), [
    ["basic", { realm: String.raw`say "hi" \ `.trim() }],
  ]);
});

Deno.test("parseChallenges() passes over a token in place of parameters", () => {
  deepStrictEqual(parsed('Negotiate YWJj==, Basic realm="a"'), [
    ["negotiate", {}],
    ["basic", { realm: "a" }],
  ]);
});

Deno.test("parseChallenges() keeps the first of two parameters of one name", () => {
  deepStrictEqual(parsed('Bearer realm="https://good.example",REALM="https://evil.example"'), [
    ["bearer", { realm: "https://good.example" }],
  ]);
});

Deno.test("parseChallenges() stops where the header is malformed", () => {
  deepStrictEqual(parsed('Basic realm="a", Bearer realm="never ends'), [
    ["basic", { realm: "a" }],
    ["bearer", {}],
  ]);
  deepStrictEqual(parsed("=nothing"), []);
  deepStrictEqual(parsed(""), []);
});
