"use strict";
// Tilts, spectra and Thon rings of the tomogram that is chosen, and what the whole page shares.

const shared = JSON.parse(byId("shared").textContent);
const COLOURS = { images: "--one", reference: "--two" };
let tomogram = null, stacks = [], playing = 0;

const viewer = new TomogramViewer(shared.species);

function nearestTilt(stack, angle) {
  let best = 0;
  stack.angles.forEach((each, i) => {
    if (Math.abs(each - angle) < Math.abs(stack.angles[best] - angle)) best = i;
  });
  return best;
}

// Tilts by angle, whatever their order in the file.
function tiltOrder(stack) {
  return stack.angles.map((_, i) => i).sort((a, b) => stack.angles[a] - stack.angles[b]);
}

async function showStacks() {
  const chosen = tomogram, list = chosen.stacks;
  byId("tilts").hidden = !list.length;
  const decoded = await Promise.all(list.map((stack) => decodeSprite(stack.sprite)));
  if (tomogram !== chosen) return;
  stacks = list.map((stack, i) => ({ ...stack, volume: decoded[i], canvas: element("canvas", { role: "img" }), words: element("figcaption") }));
  byId("stacks").replaceChildren(...stacks.map((stack) => element("figure", {}, stack.canvas, stack.words)));
  if (!stacks.length) return;
  const slider = byId("tilt"), order = tiltOrder(stacks[0]);
  slider.max = String(order.length - 1);
  slider.value = String(order.indexOf(nearestTilt(stacks[0], 0)));
  byId("tilts-caption").textContent = stacks.map((stack) => `${stack.title} from ${stack.source}`).join("; ")
    + `. Means of ${stacks[0].factor} × ${stacks[0].factor} pixels; black and white are the 0.5th and the 99.5th percentile of each stack.`;
  drawTilt();
}

function chosenAngle() {
  const order = tiltOrder(stacks[0]);
  return stacks[0].angles[order[Number(byId("tilt").value)]];
}

function drawTilt() {
  if (!stacks.length) return;
  const angle = chosenAngle();
  byId("value-tilt").value = `${angle.toFixed(1)}° (${Number(byId("tilt").value) + 1} of ${stacks[0].angles.length})`;
  for (const stack of stacks) {
    const tilt = nearestTilt(stack, angle);
    const drawn = showImage(stack.canvas, paintPlane(cutPlane(stack.volume, 0, tilt, 0), 1, null, []));
    drawScaleBar(drawn, stack.pixel_nm);
    stack.canvas.setAttribute("aria-label", `${stack.title} at ${stack.angles[tilt]}°`);
    stack.words.textContent = `${stack.title}, ${stack.angles[tilt].toFixed(1)}°`;
  }
  drawSpectrum();
}

function drawSpectrum() {
  const measured = stacks.filter((stack) => stack.power);
  byId("spectra").hidden = !measured.length;
  if (!measured.length) return;
  const ofMean = document.querySelector("input[name=spectra]:checked").value === "mean";
  const angle = chosenAngle();
  const series = measured.map((stack) => {
    const tilt = nearestTilt(stack, angle), n = stack.power.length;
    const y = ofMean ? stack.frequency.map((_, k) => stack.power.reduce((sum, curve) => sum + curve[k], 0) / n) : stack.power[tilt];
    const name = ofMean ? `${stack.title}, mean of ${n} tilts` : `${stack.title}, ${stack.angles[tilt].toFixed(1)}°`;
    return { name, x: stack.frequency, y, colour: COLOURS[stack.title], dash: stack.title === "reference" ? "6 4" : "" };
  });
  drawPlot(byId("spectrum"), series, {
    title: "Power spectra", xTitle: "period, Å (the spatial frequency rises to the right)",
    yTitle: "power, grey values²", periods: true, logarithmic: true,
    xLow: 0, xHigh: Math.max(...measured.map((stack) => stack.nyquist)),
  });
  byId("spectra-caption").textContent = "Rotational averages; white noise of variance v has the power v. From "
    + measured.map((stack) => stack.source).join(" and ") + ".";
}

