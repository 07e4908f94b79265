/**
 * Tells everybody who asks by TCP or UDP the address that the question came from.
 *
 * `deno run -A --unstable-net address_server.ts PORT [ADDRESS]` writes a line as soon as it listens.
 *
 * @module
 */

const [port = "", hostname = "::"] = Deno.args; // On "::" it is reached by IPv4 as well
const at = { hostname, port: Number(port) };

function answerTo(address: Deno.Addr): Uint8Array<ArrayBuffer> {
  const text = "hostname" in address ? address.hostname.replace(/^::ffff:/, "") : "";
  return new TextEncoder().encode(`${text}\n`);
}

async function serveTcp(listener: Deno.TcpListener): Promise<void> {
  for await (const connection of listener) {
    await connection.write(answerTo(connection.remoteAddr));
    connection.close();
  }
}

async function serveUdp(socket: Deno.DatagramConn): Promise<void> {
  for await (const [, sender] of socket) await socket.send(answerTo(sender), sender);
}

const listener = Deno.listen(at);
const socket = Deno.listenDatagram({ transport: "udp", ...at });
console.log("listening");
await Promise.all([serveTcp(listener), serveUdp(socket)]);
