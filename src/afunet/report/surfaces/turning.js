"use strict";
// The axes of glTF and of the scene: the patient's left, head and front.
const SIDES = [["L", "R"], ["S", "I"], ["A", "P"]];
const LETTER_FROM = 0.45;
const FROM = { front: [0, 0, 1], left: [1, 0, 0], back: [0, 0, -1], right: [-1, 0, 0] };
const ROUND_MM = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const CUBE_PX = 92, MARGIN = 1.26;
const view = JSON.parse(document.getElementById("view").textContent);
const byId = (id) => document.getElementById(id);
const all = (selector) => document.querySelectorAll(selector);

function start() {
  const renderer = new THREE.WebGLRenderer({ antialias: true });
  renderer.setClearColor(0xeef1f6);
  renderer.setPixelRatio(window.devicePixelRatio);
  renderer.autoClear = false;
  const stage = byId("stage");
  stage.prepend(renderer.domElement);
  const scene = new THREE.Scene(), camera = new THREE.OrthographicCamera();
  const controls = new THREE.TrackballControls(camera, renderer.domElement);
  const cube = view.sides_known ? letteredCube() : null;
  const parts = new Map();
  let box, across = 1, up = 1, half = 1;
  scene.add(camera);
  light(scene, camera);
  controls.staticMoving = true;
  controls.rotateSpeed = 1.6;
  controls.noZoom = true; // otherwise scrolling the page would zoom here
  renderer.domElement.addEventListener("pointerdown", () => { controls.noZoom = false; });
  stage.addEventListener("mouseleave", () => { controls.noZoom = true; });

  function lookFrom(direction) {
    const middle = box.getCenter(new THREE.Vector3()), size = box.getSize(new THREE.Vector3());
    const far = Math.max(size.length(), 1);
    controls.target.copy(middle);
    camera.up.set(0, 1, 0);
    camera.position.copy(middle).addScaledVector(new THREE.Vector3(...direction), 2 * far);
    camera.near = 0;
    camera.far = 4 * far;
    camera.zoom = 1;
    across = Math.abs(direction[0]) > 0.5 ? size.z : size.x;
    up = Math.max(size.y, size.length() / 6, 1);
    controls.update();
    resize();
  }
  function resize() {
    const width = stage.clientWidth, height = stage.clientHeight;
    const aspect = width / height;
    half = MARGIN / 2 * Math.max(up, across / aspect);
    camera.top = half;
    camera.bottom = -half;
    camera.right = half * aspect;
    camera.left = -half * aspect;
    camera.updateProjectionMatrix();
    renderer.setSize(width, height);
    controls.handleResize();
    controls.panSpeed = width / camera.position.distanceTo(controls.target);
    draw();
  }
  function draw() {
    const width = stage.clientWidth, height = stage.clientHeight;
    renderer.setViewport(0, 0, width, height);
    renderer.clear();
    renderer.render(scene, camera);
    if (cube) {
      cube.turnAs(camera);
      renderer.clearDepth();
      renderer.setViewport(width - CUBE_PX - 8, 34, CUBE_PX, CUBE_PX);
      renderer.render(cube.scene, cube.camera);
      nameSides(camera);
    }
    drawScale(2 * half / camera.zoom / height);
  }
  function show() {
    const opacity = byId("opacity").value / 100;
    all("[data-part]").forEach((tick) => { parts.get(tick.dataset.part).visible = tick.checked; });
    parts.forEach((part) => {
      part.material.opacity = opacity;
      part.material.transparent = opacity < 1;
      part.material.depthWrite = opacity === 1;
      part.material.needsUpdate = true;
    });
    draw();
  }

  new THREE.GLTFLoader().parse(bytesOf(byId("surfaces").textContent), "", (gltf) => {
    gltf.scene.scale.setScalar(1000); // m to mm
    gltf.scene.traverse((node) => { if (node.isMesh) parts.set(node.material.name, node); });
    view.parts.forEach((part) => dress(parts.get(part.name), part.colour));
    scene.add(gltf.scene);
    box = new THREE.Box3().setFromObject(gltf.scene);
    lookFrom(FROM.front);
    controls.addEventListener("change", draw);
    window.addEventListener("resize", resize);
    byId("reset").addEventListener("click", () => lookFrom(FROM.front));
    byId("opacity").addEventListener("input", show);
    all("[data-from]").forEach((button) => {
      button.addEventListener("click", () => lookFrom(FROM[button.dataset.from]));
    });
    all("[data-part]").forEach((tick) => tick.addEventListener("change", show));
    byId("all")?.addEventListener("change", () => {
      all("[data-part]").forEach((tick) => { tick.checked = byId("all").checked; });
      show();
    });
    (function follow() { requestAnimationFrame(follow); controls.update(); })();
  }, fail);
}

