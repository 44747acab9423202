/* NiiVue draws at every change; without a graphics card one drawing may take seconds. */

/** Let NiiVue draw at most once for each frame of the screen; `after()` follows every drawing. */
export function drawOncePerFrame(nv, after = () => {}) {
  const draw = nv.drawScene.bind(nv);
  let waiting = 0;
  nv.drawScene = () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      draw();
      after();
    });
  };
}
