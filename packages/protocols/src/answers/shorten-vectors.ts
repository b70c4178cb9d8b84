// Vectors cut to the leading numbers that a caller wants.

/** The first numbers of each vector, brought to length 1 again; vectors of nothing but zeros stay as they are. */
export function shortenVectors(vectors: readonly Float32Array[], dimensions: number): readonly Float32Array[] {
  return vectors.map((vector) => {
    const short = vector.slice(0, dimensions);
    const length = Math.sqrt(short.reduce((sum, value) => sum + value * value, 0));
    return length === 0 ? short : short.map((value) => value / length);
  });
}
