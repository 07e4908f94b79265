/**
 * A DNS server that answers every question with one IPv4 address.
 *
 * `deno run -A --unstable-net name_server.ts LISTEN ANSWER` writes a line as soon as it listens on port 53.
 *
 * @see RFC 1035, section 4
 * @module
 */

const HEADER_BYTES = 12;
/** Response, recursion available, no error. */
const FLAGS = [0x81, 0x80];
/** A name that is the question's, type A, class IN, ten seconds, four bytes. */
const ANSWER_HEAD = [0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 10, 0, 4];
const TYPE_A = 1;
/** Of type and class, behind the name. */
const QUESTION_TAIL_BYTES = 4;

function answerTo(question: Uint8Array, address: string): Uint8Array {
  const nameEnd = question.indexOf(0, HEADER_BYTES) + 1;
  const asked = question.subarray(HEADER_BYTES, nameEnd + QUESTION_TAIL_BYTES);
  const hasAnswer = question[nameEnd + 1] === TYPE_A;
  const counts = [0, 1, 0, hasAnswer ? 1 : 0, 0, 0, 0, 0];
  const answer = hasAnswer ? [...ANSWER_HEAD, ...address.split(".").map(Number)] : [];
  return new Uint8Array([...question.subarray(0, 2), ...FLAGS, ...counts, ...asked, ...answer]);
}

const [hostname = "", address = ""] = Deno.args;
const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 53 });
console.log("listening");
for await (const [question, sender] of socket) {
  await socket.send(answerTo(question, address), sender);
}
