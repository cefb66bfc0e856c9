// The fractal: points on a canvas, cut at a scale, turned, zoomed and chosen from. Points stand in the order of the
// hierarchy, so that the points of every latent are one range, from start to stop; latents come by decreasing size.
const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
const place = new Int16Array(bytes(data.place)), label = new Float32Array(bytes(data.label));
const n = label.length, latents = data.latents;
const start = new Int32Array(bytes(data.start)), stop = new Int32Array(bytes(data.stop));
const parent = new Int32Array(bytes(data.parent)), value = new Float32Array(bytes(data.value));
const size = (latent) => stop[latent] - start[latent];
function words(number, digits = 3) {
  if (!Number.isFinite(number)) return "none";
  if (number !== 0 && Math.abs(number) < 1e-3) return number.toExponential(digits - 1).replace(/\.?0+e/, "e").replace(/-/g, "−");
  return number.toLocaleString("en", { maximumSignificantDigits: digits }).replace(/-/g, "−");
}
const count = (number) => number.toLocaleString("en");

// Sums up to every point: the mean of a range is a difference, so discs cost nothing more.
const sums = new Float64Array(3 * (n + 1));
for (let i = 0; i < n; i++) for (let a = 0; a < 3; a++) sums[3 * i + 3 + a] = sums[3 * i + a] + place[3 * i + a];

const state = { turn: [0.5, 0.35], zoom: 1, shift: [0, 0], flat: false, byLabel: !latents, coarse: false, chosen: null };
let cutSize = n, fragments = [], fragmentOf = new Int32Array(n);

function cut(limit) {
  // Largest subclusters of at most limit points: a latent that is small enough under a parent that is not.
  cutSize = limit; fragments = []; fragmentOf.fill(-1);
  for (let j = 0; j < latents; j++) {
    if (size(j) > limit || (parent[j] >= 0 && size(parent[j]) <= limit)) continue;
    fragmentOf.fill(fragments.length, start[j], stop[j]);
    fragments.push({ latent: j, start: start[j], stop: stop[j] });
  }
  for (let i = 0; i < n; i++) if (fragmentOf[i] < 0) {
    fragmentOf[i] = fragments.length; fragments.push({ latent: -1, start: i, stop: i + 1 });
  }
  colours();
}

const paint = new Uint32Array(n), HUES = 4096, wheel = new Uint32Array(HUES), ramp = new Uint32Array(256);
const rgb = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r;
for (let k = 0; k < HUES; k++) {  // neighbouring numbers get hues far apart
  const h = (k * 0.61803398875) % 1 * 6, l = 0.62 + 0.2 * ((k * 0.7548776662) % 1);
  const f = (m) => { const t = (m + h) % 6; return Math.round(255 * l * (1 - 0.62 * Math.max(0, Math.min(t, 4 - t, 1)))); };
  wheel[k] = rgb(f(5), f(3), f(1));
}
const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
for (let k = 0; k < 256; k++) {
  const t = k / 255 * 4, i = Math.min(3, Math.floor(t)), f = t - i;
  ramp[k] = rgb(...stops[i].map((c, a) => Math.round(c + f * (stops[i + 1][a] - c))));
}
const [low, high] = data.label_range;

function colours() {
  for (let i = 0; i < n; i++) {
    const f = fragments[fragmentOf[i]];
    paint[i] = state.byLabel ? ramp[Math.max(0, Math.min(255, Math.round(255 * (label[i] - low) / (high - low || 1))))]
      : wheel[(f.latent < 0 ? f.start + latents : f.latent) % HUES];
  }
}

const canvas = element("fractal"), context = canvas.getContext("2d");
let width = 0, height = 0, ratio = 1, image, pixels, depth, waiting = false;

function resize() {
  ratio = Math.min(2, devicePixelRatio || 1);
  width = Math.max(1, Math.round(canvas.clientWidth * ratio)); height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  canvas.width = width; canvas.height = height;
  image = context.createImageData(width, height); pixels = new Uint32Array(image.data.buffer);
  depth = new Float32Array(width * height);
  redraw();
}

function projection() {
  const unit = Math.min(width, height) / 2 * 0.92 / 32767 * state.zoom;
  const x = width / 2 + state.shift[0] * ratio, y = height / 2 + state.shift[1] * ratio;
  if (state.flat) return [unit, 0, 0, x, 0, -unit, 0, y, 0, 0, 0];
  const [a, b] = state.turn, ca = Math.cos(a), sa = Math.sin(a), cb = Math.cos(b), sb = Math.sin(b);
  return [unit * ca, 0, unit * sa, x, unit * sb * sa, -unit * cb, -unit * sb * ca, y, -cb * sa, -sb, cb * ca];
}

