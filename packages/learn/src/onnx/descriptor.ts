// How a message is described so that one reader and one writer serve all of them. The types hold the tables against the
// interfaces of model.ts: a missing property, a wrong kind or a forgotten `required` does not compile.

/**
 * How a field lies on the wire and what it becomes.
 *
 * `integer` is an int64 held as a number (refused beyond ±2^53), `int64` one held as a bigint; the plural kinds are
 * repeated. `fixed32s`, `fixed64s` and `varints` stay the packed payload they are, so that weights are never copied.
 */
export type ScalarKind = 'string' | 'bytes' | 'float' | 'integer' | 'int32' | 'int64';
export type ListKind = 'strings' | 'bytesList' | 'integers';
export type NumbersKind = 'floats' | 'int64s' | 'fixed32s' | 'fixed64s' | 'varints';
export type FieldKind = ScalarKind | ListKind | NumbersKind | 'message' | 'messages';

/** One field of a message. */
export interface FieldPlan {
  readonly number: number;
  readonly property: string;
  readonly kind: FieldKind;
  /** Of `message` and `messages`. */
  readonly message: (() => MessagePlan) | null;
  /** Whether reading fills it with its default where the file leaves it out. */
  readonly isRequired: boolean;
  /** Properties of the same oneof, which setting this one clears. */
  readonly rivals: readonly string[];
}

export interface MessagePlan {
  /** The name in onnx.proto, for messages of errors. */
  readonly name: string;
  readonly byNumber: ReadonlyMap<number, FieldPlan>;
  /** Ascending field numbers, the order protobuf's own writers use. */
  readonly inOrder: readonly FieldPlan[];
}

/** The plan of the message that `T` describes. */
export interface Descriptor<T> extends MessagePlan {
  /** Never set; ties the plan to its type. */
  readonly describes?: T;
}

type KindFor<V> = [V] extends [string]
  ? 'string'
  : [V] extends [bigint]
    ? 'int64'
    : [V] extends [number]
      ? 'float' | 'integer' | 'int32'
      : [V] extends [Uint8Array]
        ? 'bytes' | 'fixed32s' | 'fixed64s' | 'varints'
        : [V] extends [Float32Array]
          ? 'floats'
          : [V] extends [BigInt64Array]
            ? 'int64s'
            : [V] extends [readonly string[]]
              ? 'strings'
              : [V] extends [readonly Uint8Array[]]
                ? 'bytesList'
                : [V] extends [readonly number[]]
                  ? 'integers'
                  : never;

type IsMessage<V> = [KindFor<V>] extends [never] ? true : false;

type FieldFor<V, Presence extends readonly unknown[]> =
  IsMessage<V> extends true
    ? V extends readonly (infer Item)[]
      ? readonly [number: number, kind: 'messages', message: () => Descriptor<Item>, ...Presence]
      : readonly [number: number, kind: 'message', message: () => Descriptor<V>, ...Presence]
    : readonly [number: number, kind: KindFor<V>, ...Presence];

type PresenceOf<T, K extends keyof T> = Record<never, never> extends Pick<T, K> ? readonly [] : readonly ['required'];

type FieldTable<T> = {
  readonly [K in Exclude<keyof T, 'unknownFields'>]-?: FieldFor<Exclude<T[K], undefined>, PresenceOf<T, K>>;
};

/** Describes the message `T`: per property its field number, its kind, and `'required'` where `T` requires it. */
export function describeMessage<T>(
  name: string,
  fields: FieldTable<T>,
  oneof: readonly (keyof T & string)[] = [],
): Descriptor<T> {
  const plans: FieldPlan[] = [];
  for (const [property, entry] of Object.entries(fields)) {
    // FieldTable makes every entry such a tuple; Object.entries only forgets it.
    const [number, kind, ...rest] = entry as readonly [
      number,
      FieldKind,
      ...(readonly ('required' | (() => MessagePlan))[]),
    ];
    const message = rest.find((part) => typeof part === 'function') ?? null;
    const isMember = oneof.some((member) => member === property);
    plans.push({
      number,
      property,
      kind,
      message,
      isRequired: rest.includes('required'),
      rivals: isMember ? oneof.filter((member) => member !== property) : [],
    });
  }
  plans.sort((a, b) => a.number - b.number);
  return { name, byNumber: new Map(plans.map((plan) => [plan.number, plan])), inOrder: plans };
}
