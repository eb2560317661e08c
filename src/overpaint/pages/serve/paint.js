// Where the picture may change: a list of strokes in the picture's own pixels, so that undoing is taking one away,
// and painting on the screen and the mask that is sent are the same thing at two sizes.
const LARGEST = 1536;
export const INK = "#e2572b";

/** Draw a stroke on a canvas whose pixels are `scale` of the picture's. */
export function draw(pen, op, scale, loaded) {
  const { width, height } = pen.canvas;
  pen.save();
  pen.fillStyle = pen.strokeStyle = op.ink ?? INK;
  pen.globalCompositeOperation = op.erase ? "destination-out" : "source-over";
  if (op.kind === "clear") pen.clearRect(0, 0, width, height);
  else if (op.kind === "invert") { pen.globalCompositeOperation = "source-out"; pen.fillRect(0, 0, width, height); }
  else if (op.kind === "box") pen.fillRect(op.x * scale, op.y * scale, op.w * scale, op.h * scale);
  else if (op.kind === "picture") { const one = loaded.get(op.id); if (one) { pen.clearRect(0, 0, width, height); pen.drawImage(one, 0, 0, width, height); } }
  else if (op.kind === "fill") flood(pen, Math.round(op.x * scale), Math.round(op.y * scale));
  else {
    pen.lineWidth = 2 * op.r * scale;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    op.at.forEach(([x, y], k) => (k ? pen.lineTo(x * scale, y * scale) : pen.moveTo(x * scale, y * scale)));
    if (op.kind === "lasso") pen.fill();
    else {
      if (op.at.length === 1) pen.lineTo(op.at[0][0] * scale + 0.01, op.at[0][1] * scale);
      pen.stroke();
    }
  }
  pen.restore();
}

/** Fill what is enclosed by what is painted. */
function flood(pen, x, y) {
  const { width, height } = pen.canvas;
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const image = pen.getImageData(0, 0, width, height), data = new Uint32Array(image.data.buffer), ink = 0xff2b57e2;
  const free = (k) => (data[k] >>> 24) < 128;
  if (!free(y * width + x)) return;
  const todo = [y * width + x];
  while (todo.length) {
    const at = todo.pop(), row = at - (at % width);
    if (!free(at)) continue;
    let left = at, right = at;
    while (left > row && free(left - 1)) left--;
    while (right < row + width - 1 && free(right + 1)) right++;
    for (let k = left; k <= right; k++) {
      data[k] = ink;
      if (k >= width && free(k - width)) todo.push(k - width);
      if (k + width < data.length && free(k + width)) todo.push(k + width);
    }
  }
  pen.putImageData(image, 0, 0);
}

export class Mask {
  constructor(changed) {
    this.changed = changed;
    this.ops = [];
    this.loaded = new Map();
    this.ground = null; // what lies below all strokes: nothing, or a map that is painted over
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d");
    this.scale = 1;
  }

  get empty() { return !this.ops.length || this.ops.at(-1).kind === "clear"; }

  /** A picture's size, and what was painted on it before. */
  begin(width, height, ops = []) {
    this.size = [width, height];
    this.scale = Math.min(1, LARGEST / Math.max(width, height));
    this.canvas.width = Math.max(1, Math.round(width * this.scale));
    this.canvas.height = Math.max(1, Math.round(height * this.scale));
    this.ops = ops;
    this.again();
  }

  again() {
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.lay(this.pen);
    for (const op of this.ops) draw(this.pen, op, this.scale, this.loaded);
  }

  lay(pen) {
    if (!this.ground) return;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.ground, 0, 0, pen.canvas.width, pen.canvas.height);
  }

  /** Nothing painted; as a stroke, so that it can be undone, where nothing lies below. */
  clear() {
    if (!this.ground) { this.add({ kind: "clear" }); return; }
    this.ops = [];
    this.again();
    this.changed();
  }

  add(op) { this.ops.push(op); draw(this.pen, op, this.scale, this.loaded); this.changed(); }
  undo() { if (this.ops.pop()) { this.again(); this.changed(); } }

  /** A picture that is a mask, white where the picture may change. */
  async load(id, image) {
    const paper = document.createElement("canvas");
    [paper.width, paper.height] = [Math.min(image.naturalWidth, 2048), Math.round(image.naturalHeight * Math.min(1, 2048 / image.naturalWidth))];
    const pen = paper.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, paper.width, paper.height);
    const data = pen.getImageData(0, 0, paper.width, paper.height);
    for (let k = 0; k < data.data.length; k += 4) {
      data.data[k + 3] = data.data[k];
      [data.data[k], data.data[k + 1], data.data[k + 2]] = [0xe2, 0x57, 0x2b];
    }
    pen.putImageData(data, 0, 0);
    this.loaded.set(id, paper);
  }

  /** How much of the picture may change, to a percent; where it is shown with so many pixels around the mask, of that part. */
  share(context = null) {
    const side = 128, paper = Object.assign(document.createElement("canvas"), { width: side, height: side }), pen = paper.getContext("2d", { willReadFrequently: true });
    pen.drawImage(this.canvas, 0, 0, side, side);
    const { data } = pen.getImageData(0, 0, side, side), seen = [[side, -1], [side, -1]];
    let many = 0;
    for (let k = 0; k < side * side; k++) {
      if (data[4 * k + 3] < 128) continue;
      many++;
      for (const [axis, at] of [[0, k % side], [1, Math.floor(k / side)]]) seen[axis] = [Math.min(seen[axis][0], at), Math.max(seen[axis][1], at)];
    }
    if (!many || context === null) return many / side ** 2;
    const [width, height] = seen.map(([least, most], axis) => { const more = context * side / this.size[axis]; return Math.min(side, most + 1 + more) - Math.max(0, least - more); });
    return Math.min(1, many / (width * height));
  }

  /** The map as a file of the picture's size, in these colours alone: soft edges go to the nearer side. */
  async map(colours) {
    const [width, height] = this.size, paper = Object.assign(document.createElement("canvas"), { width, height });
    const pen = paper.getContext("2d", { willReadFrequently: true });
    this.lay(pen);
    for (const op of this.ops) draw(pen, op, 1, this.loaded);
    const image = pen.getImageData(0, 0, width, height), data = image.data, far = ([r, g, b], k) => (r - data[k]) ** 2 + (g - data[k + 1]) ** 2 + (b - data[k + 2]) ** 2;
    let last = colours[0];
    for (let k = 0; k < data.length; k += 4) {
      if (far(last, k)) last = colours.reduce((best, one) => (far(one, k) < far(best, k) ? one : best));
      [data[k], data[k + 1], data[k + 2], data[k + 3]] = [...last, 255];
    }
    pen.putImageData(image, 0, 0);
    return new Promise((give, no) => paper.toBlob((blob) => (blob ? give(blob) : no(new Error("The map is too large for this browser."))), "image/png"));
  }

  /** The mask as a file of the picture's size: white on black. */
  async file() {
    const [width, height] = this.size, paper = document.createElement("canvas");
    [paper.width, paper.height] = [width, height];
    const pen = paper.getContext("2d");
    for (const op of this.ops) draw(pen, op, 1, this.loaded);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, height);
    pen.globalCompositeOperation = "destination-over";
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, height);
    return new Promise((give, no) => paper.toBlob((blob) => (blob ? give(blob) : no(new Error("The mask is too large for this browser."))), "image/png"));
  }
}
