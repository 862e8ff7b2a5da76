// Blocks of 8^3 voxels as they lie in textures: each with the first layer of its neighbours, 9^3,
// so that the hardware interpolates within a block.

const SIDE = 8;
const STORED = SIDE + 1;
const FARTHEST = 64; // blocks that are passed at once

// How many blocks lie along each axis of the atlas: near a cube, for textures have a greatest side.
export function arrangement(count) {
  const x = Math.ceil(Math.cbrt(count));
  const y = Math.ceil(Math.sqrt(count / x));
  return [x, y, Math.ceil(count / (x * y))];
}

// Of every block of the lattice: its place in the atlas and 1, or how many blocks around it are
// empty (1: it alone) and 0.
export function places(blocks, numbers, atlas) {
  const total = blocks[0] * blocks[1] * blocks[2];
  const out = new Uint8Array(4 * total);
  const near = emptiness(blocks, numbers);
  for (let i = 0; i < total; ++i) out[4 * i] = near[i];
  numbers.forEach((number, i) => {
    const x = i % atlas[0], y = Math.floor(i / atlas[0]) % atlas[1];
    out.set([x, y, Math.floor(i / (atlas[0] * atlas[1])), 1], 4 * number);
  });
  return out;
}

// Distance of blocks to the nearest that is occupied, the largest of the three axes'.
function emptiness(blocks, numbers) {
  const total = blocks[0] * blocks[1] * blocks[2];
  const distance = new Uint8Array(total).fill(FARTHEST);
  for (const number of numbers) distance[number] = 0;
  const strides = [1, blocks[0], blocks[0] * blocks[1]];
  const offsets = [];
  for (let z = -1; z <= 1; ++z)
    for (let y = -1; y <= 1; ++y)
      for (let x = -1; x <= 1; ++x) offsets.push([x, y, z]);
  // Two sweeps, forward and back, each past the neighbours that it has been to.
  for (const [begin, end, step, seen] of [
    [0, total, 1, offsets.slice(0, 13)],
    [total - 1, -1, -1, offsets.slice(14)],
  ]) {
    for (let i = begin; i !== end; i += step) {
      const at = [i % blocks[0], Math.floor(i / blocks[0]) % blocks[1], Math.floor(i / strides[2])];
      for (const [x, y, z] of seen) {
        if (at[0] + x < 0 || at[0] + x >= blocks[0] || at[1] + y < 0 || at[1] + y >= blocks[1] ||
            at[2] + z < 0 || at[2] + z >= blocks[2]) continue;
        const other = distance[i + x + y * strides[1] + z * strides[2]] + 1;
        if (other < distance[i]) distance[i] = other;
      }
    }
  }
  return distance;
}

// Four channels of all blocks, as a texture of RGBA.
export function texels(blocks, numbers, atlas, channels) {
  const width = atlas[0] * STORED, height = atlas[1] * STORED;
  const out = new Uint8Array(4 * width * height * atlas[2] * STORED);
  const index = new Int32Array(blocks[0] * blocks[1] * blocks[2]).fill(-1);
  numbers.forEach((number, i) => { index[number] = i; });
  const neighbours = new Int32Array(8);
  numbers.forEach((number, i) => {
    around(blocks, index, number, neighbours);
    const x0 = (i % atlas[0]) * STORED, y0 = (Math.floor(i / atlas[0]) % atlas[1]) * STORED;
    const z0 = Math.floor(i / (atlas[0] * atlas[1])) * STORED;
    for (let z = 0; z < STORED; ++z) {
      for (let y = 0; y < STORED; ++y) {
        let to = 4 * (((z0 + z) * height + y0 + y) * width + x0);
        for (let x = 0; x < STORED; ++x, to += 4) {
          const block = neighbours[(x >> 3) + 2 * (y >> 3) + 4 * (z >> 3)];
          if (block < 0) continue;
          const from = 512 * block + 64 * (z & 7) + 8 * (y & 7) + (x & 7);
          for (let c = 0; c < 4; ++c) out[to + c] = channels[c][from];
        }
      }
    }
  });
  return out;
}

// Numbers in the payload of a block and of those behind it along x, y, z; -1 where there is none.
function around(blocks, index, number, out) {
  const at = [number % blocks[0], Math.floor(number / blocks[0]) % blocks[1],
    Math.floor(number / (blocks[0] * blocks[1]))];
  for (let i = 0; i < 8; ++i) {
    const x = at[0] + (i & 1), y = at[1] + ((i >> 1) & 1), z = at[2] + (i >> 2);
    const inside = x < blocks[0] && y < blocks[1] && z < blocks[2];
    out[i] = inside ? index[(z * blocks[1] + y) * blocks[0] + x] : -1;
  }
}