function draw() {
  waiting = false;
  const m = projection(), chosen = state.chosen;
  pixels.fill(0); depth.fill(-Infinity);
  if (!state.coarse) {
    const radius = n > 30000 ? 1 : n > 4000 ? 2 : 3, r = Math.round(radius * ratio / 1.5);
    for (let i = 0; i < n; i++) {
      const X = place[3 * i], Y = place[3 * i + 1], Z = place[3 * i + 2];
      const x = Math.round(m[0] * X + m[1] * Y + m[2] * Z + m[3]), y = Math.round(m[4] * X + m[5] * Y + m[6] * Z + m[7]);
      if (x < 0 || y < 0 || x >= width - r || y >= height - r) continue;
      let z = m[8] * X + m[9] * Y + m[10] * Z, colour = paint[i];
      if (chosen) { if (i >= chosen.start && i < chosen.stop) z += 1e6; else colour = (colour & 0xffffff) | (80 << 24); }
      for (let dy = 0; dy <= r; dy++) for (let dx = 0; dx <= r; dx++) {
        const at = (y + dy) * width + x + dx;
        if (z > depth[at]) { depth[at] = z; pixels[at] = colour; }
      }
    }
  }
  context.putImageData(image, 0, 0);
  if (state.coarse) discs(m);
}

function centre(f) { return [0, 1, 2].map((a) => (sums[3 * f.stop + a] - sums[3 * f.start + a]) / (f.stop - f.start)); }

function discs(m) {
  const chosen = state.chosen, scale = Math.min(width, height) * 0.06 * Math.sqrt(state.zoom) / Math.sqrt(cutSize);
  for (let k = Math.min(fragments.length, 20000) - 1; k >= 0; k--) {
    const f = fragments[k], [X, Y, Z] = centre(f), c = paint[f.start];
    const inside = !chosen || (f.start >= chosen.start && f.stop <= chosen.stop);
    context.globalAlpha = inside ? 0.85 : 0.15;
    context.fillStyle = `rgb(${c & 255},${(c >> 8) & 255},${(c >> 16) & 255})`;
    context.beginPath();
    context.arc(m[0] * X + m[1] * Y + m[2] * Z + m[3], m[4] * X + m[5] * Y + m[6] * Z + m[7],
      Math.max(1.2 * ratio, scale * Math.sqrt(f.stop - f.start)), 0, 7);
    context.fill();
  }
  context.globalAlpha = 1;
}

function redraw() { if (!waiting) { waiting = true; requestAnimationFrame(draw); } }

function pointAt(px, py) {
  // The nearest point within 14 pixels; of several the one in front.
  const m = projection(), reach = 14 * ratio;
  let best = -1, least = reach * reach;
  for (let i = 0; i < n; i++) {
    const X = place[3 * i], Y = place[3 * i + 1], Z = place[3 * i + 2];
    const dx = m[0] * X + m[1] * Y + m[2] * Z + m[3] - px * ratio, dy = m[4] * X + m[5] * Y + m[6] * Z + m[7] - py * ratio;
    const d = dx * dx + dy * dy - 1e-6 * (m[8] * X + m[9] * Y + m[10] * Z);
    if (d < least) { least = d; best = i; }
  }
  return best;
}

// ------------------------------------------------------------------------------------------- the chosen subcluster

function solve(A, b) {  // Gauss with pivots; null where the points leave a direction open
  const k = b.length, M = A.map((row, i) => [...row, b[i]]);
  for (let c = 0; c < k; c++) {
    let p = c; for (let r = c + 1; r < k; r++) if (Math.abs(M[r][c]) > Math.abs(M[p][c])) p = r;
    if (Math.abs(M[p][c]) < 1e-12) return null;
    [M[c], M[p]] = [M[p], M[c]];
    for (let r = 0; r < k; r++) if (r !== c) { const f = M[r][c] / M[c][c]; for (let q = c; q <= k; q++) M[r][q] -= f * M[c][q]; }
  }
  return M.map((row, i) => row[k] / row[i]);
}

function regression(from, to) {
  // Least squares of the label on the three shown axes, inside one subcluster.
  const k = to - from; if (k < 5) return null;
  const mean = [0, 0, 0, 0];
  for (let i = from; i < to; i++) { for (let a = 0; a < 3; a++) mean[a] += place[3 * i + a] / k; mean[3] += label[i] / k; }
  const A = [[0, 0, 0], [0, 0, 0], [0, 0, 0]], b = [0, 0, 0]; let total = 0;
  for (let i = from; i < to; i++) {
    const y = label[i] - mean[3], x = [0, 1, 2].map((a) => place[3 * i + a] - mean[a]); total += y * y;
    for (let a = 0; a < 3; a++) { b[a] += x[a] * y; for (let c = 0; c < 3; c++) A[a][c] += x[a] * x[c]; }
  }
  const unit = Math.max(A[0][0], A[1][1], A[2][2]) || 1;
  const beta = solve(A.map((row, i) => row.map((v, j) => v / unit + (i === j ? 1e-9 : 0))), b.map((v) => v / unit));
  if (!beta || !(total > 0)) return null;
  return { share: Math.min(1, (beta[0] * b[0] + beta[1] * b[1] + beta[2] * b[2]) / total), mean: mean[3], sd: Math.sqrt(total / k),
    slope: beta.map((v) => v * data.unit) };
}

function row(table, name, text) {
  const tr = table.insertRow(), th = document.createElement("th"); th.scope = "row"; th.textContent = name; tr.append(th);
  tr.insertCell().textContent = text;
}

