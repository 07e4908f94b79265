/**
 * Types of Go by which JSON becomes the values that templates see.
 *
 * docker's templates do not see JSON but the structs that it is read into, and so print `[]` for a
 * list that is null, know fields by Go's names (`HostConfig.DNS`), and have a value for each field
 * that the JSON lacks.
 *
 * @module
 */

import { isObject } from "../../store/record_fields.ts";
import { ANY_TYPE, GoList, GoMap, GoPointer, GoStringer, GoStruct, goValueOf } from "./go_value.ts";

/** A type. */
export interface GoShape {
  readonly typeName: string;
  /** Reads JSON; gives the type's zero value for null, undefined and what does not suit. */
  read(json: unknown): unknown;
}

/** How a struct reads one of its fields. */
export interface GoField {
  readonly shape: GoShape;
  /** Key in JSON. */
  readonly key: string;
  /** Whether its fields count as the outer struct's, in JSON as in templates. */
  readonly isEmbedded: boolean;
  /** Whether docker's struct lacks it. */
  readonly isOwn: boolean;
}

/** A string. */
export const STRING: GoShape = {
  typeName: "string",
  read: (json) => typeof json === "string" ? json : "",
};
/** A truth value. */
export const BOOL: GoShape = { typeName: "bool", read: (json) => json === true };
/** An integer of any size. */
export const INT: GoShape = {
  typeName: "int",
  read: (json) => typeof json === "number" ? json : 0,
};
/** Whatever the JSON holds. */
export const ANY: GoShape = { typeName: ANY_TYPE, read: (json) => goValueOf(json ?? null, "any") };

/** A slice. */
export function listOf(element: GoShape): GoShape {
  const typeName = `[]${element.typeName}`;
  return {
    typeName,
    read: (json) =>
      Array.isArray(json)
        ? new GoList(typeName, json.map((item) => element.read(item)))
        : new GoList(typeName, [], true),
  };
}

/** An array of a fixed length. */
export function arrayOf(element: GoShape, length: number): GoShape {
  const typeName = `[${length}]${element.typeName}`;
  const read = (json: unknown): GoList => {
    const items: readonly unknown[] = Array.isArray(json) ? json : [];
    return new GoList(
      typeName,
      Array.from({ length }, (_, index) => element.read(items[index])),
    );
  };
  return { typeName, read };
}

/**
 * A map.
 *
 * @param keyType A named type of string hides keys from `index`, as docker's `nat.Port` does.
 */
export function mapOf(value: GoShape, keyType = "string"): GoShape {
  const typeName = `map[${keyType}]${value.typeName}`;
  const type = { typeName, keyType, zero: value.read(undefined) };
  return {
    typeName,
    read: (json) => {
      if (!isObject(json)) return new GoMap(type, new Map(), true);
      const entries = Object.entries(json).map(([key, item]) => [key, value.read(item)] as const);
      return new GoMap(type, new Map(entries));
    },
  };
}

/** A pointer, nil where the JSON has null or nothing. */
export function pointerTo(target: GoShape): GoShape {
  const typeName = `*${target.typeName}`;
  return {
    typeName,
    read: (json) =>
      new GoPointer(typeName, json === null || json === undefined ? undefined : target.read(json)),
  };
}

/**
 * A struct.
 *
 * @param fields By Go's names: types, or what {@linkcode keyed}, {@linkcode embedded} and
 * {@linkcode own} make.
 */
export function structOf(
  typeName: string,
  fields: Readonly<Record<string, GoShape | GoField>>,
): GoShape {
  const list = Object.entries(fields).map(([name, field]) =>
    [name, "shape" in field ? field : keyed(name, field)] as const
  );
  const embeddedNames = list.filter(([, field]) => field.isEmbedded).map(([name]) => name);
  const ownNames = new Set(list.filter(([, field]) => field.isOwn).map(([name]) => name));
  const read = (json: unknown): GoStruct => {
    const members = new Map(isObject(json) ? Object.entries(json) : []);
    const values = list.map(([name, { shape, key, isEmbedded }]) =>
      [name, shape.read(isEmbedded ? json : members.get(key))] as const
    );
    const isOwn = ([name]: readonly [string, unknown]): boolean => ownNames.has(name);
    return new GoStruct(typeName, new Map(values.filter((value) => !isOwn(value))), {
      embedded: embeddedNames,
      own: new Map(values.filter(isOwn)),
      ...(isObject(json) ? { json } : {}),
    });
  };
  return { typeName, read };
}

/** A field whose key in JSON is not its name. */
export function keyed(key: string, shape: GoShape): GoField {
  return { shape, key, isEmbedded: false, isOwn: false };
}

/** A field whose own fields stand beside its siblings. */
export function embedded(shape: GoShape): GoField {
  return { shape, key: "", isEmbedded: true, isOwn: false };
}

/** A field that docker's struct lacks: it is not printed with the struct. */
export function own(key: string, shape: GoShape): GoField {
  return { shape, key, isEmbedded: false, isOwn: true };
}

/**
 * A type that prints itself.
 *
 * @param zero JSON of its zero value.
 */
export function stringerOf(
  typeName: string,
  zero: unknown,
  format: (json: unknown) => string,
): GoShape {
  const read = (json: unknown): GoStringer =>
    new GoStringer(typeName, { text: format(json ?? zero), json: json ?? zero });
  return { typeName, read };
}
