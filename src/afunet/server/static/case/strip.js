/* The confidence of every slice as a scroll bar: the head above, the feet below. */

const SURE = [46, 160, 110], DOUBTFUL = [232, 170, 40], POOR = [214, 60, 50], NO_BONE = [70, 78, 86];
const [POOR_BELOW, SURE_FROM] = [0.8, 0.95];

export class Strip {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(?number)[]} confidence  the expected Dice of each slice from the feet, null without bone
   * @param {(slice: number) => void} onSlice
   */
  constructor(canvas, confidence, onSlice) {
    Object.assign(this, { canvas, confidence, flagged: [], onSlice, slice: 0, range: null });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#go(event);
    });
    canvas.addEventListener("pointermove", (event) => { if (event.buttons) this.#go(event); });
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); onSlice(this.slice - Math.sign(event.deltaY)); });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(canvas);
    canvas.setAttribute("aria-valuemin", 1);
    canvas.setAttribute("aria-valuemax", confidence.length);
  }

  #go(event) {
    const share = event.offsetY / this.canvas.clientHeight;
    this.onSlice(Math.max(0, Math.min(this.confidence.length - 1, Math.floor((1 - share) * this.confidence.length))));
  }

  /** Show that a slice is looked at; `range` is the part that is loaded in full detail. */
  show(slice, range) {
    Object.assign(this, { slice, range });
    const value = this.confidence[slice];
    this.canvas.setAttribute("aria-valuenow", slice + 1);
    this.canvas.setAttribute("aria-valuetext", `slice ${slice + 1} of ${this.confidence.length}, ${value === null ? "no bone" : `expected Dice ${value.toFixed(2)}`}`);
    this.draw();
  }

  /** Mark slices with a place to check. */
  flag(slices) {
    this.flagged = slices;
    this.draw();
  }

  draw() {
    const { canvas, confidence } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((size) => Math.round(size * devicePixelRatio));
    Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    const top = (slice) => height * (1 - (slice + 1) / confidence.length);
    const tall = Math.max(1, height / confidence.length);
    confidence.forEach((value, slice) => {
      pen.fillStyle = `rgb(${colourOf(value)})`;
      pen.fillRect(0, top(slice), width, tall + 1);
    });
    pen.fillStyle = "#fff";
    for (const slice of this.flagged) pen.fillRect(0, top(slice) + tall / 2 - 1, width / 3, 2);
    if (this.range) {
      pen.strokeStyle = "#fff";
      pen.strokeRect(1, top(this.range.last), width - 2, top(this.range.first) + tall - top(this.range.last));
    }
    pen.fillStyle = "#000";
    pen.fillRect(0, top(this.slice) + tall / 2 - 3, width, 6);
    pen.fillStyle = "#fff";
    pen.fillRect(0, top(this.slice) + tall / 2 - 2, width, 4);
  }
}

function colourOf(value) {
  if (value === null) return NO_BONE;
  const middle = (POOR_BELOW + SURE_FROM) / 2;
  if (value < middle) return mixed(POOR, DOUBTFUL, (value - POOR_BELOW) / (middle - POOR_BELOW));
  return mixed(DOUBTFUL, SURE, (value - middle) / (SURE_FROM - middle));
}

function mixed(from, to, share) {
  const part = Math.max(0, Math.min(1, share));
  return from.map((value, at) => Math.round(value + part * (to[at] - value)));
}
