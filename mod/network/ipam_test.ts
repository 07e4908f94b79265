import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { WherryError } from "../errors.ts";
import { AddressBook } from "./address_book.ts";
import { AddressPool, releaseAddress } from "./ipam.ts";
import type { IpamPool } from "./network.ts";

const OWNER = "a".repeat(64);
const OTHER = "b".repeat(64);
const isNeverStale = (): boolean => false;
const nameOf = (owner: string): string => owner === OWNER ? "box" : "crate";

function poolOf(subnet: string, fields: Partial<IpamPool> = {}): IpamPool {
  return { subnet, gateway: "", range: "", auxiliaryAddresses: {}, ...fields };
}

function allocate(
  directory: string,
  pool: IpamPool,
  fields: { owner?: string; wanted?: string; isStale?: (owner: string) => boolean } = {},
): string {
  return new AddressPool(pool, { directory, networkName: "web" })
    .allocate({ owner: OWNER, isStale: isNeverStale, nameOf, ...fields });
}

function ownerOf(directory: string, address: string): string | undefined {
  return new AddressBook(directory).ownerOf(address);
}

/** Takes addresses until there are no more. */
function drain(directory: string, pool: IpamPool): string[] {
  const taken: string[] = [];
  for (;;) {
    try {
      taken.push(allocate(directory, pool));
    } catch (error) {
      if (error instanceof WherryError && error.kind === "unavailable") return taken;
      throw error;
    }
  }
}

Deno.test("allocate() gives all but network, broadcast, gateway and auxiliary addresses", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/29", {
    gateway: "10.1.0.1",
    auxiliaryAddresses: { printer: "10.1.0.4" },
  });

  const taken = drain(directory.path, pool);

  deepStrictEqual(taken, ["10.1.0.2", "10.1.0.3", "10.1.0.5", "10.1.0.6"]);
});

Deno.test("allocate() gives nothing outside the range, nor the subnet's ends inside it", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/28", { gateway: "10.1.0.1", range: "10.1.0.12/30" });

  deepStrictEqual(drain(directory.path, pool), ["10.1.0.12", "10.1.0.13", "10.1.0.14"]);
});

for (
  const [subnet, gateway, expected] of [
    ["10.1.0.0/30", "10.1.0.1", ["10.1.0.2"]],
    ["10.1.0.0/31", "10.1.0.0", ["10.1.0.1"]],
    ["10.1.0.0/32", "10.1.0.0", []],
    ["fd00::/126", "fd00::1", ["fd00::2", "fd00::3"]],
  ] as const
) {
  Deno.test(`allocate() gives ${expected.length} addresses of ${subnet}`, () => {
    using directory = new TemporaryDirectory();

    deepStrictEqual(drain(directory.path, poolOf(subnet, { gateway })), [...expected]);
  });
}

for (
  const [subnet, first] of [
    ["10.0.0.0/8", "10.0.0.1"],
    ["fd00:1:2:3::/64", "fd00:1:2:3::1"],
  ] as const
) {
  Deno.test(`allocate() takes the first address of ${subnet} without walking through it`, () => {
    using directory = new TemporaryDirectory();

    strictEqual(allocate(directory.path, poolOf(subnet)), first);
  });
}

Deno.test("allocate() goes on after the last address of an octet", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/16", { range: "10.1.0.255/32" });
  allocate(directory.path, pool);

  strictEqual(allocate(directory.path, poolOf("10.1.0.0/16")), "10.1.1.0");
});

Deno.test("allocate() uses a released address last", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/29");
  const first = allocate(directory.path, pool);
  releaseAddress({ directory: directory.path, networkName: "web" }, first, OWNER);

  deepStrictEqual(drain(directory.path, pool), [
    "10.1.0.2",
    "10.1.0.3",
    "10.1.0.4",
    "10.1.0.5",
    "10.1.0.6",
    "10.1.0.1",
  ]);
});

Deno.test("allocate() names network and subnet when all addresses are taken", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/30");
  drain(directory.path, pool);

  throws(() => allocate(directory.path, pool), (error: unknown) => {
    match(
      String(error),
      /Cannot give an address of network "web": all of 10\.1\.0\.0\/30 are taken/,
    );
    return error instanceof WherryError && error.hint !== undefined;
  });
});

Deno.test("allocate() gives the wanted address in canonical form", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("fd00::/64");

  strictEqual(allocate(directory.path, pool, { wanted: "FD00:0::0010" }), "fd00::10");
});

Deno.test("allocate() gives a wanted address that is in the subnet and outside the range", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/24", { range: "10.1.0.128/25" });

  strictEqual(allocate(directory.path, pool, { wanted: "10.1.0.9" }), "10.1.0.9");
});

Deno.test("allocate() gives a container its own address again", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/24");
  allocate(directory.path, pool, { wanted: "10.1.0.9" });

  strictEqual(allocate(directory.path, pool, { wanted: "10.1.0.9" }), "10.1.0.9");
});

