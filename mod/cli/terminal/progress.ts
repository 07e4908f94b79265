/**
 * Shows how far the layers of an image are.
 *
 * On a terminal each layer has a line, which is drawn again in place; elsewhere a line is printed whenever a layer
 * comes into another phase, so that logs stay short.
 *
 * @module
 */

import type { LayerPhase, LayerProgress } from "../../image/spec/progress.ts";
import { terminalSize } from "../../kernel/terminal.ts";
import type { Output } from "../base/output.ts";
import { displayWidth, escapeControls } from "../base/terminal_text.ts";
import { formatDecimalSize } from "../base/units.ts";

/** Where progress is shown. */
export interface ProgressScreen {
  write(text: string): void;
  /** In character cells, zeros if it does not say; `undefined` if it is no terminal. */
  size(): { rows: number; columns: number } | undefined;
}

/** Standard output, as a result of the command. */
export function resultScreen(output: Output): ProgressScreen {
  return {
    write: (text) => output.write(text),
    size: () => Deno.stdout.isTerminal() ? terminalSize(1) : undefined,
  };
}

/** Standard error, where the result of the command is something else. */
export function diagnosticScreen(output: Output): ProgressScreen {
  return {
    write: (text) => output.writeDiagnostic(text),
    size: () => Deno.stderr.isTerminal() ? terminalSize(2) : undefined,
  };
}

/** What a phase is called. */
export interface PhaseWords {
  /** On a terminal. */
  live: string;
  /** Elsewhere; `undefined` if it gets no line there. */
  plain: string | undefined;
}

/** What all phases are called. */
export type ProgressWords = Readonly<Record<LayerPhase, PhaseWords>>;

/** Docker's words for a pull; without a terminal it prints no line that is about bytes. */
export const PULL_WORDS: ProgressWords = {
  waiting: { live: "Waiting", plain: "Pulling fs layer" },
  downloading: { live: "Downloading", plain: undefined },
  verifying: { live: "Verifying Checksum", plain: "Verifying Checksum" },
  extracting: { live: "Extracting", plain: "Download complete" },
  done: { live: "Pull complete", plain: "Pull complete" },
  exists: { live: "Already exists", plain: "Already exists" },
  retrying: { live: "Retrying", plain: "Retrying" },
  uploading: { live: "Pushing", plain: undefined },
  mounted: { live: "Mounted from", plain: "Mounted from" },
  compressing: { live: "Compressing", plain: undefined },
  skipped: { live: "Skipped foreign layer", plain: "Skipped foreign layer" },
};

/** Docker's words for a push. */
export const PUSH_WORDS: ProgressWords = {
  ...PULL_WORDS,
  waiting: { live: "Waiting", plain: "Preparing" },
  done: { live: "Pushed", plain: "Pushed" },
  exists: { live: "Layer already exists", plain: "Layer already exists" },
};

/** Phases after which nothing more comes. */
const FINAL: ReadonlySet<LayerPhase> = new Set(["done", "exists", "mounted", "skipped"]);
/** Phases in which bytes go over the network, or through a compressor. */
const TRANSFERRING: ReadonlySet<LayerPhase> = new Set(["downloading", "uploading", "compressing"]);

/** What a terminal is taken for that does not say its size, such as a serial line or one that a program has made. */
const USUAL_SIZE = { rows: 24, columns: 80 };

/** Times, so that a test can make them pass. */
export interface ProgressClock {
  /** In milliseconds. */
  now(): number;
  /** @returns Dispose of it, and `action` is not called. */
  after(delayMs: number, action: () => void): Disposable;
}

