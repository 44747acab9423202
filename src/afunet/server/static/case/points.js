/* Points that the user sets: where to part a piece, and measures of length and angle. */

import { toMm } from "./nifti.js";

const NEEDED = { part: Infinity, length: 2, angle: 3 };
const WORDS = {
  part: "Click once on each side of the place to part.",
  length: "Click the two ends.",
  angle: "Click an end, the corner, and the other end.",
};

export class Points {
  constructor(slices, overlay, onChange) {
    Object.assign(this, { slices, overlay, onChange, kind: null, seeds: [], set: [], measures: [] });
  }

  /** Which points are set from now on: "part", "length", "angle", or null. */
  use(kind) {
    this.kind = kind;
    this.set = [];
    this.#redraw();
  }

  get words() {
    if (this.kind !== "part" || !this.seeds.length) return WORDS[this.kind] ?? "";
    return this.seeds.length === 1 ? "One point set: click on the other side." : `${this.seeds.length} points set.`;
  }

  add(voxel) {
    const mm = toMm(this.slices.grid.affine, voxel);
    if (this.kind === "part") this.seeds.push({ voxel: voxel.map(Math.round), mm });
    else this.set.push({ voxel, mm });
    if (this.set.length === NEEDED[this.kind]) {
      this.measures.push({ kind: this.kind, points: this.set, text: measured(this.set.map((point) => point.mm)) });
      this.set = [];
    }
    this.#redraw();
  }

  clear() {
    Object.assign(this, { seeds: [], set: [], measures: [] });
    this.#redraw();
  }

  clearSeeds() {
    this.seeds = [];
    this.#redraw();
  }

  #redraw() {
    const voxels = (points) => points.map((point) => point.voxel);
    this.overlay.figures = [
      ...this.measures.map(({ kind, points, text }) => ({ kind, points: voxels(points), text })),
      ...(this.set.length ? [{ kind: this.kind, points: voxels(this.set), text: "" }] : []),
      ...(this.seeds.length ? [{ kind: "seed", points: voxels(this.seeds), text: "" }] : []),
    ];
    this.overlay.redraw();
    this.onChange();
  }
}

/** The length between two points, or the angle at the middle one of three, in words. */
function measured([a, b, c]) {
  const from = (p, q) => q.map((value, axis) => value - p[axis]);
  const long = (way) => Math.hypot(...way);
  if (!c) return `${long(from(a, b)).toFixed(1)} mm`;
  const [u, v] = [from(b, a), from(b, c)];
  const cosine = (u[0] * v[0] + u[1] * v[1] + u[2] * v[2]) / (long(u) * long(v));
  return `${((180 / Math.PI) * Math.acos(Math.max(-1, Math.min(1, cosine)))).toFixed(1)}°`;
}