Deno.test("allocate() names the owner of a wanted address", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/24");
  allocate(directory.path, pool, { wanted: "10.1.0.9" });

  throws(
    () => allocate(directory.path, pool, { owner: OTHER, wanted: "10.1.0.9" }),
    /^WherryError: Cannot use address "10\.1\.0\.9" of network "web": Address already in use by container "box"$/,
  );
});

for (
  const [wanted, reason] of [
    ["10.1.0.0", /it is the network's own$/],
    ["10.1.0.255", /it is for broadcasts$/],
    ["10.1.0.1", /it is the gateway's$/],
    ["10.1.0.7", /it is reserved for "printer"$/],
    ["10.1.1.7", /it is not in the subnet 10\.1\.0\.0\/24$/],
    ["fd00::7", /it is not in the subnet 10\.1\.0\.0\/24$/],
    ["10.1.0.256", /^invalid IP address: 10\.1\.0\.256$/],
  ] as const
) {
  Deno.test(`allocate() refuses the wanted address ${wanted}`, () => {
    using directory = new TemporaryDirectory();
    const pool = poolOf("10.1.0.0/24", {
      gateway: "10.1.0.1",
      auxiliaryAddresses: { printer: "10.1.0.7" },
    });

    throws(
      () => allocate(directory.path, pool, { wanted }),
      (error: unknown) =>
        error instanceof WherryError && error.kind === "invalid_argument" &&
        reason.test(error.message),
    );
  });
}

Deno.test("allocate() takes over the address of a container that is gone once no other is left", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/30", { gateway: "10.1.0.1" });
  drain(directory.path, pool);

  const address = allocate(directory.path, pool, {
    owner: OTHER,
    isStale: (owner) => owner === OWNER,
  });

  deepStrictEqual([address, ownerOf(directory.path, address)], ["10.1.0.2", OTHER]);
});

Deno.test("allocate() takes over the wanted address of a container that is gone", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/24");
  allocate(directory.path, pool, { wanted: "10.1.0.9" });

  allocate(directory.path, pool, { owner: OTHER, wanted: "10.1.0.9", isStale: () => true });

  strictEqual(ownerOf(directory.path, "10.1.0.9"), OTHER);
});

Deno.test("allocate() takes an address whose record is damaged", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/30", { gateway: "10.1.0.1" });
  Deno.writeTextFileSync(directory.join("10.1.0.2"), "");

  strictEqual(allocate(directory.path, pool), "10.1.0.2");
});

Deno.test("allocate() begins anew when the cursor is damaged", () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/24");
  Deno.writeTextFileSync(directory.join(".cursor4"), "\0what");

  strictEqual(allocate(directory.path, pool), "10.1.0.1");
});

Deno.test("releaseAddress() leaves the address of another container", () => {
  using directory = new TemporaryDirectory();
  const place = { directory: directory.path, networkName: "web" };
  const address = allocate(directory.path, poolOf("10.1.0.0/24"));

  releaseAddress(place, address, OTHER);

  strictEqual(ownerOf(directory.path, address), OWNER);
});

Deno.test("releaseAddress() does nothing where no address was ever given away", () => {
  releaseAddress({ directory: "/nonexistent", networkName: "web" }, "10.1.0.2", OWNER);
});

const PROCESSES = 32;
const ADDRESSES_EACH = 30;

Deno.test("allocate() never gives an address twice when 32 processes ask at once", async () => {
  using directory = new TemporaryDirectory();
  const pool = poolOf("10.1.0.0/22", { gateway: "10.1.0.1" });
  const script = `
    import { AddressPool } from ${JSON.stringify(import.meta.resolve("./ipam.ts"))};
    const [directory, pool, owner] = JSON.parse(Deno.args[0]);
    const isStale = () => false;
    for (let i = 0; i < ${ADDRESSES_EACH}; i++) {
      const addresses = new AddressPool(pool, { directory, networkName: "web" });
      console.log(addresses.allocate({ owner, isStale }));
    }`;

  const outputs = await Promise.all(Array.from({ length: PROCESSES }, async (_, index) => {
    const owner = index.toString(16).padStart(64, "0");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", script, JSON.stringify([directory.join("a"), pool, owner])],
      stderr: "inherit",
    });
    const { stdout } = await child.output();
    return new TextDecoder().decode(stdout).trim().split("\n");
  }));

  const addresses = outputs.flat();
  strictEqual(addresses.length, PROCESSES * ADDRESSES_EACH);
  strictEqual(new Set(addresses).size, PROCESSES * ADDRESSES_EACH);
});

const MANY = 65_000;

Deno.test("allocate() gives 65,000 different addresses of a /16", () => {
  // In memory, as what is below `/run` is nearly everywhere
  using directory = new TemporaryDirectory("/dev/shm");
  const pool = new AddressPool(poolOf("10.1.0.0/16", { gateway: "10.1.0.1" }), {
    directory: directory.path,
    networkName: "web",
  });

  const addresses = new Set(
    Array.from(
      { length: MANY },
      () => pool.allocate({ owner: OWNER, isStale: isNeverStale, nameOf }),
    ),
  );

  strictEqual(addresses.size, MANY);
});
