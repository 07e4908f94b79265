/** Speaking with `wherry-monitor`; the protocol stands in `docs/monitor.md`. @module */

import { Descriptor } from "../../../ffi/descriptor.ts";
import { errnoText, SystemError } from "../../../ffi/errno.ts";
import { callerOpenFilesLimit, monitorSource } from "../../../ffi/library.ts";
import { WherryError } from "../../errors.ts";
import { createSealedMemfd } from "../../kernel/memfd.ts";
import { openReadWrite } from "../../kernel/open.ts";
import { startProgram } from "../../kernel/program.ts";
import {
  connectPacketSocket,
  type Packet,
  receivePacket,
  sendPacket,
  socketPair,
} from "../../kernel/socket.ts";
import type { RestartPolicy } from "../record/config.ts";
import { encodePlan, type Step } from "./plan.ts";

/** Something the monitor tells. */
export type MonitorEvent =
  | { type: "started"; pid: number }
  | { type: "failed"; stepIndex: number; errno: number }
  | { type: "exited"; exitCode: number }
  | { type: "detached" }
  | { type: "ok" }
  | { type: "error"; errno: number }
  | { type: "pidfd"; pidfd: Descriptor };

/** Which streams an attached client connects, and how. */
export interface Attachment {
  /** Descriptor that is read, if any. */
  stdin: number | undefined;
  /** Descriptor that is written, if any. */
  stdout: number | undefined;
  /** Descriptor that is written, if any; with a terminal everything goes to stdout. */
  stderr: number | undefined;
  /** Whether the container's stdin ends when this one does. */
  closesStdin: boolean;
  /** Bytes that end the attachment when typed; empty for none. */
  detachKeys: readonly number[];
}

/** Pidfds of processes in whose namespaces a container is to be. */
export interface JoinedProcesses {
  /** Of one in the pid namespace. */
  pid?: Descriptor | undefined;
  /** Of one in the IPC namespace, and with the wanted `/dev/shm`. */
  ipc?: Descriptor | undefined;
}

const EUSERS = 87;

const TARGET_PID = 1;
const TARGET_IPC = 2;

const ATTACH_STDIN = 1;
const ATTACH_STDOUT = 2;
const ATTACH_STDERR = 4;
const ATTACH_CLOSES_STDIN = 8;

/** Somebody who is told of what passes on a connection. */
export interface MonitorObserver {
  /** Called with each event before whoever waits for it gets it. */
  onEvent?: (event: MonitorEvent) => void;
  /** Called before a signal is sent. */
  onSignal?: (signal: number) => void;
}

/** A connection to one container's monitor. */
export class MonitorConnection implements Disposable {
  readonly #socket: Descriptor;
  readonly #observer: MonitorObserver;

  /**
   * Speaks over a socket.
   *
   * @param socket A connected packet socket; closed with the connection.
   * @param observer Told of what passes.
   */
  constructor(socket: Descriptor, observer: MonitorObserver = {}) {
    this.#socket = socket;
    this.#observer = observer;
  }

  /**
   * Connects to the monitor that listens in a container's run directory.
   *
   * @throws {WherryError} `conflict` if none does.
   */
  static connect(runDirectory: string): MonitorConnection {
    try {
      return new MonitorConnection(connectPacketSocket(runDirectory, "socket"));
    } catch (cause) {
      if (cause instanceof SystemError && ["ENOENT", "ECONNREFUSED"].includes(cause.code)) {
        throw new WherryError("conflict", "Cannot reach the container: it is not running", {
          cause,
        });
      }
      throw cause;
    }
  }

  /** Connects as {@linkcode MonitorConnection.connect} does; `undefined` if no monitor listens. */
  static connectIfRunning(runDirectory: string): MonitorConnection | undefined {
    try {
      return MonitorConnection.connect(runDirectory);
    } catch (error) {
      // It ended while the caller looked
      if (error instanceof WherryError && error.kind === "conflict") return undefined;
      throw error;
    }
  }

  /** Hands this process's streams to the monitor, which then serves them by itself. */
  attach({ stdin, stdout, stderr, closesStdin, detachKeys }: Attachment): void {
    const flags = (stdin === undefined ? 0 : ATTACH_STDIN) |
      (stdout === undefined ? 0 : ATTACH_STDOUT) |
      (stderr === undefined ? 0 : ATTACH_STDERR) |
      (closesStdin ? ATTACH_CLOSES_STDIN : 0);
    const keys = detachKeys.length === 0 ? "-" : new Uint8Array(detachKeys).toHex();
    const numbers = [stdin, stdout, stderr].filter((number) => number !== undefined);
    this.#request(`attach ${flags} ${keys}`, numbers);
  }

