import { deepStrictEqual, throws } from "node:assert/strict";
import { parseCopyArguments } from "./copy_arguments.ts";

for (
  const [source, destination, expected] of [
    ["web:/etc", "here", {
      direction: "from",
      container: "web",
      source: "/etc",
      destination: "here",
    }],
    ["here", "web:/etc", {
      direction: "to",
      container: "web",
      source: "here",
      destination: "/etc",
    }],
    ["-", "web:/etc", { direction: "to", container: "web", source: "-", destination: "/etc" }],
    ["web:/etc", "-", { direction: "from", container: "web", source: "/etc", destination: "-" }],
    ["./a:b", "web:c:d", {
      direction: "to",
      container: "web",
      source: "./a:b",
      destination: "c:d",
    }],
    ["web:a", "/x:y", { direction: "from", container: "web", source: "a", destination: "/x:y" }],
    ["..:a", "web:b", { direction: "to", container: "web", source: "..:a", destination: "b" }],
  ] as const
) {
  Deno.test(`parseCopyArguments() reads ${source} ${destination}`, () => {
    deepStrictEqual(parseCopyArguments(source, destination), expected);
  });
}

for (
  const [source, destination, message] of [
    ["", "web:/x", "source can not be empty"],
    ["web:/x", "", "destination can not be empty"],
    ["a:/x", "b:/y", "copying between containers is not supported"],
    ["x", "y", "must specify at least one container source"],
    ["-", "-", "must specify at least one container source"],
    [":/x", "y", "must specify at least one container source"],
    ["web:", "y", '"web:" names no path'],
  ] as const
) {
  Deno.test(`parseCopyArguments() refuses "${source}" "${destination}"`, () => {
    throws(() => parseCopyArguments(source, destination), { kind: "invalid_argument", message });
  });
}
