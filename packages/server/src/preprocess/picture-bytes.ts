// The bytes of a picture as a request holds them: as they are, or as base64 text, which is all that JSON can carry.

/** No picture file consists of base64's characters alone: every format has other bytes near its start. */
const NOT_BASE64 = /[^A-Za-z0-9+/=\r\n]/;
/** Enough to tell nearly always; only what looks like text so far is looked at in full. */
const HEAD_BYTES = 64;

/** Decodes base64 text; everything else is given back unchanged. */
export function pictureBytes(element: Uint8Array): Uint8Array {
  const buffer = Buffer.from(element.buffer, element.byteOffset, element.byteLength);
  if (NOT_BASE64.test(buffer.toString('latin1', 0, HEAD_BYTES))) return element;
  const text = buffer.toString('latin1');
  return NOT_BASE64.test(text) ? element : Buffer.from(text, 'base64');
}