  /** Tells the terminal's new size. */
  resize(rows: number, columns: number): void {
    this.#request(`resize ${rows} ${columns}`);
  }

  /** Asks for a signal to init; the answer is `ok` or `error`, and after SIGKILL init's end is told. */
  signal(number: number): void {
    this.#observer.onSignal?.(number);
    this.#request(`signal ${number}`);
  }

  /** Sends a request; when the monitor has just ended or refuses to serve, the next event says so. */
  #request(text: string, descriptors: readonly number[] = []): void {
    try {
      sendPacket(this.#socket, text, descriptors);
    } catch (error) {
      if (!(error instanceof SystemError && ["EPIPE", "ECONNRESET"].includes(error.code))) {
        throw error;
      }
    }
  }

  /**
   * Asks for `signal` and, when init still lives after `timeoutMs`, SIGKILL; -1 waits for ever. Init's end
   * is told.
   */
  stop(signal: number, timeoutMs: number): void {
    this.#request(`stop ${signal} ${timeoutMs}`);
  }

  /** Asks for init's end as {@linkcode MonitorConnection.stop} does, but not for its user: nothing is remembered of it. */
  shutDown(signal: number, timeoutMs: number): void {
    this.#request(`shutdown ${signal} ${timeoutMs}`);
  }

  /**
   * Asks for init's end as {@linkcode MonitorConnection.stop} does, and for another run whatever the policy
   * says; the answer is `ok` once the command runs, or `failed` with the step that did.
   */
  restart(signal: number, timeoutMs: number): void {
    this.#request(`restart ${signal} ${timeoutMs}`);
  }

  /**
   * Tells whose namespaces further runs of init join; the answer is `ok`, or `error` with EINVAL if they are not those
   * that the monitor was started with.
   */
  setTargets({ pid, ipc }: JoinedProcesses): void {
    const flags = (pid === undefined ? 0 : TARGET_PID) | (ipc === undefined ? 0 : TARGET_IPC);
    const pidfds = [pid, ipc].flatMap((pidfd) => pidfd === undefined ? [] : [pidfd.number]);
    this.#request(`targets ${flags}`, pidfds);
  }

  /** Asks for another restart policy; the answer is `ok` or `error`. */
  setRestartPolicy({ name, maximumRetries }: RestartPolicy): void {
    this.#request(`restart-policy ${name} ${maximumRetries}`);
  }

  /** Tells the container's new name, for its events; the answer is `ok` or `error`. */
  rename(name: string): void {
    this.#request(`rename ${name}`);
  }

  /**
   * Asks for all processes to be stopped; the answer is `ok`, or `error` with EBUSY if they are already,
   * or EOPNOTSUPP if there is no cgroup.
   */
  pause(): void {
    this.#request("pause");
  }

  /**
   * As {@linkcode MonitorConnection.pause}, until this connection is closed, also by the end of this process. Several
   * may hold a container at once.
   */
  hold(): void {
    this.#request("hold");
  }

  /**
   * Asks for the end of {@linkcode MonitorConnection.hold}; the answer is `ok`, or `error` with EINVAL if somebody has
   * had the processes go on already.
   */
  release(): void {
    this.#request("release");
  }

  /** Asks for all processes to go on; the answer is `ok`, or `error` with EINVAL if they do. */
  unpause(): void {
    this.#request("unpause");
  }

  /**
   * Asks for the program of the `wake` step to be run once after some time; the answer is `ok`, or `error` with EINVAL
   * if there is no such step, or ESRCH if the container has ended.
   *
   * @param delayMs From now on, in milliseconds, at most 32 bits; -1 for not at all.
   */
  wake(delayMs: number): void {
    this.#request(`wake ${delayMs}`);
  }

  /** Asks to be told when init has ended. */
  wait(): void {
    this.#request("wait");
  }

  /** Asks for a pidfd of init; the answer is `pidfd` or `error`. */
  requestPidfd(): void {
    this.#request("pidfd");
  }

  /**
   * The next event; `undefined` when the monitor is gone.
   *
   * @throws {WherryError} `unavailable` if others have taken all places.
   */
  async next(): Promise<MonitorEvent | undefined> {
    const packet = await this.#receive();
    if (packet === undefined) return undefined;
    const event = parseEvent(packet);
    if (event.type === "error" && event.errno === EUSERS) throw tooManyClients();
    this.#observer.onEvent?.(event);
    return event;
  }

  async #receive(): Promise<Packet | undefined> {
    for (;;) {
      try {
        return await receivePacket(this.#socket);
      } catch (error) {
        // The monitor went with a message of ours unread. This is told once, before what it said itself
        if (!(error instanceof SystemError && error.code === "ECONNRESET")) throw error;
      }
    }
  }

