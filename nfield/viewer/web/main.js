// The page: what is drawn, when, and how finely.

import { description, voxels } from "./payload.js";
import { Picture } from "./picture.js";
import { Camera } from "./camera.js";
import { Controls } from "./controls.js";

const TARGET = 1000 / 30; // milliseconds of a picture while the camera moves, when chosen so
const REST = 250; // milliseconds after which the picture sharpens
const COARSEST = 1 / 8;

const byId = (id) => document.getElementById(id);

class Page {
  constructor(about, picture) {
    this.about = about;
    this.picture = picture;
    this.camera = new Camera(about.home);
    this.controls = new Controls(picture.canvas, this.camera, () => this.wake());
    this.background = about.background;
    this.share = 1 / 2; // of the window's pixels, in each direction, while the camera moves
    this.asleep = true;
    this.last = 0;
    this.moved = 0;
    this.times = [];
    this._connect();
    this.wake();
  }

  // The picture of an exact camera, as PNG in a data URL: for tests, and for who writes scripts.
  render(camera, background = this.background) {
    cancelAnimationFrame(this.request);
    this.asleep = true;
    this.picture.draw(camera, background);
    return this.picture.canvas.toDataURL("image/png");
  }

  // Draw from now on until the camera has come to rest.
  wake() {
    this.moved = performance.now();
    if (!this.asleep) return;
    this.asleep = false;
    this.last = 0;
    this._ask();
  }

  _ask() {
    this.request = requestAnimationFrame((now) => this._frame(now));
  }

  _frame(now) {
    if (this.controls.busy) {
      if (this.last) this.controls.advance(Math.min((now - this.last) / 1000, 0.2));
      this.moved = now;
    }
    const rests = now - this.moved > REST;
    this._measure(now);
    this.picture.draw(this.camera.view(...this._size(rests)), this.background);
    this.last = now;
    this.asleep = rests;
    if (!rests) this._ask();
  }

  // Frames a second, and from them how finely the next ones are drawn.
  _measure(now) {
    if (!this.last) {
      this.times = [];
      return;
    }
    this.times.push(now - this.last);
    if (this.times.length < 5) return;
    const mean = this.times.reduce((a, b) => a + b) / this.times.length;
    byId("speed").textContent = `${(1000 / mean).toFixed(0)} fps`;
    this.times = [];
    if (byId("resolution").value !== "auto") return;
    const factor = Math.sqrt(TARGET / mean);
    if (factor < 0.9 || mean < 0.6 * TARGET) {
      this.share = Math.min(Math.max(this.share * Math.min(factor, 1.25), COARSEST), 1);
    }
  }

  _size(rests) {
    const { clientWidth, clientHeight } = this.picture.canvas;
    const chosen = byId("resolution").value;
    const share = chosen === "auto" ? (rests ? 1 : this.share) : Number(chosen);
    const pixels = Math.min(window.devicePixelRatio || 1, 2) * share;
    return [clientWidth, clientHeight].map((side) => Math.max(1, Math.round(side * pixels)));
  }

  _connect() {
    new ResizeObserver(() => this.wake()).observe(this.picture.canvas);
    byId("resolution").addEventListener("change", () => this.wake());
    byId("background").value = hex(this.background);
    byId("background").addEventListener("input", (event) => {
      this.background = [1, 3, 5].map((i) => parseInt(event.target.value.slice(i, i + 2), 16) / 255);
      this.wake();
    });
    byId("home").addEventListener("click", () => {
      this.camera.reset();
      this.wake();
    });
    byId("fly").addEventListener("change", (event) => this.camera.fly(event.target.checked));
    this.picture.canvas.addEventListener("webglcontextlost", () => {
      say("The graphics card gave up on this page; reload it.");
    });
  }
}

function hex(color) {
  return "#" + color.map((v) => Math.round(255 * v).toString(16).padStart(2, "0")).join("");
}

function say(sentence) {
  byId("message").textContent = sentence;
  byId("message").hidden = false;
}

async function start() {
  const about = description();
  document.title = `${about.name} - nfield`;
  if (typeof DecompressionStream === "undefined") {
    throw new Error("This page needs DecompressionStream, which this browser does not offer: " +
      "open it in a version of 2023 or later.");
  }
  const picture = new Picture(byId("picture"), about, await voxels(about));
  byId("message").hidden = true;
  byId("panel").hidden = false;
  return new Page(about, picture);
}

window.nfield = start().catch((error) => {
  say(error.message);
  throw error;
});
