// A camera that turns about a point, or flies. Its axes are OpenCV's: x right, y down, z forward.

const add = (a, b, s = 1) => a.map((value, i) => value + s * b[i]);
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0]];
const length = (a) => Math.hypot(...a);
const unit = (a) => a.map((value) => value / length(a));
const STEEPEST = 0.995; // cosine between view and up

export class Camera {
  // home: {position, forward, focus, up, slope} in the input's frame; slope: half the picture's
  // shorter side at distance 1.
  constructor(home) {
    this.home = home;
    this.flying = false;
    this.reset();
  }

  reset() {
    this.position = [...this.home.position];
    this.forward = unit(this.home.forward);
    this.focus = [...this.home.focus];
    this.up = unit(this.home.up);
    if (!this.flying) this._face();
  }

  fly(flying) {
    this.flying = flying;
    if (flying) return;
    const ahead = Math.max(dot(add(this.focus, this.position, -1), this.forward), 0.1 * this.scale);
    this.focus = add(this.position, this.forward, ahead);
  }

  get scale() {
    return length(add(this.home.focus, this.home.position, -1));
  }

  // Turn by angles to the right and down: the camera about the focus, or the view in flight.
  turn(across, down) {
    const sign = this.flying ? -1 : 1;
    const axis = this.right;
    let view = rotated(this.forward, this.up, -sign * across);
    const tipped = rotated(view, rotated(axis, this.up, -sign * across), -sign * down);
    if (Math.abs(dot(tipped, this.up)) < STEEPEST) view = tipped;
    const away = length(add(this.focus, this.position, -1));
    this.forward = unit(view);
    if (!this.flying) this.position = add(this.focus, this.forward, -away);
  }

  // Shift the picture by shares of its shorter side.
  pan(across, down) {
    const away = this.flying ? this.scale : length(add(this.focus, this.position, -1));
    const size = 2 * this.home.slope * away;
    const by = add(this.right.map((v) => -across * size * v), this.down, -down * size);
    this.position = add(this.position, by);
    this.focus = add(this.focus, by);
  }

  // Come nearer to the focus by a factor, or go ahead in flight.
  zoom(factor) {
    if (this.flying) return this.go([0, 0, 1], 0.3 * Math.log(factor));
    const away = length(add(this.focus, this.position, -1));
    const wanted = Math.min(Math.max(away / factor, 0.02 * this.scale), 20 * this.scale);
    this.position = add(this.focus, this.forward, -wanted);
  }

  // Move along right, down and forward by a share of the home's distance to the focus.
  go([x, y, z], share) {
    const by = share * this.scale;
    const way = add(add(this.right.map((v) => x * v), this.down, y), this.forward, z);
    this.position = add(this.position, way, by);
    this.focus = add(this.focus, way, by);
  }

  get right() {
    return unit(cross(this.forward, this.up));
  }

  get down() {
    return cross(this.forward, this.right);
  }

  // What `Picture.draw` takes.
  view(width, height) {
    const focal = Math.min(width, height) / 2 / this.home.slope;
    return {
      pose: [this.right, this.down, this.forward, this.position],
      intrinsics: [focal, focal, width / 2, height / 2],
      size: [width, height],
    };
  }

  _face() {
    this.forward = unit(add(this.focus, this.position, -1));
  }
}

// About a unit axis, anticlockwise seen from its tip.
function rotated(v, axis, angle) {
  const c = Math.cos(angle), s = Math.sin(angle), along = (1 - c) * dot(axis, v);
  const side = cross(axis, v);
  return v.map((value, i) => c * value + s * side[i] + along * axis[i]);
}
