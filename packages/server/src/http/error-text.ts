// The error body that the inference protocols share.
import Type from 'typebox';

export const ErrorTextSchema = Type.Object({ error: Type.String() }, { additionalProperties: false });
