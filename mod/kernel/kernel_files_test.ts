import { deepStrictEqual } from "node:assert/strict";
import { isKernelFile } from "./kernel_files.ts";
import { openDirectory } from "./open.ts";

Deno.test("isKernelFile() tells what the kernel has to say from files", () => {
  const found = ["/proc", "/proc/self", "/sys", "/tmp"].map((path) => {
    using directory = openDirectory(path);
    return isKernelFile(directory.number);
  });

  deepStrictEqual(found, [true, true, true, false]);
});
