/* The brush, the eraser and the filled outline: strokes of the mouse become voxels. */

import { between } from "./between.js";
import { disc, line, polygon } from "./raster.js";

export class Brush {
  /**
   * @param {import("./slices.js").Slices} slices
   * @param {import("./overlay.js").Overlay} overlay
   * @param {() => {index: number, radius: number, limits: ?number[], locked: Set<number>}} options  mm, HU, indices
   * @param {(strokes: import("./labels.js").Stroke[]) => void} onStroke
   */
  constructor(slices, overlay, options, onStroke) {
    Object.assign(this, { slices, overlay, options, onStroke });
    this.stroke = null;
    this.keys = new Map(); // index → axial slices that were painted with it
  }

  use(labels, scan) {
    Object.assign(this, { labels, scan });
    this.stroke = null;
    this.keys.clear();
  }

  /** Begin a stroke with "brush", "erase" or "fill" where the mouse is. */
  begin(tool, under) {
    this.stroke = { tool, fixed: under.fixed, slice: under.voxel[under.fixed], points: [under.voxel], done: [] };
    if (tool !== "fill") this.#paint((visit) => visit(this.#flat(under.voxel)));
  }

  move(under) {
    const stroke = this.stroke;
    if (!stroke || !under || under.fixed !== stroke.fixed) return;
    const from = stroke.points.at(-1);
    stroke.points.push(under.voxel);
    if (stroke.tool === "fill") {
      this.overlay.outline = { fixed: stroke.fixed, points: stroke.points };
      this.overlay.redraw();
      return;
    }
    const spacing = this.#axes().map((axis) => this.slices.grid.spacing[axis]);
    this.#paint((visit) => line(this.#flat(from), this.#flat(under.voxel), this.options().radius, spacing, visit));
  }

  end() {
    const stroke = this.stroke;
    if (!stroke) return;
    if (stroke.tool === "fill" && stroke.points.length > 2) this.#fill();
    this.stroke = null;
    this.overlay.outline = null;
    this.#keep(stroke.done, stroke.fixed === 2 ? [Math.round(stroke.slice)] : []);
    this.overlay.redraw();
  }

  /** Paint one dab at a voxel of an axial slice, for the keyboard. */
  dab(tool, voxel) {
    this.begin(tool, { voxel, fixed: 2 });
    this.end();
  }

  /** Fill the axial slices between those that were painted; returns how many were filled. */
  interpolate() {
    const { index } = this.options();
    const painted = [...(this.keys.get(index) ?? [])].sort((a, b) => a - b);
    const strokes = [];
    let filled = 0;
    painted.slice(1).forEach((next, at) => {
      const count = next - painted[at] - 1;
      if (count < 1) return;
      strokes.push(...this.#shapesBetween(painted[at], next, count, index));
      filled += count;
    });
    this.#keep(strokes, []);
    return filled;
  }

  #shapesBetween(first, last, count, index) {
    const [width, height] = this.labels.dims;
    const masks = [first, last].map((slice) => [...this.labels.axialMask(slice, index)]);
    return between(...masks, count, width, height, this.slices.grid.spacing).map((shape, step) => {
      const offset = width * height * (first + 1 + step);
      const places = [];
      shape.forEach((set, at) => { if (set) places.push(offset + at); });
      return this.labels.set(this.#allowed(places, index), index);
    }).filter(Boolean);
  }

  #keep(strokes, keySlices) {
    if (!strokes.length) return;
    const { index } = strokes[0];
    if (index) this.keys.set(index, new Set([...(this.keys.get(index) ?? []), ...keySlices]));
    this.labels.keep(strokes);
    this.slices.showChanged(this.labels.boxOf(strokes));
    this.onStroke(strokes);
  }

  #axes() {
    return [0, 1, 2].filter((axis) => axis !== this.stroke.fixed);
  }

  #flat(voxel) {
    return this.#axes().map((axis) => voxel[axis]);
  }

  #paint(walk) {
    const { radius } = this.options();
    const spacing = this.#axes().map((axis) => this.slices.grid.spacing[axis]);
    const places = new Set();
    walk((middle) => disc(middle, radius, spacing, (u, v) => this.#collect(u, v, places)));
    this.#set(places);
  }

  #fill() {
    const places = new Set();
    polygon(this.stroke.points.map((point) => this.#flat(point)), (u, v) => this.#collect(u, v, places));
    this.#set(places);
  }

  #collect(u, v, places) {
    const voxel = [0, 0, 0], { dims } = this.labels, [a, b] = this.#axes();
    voxel[a] = u; voxel[b] = v; voxel[this.stroke.fixed] = Math.round(this.stroke.slice);
    if (voxel.every((at, axis) => at >= 0 && at < dims[axis])) places.add(voxel[0] + dims[0] * (voxel[1] + dims[1] * voxel[2]));
  }

  #set(places) {
    const index = this.stroke.tool === "erase" ? 0 : this.options().index;
    const made = this.labels.set(this.#allowed([...places], index), index);
    if (!made) return;
    this.stroke.done.push(made);
    this.slices.showChanged(this.labels.boxOf([made]));
  }

  /** Leave out locked pieces, and what is not in the limits of HU; the eraser has no limits. */
  #allowed(places, index) {
    const { limits, locked } = this.options();
    const free = places.filter((at) => !locked.has(this.labels.bytes[at]));
    return limits && index ? free.filter((at) => this.scan[at] >= limits[0] && this.scan[at] <= limits[1]) : free;
  }
}