const CLOCK: ProgressClock = {
  now: () => performance.now(),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** The screen is drawn no more often, in milliseconds. */
const REDRAW_INTERVAL_MS = 100;
/** While bytes are awaited it is drawn at least so often, so that a rate of 0 shows. */
const TICK_MS = 1000;
/** Over which time the rate is taken. */
const RATE_WINDOW_MS = 5000;

/** The layers of one image on one screen. Dispose of it when no more comes. */
export class ProgressDisplay implements Disposable {
  readonly #screen: ProgressScreen;
  readonly #words: ProgressWords;
  readonly #clock: ProgressClock;
  /** By digest, in the order in which they were heard of. */
  readonly #layers = new Map<string, LayerLine>();
  /** Lines on the terminal that are drawn over next time. */
  #height = 0;
  #drawnAt = -Infinity;
  #timer: Disposable | undefined;

  constructor(
    screen: ProgressScreen,
    words: ProgressWords = PULL_WORDS,
    clock: ProgressClock = CLOCK,
  ) {
    this.#screen = screen;
    this.#words = words;
    this.#clock = clock;
  }

  /** Takes news; a `ProgressListener` when bound. */
  update(progress: LayerProgress): void {
    const { digest, phase } = progress;
    let layer = this.#layers.get(digest);
    const isNewPhase = layer?.phase !== phase || phase === "retrying";
    if (layer === undefined) this.#layers.set(digest, layer = new LayerLine(digest, this.#words));
    layer.update(progress, this.#clock.now());
    if (this.#screen.size() === undefined) {
      if (isNewPhase) this.#print(layer);
      // A short transfer would never show otherwise
    } else if (isNewPhase && layer.isTransferring) this.#draw();
    else this.#drawSoon();
  }

  /** Shows how it ended, every layer on a line. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    const size = this.#size();
    if (size === undefined || this.#layers.size === 0) return;
    this.#replace(this.#lines([...this.#layers.values()], size.columns));
    this.#height = 0;
  }

  #size(): ReturnType<ProgressScreen["size"]> {
    const size = this.#screen.size();
    return size &&
      { rows: size.rows || USUAL_SIZE.rows, columns: size.columns || USUAL_SIZE.columns };
  }

  #print(layer: LayerLine): void {
    const line = layer.plain();
    if (line !== undefined) this.#screen.write(`${line}\n`);
  }

  #drawSoon(): void {
    const waitMs = this.#drawnAt + REDRAW_INTERVAL_MS - this.#clock.now();
    if (waitMs <= 0) this.#draw();
    else this.#drawIn(waitMs);
  }

  #drawIn(delayMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#clock.after(delayMs, () => this.#draw());
  }

  #draw(): void {
    const size = this.#size();
    if (size === undefined) return;
    this.#drawnAt = this.#clock.now();
    const layers = [...this.#layers.values()];
    this.#replace(this.#fit(layers, size));
    if (layers.some((layer) => layer.isTransferring)) this.#drawIn(TICK_MS);
  }

  /** The lower end of the screen belongs to the cursor; what does not fit above is counted. */
  #fit(
    layers: readonly LayerLine[],
    { rows, columns }: { rows: number; columns: number },
  ): string[] {
    const most = Math.max(1, rows - 1);
    if (layers.length <= most) return this.#lines(layers, columns);
    const unfinished = layers.filter(({ phase }) => !FINAL.has(phase));
    // Those that move are worth more than those that wait
    const shown = unfinished.toSorted((a, b) => Number(b.isMoving) - Number(a.isMoving))
      .slice(0, most - 1);
    const done = layers.length - unfinished.length;
    const summary = `${done} of ${layers.length} layers are done`;
    return [...this.#lines(shown, columns), truncated(summary, columns)];
  }

  #lines(layers: readonly LayerLine[], columns: number): string[] {
    const now = this.#clock.now();
    return layers.map((layer) => truncated(layer.live(now, columns), columns));
  }

  #replace(lines: readonly string[]): void {
    const up = this.#height === 0 ? "" : `\x1b[${this.#height}A`;
    // Each line is cleared before it is written: at the right margin the cursor still stands on the last character
    const text = lines.map((line) => `\x1b[2K${line}\n`).join("");
    const clear = lines.length < this.#height ? "\x1b[J" : "";
    this.#screen.write(`${up}\r${text}${clear}`);
    this.#height = lines.length;
  }
}

/** Of sizes, as docker has it. */
const DIGITS = 4;

/** One layer. */
class LayerLine {
  readonly #name: string;
  readonly #words: ProgressWords;
  #progress: LayerProgress | undefined;
  #rate = new Rate();

