// What a job of kind `train` takes: which dataset, what to predict, and whatever the command `train` could be told.
import { AmaasError, MAX_VERSION, NAME_RULE } from '@amaas/core';
import { COLUMN_KINDS, type ColumnKind } from '@amaas/learn/data';
import type { TableSettings } from '@amaas/learn/pipelines';
import { type Static, Type } from 'typebox';

const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,127}$', description: `A name: ${NAME_RULE}.` });
const ColumnName = Type.String({ minLength: 1, maxLength: 1000 });

export const TrainingConfigurationSchema = Type.Object(
  {
    dataset: Type.String({
      pattern: '^[a-z0-9][a-z0-9._-]{0,127}(@[1-9][0-9]{0,15})?$',
      description: '`heart@2`; without a number the newest version, which is pinned.',
    }),
    target: Type.String({ minLength: 1, maxLength: 1000, description: 'The column to predict.' }),
    model: Type.Optional(Name),
    labels: Type.Optional(Type.Array(Name, { maxItems: 16, description: 'Moved to the new version.' })),
    task: Type.Optional(Type.Enum(['binary', 'multiclass', 'regression'])),
    exclude: Type.Optional(Type.Array(ColumnName, { maxItems: 10_000 })),
    test: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    validation: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    groupBy: Type.Optional(ColumnName),
    timeBy: Type.Optional(ColumnName),
    seed: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    epochs: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    hidden: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 65_536 }), { maxItems: 32 })),
    learningRate: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    batchSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
    dropout: Type.Optional(Type.Number({ minimum: 0, exclusiveMaximum: 1 })),
    weightDecay: Type.Optional(Type.Number({ minimum: 0 })),
    maxRowsInMemory: Type.Optional(Type.Integer({ minimum: 1 })),
    allowLeakage: Type.Optional(Type.Boolean()),
    separator: Type.Optional(Type.String({ minLength: 1, maxLength: 1 })),
    quote: Type.Optional(Type.Enum(['"', "'", ''])),
    header: Type.Optional(Type.Boolean()),
    skipLines: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
    decimal: Type.Optional(Type.Enum(['.', ','])),
    thousands: Type.Optional(Type.Enum(['.', ',', ' ', "'"])),
    encoding: Type.Optional(Type.Enum(['utf-8', 'utf-16', 'latin-1'])),
    ragged: Type.Optional(Type.Enum(['refuse', 'drop', 'pad', 'join'])),
    duplicateNames: Type.Optional(Type.Enum(['refuse', 'rename'])),
    timestampFormat: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
    missing: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: 1000 })),
    kinds: Type.Optional(
      Type.Array(Type.Tuple([ColumnName, Type.Enum<ColumnKind[]>([...COLUMN_KINDS])]), {
        maxItems: 10_000,
        description: 'What columns hold, where their cells do not tell: [["zip", "string"]].',
      }),
    ),
  },
  { additionalProperties: false },
);

export type TrainingConfiguration = Static<typeof TrainingConfigurationSchema>;

const READING = [
  'separator',
  'quote',
  'header',
  'skipLines',
  'decimal',
  'thousands',
  'encoding',
  'ragged',
  'duplicateNames',
  'timestampFormat',
  'missing',
  'kinds',
] as const;

/** How the file is to be read where a look at it does not tell. */
export type TableReading = Pick<TrainingConfiguration, (typeof READING)[number]>;

export function readingOf(configuration: TrainingConfiguration): TableReading {
  const given = Object.entries(configuration).filter(([name]) => READING.some((known) => known === name));
  return Object.fromEntries(given); // a part of the same configuration
}

/** What the pipeline decides by. */
export function settingsOf(configuration: TrainingConfiguration): TableSettings {
  const others: readonly string[] = ['dataset', 'model', 'labels', ...READING];
  const { target } = configuration;
  return { ...Object.fromEntries(Object.entries(configuration).filter(([name]) => !others.includes(name))), target };
}

/** The name and, where it is given, the version of `heart@2`. @throws INVALID_ARGUMENT */
export function readDatasetReference(text: string): { readonly name: string; readonly version?: number } {
  const [name = '', number] = text.split('@');
  if (number === undefined) return { name };
  const version = Number(number);
  if (version <= MAX_VERSION) return { name, version };
  throw new AmaasError('INVALID_ARGUMENT', `train: there is no dataset version ${number}`);
}