  /** The next event that is one of `types`, skipping others. */
  async nextOf<T extends MonitorEvent["type"]>(
    ...types: T[]
  ): Promise<Extract<MonitorEvent, { type: T }> | undefined> {
    for (;;) {
      const event = await this.next();
      if (event === undefined) return undefined;
      if ((types as string[]).includes(event.type)) {
        return event as Extract<MonitorEvent, { type: T }>;
      }
    }
  }

  /** Ends the connection, and with it the attachment; the container goes on. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }
}

function tooManyClients(): WherryError {
  return new WherryError(
    "unavailable",
    "Cannot connect to the container: too many commands are attached to it or wait for it",
    { hint: "Try again when one of them has ended" },
  );
}

function parseEvent({ text, descriptors }: Packet): MonitorEvent {
  const [type, first = "", second = ""] = text.split(" ");
  switch (type) {
    case "started":
      return { type, pid: Number(first) };
    case "failed":
      return { type, stepIndex: Number(first), errno: Number(second) };
    case "exited":
      return { type, exitCode: Number(first) };
    case "detached":
    case "ok":
      return { type };
    case "error":
      return { type, errno: Number(first) };
    case "pidfd": {
      const [pidfd] = descriptors;
      if (pidfd !== undefined) return { type, pidfd };
      break;
    }
  }
  throw new WherryError("internal", `Cannot understand the monitor: it said "${text}"`);
}

/** What a new monitor gets. */
export interface MonitorOptions {
  /** What it does. */
  steps: readonly Step[];
  /** The container's lock, held; the monitor goes on holding it. */
  lock?: Descriptor;
  /** Pidfd of the init that an exec joins. */
  target?: Descriptor;
  /** The program of a `cleanup` or `wake` step. */
  cleanupProgram?: Descriptor;
  /** The network namespace of a `join-network` step; the monitor goes on holding it. */
  networkNamespace?: Descriptor;
  /** For `join-pid`, `take-shm` and `join-ipc` steps; the monitor goes on holding them. */
  joined?: JoinedProcesses;
  /** The user namespace of a `join-user` step, or a pidfd of a process in it; the monitor goes on holding it. */
  userNamespace?: Descriptor;
  /** This process's streams to hand over, if any. */
  attachment?: Attachment;
  /** Told of what passes on the connection. */
  observer?: MonitorObserver;
}

/**
 * Starts a monitor, which starts the plan at once.
 *
 * @returns The connection on which `started` or `failed` arrives.
 * @throws {SystemError} If there are no resources for one more process.
 */
export function startMonitor(options: MonitorOptions): MonitorConnection {
  const [ours, theirs] = socketPair();
  using undo = new DisposableStack();
  const connection = undo.use(new MonitorConnection(ours, options.observer));
  using control = theirs;
  // Before the monitor exists, so that not even the shortest command ends unattached
  if (options.attachment !== undefined) connection.attach(options.attachment);
  using nothing = openReadWrite("/dev/null");
  using plan = createSealedMemfd("wherry-plan", encodePlan(options.steps));
  const openFilesLimit = callerOpenFilesLimit();
  const started = startProgram({
    executable: monitorProgram(),
    argv: ["wherry-monitor"],
    env: [],
    descriptors: [
      nothing.number,
      nothing.number,
      nothing.number,
      plan.number,
      control.number,
      options.lock?.number ?? -1,
      options.target?.number ?? -1,
      options.cleanupProgram?.number ?? -1,
      options.networkNamespace?.number ?? -1,
      options.joined?.pid?.number ?? -1,
      options.joined?.ipc?.number ?? -1,
      options.userNamespace?.number ?? -1,
    ],
    ...(openFilesLimit === undefined ? {} : { openFilesLimit }),
  });
  started.pidfd[Symbol.dispose]();
  undo.move();
  return connection;
}

let program: Descriptor | undefined;

/** The monitor's program file: the sealed one inside the executable, or a sealed copy of the build's. */
export function monitorProgram(): number {
  if (program === undefined) {
    const source = monitorSource();
    program = "fd" in source
      ? new Descriptor(source.fd)
      : createSealedMemfd("wherry-monitor", Deno.readFileSync(source.path));
  }
  return program.number;
}

/** A step's failure in words, for steps whose error is no concern of the user's command. */
export function describeStep(step: Step, errno: number): string {
  const [word, ...args] = step;
  return `${word} ${args.slice(0, 2).filter((arg) => arg !== "").join(" ")}: ${errnoText(errno)}`;
}
