/** Headings under which the help lists commands. @module */

/** What newcomers need first. */
export const COMMON = "Common Commands";
