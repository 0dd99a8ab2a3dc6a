"use strict";
// Planes of a volume or a stack, taken apart from one image. The values are [plane, y, x].

async function decodeSprite(sprite) {
  const image = new Image();
  image.src = sprite.src;
  await image.decode();
  const sheet = document.createElement("canvas");
  sheet.width = image.naturalWidth;
  sheet.height = image.naturalHeight;
  const context = sheet.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, sheet.width, sheet.height).data;
  const [n, ny, nx] = sprite.shape;
  const values = new Uint8Array(n * ny * nx);
  for (let k = 0, to = 0; k < n; k++) {
    const top = Math.floor(k / sprite.columns) * ny, left = (k % sprite.columns) * nx;
    for (let y = 0; y < ny; y++) {
      let from = 4 * ((top + y) * sheet.width + left);
      for (let x = 0; x < nx; x++, from += 4) values[to++] = pixels[from];
    }
  }
  return { values, shape: [n, ny, nx] };
}

// Axes: 0 is z, 1 is y, 2 is x. A plane across `axis` has columns along `u` and rows along `v`.
const ACROSS = [{ u: 2, v: 1 }, { u: 2, v: 0 }, { u: 0, v: 1 }];

function cutPlane(volume, axis, index, half) {
  const [n, ny, nx] = volume.shape, steps = [ny * nx, nx, 1];
  const { u, v } = ACROSS[axis];
  const width = volume.shape[u], height = volume.shape[v];
  const first = Math.max(0, index - half), last = Math.min(volume.shape[axis] - 1, index + half);
  const sums = new Float32Array(width * height);
  for (let k = first; k <= last; k++) {
    let to = 0;
    for (let row = 0; row < height; row++) {
      let from = k * steps[axis] + row * steps[v];
      for (let column = 0; column < width; column++, from += steps[u]) sums[to++] += volume.values[from];
    }
  }
  const count = last - first + 1;
  for (let i = 0; i < sums.length; i++) sums[i] /= count;
  return { width, height, values: sums };
}

// An image of a plane: row 0 of the data is at the bottom, as in the field's viewers.
function paintPlane(plane, contrast, labels, colours) {
  const { width, height, values } = plane;
  const image = new ImageData(width, height);
  for (let row = 0; row < height; row++) {
    let to = 4 * (height - 1 - row) * width;
    for (let column = 0; column < width; column++, to += 4) {
      const at = row * width + column;
      const grey = (values[at] - 127.5) * contrast + 127.5;
      let red = grey, green = grey, blue = grey;
      const colour = labels && colours[labels.values[at]];
      if (colour) {
        const label = labels.values[at];
        const border = column + 1 < width && labels.values[at + 1] !== label
          || column > 0 && labels.values[at - 1] !== label
          || row + 1 < height && labels.values[at + width] !== label
          || row > 0 && labels.values[at - width] !== label;
        const share = border ? 0.8 : 0.3;
        red += share * (colour[0] - red);
        green += share * (colour[1] - green);
        blue += share * (colour[2] - blue);
      }
      image.data[to] = red;
      image.data[to + 1] = green;
      image.data[to + 2] = blue;
      image.data[to + 3] = 255;
    }
  }
  return image;
}

// Draw an image into a canvas at the screen's own resolution; returns context and scale.
function showImage(canvas, image) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(width * image.height / image.width));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const small = document.createElement("canvas");
  small.width = image.width;
  small.height = image.height;
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, width, height);
  return { context, scale: width / image.width, ratio };
}

const BAR_LENGTHS_NM = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000];

function drawScaleBar({ context, scale, ratio }, pixelNm) {
  const width = context.canvas.width, height = context.canvas.height;
  const fitting = BAR_LENGTHS_NM.filter((length) => length / pixelNm * scale < 0.3 * width);
  if (!fitting.length) return;
  const length = fitting[fitting.length - 1], long = length / pixelNm * scale;
  const left = 10 * ratio, bottom = height - 10 * ratio;
  context.font = `${12 * ratio}px system-ui, "DejaVu Sans", sans-serif`;
  const words = `${length} nm`;
  const wide = Math.max(long, context.measureText(words).width) + 10 * ratio;
  context.fillStyle = "rgba(0, 0, 0, 0.55)";
  context.fillRect(left - 5 * ratio, bottom - 23 * ratio, wide, 29 * ratio);
  context.fillStyle = "#fff";
  context.fillRect(left, bottom - 3 * ratio, long, 3 * ratio);
  context.fillText(words, left, bottom - 8 * ratio);
}
