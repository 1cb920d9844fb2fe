// Solves the puzzle of the sign-in form when somebody says that an earlier code did not come: it looks for a number
// such that the SHA-256 of "puzzle.number address" begins with so many zero bits. The page's text says that it works.
const K = new Uint32Array(64);
const START = new Uint32Array(8);
const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) >>> 0;
for (let n = 2, found = 0; found < 64; n++) {
  let prime = true;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
  if (!prime) continue;
  if (found < 8) START[found] = fraction(Math.sqrt(n));
  K[found++] = fraction(Math.cbrt(n));
}

const turn = (x, by) => (x >>> by) | (x << (32 - by));

function mix(state, block, at, w) {
  for (let i = 0; i < 16; i++) {
    const j = at + 4 * i;
    w[i] = (block[j] << 24) | (block[j + 1] << 16) | (block[j + 2] << 8) | block[j + 3];
  }
  for (let i = 16; i < 64; i++) {
    const a = w[i - 15];
    const b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

// The leading zero bits of the hash of a text, up to 64.
const encoder = new TextEncoder();
const words = new Int32Array(64);
export function zeros(text) {
  const bytes = encoder.encode(text);
  const padded = new Uint8Array(((bytes.length + 72) >> 6) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  new DataView(padded.buffer).setUint32(padded.length - 4, bytes.length * 8);
  const state = START.slice();
  for (let at = 0; at < padded.length; at += 64) mix(state, padded, at, words);
  return state[0] ? Math.clz32(state[0]) : 32 + Math.clz32(state[1]);
}

// In slices, so that the page stays alive.
export async function solve(puzzle, address) {
  const bits = Number(puzzle.split(".")[2]);
  for (let number = 0; ; number++) {
    const proof = `${puzzle}.${number}`;
    if (zeros(`${proof} ${address}`) >= bits) return proof;
    if (number % 20000 === 19999) await new Promise((next) => setTimeout(next));
  }
}

const form = globalThis.document?.querySelector("form[data-puzzle]");
form?.addEventListener("submit", async (event) => {
  const proof = form.elements.namedItem("proof");
  if (!form.elements.namedItem("again").checked || proof.value) return;
  event.preventDefault();
  form.querySelector("[role=status]").hidden = false;
  proof.value = await solve(form.dataset.puzzle, form.elements.namedItem("email").value.trim());
  form.submit();
});
