/* Which part of a scan is loaded: all of it, or of a large one an overview and slabs in full detail. */

import * as api from "../api.js";
import { parsed } from "./nifti.js";

/** Scans of more voxels are large; a slab has so many slices. */
export const LIMITS = { voxels: 96e6, slab: 200 };

/** @typedef {{first: number, last: number, step: number}} Range  slices of the whole scan, both included */

export class Loader {
  /** `shape` is [columns, rows, slices] of the whole scan. */
  constructor(id, shape) {
    Object.assign(this, { id, shape });
    this.voxels = shape[0] * shape[1] * shape[2];
    this.large = this.voxels > LIMITS.voxels;
    this.detail = !this.large;
    this.range = this.large ? this.#overview() : null;
  }

  #overview() {
    const step = Math.ceil(Math.cbrt(this.voxels / LIMITS.voxels) * 1.25); // room for labels beside it
    return { first: 0, last: this.shape[2] - 1, step };
  }

  /** Choose the overview, or (`around` a slice of the whole scan) a slab in full detail. */
  choose(around = null) {
    if (!this.large) return;
    this.detail = around !== null;
    if (!this.detail) { this.range = this.#overview(); return; }
    const first = Math.max(0, Math.min(this.shape[2] - LIMITS.slab, Math.round(around - LIMITS.slab / 2)));
    this.range = { first, last: Math.min(this.shape[2] - 1, first + LIMITS.slab - 1), step: 1 };
  }

  /** The slice of the whole scan that is slice k of what is loaded, and the other way round. */
  toWhole(k) {
    return this.range ? this.range.first + k * this.range.step : k;
  }

  toLoaded(slice) {
    return this.range ? (slice - this.range.first) / this.range.step : slice;
  }

  holds(slice) {
    return !this.range || (slice >= this.range.first && slice <= this.range.last);
  }

  /** The bytes of the scan that is loaded; `onShare` is told how much has come. */
  async scan(onShare) {
    const step = this.range?.step ?? 1;
    const slices = this.range ? (this.range.last - this.range.first + 1) / step : this.shape[2];
    const expected = 352 + 2 * (this.shape[0] / step) * (this.shape[1] / step) * slices;
    return api.volume(this.id, "scan", this.range, (came) => onShare(Math.min(1, came / expected)));
  }

  async labels() {
    return parsed(await api.volume(this.id, "labels", this.range));
  }
}
