import { match, strictEqual, throws } from "node:assert/strict";
import { addAddress } from "../kernel/address.ts";
import { type Cidr, formatCidr, parseCidr } from "../kernel/ip.ts";
import { Links } from "../kernel/link.ts";
import { createNetNamespace, inNetNamespace } from "../kernel/net_namespace.ts";
import { NETLINK, NetlinkSocket } from "../kernel/netlink.ts";
import { addRoute } from "../kernel/route.ts";
import {
  blocksOfHost,
  checkSubnet,
  chooseSubnet,
  chooseUniqueLocalSubnet,
  type OccupiedBlock,
} from "./subnet_pools.ts";

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new TypeError(text);
  return parsed;
}

function occupied(...texts: readonly string[]): OccupiedBlock[] {
  return texts.map((text) => ({ block: cidr(text), owner: `host route ${text} dev eth0` }));
}

for (
  const [name, blocks, isDefault, expected] of [
    ["the default network's own", [], true, "10.210.0.0/16"],
    ["the first of the others", [], false, "10.211.0.0/24"],
    ["one of the others where its own is occupied", ["10.210.7.0/24"], true, "10.211.0.0/24"],
    ["the next one", ["10.211.0.0/24", "10.211.1.128/25"], false, "10.211.2.0/24"],
    ["one behind a large block", ["10.211.0.0/16"], false, "10.212.0.0/24"],
    ["one of the next pool", ["10.0.0.0/8"], false, "172.16.0.0/24"],
    ["one of the last pool", ["10.0.0.0/8", "172.16.0.0/12"], false, "192.168.0.0/24"],
    ["one in spite of IPv6", ["fd00::/8"], false, "10.211.0.0/24"],
  ] as const
) {
  Deno.test(`chooseSubnet() takes ${name}`, () => {
    strictEqual(formatCidr(chooseSubnet(occupied(...blocks), { isDefault })), expected);
  });
}

Deno.test("chooseSubnet() says so when everything is occupied", () => {
  throws(
    () =>
      chooseSubnet(occupied("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), { isDefault: true }),
    /Cannot choose a subnet/,
  );
});

const ID = "0123456789abcdef".repeat(4);

Deno.test("chooseUniqueLocalSubnet() takes the one of the id, or the next of it", () => {
  strictEqual(formatCidr(chooseUniqueLocalSubnet(ID, [])), "fd01:2345:6789:abcd::/64");
  strictEqual(
    formatCidr(chooseUniqueLocalSubnet(ID, occupied("fd01::/16"))),
    "fd12:3456:789a:bcde::/64",
  );
});

Deno.test("checkSubnet() names the host's route that is in the way", () => {
  throws(
    () => checkSubnet(cidr("10.5.0.0/24"), occupied("10.0.0.0/8")),
    /^WherryError: Cannot use the subnet "10\.5\.0\.0\/24": it overlaps with host route 10\.0\.0\.0\/8 dev eth0$/,
  );
});

Deno.test("checkSubnet() names the network that is in the way, and its subnet", () => {
  const blocks = [{ block: cidr("10.5.0.0/16"), owner: 'network "web"' }];

  throws(
    () => checkSubnet(cidr("10.5.0.0/24"), blocks),
    /it overlaps with network "web" \(10\.5\.0\.0\/16\)$/,
  );
});

Deno.test("checkSubnet() lets neighbours be", () => {
  checkSubnet(cidr("10.5.1.0/24"), occupied("10.5.0.0/24", "10.5.2.0/23"));
});

Deno.test("blocksOfHost() has routes and addresses of the host, and no route to everything", () => {
  using namespace = createNetNamespace();
  using socket = inNetNamespace(namespace, () => new NetlinkSocket(NETLINK.ROUTE));
  const links = new Links(socket);
  links.addBridge("lan");
  const { index } = links.get("lan");
  addAddress(socket, { index, address: "192.168.7.9", prefixLength: 24 });
  for (const destination of ["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8"]) {
    addRoute(socket, { destination, gateway: "192.168.7.1", index });
  }

  const owners = blocksOfHost(socket).filter(({ block }) => block.family === 4)
    .map(({ owner }) => owner).join("\n");

  match(owners, /^host route 10\.0\.0\.0\/8 dev lan$/m);
  match(owners, /^host route 192\.168\.7\.0\/24 dev lan$/m);
  match(owners, /^host address 192\.168\.7\.9\/24 dev lan$/m);
  strictEqual(/0\.0\.0\.0\/[01] /.test(owners), false);
});