function button(text, latent) {
  const made = document.createElement("button"); made.type = "button"; made.textContent = text;
  made.addEventListener("click", () => choose({ latent, start: start[latent], stop: stop[latent] }));
  return made;
}

function choose(fragment) {
  state.chosen = fragment;
  const box = element("chosen"); box.replaceChildren();
  if (!fragment) { const p = document.createElement("p"); p.textContent = "Choose one in the picture, or below."; box.append(p); return redraw(); }
  const table = document.createElement("table"), fit = regression(fragment.start, fragment.stop);
  row(table, "size", `${count(fragment.stop - fragment.start)} of ${count(n)} points`);
  row(table, "latent value", fragment.latent < 0 ? "none: a single point" : words(value[fragment.latent]));
  if (fit) {
    row(table, "mean label", `${words(fit.mean)}, standard deviation ${words(fit.sd)}`);
    row(table, "local regression", `${words(100 * fit.share)} % of the variance is linear in the shown axes`);
    row(table, "gradient", fit.slope.map((v) => words(v, 2)).join(", "));
  } else row(table, "local regression", "needs five points that differ");
  const path = document.createElement("div"); path.className = "chips"; path.setAttribute("aria-label", "path to the root");
  let up = fragment.latent >= 0 ? parent[fragment.latent] : data.point_parent ? pointParent[fragment.start] : -1, steps = 0;
  for (; up >= 0; up = parent[up]) { steps++; if (steps <= 12) path.append(button(`${count(size(up))} points, ${words(value[up])}`, up)); }
  row(table, "depth", `${steps} subclusters around it`);
  const title = document.createElement("h3"); title.textContent = steps > 12 ? "Path, the twelve nearest" : "Path to the root";
  box.append(table); if (steps) box.append(title, path);
  redraw();
}
const pointParent = data.point_parent ? new Int32Array(bytes(data.point_parent)) : null;

function largest() {
  const found = fragments.filter((f) => f.latent >= 0).slice(0, 8);
  element("largest").replaceChildren(...found.map((f) => button(`${count(f.stop - f.start)} points`, f.latent)));
}

// ------------------------------------------------------------------------------------------- controls

function scale() {
  const limit = Math.max(1, Math.round(n ** (element("scale").value / 1000)));
  cut(limit); largest();
  const said = `subclusters of at most ${count(limit)} points: ${count(fragments.length)}`;
  element("scale-words").textContent = said; element("scale").setAttribute("aria-valuetext", said);
  redraw();
}
element("scale").addEventListener("input", scale);
element("coarse").addEventListener("change", (event) => { state.coarse = event.target.checked; redraw(); });
for (const input of document.querySelectorAll("[name=colour]")) input.addEventListener("change", () => { state.byLabel = input.value === "label"; colours(); redraw(); });
for (const input of document.querySelectorAll("[name=view]")) input.addEventListener("change", () => { state.flat = input.value === "2"; redraw(); });
element("reset").addEventListener("click", () => { Object.assign(state, { turn: [0.5, 0.35], zoom: 1, shift: [0, 0] }); choose(null); });

function move(dx, dy) {
  if (state.flat) { state.shift[0] += dx; state.shift[1] += dy; } else { state.turn[0] += dx / 150; state.turn[1] = Math.max(-1.57, Math.min(1.57, state.turn[1] + dy / 150)); }
  redraw();
}
function zoom(by) { state.zoom = Math.max(0.2, Math.min(60, state.zoom * by)); redraw(); }
function pick(x, y) { const i = pointAt(x, y); choose(i < 0 ? null : fragments[fragmentOf[i]]); }

let held = null;
canvas.addEventListener("pointerdown", (event) => { held = { x: event.clientX, y: event.clientY, far: 0 }; if (event.isTrusted) canvas.setPointerCapture(event.pointerId); });
canvas.addEventListener("pointermove", (event) => {
  if (!held) return;
  const dx = event.clientX - held.x, dy = event.clientY - held.y;
  held.far += Math.abs(dx) + Math.abs(dy); held.x = event.clientX; held.y = event.clientY;
  if (held.far > 4) move(dx, dy);
});
canvas.addEventListener("pointerup", (event) => {
  const box = canvas.getBoundingClientRect();
  if (held && held.far <= 4) pick(event.clientX - box.left, event.clientY - box.top);
  held = null;
});
canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 600)); }, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const arrows = { ArrowLeft: [-15, 0], ArrowRight: [15, 0], ArrowUp: [0, -15], ArrowDown: [0, 15] };
  if (arrows[event.key]) move(...arrows[event.key]);
  else if (event.key === "+" || event.key === "=") zoom(1.2);
  else if (event.key === "-") zoom(1 / 1.2);
  else if (event.key === "Escape") choose(null);
  else if (event.key === "Enter") pick(canvas.clientWidth / 2, canvas.clientHeight / 2);
  else return;
  event.preventDefault();
});
resize();  // at once: an observer speaks only after a frame, and keys may come before
new ResizeObserver(resize).observe(canvas);
if (latents) scale(); else cut(0);
