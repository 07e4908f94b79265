/** Variables that say where passwords and settings are. @module */

/** Looks up a variable of whoever asks for something. */
export type Environment = (name: string) => string | undefined;

/** This process's own variables. */
export const OWN_ENVIRONMENT: Environment = (name) => Deno.env.get(name);
