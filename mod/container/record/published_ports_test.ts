import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { PublishedPort } from "./config.ts";
import { withoutPublished } from "./published_ports.ts";

/** `hostPort` 0 for any. */
function port(hostPort: number, containerPort: number, count = 1): PublishedPort {
  return {
    protocol: "tcp",
    containerPort,
    hostAddress: "",
    hostPort,
    hostPortEnd: hostPort === 0 ? 0 : hostPort + count - 1,
    count,
  };
}

Deno.test("withoutPublished() takes a port by its number inside", () => {
  deepStrictEqual(withoutPublished([port(8080, 80), port(8443, 443)], port(0, 80)), [
    port(8443, 443),
  ]);
});

Deno.test("withoutPublished() takes all host ports that lead to one inside", () => {
  deepStrictEqual(withoutPublished([port(8080, 80), port(8081, 80)], port(0, 80)), []);
});

Deno.test("withoutPublished() takes only the host port that is named", () => {
  deepStrictEqual(withoutPublished([port(8080, 80), port(8081, 80)], port(8081, 80)), [
    port(8080, 80),
  ]);
});

Deno.test("withoutPublished() splits a range", () => {
  deepStrictEqual(withoutPublished([port(7000, 90, 4)], port(7001, 91, 2)), [
    port(7000, 90),
    port(7003, 93),
  ]);
});

Deno.test("withoutPublished() takes the parts that two ranges share", () => {
  deepStrictEqual(withoutPublished([port(7000, 90, 4)], port(0, 92, 10)), [port(7000, 90, 2)]);
});

Deno.test("withoutPublished() knows host ports that were chosen", () => {
  const any = port(0, 80);

  deepStrictEqual(withoutPublished([any], port(49153, 80), [port(49153, 80)]), []);
  strictEqual(withoutPublished([any], port(49154, 80), [port(49153, 80)]), undefined);
});

Deno.test("withoutPublished() is undefined when nothing goes", () => {
  strictEqual(withoutPublished([port(8080, 80)], port(0, 81)), undefined);
  strictEqual(withoutPublished([port(8080, 80)], { ...port(0, 80), protocol: "udp" }), undefined);
  strictEqual(
    withoutPublished([port(8080, 80)], { ...port(0, 80), hostAddress: "127.0.0.1" }),
    undefined,
  );
});
