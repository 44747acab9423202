/* The canvas with the slices: NiiVue shows scan and labels, radiological convention. */

import { drawOncePerFrame } from "./frames.js";
import { withoutGradients } from "./gradients.js";
import { toMm, toVoxel } from "./nifti.js";

const DRAWING_UNIT = 33991; // gl.TEXTURE7, where NiiVue keeps its drawing
const SAGITTAL = 2;
/** The axis that stays fixed in an axial, coronal and sagittal slice. */
const FIXED_AXIS = [2, 1, 0];
/** Left, top, width and height of the axial, coronal and sagittal slice, as shares of the canvas. */
const TALL = [[0, 0, 1, 0.6], [0, 0.61, 0.49, 0.39], [0.51, 0.61, 0.49, 0.39]];
const WIDE = [[0, 0, 0.59, 1], [0.61, 0, 0.39, 0.49], [0.61, 0.51, 0.39, 0.49]];
const [FARTHEST, NEAREST] = [0.5, 20];
const CROSSHAIR_MM = 0.5;

/** @typedef {{voxel: number[], fixed: number}} Under  a voxel, not rounded, and the axis across its slice */

export class Slices {
  /** `onMove()` is called when the crosshair moved, `onDraw()` after every drawing. */
  constructor(canvas, onMove, onDraw) {
    this.canvas = canvas;
    this.grid = null;
    this.nv = new niivue.Niivue({
      backColor: [0, 0, 0, 1], crosshairColor: [0.2, 0.75, 0.7, 0.9], crosshairWidthUnit: "mm", crosshairWidth: CROSSHAIR_MM, fontColor: [0.9, 0.9, 0.9, 1],
      isRadiologicalConvention: true, isCornerOrientationText: false, showAllOrientationMarkers: true, sagittalNoseLeft: true,
      multiplanarShowRender: niivue.SHOW_RENDER.NEVER, multiplanarPadPixels: 4, dragMode: niivue.DRAG_MODE.pan,
      dragAndDropEnabled: false, isForceMouseClickToVoxelCenters: true, isNearestInterpolation: false, logLevel: "error",
      loadingText: "", viewModeHotKey: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "", fontMinPx: 14, fontSizeScaling: 0.2,
      maxDrawUndoBitmaps: 1,
    });
    this.nv.onLocationChange = () => { onMove(); };
    drawOncePerFrame(this.nv, () => { if (this.grid) onDraw(); });
  }

  async start() {
    await this.nv.attachToCanvas(this.canvas, false);
    withoutGradients(this.nv);
    this.layout("all");
    this.observer = new ResizeObserver(() => this.#arrange());
    this.observer.observe(this.canvas);
  }

  /** Show a scan; the crosshair stays at its place in the patient.
   * @param {ArrayBuffer} buffer @param {import("./nifti.js").Grid} grid @param {{low: number, high: number}} window */
  async showScan(buffer, grid, window) {
    const mm = this.grid ? this.mm() : null;
    this.grid = null;
    if (this.nv.drawBitmap) this.nv.closeDrawing();
    while (this.nv.volumes.length) this.nv.removeVolume(this.nv.volumes[0]);
    this.nv.addVolume(await niivue.NVImage.loadFromUrl({ url: buffer, name: "scan.nii", cal_min: window.low, cal_max: window.high, trustCalMinMax: true }));
    if (this.nv.volumes[0].permRAS.join() !== "1,2,3") throw new Error("the server sent a scan that is not in RAS+");
    this.grid = grid;
    this.moveTo(mm ? toVoxel(grid.affine, mm) : grid.dims.map((count) => (count - 1) / 2));
  }

  /** Show labels as drawing: one byte for each voxel, which stays the one that is drawn. */
  showLabels(bytes) {
    this.nv.createEmptyDrawing();
    this.nv.clickToSegmentGrowingBitmap = null; // as large as the scan, and not used here
    this.nv.drawClearAllUndoBitmaps();
    this.nv.drawBitmap = bytes;
    this.nv.refreshDrawing(true);
  }

  /** Draw a box of changed labels [[low, high] for each axis], which is much less than all. */
  showChanged([[x0, x1], [y0, y1], [z0, z1]]) {
    const { gl, drawBitmap: bytes } = this.nv;
    const [columns, rows] = this.grid.dims;
    gl.activeTexture(DRAWING_UNIT);
    gl.bindTexture(gl.TEXTURE_3D, this.nv.drawTexture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, columns);
    gl.pixelStorei(gl.UNPACK_IMAGE_HEIGHT, rows);
    const from = x0 + columns * (y0 + rows * z0);
    gl.texSubImage3D(gl.TEXTURE_3D, 0, x0, y0, z0, x1 - x0 + 1, y1 - y0 + 1, z1 - z0 + 1, gl.RED, gl.UNSIGNED_BYTE, bytes, from);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    gl.pixelStorei(gl.UNPACK_IMAGE_HEIGHT, 0);
    this.nv.drawScene();
  }

  /** Set the colours of the labels: 256 × red, green, blue, opacity (0–255). */
  colour(table) {
    this.nv.drawLut = { lut: table, labels: [] };
    this.nv.refreshColormaps();
    this.nv.drawScene();
  }

  window({ low, high }) {
    const scan = this.nv.volumes[0];
    Object.assign(scan, { cal_min: low, cal_max: high });
    this.nv.updateGLVolume();
  }

  /** Show labels filled with an opacity of 0 to 1, or their outline alone. */
  mask(opacity, outline) {
    this.nv.drawRimOpacity = outline ? 1 : Math.min(1, opacity + 0.3);
    this.nv.setDrawOpacity(outline ? 0.001 : opacity); // 0 would switch off the outline, too
  }

  /** Show one direction, or all: the axial slice large, the others below it or beside it. */
  layout(name) {
    const { AXIAL: axial, CORONAL: coronal, SAGITTAL: sagittal, MULTIPLANAR: all } = niivue.SLICE_TYPE;
    this.shown = name;
    if (name === "all") this.#arrange();
    else this.nv.clearCustomLayout();
    this.nv.setSliceType({ axial, coronal, sagittal, all }[name]);
  }

  #arrange() {
    if (this.shown !== "all") return;
    this.nv.setCustomLayout(this.#places().map((position, sliceType) => ({ sliceType, position })));
  }

  #places() {
    return this.canvas.clientWidth > this.canvas.clientHeight ? WIDE : TALL;
  }