// Lamps are children of the camera, so they light the visible side wherever the patient lies.
function light(scene, camera) {
  scene.add(new THREE.AmbientLight(0xffffff, view.ambient));
  view.lamps.forEach((lamp) => {
    const shining = new THREE.DirectionalLight(0xffffff, lamp.intensity);
    shining.position.set(...lamp.position);
    camera.add(shining, shining.target);
  });
}

function dress(mesh, [red, green, blue]) {
  mesh.geometry.computeVertexNormals();
  mesh.material = new THREE.MeshPhongMaterial({
    color: new THREE.Color(red / 255, green / 255, blue / 255), specular: 0x0c0c0c, shininess: 12,
  });
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer;
}

function letteredCube() {
  const faces = SIDES.flat().map((letter) => new THREE.MeshBasicMaterial({ map: face(letter) }));
  const scene = new THREE.Scene(), camera = new THREE.OrthographicCamera(-0.9, 0.9, 0.9, -0.9, 0, 6);
  scene.add(new THREE.Mesh(new THREE.BoxGeometry(1, 1, 1), faces));
  function turnAs(other) {
    camera.quaternion.copy(other.quaternion);
    camera.position.set(0, 0, 3).applyQuaternion(other.quaternion);
  }
  return { scene, camera, turnAs };
}

function face(letter) {
  const canvas = document.createElement("canvas"), size = 128;
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#343e4c";
  pen.fillRect(0, 0, size, size);
  pen.fillStyle = "#eef2f7";
  pen.fillRect(5, 5, size - 10, size - 10);
  pen.fillStyle = "#222b36";
  pen.font = "bold 80px system-ui, 'DejaVu Sans', sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(letter, size / 2, size / 2 + 5);
  return new THREE.CanvasTexture(canvas);
}

function nameSides(camera) {
  const right = new THREE.Vector3(), up = new THREE.Vector3();
  camera.matrixWorld.extractBasis(right, up, new THREE.Vector3());
  const edges = { east: right, west: right.clone().negate(), north: up, south: up.clone().negate() };
  for (const [edge, direction] of Object.entries(edges)) {
    document.querySelector(`.${edge}`).textContent = letters(direction.toArray());
  }
}

function letters(direction) {
  return [0, 1, 2]
    .filter((axis) => Math.abs(direction[axis]) >= LETTER_FROM)
    .sort((one, other) => Math.abs(direction[other]) - Math.abs(direction[one]))
    .map((axis) => SIDES[axis][direction[axis] > 0 ? 0 : 1])
    .join("");
}

function drawScale(mmPerPixel) {
  const bar = byId("scale");
  bar.classList.toggle("none", !view.scale_known);
  bar.textContent = "not to scale";
  if (!view.scale_known) return;
  const length = ROUND_MM.filter((mm) => mm <= 160 * mmPerPixel).pop() ?? ROUND_MM[0];
  bar.style.width = `${length / mmPerPixel}px`;
  bar.textContent = length < 10 ? `${length} mm` : `${length / 10} cm`;
}

function fail() {
  byId("note").textContent = "This browser cannot show 3D (WebGL is off). The pictures show the same bones.";
}

try { start(); } catch (error) { fail(); }
