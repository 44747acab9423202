/* Points, lines and the brush over the slices, as SVG. */

const SVG = "http://www.w3.org/2000/svg";
const NEAR_VOXELS = 0.75; // a point is shown on the slice that it lies in

export class Overlay {
  constructor(svg, slices) {
    Object.assign(this, { svg, slices, figures: [], outline: null });
    this.brush = this.#add("circle", { class: "brush", r: 0, hidden: "" }, svg);
    this.drawn = this.#add("g", {}, svg);
  }

  /** Figures are {points: voxels, text, kind}; `outline` is {fixed, points} of a stroke under way. */
  redraw() {
    this.drawn.replaceChildren();
    for (const [x, y, width, height] of this.slices.frames()) this.#add("rect", { class: "frame", x, y, width, height });
    const at = this.slices.voxel();
    for (const tile of this.slices.tiles()) {
      for (const figure of this.figures) this.#figure(figure, tile, at[tile.fixed]);
      if (this.outline?.fixed === tile.fixed) this.#path(this.outline.points.map(tile.place), "outline", true);
    }
  }

  #figure({ points, text, kind }, tile, slice) {
    const near = points.filter((point) => Math.abs(point[tile.fixed] - slice) <= NEAR_VOXELS);
    const pixels = near.map(tile.place).filter(Boolean);
    if (near.length === points.length && kind !== "seed") this.#path(pixels, kind, false);
    pixels.forEach(([cx, cy], number) => {
      this.#add("circle", { class: `point ${kind}`, cx, cy, r: 4 });
      if (kind === "seed") this.#text(String(points.indexOf(near[number]) + 1), cx + 7, cy - 5);
    });
    if (text && pixels.length === points.length) this.#text(text, pixels.at(-1)[0] + 8, pixels.at(-1)[1] + 4);
  }

  #path(pixels, kind, closed) {
    const there = pixels.filter(Boolean);
    if (there.length > 1) this.#add(closed ? "polygon" : "polyline", { class: kind, points: there.map((pixel) => pixel.join()).join(" ") });
  }

  #text(text, x, y) {
    this.#add("text", { x, y }).textContent = text;
  }

  #add(tag, attributes, parent = this.drawn) {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    parent.append(made);
    return made;
  }

  /** Show the brush where the mouse is; the radius in mm is as large as it is drawn there. */
  showBrush(event, under, radius) {
    const tile = under && this.slices.tiles().find((one) => one.fixed === under.fixed);
    this.brush.toggleAttribute("hidden", !tile);
    if (!tile) return;
    const box = this.svg.getBoundingClientRect();
    this.brush.setAttribute("cx", event.clientX - box.left);
    this.brush.setAttribute("cy", event.clientY - box.top);
    this.brush.setAttribute("r", radius * this.#pixelsPerMm(tile, under.voxel));
  }

  hideBrush() {
    this.brush.setAttribute("hidden", "");
  }

  #pixelsPerMm(tile, voxel) {
    const axis = tile.fixed === 0 ? 1 : 0;
    const other = voxel.map((at, each) => (each === axis ? at + (at > 1 ? -1 : 1) : at));
    const [a, b] = [tile.place(voxel), tile.place(other)];
    return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) / this.slices.grid.spacing[axis] : 0;
  }
}
