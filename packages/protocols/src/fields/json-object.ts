// JSON texts inside of JSON: arguments of tools, lines of files.

/** The object that a JSON text is; null for whatever else, or no JSON. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return value as Readonly<Record<string, unknown>>; // an object from JSON
  } catch {
    return null;
  }
}
