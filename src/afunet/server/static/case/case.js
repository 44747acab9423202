/* The page of a finished case: slices, bones in 3D, what to check, corrections, export. */

import * as api from "../api.js";
import { button, fromTemplate } from "../dom.js";
import { ask, attempt, failed } from "../notices.js";
import { actionsOf } from "./actions.js";
import { Brush } from "./brush.js";
import { save } from "./corrections.js";
import { showExport } from "./exports.js";
import { markFlag, showFlags } from "./flags.js";
import { actionOf, titleOf } from "./keys.js";
import { Labels } from "./labels.js";
import { Loader } from "./loader.js";
import { parsed, toVoxel } from "./nifti.js";
import { Overlay } from "./overlay.js";
import { followPages, showPages } from "./pages.js";
import { showPieces } from "./pieces.js";
import { listenToPointer } from "./pointer.js";
import { Points } from "./points.js";
import { Slices } from "./slices.js";
import { Solid, VIEWS } from "./solid.js";
import { rgb, State } from "./state.js";
import { Strip } from "./strip.js";
import { LAYOUTS, showTools, TOOLS, WINDOWS } from "./tools.js";

/** Show a case that is done; returns what to call when it is left. */
export async function showCase(main, facts, drawers) {
  const bench = new Bench(main, facts);
  followPages(bench, drawers);
  window.afunet = bench; // for tests and the curious
  bench.start().catch((error) => bench.broken(error));
  return () => bench.leave();
}

