// Mouse, touch and keys. `camera` is changed, and `moved` is called.

const TURN = Math.PI; // radians for a drag across the shorter side
const KEYS = {
  KeyW: [0, 0, 1], KeyS: [0, 0, -1], KeyA: [-1, 0, 0], KeyD: [1, 0, 0],
  KeyQ: [0, 1, 0], KeyE: [0, -1, 0],
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Controls {
  constructor(canvas, camera, moved) {
    this.canvas = canvas;
    this.camera = camera;
    this.moved = moved;
    this.pointers = new Map();
    this.held = new Set();
    const on = (target, name, act) => target.addEventListener(name, act, { passive: false });
    on(canvas, "pointerdown", (event) => this._press(event));
    on(canvas, "pointermove", (event) => this._drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      on(canvas, name, (event) => this.pointers.delete(event.pointerId));
    }
    on(canvas, "contextmenu", (event) => event.preventDefault());
    on(canvas, "wheel", (event) => this._wheel(event));
    on(window, "keydown", (event) => this._key(event));
    on(window, "keyup", (event) => this.held.delete(event.code));
    on(window, "blur", () => this.held.clear());
  }

  // Whether a key is held, so that the next picture differs.
  get busy() {
    return this.held.size > 0;
  }

  // What held keys do in a time.
  advance(seconds) {
    const pace = (this.held.has("ShiftLeft") || this.held.has("ShiftRight") ? 3 : 1) * seconds;
    for (const code of this.held) {
      if (KEYS[code]) this.camera.go(KEYS[code], 0.5 * pace);
      if (ARROWS[code]) this.camera.turn(...ARROWS[code].map((v) => 1.2 * pace * v));
    }
  }

  _press(event) {
    event.preventDefault();
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  _drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const side = Math.min(this.canvas.clientWidth, this.canvas.clientHeight);
    const x = (event.clientX - before[0]) / side, y = (event.clientY - before[1]) / side;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    if (others.length) {
      const other = others[0][1];
      const span = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]) + 1;
      this.camera.zoom(span([event.clientX, event.clientY]) / span(before));
      this.camera.pan(x / 2, y / 2); // the other finger does the other half
    } else if (event.buttons & 6 || event.shiftKey) {
      this.camera.pan(x, y);
    } else {
      this.camera.turn(TURN * x, TURN * y);
    }
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.moved();
  }

  _wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    this.camera.zoom(Math.exp(-0.0015 * lines * event.deltaY));
    this.moved();
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
    if (KEYS[event.code] || ARROWS[event.code] || event.key === "Shift") this.held.add(event.code);
    if (ARROWS[event.code]) event.preventDefault();
    if (KEYS[event.code] || ARROWS[event.code]) this.moved();
  }
}
