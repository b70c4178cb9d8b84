// A heap of numbers that gives the least first, in one flat array. Knows nothing of what the numbers stand for.

export class NumberHeap {
  readonly #numbers: number[] = [];

  push(value: number): void {
    const numbers = this.#numbers;
    let place = numbers.length;
    numbers.push(value);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = numbers[parent] ?? 0;
      if (above <= value) break;
      numbers[place] = above;
      place = parent;
    }
    numbers[place] = value;
  }

  /** Takes the least number out; undefined when there is none. */
  pop(): number | undefined {
    const numbers = this.#numbers;
    const least = numbers[0];
    const moved = numbers.pop();
    if (moved === undefined || numbers.length === 0) return least;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= numbers.length) break;
      if ((numbers[child + 1] ?? Number.POSITIVE_INFINITY) < (numbers[child] ?? 0)) child++;
      const below = numbers[child] ?? 0;
      if (below >= moved) break;
      numbers[place] = below;
      place = child;
    }
    numbers[place] = moved;
    return least;
  }

  clear(): void {
    this.#numbers.length = 0;
  }
}