class Bench {
  constructor(main, facts) {
    const [root, parts] = fromTemplate("workbench");
    main.replaceChildren(root);
    Object.assign(this, { root, parts, state: new State(facts), stop: new AbortController() });
    this.fromDicom = facts.report.source.kind.startsWith("DICOM");
    this.loader = new Loader(facts.case, facts.grid.shape);
    this.slices = new Slices(parts["slice-canvas"], () => this.#moved(), () => this.overlay?.redraw());
    this.overlay = new Overlay(parts.overlay, this.slices);
    this.solid = new Solid(parts["solid-canvas"], parts.compass);
    this.points = new Points(this.slices, this.overlay, () => showTools(this));
    this.brush = new Brush(this.slices, this.overlay, () => this.#painting(), () => showTools(this));
    this.actions = actionsOf(this);
    this.view = { window: WINDOWS.bone, layout: "all", outline: false, meshes: new Map() };
  }

  async start() {
    this.#buttons();
    this.strip = new Strip(this.parts.strip, this.state.confidence, (slice) => this.goToSlice(slice));
    this.#reported();
    showExport(this.parts, this.state.id, this.fromDicom, () => save(this));
    this.redraw();
    await this.slices.start();
    await this.solid.start();
    listenToPointer(this);
    // After a click, space and enter are for the slices; whoever came with the keyboard stays.
    this.root.addEventListener("click", (event) => {
      if (event.detail && event.target.closest(".tools button, .piece .name")) this.slices.canvas.focus();
    });
    window.addEventListener("keydown", (event) => this.#key(event), { signal: this.stop.signal });
    window.addEventListener("beforeunload", (event) => { if (this.labels?.changes) event.preventDefault(); }, { signal: this.stop.signal });
    await this.load();
    if (this.state.pieces.length) this.slices.moveTo(toVoxel(this.scan.affine, this.state.pieces[0].centre_mm));
    await this.loadMeshes();
    this.root.dataset.ready = "";
  }

  /** Show what the report says: the places to check, its pages. */
  #reported() {
    const { flags } = this.state;
    this.strip.flag(flags.map((flag) => flag.slice).filter((slice) => slice !== null));
    showFlags(this.parts, flags, this.actions);
    markFlag(this.parts, this.flag);
    showPages(this);
  }

  /** Ask what the report says now. */
  async look() {
    const shown = this.state.flags[this.flag];
    this.state.see(await api.caseOf(this.state.id));
    const same = this.state.flags.findIndex((flag) => flag.code === shown?.code && flag.message === shown?.message);
    if (shown) this.flag = same < 0 ? this.flag - 1 : same; // so that the next one is the one after it
    this.#reported();
  }

  #buttons() {
    const { parts } = this;
    const made = (table) => Object.entries(table).map(([action, says]) =>
      button(says, () => this.actions[action](), { "data-does": action, title: titleOf(action) }));
    parts.layouts.append(...made(LAYOUTS));
    parts.windows.append(...made(Object.fromEntries(Object.entries(WINDOWS).map(([name, one]) => [name, one.says]))));
    parts["tool-buttons"].append(...made(TOOLS));
    parts.turns.append(...VIEWS.map((from) => button(from[0].toUpperCase() + from.slice(1), () => this.solid.look(from), { "aria-label": `Look from ${from}` })));
    for (const one of this.root.querySelectorAll("[data-do]")) {
      one.addEventListener("click", () => attempt(() => this.actions[one.dataset.do]()));
      one.title = titleOf(one.dataset.do);
    }
    parts.opacity.addEventListener("input", () => this.#mask());
    parts["brush-size"].addEventListener("input", () => showTools(this));
  }

  /** Load the scan and its labels: all, an overview, or a slab around a slice of the whole scan. */
  async load(around = null) {
    const { loading } = this.parts;
    loading.hidden = false;
    this.loader.choose(around);
    const buffer = await this.loader.scan((share) => { loading.textContent = `Loading the scan, ${Math.round(100 * share)} %`; });
    this.scan = parsed(buffer);
    await this.slices.showScan(buffer, this.scan, this.view.window);
    await this.loadLabels();
    loading.hidden = true;
    this.redraw();
    this.#moved();
  }

  /** Load the labels of the present version. */
  async loadLabels() {
    this.labels = new Labels(await this.loader.labels(), this.state.pieces);
    this.brush.use(this.labels, this.scan.voxels);
    this.slices.showLabels(this.labels.bytes);
    this.colour();
    this.#mask();
  }

  /** Load the surfaces that are new or have changed, and drop those that are gone. */
  async loadMeshes() {
    const { state, view } = this;
    const seen = (piece) => [piece.volume_mm3, piece.centre_mm, piece.colour, piece.triangles].join();
    for (const label of [...view.meshes.keys()].filter((one) => !state.piece(one))) {
      this.solid.drop(label);
      view.meshes.delete(label);
    }
    for (const piece of state.pieces.filter((one) => view.meshes.get(one.label) !== seen(one))) {
      await this.solid.put(piece.label, await api.mesh(state.id, piece.label, state.version), rgb(piece.colour));
      view.meshes.set(piece.label, seen(piece));
      this.parts["solid-loading"].hidden = true;
      this.solid.show((label) => state.hidden.has(label));
    }
    this.parts["solid-loading"].textContent = "There is no surface to show.";
    this.parts["solid-loading"].hidden = state.pieces.length > 0;
  }

  /** Show lists and tools as the state is. */
  redraw() {
    showPieces(this.parts, this.state, this.actions);
    showTools(this);
  }

  /** Colour labels and surfaces as the state is; hidden pieces are not drawn. */
  colour() {
    const table = new Uint8ClampedArray(4 * 256);
    table.set([160, 160, 160, 255], 4 * 255);
    for (const { label, colour } of this.state.pieces) {
      const index = this.labels?.index(label);
      if (index) table.set([...rgb(colour), this.state.hidden.has(label) ? 0 : 255], 4 * index);
    }
    if (this.labels) this.slices.colour(table);
    this.solid.show((label) => this.state.hidden.has(label));
  }

  /** Begin a new piece of a bone; it is made when what is painted of it is saved. */
  begin(bone) {
    this.state.begin(bone);
    this.labels.begin(this.state.fresh.label);
    this.colour();
    this.redraw();
  }

  setWindow(name) {
    this.view.window = WINDOWS[name];
    this.slices.window(this.view.window);
    showTools(this);
  }

  setLayout(name) {
    this.view.layout = name;
    this.slices.layout(name);
    showTools(this);
  }

  setOutline(on) {
    this.view.outline = on;
    this.#mask();
    showTools(this);
  }

  #mask() {
    this.slices.mask(this.parts.opacity.valueAsNumber / 100, this.view.outline);
  }

  setTool(tool) {
    this.state.tool = tool;
    this.points.use(["part", "length", "angle"].includes(tool) ? tool : null);
    showTools(this);
  }

  /** The slice of the whole scan at the crosshair, counted from the feet. */
  slice() {
    return Math.round(this.loader.toWhole(this.slices.voxel()[2]));
  }

  /** Go to a slice of the whole scan; of a large one, its slab is loaded if it is not there. */
  goToSlice(slice) {
    const inside = Math.max(0, Math.min(this.state.grid.shape[2] - 1, slice));
    if (!this.loader.holds(inside)) return attempt(() => this.detailAt(inside));
    const [column, row] = this.slices.voxel();
    this.slices.moveTo([column, row, this.loader.toLoaded(inside)]);
    return undefined;
  }

  /** Go to LPS mm. */
  async goTo(mm) {
    const slice = Math.round(toVoxel(this.state.grid.affine, mm)[2]);
    if (!this.loader.holds(slice)) await this.detailAt(slice);
    this.slices.moveTo(toVoxel(this.scan.affine, mm));
  }

  /** Load full detail around a slice of the whole scan. */
  async detailAt(slice) {
    if (await save(this)) {
      await this.load(slice);
      this.slices.moveTo([...this.slices.voxel().slice(0, 2), this.loader.toLoaded(slice)]);
    }
  }

  #moved() {
    if (!this.strip || !this.labels) return;
    const voxel = this.slices.voxel();
    const mm = this.slices.mm();
    const piece = this.state.piece(this.labels.labelAt(voxel));
    const at = voxel[0] + this.scan.dims[0] * (voxel[1] + this.scan.dims[1] * voxel[2]);
    const signs = [mm[0] < 0 ? "R" : "L", mm[1] < 0 ? "A" : "P", mm[2] < 0 ? "I" : "S"];
    this.parts.crosshair.textContent = [
      `Slice ${this.slice() + 1} of ${this.state.grid.shape[2]}`, `${this.scan.voxels[at]} HU`, piece?.name ?? "no bone",
      mm.map((value, axis) => `${signs[axis]} ${Math.abs(value).toFixed(1)}`).join("  "),
    ].join(" · ");
    this.strip.show(this.slice(), this.loader.large && this.loader.detail ? this.loader.range : null);
  }

