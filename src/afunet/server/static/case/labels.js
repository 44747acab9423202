/* The labels as they are painted, and what of it the server does not have yet.

NiiVue draws bytes, so each piece has an index from 1 to 254 here; 255 stands for the smallest
pieces beyond, which cannot be painted. */

const REST = 255;

/** @typedef {{places: Uint32Array, before: Uint8Array, index: number}} Stroke  what was set, and what was there */

export class Labels {
  /** @param {import("./nifti.js").Grid} labels of the server @param {import("./state.js").Piece[]} pieces the largest first */
  constructor({ dims, voxels: raw }, pieces) {
    Object.assign(this, { dims, raw });
    this.ofIndex = [0, ...pieces.slice(0, REST - 1).map((piece) => piece.label)];
    this.indexOf = new Map(this.ofIndex.map((label, index) => [label, index]));
    this.saved = this.#indices(raw);
    this.bytes = this.saved.slice();
    this.strokes = [];
    this.changes = 0;
  }

  /** The indices of labels, by a table: a scan has many millions of voxels. */
  #indices(raw) {
    const table = new Uint8Array(raw instanceof Uint8Array ? 1 << 8 : 1 << 16).fill(REST);
    this.ofIndex.forEach((label, index) => { table[label] = index; });
    const indices = new Uint8Array(raw.length);
    for (let at = 0; at < raw.length; at++) indices[at] = table[raw[at]];
    return indices;
  }

  index(label) {
    return this.indexOf.get(label);
  }

  /** Make room for a piece that the server does not have yet. */
  begin(label) {
    if (this.indexOf.has(label) || this.ofIndex.length >= REST) return;
    this.indexOf.set(label, this.ofIndex.length);
    this.ofIndex.push(label);
  }

  labelAt([x, y, z]) {
    const index = this.bytes[x + this.dims[0] * (y + this.dims[1] * z)];
    return index === REST ? this.raw[x + this.dims[0] * (y + this.dims[1] * z)] : this.ofIndex[index];
  }

  /** Set voxels to an index and remember what was there. Null if nothing changed.
   * @param {number[]} places @param {number} index @returns {?Stroke} */
  set(places, index) {
    const changed = places.filter((at) => this.bytes[at] !== index);
    if (!changed.length) return null;
    const stroke = { places: Uint32Array.from(changed), before: Uint8Array.from(changed, (at) => this.bytes[at]), index };
    for (const at of changed) this.#write(at, index);
    return stroke;
  }

  /** Keep strokes as one step that `undo` takes back. */
  keep(strokes) {
    if (strokes.length) this.strokes.push(strokes);
  }

  /** Take back the last step; returns its strokes, or null if there is none. */
  undo() {
    const strokes = this.strokes.pop() ?? null;
    for (const { places, before } of strokes?.toReversed() ?? []) {
      places.forEach((at, number) => this.#write(at, before[number]));
    }
    return strokes;
  }

  #write(at, index) {
    this.changes += Number(this.bytes[at] === this.saved[at]);
    this.bytes[at] = index;
    this.changes -= Number(index === this.saved[at]);
  }

  /** The places of strokes as a box [[low, high] for each axis]. */
  boxOf(strokes) {
    const box = this.dims.map((count) => [count, -1]);
    for (const { places } of strokes) {
      for (const at of places) {
        this.#coordinates(at).forEach((value, axis) => {
          box[axis] = [Math.min(box[axis][0], value), Math.max(box[axis][1], value)];
        });
      }
    }
    return box;
  }

  #coordinates(at) {
    const [columns, rows] = this.dims;
    return [at % columns, Math.floor(at / columns) % rows, Math.floor(at / (columns * rows))];
  }

  /** The slices that differ from the server's and their labels: {first, last, labels}; null if none. */
  unsaved() {
    const size = this.dims[0] * this.dims[1];
    const differs = (slice) => {
      const [from, to] = [slice * size, (slice + 1) * size];
      for (let at = from; at < to; at++) if (this.bytes[at] !== this.saved[at]) return true;
      return false;
    };
    const slices = Array.from({ length: this.dims[2] }, (_, slice) => slice).filter(differs);
    if (!slices.length) return null;
    const [first, last] = [slices[0], slices.at(-1)];
    const Kind = this.ofIndex.some((label) => label > 255) ? Uint16Array : this.raw.constructor;
    const labels = Kind.from(this.raw.subarray(first * size, (last + 1) * size));
    for (let at = 0; at < labels.length; at++) {
      const index = this.bytes[first * size + at];
      if (index !== REST) labels[at] = this.ofIndex[index];
    }
    return { first, last, labels };
  }

  /** What was painted, as labels by place, to paint it again on another version. */
  painted() {
    const found = new Map();
    for (const { places } of this.strokes.flat()) {
      for (const at of places) if (this.bytes[at] !== this.saved[at]) found.set(at, this.ofIndex[this.bytes[at]]);
    }
    return found;
  }

  /** Paint again what was painted on another version, where a label may have changed; pieces that are gone are left out. */
  paintAgain(painted, labelNow) {
    const byIndex = Map.groupBy(painted.entries(), ([, label]) => this.indexOf.get(labelNow(label)));
    byIndex.delete(undefined);
    this.keep([...byIndex].map(([index, places]) => this.set(places.map(([at]) => at), index)).filter(Boolean));
  }

  /** Which voxels of an axial slice have an index, 0 or 1. */
  axialMask(slice, index) {
    const size = this.dims[0] * this.dims[1];
    return this.bytes.subarray(slice * size, (slice + 1) * size).map((one) => Number(one === index));
  }
}
