import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import { Engine } from "../base/engine.ts";
import { listMissingSupport, readEngineInfo, readHostSupport } from "./info.ts";

const V2 = {
  "/proc/self/mountinfo": "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n",
  "/cg/cgroup.controllers": "cpuset cpu io memory pids\n",
  "/cg/a/cgroup.events": "populated 0\n",
};

Deno.test("readHostSupport() tells what can be limited", () => {
  const support = readHostSupport(fakeHostFiles(V2));

  deepStrictEqual(support, {
    MemoryLimit: true,
    SwapLimit: false,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    OomKillDisable: false,
    IPv4Forwarding: false,
    BridgeNfIptables: false,
    BridgeNfIp6tables: false,
  });
});

Deno.test("listMissingSupport() warns in docker's words", () => {
  deepStrictEqual(listMissingSupport(readHostSupport(fakeHostFiles(V2))), [
    "No swap limit support",
  ]);
  deepStrictEqual(listMissingSupport(readHostSupport(fakeHostFiles({}))), [
    "No memory limit support",
    "No swap limit support",
    "No cpu cfs quota support",
    "No cpu cfs period support",
    "No cpu shares support",
    "No cpuset support",
    "No pids limit support",
  ]);
});

Deno.test("readEngineInfo() does not tell the password of a proxy", () => {
  const engine = new Engine({ root: "/nowhere/root", runRoot: "/nowhere/run" });

  const { HttpProxy, HttpsProxy, NoProxy } = readEngineInfo(
    engine,
    (name) => ({ HTTP_PROXY: "http://ann:secret@proxy:3128", no_proxy: "localhost" })[name],
  );

  strictEqual(HttpProxy, "http://xxxxx:xxxxx@proxy:3128");
  deepStrictEqual([HttpsProxy, NoProxy], ["", "localhost"]);
});
