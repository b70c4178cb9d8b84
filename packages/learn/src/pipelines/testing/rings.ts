// A table whose two classes only a network tells apart.
import { createTableSource, type DataSource, tableFromRows } from '../../data/index.ts';
import { createRandom } from '../../statistics/index.ts';

const ROWS = 160;

/** Two classes in rings around each other, which no line tells apart. @param change - changes a row's features */
export function rings(change: (row: number, point: { x: number; y: number }) => void = () => {}): DataSource {
  const random = createRandom('rings');
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const inner = row % 2 === 0;
    const angle = random.uniform() * 2 * Math.PI;
    const radius = (inner ? 1 : 2) + 0.3 * random.normal();
    const point = { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
    change(row, point);
    return { ...point, ring: inner ? 'inner' : 'outer' };
  });
  return createTableSource(tableFromRows(rows), { name: 'rings' });
}
