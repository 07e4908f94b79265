import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Digest } from "../../image/spec/digest.ts";
import type { LayerPhase } from "../../image/spec/progress.ts";
import {
  type ProgressClock,
  ProgressDisplay,
  type ProgressScreen,
  PULL_WORDS,
} from "./progress.ts";

const ESCAPE = "\x1b";
/** What a display writes: cursor up, erase line, erase below, line ends, and text. */
const PARTS = new RegExp(
  `${ESCAPE}\\[(\\d+)A|${ESCAPE}\\[2K|${ESCAPE}\\[J|\\r|\\n|[^${ESCAPE}\\r\\n]+`,
  "g",
);

/** A terminal that knows as much of escape sequences as is needed. */
class FakeScreen implements ProgressScreen {
  /** What is on the screen and above it. */
  readonly lines: string[] = [""];
  /** How often something was written. */
  writes = 0;
  #row = 0;
  readonly #size: { rows: number; columns: number } | undefined;

  constructor(size?: { rows: number; columns: number }) {
    this.#size = size;
  }

  size(): { rows: number; columns: number } | undefined {
    return this.#size;
  }

  write(text: string): void {
    this.writes++;
    for (const [part, up] of text.matchAll(PARTS)) {
      if (up !== undefined) this.#moveUp(Number(up));
      else if (part === "\x1b[2K") this.lines[this.#row] = "";
      else if (part === "\x1b[J") this.lines.splice(this.#row, Infinity, "");
      else if (part === "\n") this.lines[++this.#row] ??= "";
      else if (part !== "\r") this.lines[this.#row] += part;
    }
  }

  #moveUp(count: number): void {
    ok(count < (this.#size?.rows || 24), "the cursor would leave the screen");
    this.#row -= count;
  }
}

/** Time that a test makes pass. */
class FakeClock implements ProgressClock {
  #now = 0;
  readonly #timers = new Set<{ at: number; action: () => void }>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, action: () => void): Disposable {
    const timer = { at: this.#now + delayMs, action };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** Lets time pass, and calls what is due. */
  pass(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers]) {
      if (timer.at > this.#now) continue;
      this.#timers.delete(timer);
      timer.action();
    }
  }

  get hasTimers(): boolean {
    return this.#timers.size > 0;
  }
}

function digestOf(number: number): Digest {
  return `sha256:${String(number).padStart(2, "0").repeat(32)}` as Digest;
}

function show(
  display: ProgressDisplay,
  number: number,
  phase: LayerPhase,
  { current = 0, total = 1000, detail }: { current?: number; total?: number; detail?: string } = {},
): void {
  display.update({ digest: digestOf(number), phase, current, total, detail });
}

Deno.test("ProgressDisplay prints a line for each phase where there is no terminal", () => {
  const screen = new FakeScreen();

  using display = new ProgressDisplay(screen, PULL_WORDS, new FakeClock());
  show(display, 1, "waiting");
  show(display, 1, "downloading", { current: 500 });
  show(display, 1, "downloading", { current: 1000 });
  show(display, 1, "verifying");
  show(display, 1, "extracting");
  show(display, 1, "done");
  show(display, 2, "exists");

  deepStrictEqual(screen.lines, [
    "010101010101: Pulling fs layer",
    "010101010101: Verifying Checksum",
    "010101010101: Download complete",
    "010101010101: Pull complete",
    "020202020202: Already exists",
    "",
  ]);
});

Deno.test("ProgressDisplay prints every retry where there is no terminal", () => {
  const screen = new FakeScreen();

  using display = new ProgressDisplay(screen, PULL_WORDS, new FakeClock());
  show(display, 1, "retrying", { detail: "in 1 seconds: cut" });
  show(display, 1, "retrying", { detail: "in 2 seconds: cut\x1b[2J" });

  deepStrictEqual(screen.lines, [
    "010101010101: Retrying in 1 seconds: cut",
    "010101010101: Retrying in 2 seconds: cut\\x1b[2J",
    "",
  ]);
});

Deno.test("ProgressDisplay draws also on a terminal that does not say its size", () => {
  const screen = new FakeScreen({ rows: 0, columns: 0 });

  {
    using display = new ProgressDisplay(screen, PULL_WORDS, new FakeClock());
    show(display, 1, "waiting");
    show(display, 2, "done");
  }

  deepStrictEqual(screen.lines, ["010101010101: Waiting", "020202020202: Pull complete", ""]);
});

Deno.test("ProgressDisplay draws the beginning of a transfer at once", () => {
  const screen = new FakeScreen({ rows: 24, columns: 80 });

  using display = new ProgressDisplay(screen, PULL_WORDS, new FakeClock());
  show(display, 1, "waiting");
  show(display, 1, "downloading", { current: 500 });

  match(screen.lines[0] ?? "", /^010101010101: Downloading /);
});

Deno.test("ProgressDisplay draws the layers of a terminal in place", () => {
  const screen = new FakeScreen({ rows: 24, columns: 80 });
  const clock = new FakeClock();
  screen.write("before\n");

  using display = new ProgressDisplay(screen, PULL_WORDS, clock);
  show(display, 1, "waiting");
  show(display, 2, "exists");
  clock.pass(100);
  show(display, 1, "downloading", { current: 500 });
  clock.pass(100);

  deepStrictEqual(screen.lines, [
    "before",
    `010101010101: Downloading ${bar(43, 0.5)} 500B/1kB`,
    "020202020202: Already exists",
    "",
  ]);
});

/** A bar of so many columns. */
function bar(width: number, share: number): string {
  return `[${`${"=".repeat(Math.floor(width * share))}>`.padEnd(width)}]`;
}

Deno.test("ProgressDisplay shows rate and remaining time when it can tell", () => {
  const screen = new FakeScreen({ rows: 24, columns: 120 });
  const clock = new FakeClock();
  const total = 10_000_000;

  using display = new ProgressDisplay(screen, PULL_WORDS, clock);
  show(display, 1, "downloading", { current: 0, total });
  clock.pass(1000);
  show(display, 1, "downloading", { current: 1_000_000, total });
  clock.pass(1000);
  show(display, 1, "downloading", { current: 2_000_000, total });
  clock.pass(100);

  match(screen.lines[0] ?? "", /\] 2MB\/10MB {2}952kB\/s {2}ETA 9s$/);
});

Deno.test("ProgressDisplay lets the rate fall while nothing comes", () => {
  const screen = new FakeScreen({ rows: 24, columns: 120 });
  const clock = new FakeClock();
  const total = 10_000_000;

  using display = new ProgressDisplay(screen, PULL_WORDS, clock);
  show(display, 1, "downloading", { current: 0, total });
  clock.pass(1000);
  show(display, 1, "downloading", { current: 1_000_000, total });
  for (let second = 0; second < 3; second++) clock.pass(1000);

  match(screen.lines[0] ?? "", /\] 1MB\/10MB {2}250kB\/s {2}ETA 36s$/);
});

Deno.test("ProgressDisplay draws at most ten times a second", () => {
  const screen = new FakeScreen({ rows: 24, columns: 80 });
  const clock = new FakeClock();

  using display = new ProgressDisplay(screen, PULL_WORDS, clock);
  for (let current = 0; current < 1000; current++) {
    show(display, 1, "downloading", { current });
    clock.pass(1);
  }

  ok(screen.writes <= 11, `${screen.writes} times`);
});

Deno.test("ProgressDisplay keeps every line within the terminal's width", () => {
  const screen = new FakeScreen({ rows: 24, columns: 30 });

  using display = new ProgressDisplay(screen, PULL_WORDS, new FakeClock());
  show(display, 1, "retrying", { detail: "in 1 seconds: the connection was cut" });

  strictEqual(screen.lines[0], "010101010101: Retrying in 1 s…");
});

const NARROW: [columns: number, line: string][] = [
  [80, "010101010101: Downloading [============>            ] 6MB/12MB  5.45MB/s  ETA 2s"],
  [42, "010101010101: Downloading 6MB/12MB"],
  [30, "010101010101: Downloading 50%"],
];
for (const [columns, line] of NARROW) {
  Deno.test(`ProgressDisplay shows whole numbers on ${columns} columns`, () => {
    const screen = new FakeScreen({ rows: 24, columns });
    const clock = new FakeClock();

    using display = new ProgressDisplay(screen, PULL_WORDS, clock);
    show(display, 1, "downloading", { current: 0, total: 12e6 });
    clock.pass(1000);
    show(display, 1, "downloading", { current: 6e6, total: 12e6 });
    clock.pass(100);

    strictEqual(screen.lines[0], line);
  });
}

Deno.test("ProgressDisplay counts the layers that do not fit on the terminal", () => {
  const screen = new FakeScreen({ rows: 5, columns: 80 });
  const clock = new FakeClock();

  using display = new ProgressDisplay(screen, PULL_WORDS, clock);
  for (let number = 1; number <= 8; number++) show(display, number, "waiting");
  show(display, 1, "done");
  show(display, 7, "extracting");
  clock.pass(100);

  deepStrictEqual(screen.lines, [
    "070707070707: Extracting",
    "020202020202: Waiting",
    "030303030303: Waiting",
    "1 of 8 layers are done",
    "",
  ]);
});

Deno.test("ProgressDisplay leaves a line for each layer when it ends", () => {
  const screen = new FakeScreen({ rows: 5, columns: 80 });
  const clock = new FakeClock();

  const display = new ProgressDisplay(screen, PULL_WORDS, clock);
  for (let number = 1; number <= 8; number++) show(display, number, "done");
  display[Symbol.dispose]();
  screen.write("after\n");

  strictEqual(screen.lines.length, 10);
  deepStrictEqual(screen.lines.slice(-4), [
    "070707070707: Pull complete",
    "080808080808: Pull complete",
    "after",
    "",
  ]);
  strictEqual(clock.hasTimers, false);
});