  #painting() {
    const { parts, state, labels } = this;
    const limited = parts.limited.checked;
    return {
      index: labels.index(state.chosen[0]),
      radius: parts["brush-size"].valueAsNumber / 2,
      limits: limited ? [parts.low.valueAsNumber, parts.high.valueAsNumber] : null,
      locked: new Set([255, ...[...state.hidden].map((label) => labels.index(label))]),
    };
  }

  #key(event) {
    const action = actionOf(event);
    if (!action || !this.labels || action === "help") return;
    event.preventDefault();
    event.stopPropagation();
    attempt(() => this.actions[action](event));
  }

  broken(error) {
    this.parts.loading.hidden = false;
    this.parts.loading.textContent = "The scan could not be shown. Reload the page; if that does not help, try a browser with WebGL 2 (current Chrome, Edge, Firefox or Safari).";
    failed(error);
  }

  /** Leave the page; false if the user wants to stay with what is not saved. */
  async leave() {
    if (this.labels?.changes) {
      const answer = await ask("Save the painting?", `${this.labels.changes.toLocaleString("en")} voxels were painted and are not saved.`, [
        { value: "save", says: "Save", kind: "main" }, { value: "discard", says: "Discard", kind: "danger" }, { value: "", says: "Stay" }]);
      if (!answer || (answer === "save" && !(await save(this)))) return false;
    }
    this.stop.abort();
    this.strip?.observer.disconnect();
    this.slices.observer?.disconnect();
    for (const { nv } of [this.slices, this.solid]) {
      nv.cleanup();
      nv.gl?.getExtension("WEBGL_lose_context")?.loseContext();
    }
    return true;
  }
}
