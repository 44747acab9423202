/* The canvas with the bones in 3D. */

import { Compass } from "./compass.js";
import { drawOncePerFrame } from "./frames.js";

const DIRECTIONS = { front: [180, 0], back: [0, 0], left: [90, 0], right: [270, 0], above: [180, 90], below: [180, -90] };

export class Solid {
  constructor(canvas, compass) {
    this.canvas = canvas;
    this.compass = new Compass(compass);
    this.shown = new Map(); // label → NiiVue's mesh
    this.nv = new niivue.Niivue({
      backColor: [0.04, 0.05, 0.06, 1], show3Dcrosshair: false, dragAndDropEnabled: false, logLevel: "error",
      loadingText: "", viewModeHotKey: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "",
    });
    drawOncePerFrame(this.nv, () => this.compass.show(this.nv.scene.renderAzimuth, this.nv.scene.renderElevation));
  }

  async start() {
    await this.nv.attachToCanvas(this.canvas);
    this.nv.setSliceType(niivue.SLICE_TYPE.RENDER);
    this.look("front");
  }

  /** Show a surface (MZ3 bytes, RAS mm) in the place of the label's former one.
   * @param {number} label @param {ArrayBuffer} buffer @param {number[]} colour red, green, blue */
  async put(label, buffer, colour) {
    const mesh = await niivue.NVMesh.loadFromUrl({ url: `${label}.mz3`, buffer, name: `${label}.mz3`, gl: this.nv.gl, rgba255: [...colour, 255] });
    this.drop(label);
    this.nv.addMesh(mesh);
    this.shown.set(label, mesh);
  }

  drop(label) {
    const mesh = this.shown.get(label);
    if (!mesh) return;
    this.nv.removeMesh(mesh);
    this.shown.delete(label);
  }

  /** Show the pieces that are not hidden. */
  show(isHidden) {
    for (const [label, mesh] of this.shown) mesh.visible = !isHidden(label);
    this.nv.drawScene();
  }

  look(from) {
    this.nv.setRenderAzimuthElevation(...DIRECTIONS[from]);
  }

  turn(azimuth, elevation) {
    const { renderAzimuth, renderElevation } = this.nv.scene;
    this.nv.setRenderAzimuthElevation(renderAzimuth + azimuth, renderElevation + elevation);
  }
}

export const VIEWS = Object.keys(DIRECTIONS);
