/** Kinds of tokens that are more, or less, than their text, in `tokenizer.ggml.token_type`. Source: llama.cpp, `llama_token_type`. */
export const TOKEN_KINDS = { unknown: 2, control: 3, userDefined: 4, byte: 6 } as const;
