/* A NIfTI-1 file as the server sends it: uncompressed, little endian, RAS+. */

const HEADER = 348;
const ARRAYS = { 2: Uint8Array, 4: Int16Array, 512: Uint16Array };

/**
 * @typedef {{dims: number[], affine: number[][], spacing: number[],
 *   voxels: Uint8Array|Int16Array|Uint16Array}} Grid
 */

/** The grid and voxels: dims [columns, rows, slices] to the right, front and head; affine to LPS mm.
 * @param {ArrayBuffer} buffer @returns {Grid} */
export function parsed(buffer) {
  const head = new DataView(buffer);
  if (head.getInt32(0, true) !== HEADER) throw new Error("the server sent no NIfTI file");
  const dims = [1, 2, 3].map((axis) => head.getInt16(40 + 2 * axis, true));
  const Kind = ARRAYS[head.getInt16(70, true)];
  const start = head.getFloat32(108, true);
  const voxels = new Kind(buffer, start, dims[0] * dims[1] * dims[2]);
  const rows = [280, 296, 312].map((at) => [0, 4, 8, 12].map((byte) => head.getFloat32(at + byte, true)));
  const affine = [rows[0].map((x) => -x), rows[1].map((y) => -y), rows[2]];
  return { dims, affine, spacing: spacingOf(affine), voxels };
}

/** The size of a voxel, mm. */
function spacingOf(affine) {
  return [0, 1, 2].map((axis) => Math.hypot(...affine.map((row) => row[axis])));
}

/** LPS mm of a voxel.
 * @param {number[][]} affine @param {number[]} voxel @returns {number[]} */
export function toMm(affine, voxel) {
  return affine.slice(0, 3).map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
}

/** The voxel (not rounded) at LPS mm: the affine's columns solved by Cramer's rule.
 * @param {number[][]} affine @param {number[]} mm @returns {number[]} */
export function toVoxel(affine, mm) {
  const column = (axis) => affine.slice(0, 3).map((row) => row[axis]);
  const [a, b, c] = [0, 1, 2].map(column);
  const to = mm.map((value, row) => value - affine[row][3]);
  const whole = triple(a, b, c);
  return [triple(to, b, c) / whole, triple(a, to, c) / whole, triple(a, b, to) / whole];
}

function triple([a, b, c], [d, e, f], [g, h, i]) {
  return a * (e * i - f * h) - d * (b * i - c * h) + g * (b * f - c * e);
}