  /** Where the smaller slices are, in CSS pixels: left, top, width, height. */
  frames() {
    if (this.shown !== "all") return [];
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return this.#places().slice(1).map(([x, y, wide, tall]) => [x * width, y * height, wide * width, tall * height]);
  }

  /** The voxel at the crosshair. */
  voxel() {
    return [...this.nv.frac2vox(this.nv.scene.crosshairPos)].map(Math.round);
  }

  mm() {
    return toMm(this.grid.affine, this.voxel());
  }

  moveTo(voxel) {
    const inside = voxel.map((at, axis) => Math.max(0, Math.min(this.grid.dims[axis] - 1, Math.round(at))));
    this.nv.scene.crosshairPos = this.nv.vox2frac(inside);
    this.nv.createOnLocationChange();
    this.nv.drawScene();
  }

  move(...by) {
    this.moveTo(this.voxel().map((at, axis) => at + by[axis]));
  }

  /** Zoom by a factor; the crosshair, or the voxel given, stays where it is on the screen. */
  zoom(factor, voxel = this.voxel()) {
    const [x, y, z, now] = this.nv.scene.pan2Dxyzmm;
    const wanted = Math.max(FARTHEST, Math.min(NEAREST, now * factor));
    const [left, back, up] = toMm(this.grid.affine, voxel); // NiiVue's millimetres are RAS
    const less = now - wanted;
    this.#pan([x - less * left, y - less * back, z + less * up, wanted]);
  }

  /** Show the slices whole. */
  fit() {
    this.#pan([0, 0, 0, 1]);
  }

  /** Pan and zoom; the crosshair stays thin, so that it does not hide what is painted. */
  #pan(pan) {
    this.nv.opts.crosshairWidth = CROSSHAIR_MM / pan[3];
    if (this.nv.crosshairs3D) this.nv.crosshairs3D.mm[0] = NaN; // else NiiVue keeps the one it has
    this.nv.setPan2Dxyzmm(pan);
  }

  /** Where an event of the mouse is, or null outside of slices.
   * @param {PointerEvent|WheelEvent} event @returns {?Under} */
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((at) => at * this.nv.uiData.dpr);
    const tile = this.nv.tileIndex(x, y);
    const shown = this.nv.screenSlices[tile];
    if (!shown || shown.axCorSag > SAGITTAL) return null;
    const [fx, fy, fz] = this.nv.screenXY2TextureFrac(x, y, tile);
    if (fx < 0) return null;
    return { voxel: [fx, fy, fz].map((share, axis) => share * this.grid.dims[axis] - 0.5), fixed: FIXED_AXIS[shown.axCorSag] };
  }

  /** The slices that are shown: their fixed axis, and the function from a voxel to CSS pixels. */
  tiles() {
    const { dpr } = this.nv.uiData;
    return this.nv.screenSlices.filter((one) => one.axCorSag <= SAGITTAL).map((one) => ({
      fixed: FIXED_AXIS[one.axCorSag],
      place: (voxel) => this.#place(voxel, one, dpr),
    }));
  }

  /** Put the voxel into the slice shown, then ask NiiVue for its pixel; null outside of the tile. */
  #place(voxel, tile, dpr) {
    const at = [...this.nv.scene.crosshairPos];
    const frac = voxel.map((v, axis) => (axis === FIXED_AXIS[tile.axCorSag] ? at[axis] : (v + 0.5) / this.grid.dims[axis]));
    const found = this.nv.frac2canvasPosWithTile(frac, tile.axCorSag);
    return found ? found.pos.map((pixel) => pixel / dpr) : null;
  }
}
