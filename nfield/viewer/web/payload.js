// What the exporter wrote into the page: a description as JSON, and bytes in base64 and gzip.

export function description() {
  return JSON.parse(document.getElementById("description").textContent);
}

// Numbers of the occupied blocks (Uint32Array), and for each channel their voxels, x fastest.
export async function voxels(about) {
  const packed = Uint8Array.from(atob(document.getElementById("voxels").textContent.trim()),
    (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(stream).arrayBuffer();
  const size = about.count * 512;
  const channels = [];
  for (let i = 0; i < about.channels; ++i) {
    channels.push(new Uint8Array(bytes, 4 * about.count + i * size, size));
  }
  return { numbers: new Uint32Array(bytes, 0, about.count), channels };
}
