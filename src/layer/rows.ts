/** Options of a layer, and fields of its state, as rows of tables: the default, what it may be, how JSON keeps it. */
import { checkBoolean, checkChoice } from '../arguments/validate.js';

export interface Row<V, Saved = V> {
  /** The default: undefined stands for it. */
  readonly otherwise: V;
  /** The value of what was given. @throws TypeError, RangeError where it is none */
  read(call: string, name: string, given: unknown): V;
  save(value: V): Saved;
  /** From what `save` made to what `read` is given; the value itself is not checked here. */
  load(call: string, saved: unknown): unknown;
}

type Rows = Readonly<Record<string, Row<unknown, unknown>>>;
type Fields = Readonly<Record<string, unknown>>;

/** The values of a table. */
export type ValuesOf<R extends Rows> = { readonly [Name in keyof R]: R[Name]['otherwise'] };
type SavedOf<R extends Rows> = { [Name in keyof R]: ReturnType<R[Name]['save']> };

/** A row whose values are plain data. */
export function plain<V>(otherwise: V, check: (call: string, name: string, value: V) => void): Row<V> {
  return {
    otherwise,
    read(call, name, given) {
      check(call, name, given as V);
      return given as V;
    },
    save: (value) => value,
    load: (_, saved) => saved,
  };
}

export const flag = (otherwise: boolean): Row<boolean> => plain(otherwise, checkBoolean);

/** One of these words, as a rule the first. */
export function choice<const W extends string>(...words: readonly [W, ...W[]]): Row<W> {
  return plain<W>(words[0], (call, name, value) => checkChoice(call, name, value, words));
}

/** Only own properties of what was given count. */
export function readRows<R extends Rows>(rows: R, call: string, given: object): ValuesOf<R> {
  return mapped(rows, (name, row) => {
    const value = Object.hasOwn(given, name) ? (given as Fields)[name] : undefined;
    return value === undefined ? row.otherwise : row.read(call, name, value);
  }) as ValuesOf<R>;
}

export function saveRows<R extends Rows>(rows: R, values: ValuesOf<R>): SavedOf<R> {
  return mapped(rows, (name, row) => row.save(values[name])) as SavedOf<R>;
}

/** Turns fields that {@link saveRows} made into fields that {@link readRows} takes. */
export function loadRows(rows: Rows, call: string, saved: Fields): Fields {
  return mapped(rows, (name, row) => row.load(call, saved[name]));
}

function mapped(rows: Rows, of: (name: string, row: Row<unknown, unknown>) => unknown): Fields {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, of(name, row)]));
}
