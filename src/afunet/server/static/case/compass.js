/* Where the patient's right, left, front, back, head and feet are in the picture of the bones. */

const SVG = "http://www.w3.org/2000/svg";
/** The directions by their letters, RAS. */
const DIRECTIONS = { R: [1, 0, 0], L: [-1, 0, 0], A: [0, 1, 0], P: [0, -1, 0], S: [0, 0, 1], I: [0, 0, -1] };
const RADIUS = 26;
const FAINT = 0.35;

export class Compass {
  /** `svg` has its origin in its middle. */
  constructor(svg) {
    this.svg = svg;
  }

  /** Show the directions as a camera sees them: degrees from behind and above, as NiiVue counts. */
  show(azimuth, elevation) {
    const camera = seenFrom(azimuth, elevation);
    const arms = Object.entries(DIRECTIONS).map(([letter, way]) => [letter, camera.map((axis) => dot(axis, way))]);
    arms.sort(([, a], [, b]) => b[2] - a[2]); // what is farther away is drawn first
    this.svg.replaceChildren(...arms.flatMap(([letter, [right, up, away]]) => arm(letter, RADIUS * right, -RADIUS * up, away)));
  }
}

/** Directions (RAS) to the right of the screen, to its top and into it. */
function seenFrom(azimuth, elevation) {
  const [turn, lift] = [azimuth, elevation].map((degrees) => (degrees * Math.PI) / 180);
  const [sin, cos, sinLift, cosLift] = [Math.sin(turn), Math.cos(turn), Math.sin(lift), Math.cos(lift)];
  return [[cos, -sin, 0], [sin * sinLift, cos * sinLift, cosLift], [cosLift * sin, cosLift * cos, -sinLift]];
}

function dot(a, b) {
  return a.reduce((sum, value, axis) => sum + value * b[axis], 0);
}

function arm(letter, x, y, away) {
  if (Math.abs(away) > 0.95) return []; // it would lie on the middle
  const opacity = away > 0.3 ? FAINT : 1;
  const text = drawn("text", { x: 1.35 * x, y: 1.35 * y, opacity });
  text.textContent = letter;
  return [drawn("line", { x2: x, y2: y, opacity }), text];
}

function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
