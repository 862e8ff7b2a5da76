// A canvas that shows the field from a camera.

import { arrangement, places, texels } from "./atlas.js";

export class Picture {
  // Throws an error with a sentence for the page where the browser cannot show the field.
  constructor(canvas, about, field) {
    this.canvas = canvas;
    this.about = about;
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false,
      preserveDrawingBuffer: true, powerPreference: "high-performance" });
    if (!gl) {
      throw new Error("This page needs WebGL2, which this browser does not offer: open it in a " +
        "current Chrome, Edge, Firefox or Safari with hardware acceleration switched on.");
    }
    this.gl = gl;
    this.program = link(gl, shader("vertex"), shader("fragment"));
    gl.useProgram(this.program);
    this._fill(field);
    this._describe();
  }

  // camera: {pose: [right, down, forward, position], each of 3 numbers in the input's frame,
  // intrinsics: [fx, fy, cx, cy] and size: [width, height] in pixels}; background: sRGB in [0, 1].
  draw(camera, background) {
    const { gl, about, canvas } = this;
    const [width, height] = camera.size;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    gl.viewport(0, 0, width, height);
    const [right, down, forward, position] = camera.pose;
    const place = position.map((value, i) => (value - about.center[i]) / about.half_size);
    this._set("3fv", { origin: place, right, down, forward, background });
    this._set("4fv", { intrinsics: camera.intrinsics });
    this._set("1f", { height });
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  // Wait until what was drawn is there.
  finish() {
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  _fill({ numbers, channels }) {
    const { gl, about } = this;
    const atlas = arrangement(about.count);
    const sides = atlas.map((count) => 9 * count);
    const most = gl.getParameter(gl.MAX_3D_TEXTURE_SIZE);
    if (Math.max(...sides, ...about.blocks) > most) {
      throw new Error(`This field needs 3D textures of ${Math.max(...sides)} texels a side, and ` +
        `this device has at most ${most}: export it with a lower --resolution.`);
    }
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this._texture(0, "place", gl.RGBA8UI, gl.RGBA_INTEGER, gl.NEAREST, about.blocks,
      places(about.blocks, numbers, atlas));
    ["first", "second"].forEach((name, i) => {
      const four = channels.slice(4 * i, 4 * i + 4);
      this._texture(i + 1, name, gl.RGBA8, gl.RGBA, gl.LINEAR, sides,
        texels(about.blocks, numbers, atlas, four));
    });
  }

  _texture(unit, name, internal, format, filter, [x, y, z], data) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_3D, gl.TEXTURE_MAG_FILTER, filter);
    for (const axis of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) {
      gl.texParameteri(gl.TEXTURE_3D, axis, gl.CLAMP_TO_EDGE);
    }
    gl.texImage3D(gl.TEXTURE_3D, 0, internal, x, y, z, 0, format, gl.UNSIGNED_BYTE, data);
    this._set("1i", { [name]: unit });
  }

  _describe() {
    const { about } = this;
    this._set("1f", { voxel: about.voxel, step_: about.step });
    this._set("3fv", { low: about.low, basis: about.basis });
    this._set("3iv", { blocks: about.blocks });
    this._set("2fv", { density: about.density });
    this._set("1fv", { least: about.least, range: about.range });
  }

  _set(kind, values) {
    for (const [name, value] of Object.entries(values)) {
      this.gl[`uniform${kind}`](this.gl.getUniformLocation(this.program, name), value);
    }
  }
}

function shader(name) {
  return document.getElementById(name).textContent.trim() + "\n";
}

function link(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const part = gl.createShader(kind);
    gl.shaderSource(part, text);
    gl.compileShader(part);
    gl.attachShader(program, part);
    if (!gl.getShaderParameter(part, gl.COMPILE_STATUS)) {
      throw new Error(`The shader does not compile here: ${gl.getShaderInfoLog(part)}`);
    }
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`The shader does not link here: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}
