/** Shapes of points: classes differ by shape as well as by colour. */

/** The names, in the order in which classes get them. */
export const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "down"];
/** The colours that go with them. */
export const COLORS = ["--blue", "--orange", "--green", "--purple", "--red", "--sky"];

const CORNERS = {
  square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  triangle: [[0, -1.15], [1.05, 0.8], [-1.05, 0.8]],
  down: [[0, 1.15], [1.05, -0.8], [-1.05, -0.8]],
  diamond: [[0, -1.25], [1.25, 0], [0, 1.25], [-1.25, 0]],
  cross: [
    [-1.1, -0.4], [-0.4, -0.4], [-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4],
    [1.1, 0.4], [0.4, 0.4], [0.4, 1.1], [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4],
  ],
};

/** Return the path of a shape around a place, as SVG writes paths. */
export function shape(name, x, y, size) {
  if (name === "circle")
    return `M${x - size} ${y}a${size} ${size} 0 1 0 ${2 * size} 0a${size} ${size} 0 1 0 ${-2 * size} 0z`;
  return `M${CORNERS[name].map(([a, b]) => `${x + a * size} ${y + b * size}`).join("L")}z`;
}

/** Draw a shape at each of the places, with a thin edge in the colour of the paper. */
export function drawPoints(pen, sx, sy, xs, ys, name, size, color, edge) {
  const path = new Path2D(shape(name, 0, 0, size));
  pen.fillStyle = color;
  pen.strokeStyle = edge;
  pen.lineWidth = 1;
  for (let i = 0; i < xs.length; i++) {
    const [px, py] = [sx.to(xs[i]), sy.to(ys[i])];
    if (!Number.isFinite(px) || !Number.isFinite(py)) continue;
    pen.translate(px, py);
    pen.fill(path);
    pen.stroke(path);
    pen.translate(-px, -py);
  }
}