async function showThon() {
  const chosen = tomogram, measured = chosen.stacks.filter((stack) => stack.thon);
  byId("thon").hidden = !measured.length;
  if (!measured.length) return;
  const decoded = await Promise.all(measured.map((stack) => decodeSprite(stack.thon.sprite)));
  if (tomogram !== chosen) return;
  const canvases = measured.map(() => element("canvas", { role: "img" }));
  byId("rings").replaceChildren(...measured.map((stack, i) => {
    const right = stack.thon.expected ? "left: measured, right: CTF²" : "measured; no CTF is recorded";
    canvases[i].setAttribute("aria-label", `Thon rings of the ${stack.title}; ${right}`);
    return element("figure", {}, canvases[i], element("figcaption", {}, `${stack.title} (${right})`));
  }));
  measured.forEach((stack, i) => showImage(canvases[i], paintPlane(cutPlane(decoded[i], 0, 0, 0), 1, null, [])));
  const series = measured.map((stack) => ({ name: `${stack.title}, measured`, x: stack.thon.frequency, y: stack.thon.measured, colour: COLOURS[stack.title] }));
  for (const stack of measured) {
    if (stack.thon.expected) series.push({ name: `CTF² of the ${stack.title}`, x: stack.thon.frequency, y: stack.thon.expected, colour: stack.title === "reference" ? "--four" : "--three", dash: "6 4" });
  }
  drawPlot(byId("thon-curves"), series, {
    title: "Thon rings and CTF²", xTitle: "period, Å (the spatial frequency rises to the right)",
    yTitle: "height above the background, σ", periods: true,
    xHigh: Math.max(...measured.map((stack) => stack.nyquist)),
  });
  const defoci = measured.filter((stack) => stack.thon.source).map((stack) => `${stack.title}: ${stack.thon.defocus_um} µm of defocus at 0°, from ${stack.thon.source}`);
  byId("thon-caption").textContent = "Mean of the tilts up to 25°; the smooth background of the logarithm of the power, and of CTF², is subtracted. "
    + "The middle of an image is zero frequency, its edge Nyquist; periods above 60 Å, where the specimen's own structure outweighs the rings, are left out. " + (defoci.length ? defoci.join("; ") + "." : "");
}

function drawNeighbours() {
  const figure = byId("neighbours"), histogram = shared.neighbours;
  if (!figure || !histogram) return;
  const { edges, counts } = histogram;
  const x = [edges[0], ...edges], y = [0, ...counts, 0];
  drawPlot(figure, [{ name: "", x, y, colour: "--one", steps: true }], {
    title: "Distances between neighbouring molecules", xTitle: "distance to the nearest molecule, nm",
    yTitle: "molecules", yLow: 0,
  });
}

async function choose(index) {
  const data = byId(`tomogram-${index}`);
  if (!data) return;
  tomogram = JSON.parse(data.textContent);
  const reference = tomogram.reference && byId(tomogram.reference);
  if (reference) tomogram.stacks.push(JSON.parse(reference.textContent));
  await Promise.all([viewer.show(tomogram), showStacks(), showThon()]);
  fillMenu();
}

function titleOf(section) {
  const heading = section.querySelector("h2");
  return heading.dataset.menu || heading.textContent;
}

function fillMenu() {
  const sections = [...document.querySelectorAll("main section")].filter((section) => !section.hidden);
  byId("menu").replaceChildren(...sections.map((section) => {
    const link = element("a", { href: `#${section.id}` }, titleOf(section));
    return element("li", {}, link);
  }));
}

function play(on) {
  clearInterval(playing);
  playing = 0;
  byId("play").setAttribute("aria-pressed", String(on));
  byId("play").textContent = on ? "Stop" : "Play";
  if (!on) return;
  let step = 1;
  playing = setInterval(() => { // forth and back, as the stage would tilt
    const slider = byId("tilt"), next = Number(slider.value) + step;
    if (next < 0 || next > Number(slider.max)) step = -step;
    slider.value = String(Number(slider.value) + step);
    drawTilt();
  }, 90);
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  byId("theme").textContent = dark ? "Light" : "Dark";
}

function failed(error) {
  byId("failure").hidden = false;
  byId("failure").textContent = `A part of this page cannot be shown: ${error.message || error}`;
  console.error(error);
}

function start() {
  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches);
  byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));
  byId("tilt").addEventListener("input", drawTilt);
  byId("play").addEventListener("click", () => play(!playing));
  for (const input of document.querySelectorAll("input[name=spectra]")) input.addEventListener("input", drawSpectrum);
  byId("choice").hidden = shared.tomograms.length < 2;
  byId("tomogram").replaceChildren(...shared.tomograms.map((name, i) => element("option", { value: String(i) }, name)));
  byId("tomogram").addEventListener("input", () => choose(Number(byId("tomogram").value)).catch(failed));
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { viewer.draw(); drawTilt(); drawNeighbours(); if (tomogram) showThon().catch(failed); }, 150);
  });
  drawNeighbours();
  fillMenu();
  return choose(0);
}

start().catch(failed);
