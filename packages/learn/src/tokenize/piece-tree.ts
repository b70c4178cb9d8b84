// Pieces of text by their beginnings: which pieces begin at a place of a text, found in one walk. UTF-16 units.
import { PairTable } from './pair-table.ts';

const ROOT = 0;

export class PieceTree {
  readonly #children: PairTable;
  /** Number of the piece that ends at each node, −1 where none does. */
  readonly #pieces: number[] = [-1];

  constructor(pieces: readonly string[]) {
    this.#children = new PairTable(pieces.length * 3);
    for (const [index, piece] of pieces.entries()) this.#add(piece, index);
  }

  /** Calls `visit` for each piece that `text` has at `start`, shorter ones first. */
  visit(text: string, start: number, visit: (piece: number, end: number) => void): void {
    let node = ROOT;
    for (let end = start; end < text.length; ) {
      node = this.#children.get(node, text.charCodeAt(end));
      if (node < 0) return;
      end++;
      const piece = this.#pieces[node] ?? -1;
      if (piece >= 0) visit(piece, end);
    }
  }

  #add(piece: string, index: number): void {
    let node = ROOT;
    for (let unit = 0; unit < piece.length; unit++) {
      let child = this.#children.get(node, piece.charCodeAt(unit));
      if (child < 0) {
        child = this.#pieces.length;
        this.#children.set(node, piece.charCodeAt(unit), child);
        this.#pieces.push(-1);
      }
      node = child;
    }
    if (node !== ROOT) this.#pieces[node] = index;
  }
}
