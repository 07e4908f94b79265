/**
 * Programs that keep passwords: `docker-credential-NAME`, as docker's configuration names them.
 *
 * @see {@link https://github.com/docker/docker-credential-helpers}
 * @module
 */

import { WherryError } from "../../errors.ts";
import type { Credentials } from "./credentials.ts";

/** What a helper gives as the name where the secret is an identity token. */
const TOKEN_USERNAME = "<token>";
/** What all helpers print when they have nothing. */
const NOT_FOUND = "credentials not found in native keychain";

type Action = "get" | "store" | "erase";

/** One program that keeps passwords. */
export class CredentialHelper {
  readonly #program: string;
  readonly #environment: (name: string) => string | undefined;

  /**
   * @param name As in docker's configuration, such as `pass`.
   * @param environment What the program sees of the caller's variables.
   * @throws {WherryError} `invalid_argument` if the name could be a path.
   */
  constructor(name: string, environment: (name: string) => string | undefined) {
    if (!/^[\w.-]+$/.test(name)) {
      throw new WherryError("invalid_argument", `Cannot use credential helper "${name}": bad name`);
    }
    this.#program = `docker-credential-${name}`;
    this.#environment = environment;
  }

  /** @param server The key of the registry. */
  async get(server: string): Promise<Credentials | undefined> {
    const { isSuccess, text } = await this.#run("get", server);
    if (!isSuccess) {
      if (text.trim() === NOT_FOUND) return undefined;
      throw this.#failure("get", server, text);
    }
    const { Username: username, Secret: secret } = this.#parse(text, server);
    if (typeof username !== "string" || typeof secret !== "string") {
      throw this.#failure("get", server, "it printed neither a name nor a secret");
    }
    if (secret === "") return undefined;
    return username === TOKEN_USERNAME
      ? { type: "identity_token", token: secret }
      : { type: "password", username, password: secret };
  }

  /** @param server The key of the registry. */
  async store(server: string, credentials: Credentials): Promise<void> {
    const [username, secret] = credentials.type === "identity_token"
      ? [TOKEN_USERNAME, credentials.token]
      : [credentials.username, credentials.password];
    const json = { "ServerURL": server, "Username": username, "Secret": secret };
    const { isSuccess, text } = await this.#run("store", JSON.stringify(json));
    if (!isSuccess) throw this.#failure("store", server, text);
  }

  /** Forgets what it may have. @param server The key of the registry. */
  async erase(server: string): Promise<void> {
    const { isSuccess, text } = await this.#run("erase", server);
    if (!isSuccess && text.trim() !== NOT_FOUND) throw this.#failure("erase", server, text);
  }

  async #run(action: Action, input: string): Promise<{ isSuccess: boolean; text: string }> {
    const child = this.#spawn(action);
    const writer = child.stdin.getWriter();
    const [{ success: isSuccess, stdout }] = await Promise.all([
      child.output(),
      // One that does not care for its input has ended already
      writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {}),
    ]);
    return { isSuccess, text: new TextDecoder().decode(stdout) };
  }

  #spawn(action: Action): Deno.ChildProcess {
    try {
      return new Deno.Command(this.#program, {
        args: [action],
        env: this.#variables(),
        clearEnv: true,
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
    } catch (cause) {
      const state = cause instanceof Deno.errors.NotFound
        ? "it is not to be found on PATH"
        : String(cause);
      throw new WherryError("unavailable", `Cannot run "${this.#program}": ${state}`, {
        cause,
        hint: "It is named as credsStore or in credHelpers of docker's config.json",
      });
    }
  }

  /** The caller's variables, where wherry's own launcher has replaced some. */
  #variables(): Record<string, string> {
    return Object.fromEntries(
      Object.keys(Deno.env.toObject()).flatMap((name) => {
        const value = this.#environment(name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  }

  #parse(text: string, server: string): Readonly<Record<string, unknown>> {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      // Not even as a cause: the parser's message would quote what may be a secret
      throw this.#failure("get", server, "what it printed is not JSON");
    }
    return typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
  }

  #failure(action: Action, server: string, text: string): WherryError {
    const state = text.trim().slice(0, 300) || "it failed";
    return new WherryError(
      "unavailable",
      `Cannot ${action} credentials of "${server}" with "${this.#program}": ${state}`,
    );
  }
}
