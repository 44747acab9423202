/* Voxels of a stroke in one slice. Coordinates are [u, v] in voxels of the slice. */

/** Call `visit(u, v)` for the voxels whose centre is within a radius in mm.
 * @param {number[]} middle @param {number} radius @param {number[]} spacing @param {(u: number, v: number) => void} visit */
export function disc([u, v], radius, [su, sv], visit) {
  for (let y = Math.ceil(v - radius / sv); y <= v + radius / sv; y++) {
    for (let x = Math.ceil(u - radius / su); x <= u + radius / su; x++) {
      if (((x - u) * su) ** 2 + ((y - v) * sv) ** 2 <= radius ** 2) visit(x, y);
    }
  }
}

/** Call `visit` along a line, so that discs there leave no gap. */
export function line(from, to, radius, spacing, visit) {
  const mm = Math.hypot((to[0] - from[0]) * spacing[0], (to[1] - from[1]) * spacing[1]);
  const steps = Math.max(1, Math.ceil(mm / Math.max(radius / 2, Math.min(...spacing) / 2)));
  for (let step = 1; step <= steps; step++) {
    const share = step / steps;
    visit([from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]);
  }
}

/** Call `visit(u, v)` for the voxels whose centre is inside a closed outline (even-odd rule). */
export function polygon(points, visit) {
  const ys = points.map((point) => point[1]);
  for (let y = Math.ceil(Math.min(...ys)); y <= Math.max(...ys); y++) {
    const crossings = crossed(points, y).sort((a, b) => a - b);
    for (let pair = 0; pair + 1 < crossings.length; pair += 2) {
      for (let x = Math.ceil(crossings[pair]); x <= crossings[pair + 1]; x++) visit(x, y);
    }
  }
}

function crossed(points, y) {
  const found = [];
  points.forEach(([x0, y0], at) => {
    const [x1, y1] = points[(at + 1) % points.length];
    if (y0 <= y !== y1 <= y) found.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  });
  return found;
}
