// What the types of options say of a child's streams.

import type { StdioEntry } from './options';

/** What of an output is text or bytes. */
export type Encoded<Encoding> = Encoding extends 'buffer' ? Buffer : string;

/** The entry of `stdio` for a descriptor; what is missing of the first three is a pipe. */
export type EntryOf<Options, Index extends '0' | '1' | '2'> = Options extends { stdio?: infer S }
  ? unknown extends S
    ? 'pipe'
    : EntryIn<S, Index>
  : 'pipe';

type EntryIn<S, Index extends string> = S extends undefined | null
  ? 'pipe'
  : S extends readonly StdioEntry[]
    ? number extends S['length']
      ? S[number] | 'pipe'
      : Index extends keyof S
        ? S[Index]
        : 'pipe'
    : S;

/** `true`, `false`, or `boolean` when the options leave it open. A negative number is a pipe, as in Node. */
export type IsPipe<Entry> = Entry extends 'pipe' | 'overlapped' | null | undefined
  ? true
  : Entry extends number
    ? number extends Entry
      ? boolean
      : `${Entry}` extends `-${string}`
        ? true
        : false
    : false;

/** Whether stdout and stderr are one; `boolean` when the options leave it open. */
export type HasAll<Options> = Options extends { all?: infer A }
  ? unknown extends A
    ? false
    : A extends true
      ? true
      : false
  : false;
