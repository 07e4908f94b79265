/** What the inspections of all objects have in common. @module */

/** An object as docker's API describes it, keys in docker's order. */
export type Inspection = Readonly<Record<string, unknown>>;
