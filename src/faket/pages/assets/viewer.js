"use strict";
// Three planes through a tomogram, with labels, true places and picks.

const byId = (id) => document.getElementById(id);
const AXES = ["z", "y", "x"];

// Hues a golden angle apart, so that neighbours in the list differ; two lightnesses.
function speciesColour(index) {
  const hue = (index * 137.508 + 200) % 360, light = index % 2 ? 0.66 : 0.56, strong = 0.8;
  const a = strong * Math.min(light, 1 - light);
  return [0, 8, 4].map((n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (light - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  });
}

const cssColour = (colour) => `rgb(${colour.join(", ")})`;

class TomogramViewer {
  constructor(species) {
    this.species = species;
    this.visible = species.map(() => true);
    this.place = null; // z, y, x of the planes that are shown, in blocks
    for (const axis of AXES) {
      byId(`slice-${axis}`).addEventListener("input", () => this.draw());
      byId(`plane-${axis}`).addEventListener("click", (event) => this.go(axis, event));
    }
    for (const id of ["slab", "contrast", "show-labels", "show-true", "all-depths", "picks"]) {
      byId(id).addEventListener("input", () => this.draw());
    }
    byId("all").addEventListener("click", () => this.choose(true));
    byId("none").addEventListener("click", () => this.choose(false));
  }

  async show(tomogram) {
    this.tomogram = tomogram;
    byId("viewer").hidden = !(tomogram.grey.length || tomogram.labels);
    if (byId("viewer").hidden) return;
    const volumes = await Promise.all(tomogram.grey.map((each) => decodeSprite(each.sprite)));
    const labels = tomogram.labels && await decodeSprite(tomogram.labels.sprite);
    if (this.tomogram !== tomogram) return; // another one was chosen meanwhile
    this.labels = labels;
    this.volumes = volumes.length ? volumes : [{ values: new Uint8Array(labels.values.length).fill(64), shape: labels.shape }];
    this.setUpLayers();
    this.setUpPicks();
    this.setUpLegend();
    this.setUpSliders();
    this.draw();
  }

  setUpLayers() {
    const names = { potential: "potential (protein is bright)" };
    const titles = this.tomogram.grey.map((each) => names[each.title] || each.title);
    byId("layers").replaceChildren(...titles.map((title, i) => {
      const input = element("input", { type: "radio", name: "layer", value: String(i) });
      input.checked = i === 0;
      input.addEventListener("input", () => this.draw());
      return element("label", { class: "check" }, input, title);
    }));
    byId("show-labels").disabled = !this.labels;
    byId("show-true").disabled = !this.tomogram.true;
  }

  setUpPicks() {
    const picks = this.tomogram.picks;
    byId("picks-choice").hidden = !picks.length;
    const options = picks.map((each, i) => element("option", { value: String(i) }, each.title));
    byId("picks").replaceChildren(...options, element("option", { value: "" }, "none"));
  }

  setUpLegend() {
    const count = (rows, kind) => rows.filter((row) => row[0] === kind).length;
    byId("legend").replaceChildren(...this.species.map((name, kind) => {
      const input = element("input", { type: "checkbox" });
      input.checked = this.visible[kind];
      input.addEventListener("input", () => { this.visible[kind] = input.checked; this.draw(); });
      const swatch = element("span", { class: "swatch", style: `background: ${cssColour(speciesColour(kind))}` });
      const counts = [this.tomogram.true && count(this.tomogram.true.rows, kind)];
      const n = counts[0] === null ? "" : String(counts[0]);
      return element("label", { class: "check" }, input, swatch, element("span", { class: "name" }, name), element("span", { class: "count" }, n));
    }));
  }

  setUpSliders() {
    const shape = this.volumes[0].shape;
    AXES.forEach((axis, i) => {
      const slider = byId(`slice-${axis}`);
      slider.max = String(shape[i] - 1);
      slider.value = String(this.place ? Math.min(this.place[i], shape[i] - 1) : Math.floor(shape[i] / 2));
    });
    if (!this.place) byId("slab").value = String(Math.min(7, Math.round(2.5 / this.tomogram.voxel_nm)));
    const grid = byId("planes");
    grid.style.gridTemplateColumns = `minmax(0, ${shape[2]}fr) minmax(0, ${shape[0]}fr)`;
  }

  // Set the other two sliders to the place in a plane that was clicked.
  go(axis, event) {
    const { u, v } = ACROSS[AXES.indexOf(axis)], shape = this.volumes[0].shape;
    const box = event.currentTarget.getBoundingClientRect();
    const right = (event.clientX - box.left) / box.width, up = 1 - (event.clientY - box.top) / box.height;
    byId(`slice-${AXES[u]}`).value = String(Math.floor(right * shape[u]));
    byId(`slice-${AXES[v]}`).value = String(Math.floor(up * shape[v]));
    this.draw();
  }

  choose(visible) {
    this.visible.fill(visible);
    for (const input of byId("legend").querySelectorAll("input")) input.checked = visible;
    this.draw();
  }

  draw() {
    if (!this.volumes) return;
    this.place = AXES.map((axis) => Number(byId(`slice-${axis}`).value));
    const half = Number(byId("slab").value), nm = this.tomogram.voxel_nm;
    const chosen = document.querySelector("input[name=layer]:checked");
    const volume = this.volumes[chosen ? Number(chosen.value) : 0];
    AXES.forEach((axis, i) => {
      byId(`value-${axis}`).value = `${this.place[i] + 1} of ${volume.shape[i]} (${this.nm(this.place[i]).toFixed(0)} nm)`;
    });
    byId("value-slab").value = `${((2 * half + 1) * nm).toFixed(1)} nm`;
    byId("value-contrast").value = `${byId("contrast").value} %`;
    AXES.forEach((_, i) => this.drawPlane(volume, i, half));
    this.caption(chosen);
  }

  nm(block) {
    return this.tomogram.origin_nm + block * this.tomogram.voxel_nm;
  }

  drawPlane(volume, i, half) {
    const axis = AXES[i], canvas = byId(`plane-${axis}`);
    const plane = cutPlane(volume, i, this.place[i], half);
    const labelled = this.labels && byId("show-labels").checked;
    const labels = labelled ? cutPlane(this.labels, i, this.place[i], 0) : null;
    const colours = [];
    for (const [label, kind] of Object.entries(labelled ? this.tomogram.labels.classes : {})) {
      if (this.visible[kind]) colours[label] = speciesColour(kind);
    }
    const drawn = showImage(canvas, paintPlane(plane, Number(byId("contrast").value) / 100, labels, colours));
    this.drawPlaces(drawn, i, half, plane);
    this.drawLines(drawn, i, plane);
    if (i === 0) drawScaleBar(drawn, this.tomogram.voxel_nm);
    canvas.setAttribute("aria-label", `Plane across ${axis} at ${this.nm(this.place[i]).toFixed(0)} nm`);
  }

  drawPlaces(drawn, i, half, plane) {
    const { context, scale, ratio } = drawn, { u, v } = ACROSS[i];
    const nm = this.tomogram.voxel_nm, here = this.nm(this.place[i]);
    const everywhere = byId("all-depths").checked;
    // Rows are (species, x, y, z): axis a is entry 3 - a. The centre of block b is at b + 1/2.
    const toPixel = (row, axis) => ((row[3 - axis] - this.tomogram.origin_nm) / nm + 0.5) * scale;
    const put = (rows, paint) => {
      for (const row of rows) {
        if (!this.visible[row[0]]) continue;
        const radius = row[4] ?? this.tomogram.radii_nm[row[0]] ?? 4;
        const away = Math.abs(row[3 - i] - here);
        const cut = everywhere ? radius : Math.sqrt(Math.max(0, radius ** 2 - away ** 2));
        const near = away <= Math.max(radius, (half + 0.5) * nm);
        if (everywhere || near) {
          context.strokeStyle = cssColour(speciesColour(row[0]));
          paint(toPixel(row, u), plane.height * scale - toPixel(row, v), Math.max(cut / nm * scale, 2 * ratio));
        }
      }
    };
    if (this.tomogram.true && byId("show-true").checked) {
      context.lineWidth = 1.4 * ratio;
      put(this.tomogram.true.rows, (x, y, radius) => {
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.stroke();
      });
    }
    const picks = this.tomogram.picks[byId("picks").value === "" ? -1 : Number(byId("picks").value)];
    if (!picks) return;
    const arm = 4 * ratio;
    const cross = (x, y) => {
      context.beginPath();
      context.moveTo(x - arm, y - arm);
      context.lineTo(x + arm, y + arm);
      context.moveTo(x - arm, y + arm);
      context.lineTo(x + arm, y - arm);
      context.stroke();
    };
    put(picks.rows, (x, y) => {
      const colour = context.strokeStyle;
      context.lineWidth = 4 * ratio;
      context.strokeStyle = "rgba(0, 0, 0, 0.7)";
      cross(x, y);
      context.lineWidth = 2 * ratio;
      context.strokeStyle = colour;
      cross(x, y);
    });
  }

  drawLines({ context, scale, ratio }, i, plane) {
    const { u, v } = ACROSS[i];
    const x = (this.place[u] + 0.5) * scale, y = (plane.height - this.place[v] - 0.5) * scale;
    context.lineWidth = ratio;
    context.strokeStyle = "rgba(255, 255, 255, 0.25)";
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, plane.height * scale);
    context.moveTo(0, y);
    context.lineTo(plane.width * scale, y);
    context.stroke();
  }

  caption(chosen) {
    const tomogram = this.tomogram, parts = [];
    const grey = tomogram.grey[chosen ? Number(chosen.value) : 0];
    if (grey) {
      const [low, high] = grey.sprite.limits.map((value) => value.toPrecision(3));
      parts.push(`Image from ${grey.source}, black ${low} to white ${high}`);
    }
    if (tomogram.labels) parts.push(`labels from ${tomogram.labels.source}`);
    if (tomogram.true) parts.push(`true places from ${tomogram.true.source}`);
    const picks = tomogram.picks[byId("picks").value === "" ? -1 : Number(byId("picks").value)];
    if (picks) parts.push(`picks from ${picks.source}`);
    const f = tomogram.factor;
    const reduced = f > 1 ? `means of ${f} × ${f} × ${f} voxels` : "all voxels";
    parts.push(`shown are ${reduced}, one of ${tomogram.voxel_nm.toPrecision(3)} nm`);
    byId("viewer-caption").textContent = parts.join("; ") + ". Click on a plane to move the other two; the arrow keys move a slider.";
  }
}