  constructor(digest: string, words: ProgressWords) {
    this.#name = digest.slice("sha256:".length).slice(0, 12);
    this.#words = words;
  }

  get phase(): LayerPhase {
    return this.#progress?.phase ?? "waiting";
  }

  get isTransferring(): boolean {
    return TRANSFERRING.has(this.phase);
  }

  /** Whether it is worked on. */
  get isMoving(): boolean {
    return this.phase !== "waiting" && !FINAL.has(this.phase);
  }

  update(progress: LayerProgress, now: number): void {
    if (progress.phase !== this.#progress?.phase) this.#rate = new Rate();
    this.#progress = progress;
    if (this.isTransferring) this.#rate.add(progress.current, now);
  }

  plain(): string | undefined {
    const word = this.#words[this.phase].plain;
    return word === undefined ? undefined : `${this.#name}: ${this.#withDetail(word)}`;
  }

  live(now: number, columns: number): string {
    const word = this.#withDetail(this.#words[this.phase].live);
    const head = `${this.#name}: ${word}`;
    if (this.#progress === undefined || !this.isTransferring) return head;
    const { current, total } = this.#progress;
    const sizes = ` ${formatDecimalSize(current, DIGITS)}/${formatDecimalSize(total, DIGITS)}`;
    const rate = formatRate(this.#rate.at(now), total - current);
    const room = columns - head.length;
    // Half a number is worth nothing
    const tail = [`${sizes}${rate}`, sizes].find(({ length }) => length <= room) ??
      ` ${Math.floor(100 * current / Math.max(1, total))}%`;
    return `${head}${formatBar(current / total, columns - head.length - tail.length)}${tail}`;
  }

  #withDetail(word: string): string {
    const detail = this.#progress?.detail;
    return detail === undefined ? word : `${word} ${escapeControls(detail)}`;
  }
}

/** How many bytes there were lately. */
class Rate {
  readonly #samples: { at: number; bytes: number }[] = [];

  add(bytes: number, at: number): void {
    const last = this.#samples.at(-1);
    // A screen that is drawn ten times a second needs no more
    if (last !== undefined && this.#samples.length > 1 && at - last.at < REDRAW_INTERVAL_MS) {
      last.bytes = bytes;
      return;
    }
    this.#samples.push({ at, bytes });
  }

  /** @returns Bytes per second; `undefined` while there is too little to tell. */
  at(now: number): number | undefined {
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > RATE_WINDOW_MS) {
      this.#samples.shift();
    }
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now - first.at < TICK_MS) return undefined;
    return (last.bytes - first.bytes) * 1000 / (now - first.at);
  }
}

function formatRate(bytesPerSecond: number | undefined, restBytes: number): string {
  if (bytesPerSecond === undefined) return "";
  const rate = `  ${formatDecimalSize(Math.round(bytesPerSecond))}/s`;
  return bytesPerSecond < 1 ? rate : `${rate}  ETA ${formatEta(restBytes / bytesPerSecond)}`;
}

/** `45s`, `3m05s`, `2h10m`; never more than a few characters. */
function formatEta(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole}s`;
  const [minutes, hours] = [Math.floor(whole / 60), Math.floor(whole / 3600)];
  if (hours >= 100) return ">99h";
  return hours > 0
    ? `${hours}h${String(minutes % 60).padStart(2, "0")}m`
    : `${minutes}m${String(whole % 60).padStart(2, "0")}s`;
}

const MAX_BAR = 50;
const MIN_BAR = 10;
/** A space before it and brackets around it. */
const BAR_FRAME = 3;

/** @param room Columns that are free for it. */
function formatBar(share: number, room: number): string {
  const width = Math.min(MAX_BAR, room - BAR_FRAME);
  if (width < MIN_BAR) return "";
  const filled = Math.min(width, Math.max(0, Math.floor(share * width)));
  const bar = filled === width ? "=".repeat(width) : `${"=".repeat(filled)}>`.padEnd(width);
  return ` [${bar}]`;
}

/** @param columns At least 1. */
function truncated(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  const chars = [...text];
  while (displayWidth(chars.join("")) >= columns) chars.pop();
  return `${chars.join("")}…`;
}
