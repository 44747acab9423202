/* Shapes between two drawn ones: signed distances are mixed (Raya and Udupa 1990). */

const FAR = 1e10;

/** Squared distances along a line of squared distances (Felzenszwalb and Huttenlocher 2012). */
function along(f, step, out) {
  const n = f.length, places = new Int32Array(n), borders = new Float64Array(n + 1);
  let k = 0;
  borders[0] = -Infinity; borders[1] = Infinity;
  const meet = (q, p) => (f[q] - f[p]) / (2 * step * step * (q - p)) + (q + p) / 2;
  for (let q = 1; q < n; q++) {
    let s = meet(q, places[k]);
    while (s <= borders[k]) s = meet(q, places[--k]);
    places[++k] = q; borders[k] = s; borders[k + 1] = Infinity;
  }
  k = 0;
  for (let q = 0; q < n; q++) {
    while (borders[k + 1] < q) k++;
    out[q] = (step * (q - places[k])) ** 2 + f[places[k]];
  }
}

/** The distance (mm) to the nearest set voxel, of a slice of width × height. */
function distance(isSet, width, height, [su, sv]) {
  const grid = Float64Array.from(isSet, (set) => (set ? 0 : FAR));
  const column = new Float64Array(height), down = new Float64Array(height), row = new Float64Array(width);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) column[y] = grid[y * width + x];
    along(column, sv, down);
    for (let y = 0; y < height; y++) grid[y * width + x] = down[y];
  }
  for (let y = 0; y < height; y++) {
    along(grid.slice(y * width, (y + 1) * width), su, row);
    grid.set(row, y * width);
  }
  return grid.map(Math.sqrt);
}

/** Positive inside, negative outside, mm. */
function signedDistance(inside, width, height, spacing) {
  const toOutside = distance(inside.map((set) => !set), width, height, spacing);
  const toInside = distance(inside, width, height, spacing);
  return toOutside.map((mm, at) => mm - toInside[at]);
}

/** The shapes between two, `count` of them at even steps: arrays of 0 and 1.
 * @param {ArrayLike<number>} first @param {ArrayLike<number>} last @param {number} count
 * @param {number} width @param {number} height @param {number[]} spacing mm @returns {Uint8Array[]} */
export function between(first, last, count, width, height, spacing) {
  const [a, b] = [first, last].map((one) => signedDistance(one, width, height, spacing));
  return Array.from({ length: count }, (_, step) => {
    const share = (step + 1) / (count + 1);
    return Uint8Array.from(a, (mm, at) => ((1 - share) * mm + share * b[at] > 0 ? 1 : 0));
  });
}
