/* NiiVue makes gradients of the whole scan at every change of the window. They are for ray casting,
which this page does not do, and take most of the time without a graphics card. */

/** Let NiiVue (attached to its canvas) go without gradients. */
export function withoutGradients({ gl, blurShader, gradientPrePassShader, sobelFirstOrderShader, sobelSecondOrderShader }) {
  const shaders = [blurShader, gradientPrePassShader, sobelFirstOrderShader, sobelSecondOrderShader];
  const unused = new Set(shaders.filter(Boolean).map((shader) => shader.program));
  const use = gl.useProgram.bind(gl), draw = gl.drawArrays.bind(gl);
  let skipped = false;
  gl.useProgram = (program) => {
    skipped = unused.has(program);
    use(program);
  };
  gl.drawArrays = (...what) => { if (!skipped) draw(...what); };
}
