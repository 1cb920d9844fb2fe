// Has the browser's device answer the desk's question: to sign in, to prove who one is once more, or to make a passkey.
// Where the browser has no passkeys, or runs no scripts, the buttons stay hidden and codes by e-mail do.
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

// The bytes of a question as the browser takes them.
export function question(options) {
  const known = (keys) => keys?.map((key) => ({ ...key, id: bytes(key.id) }));
  const asked = { ...options, challenge: bytes(options.challenge) };
  if (options.user) asked.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) asked.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) asked.allowCredentials = known(options.allowCredentials);
  return asked;
}

// The bytes of an answer as the desk takes them.
export function answer(credential) {
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = text(credential.response[part]);
  }
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

class Told extends Error {}

async function send(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const told = await response.json();
  if (response.ok) return told;
  throw Object.assign(new Told(told.errors?.[0] ? `The ${told.errors[0].field} ${told.errors[0].detail}` : told.detail), {
    code: told.code,
  });
}

const acts = {
  async "sign-in"(place) {
    await prove(place, "sign_in");
    location.assign(place.dataset.to);
  },
  async "step-up"(place) {
    await prove(place, "step_up");
    location.assign(place.dataset.to);
  },
  async create(place) {
    const api = `${place.dataset.base}/api/v1/me/passkeys`;
    const asked = await send(`${api}/start`, {});
    const made = await navigator.credentials.create({ publicKey: question(asked.public_key) });
    await send(`${api}/finish`, {
      question: asked.question,
      credential: answer(made),
      name: place.querySelector("#passkey-name").value.trim() || undefined,
      keep_sessions: place.querySelector("#passkey-keep").checked,
    });
    location.reload();
  },
};

async function prove(place, purpose) {
  const api = `${place.dataset.base}/api/v1/auth/passkeys`;
  const asked = await send(`${api}/start`, { purpose });
  const shown = await navigator.credentials.get({ publicKey: question(asked.public_key) });
  await send(`${api}/finish`, { purpose, question: asked.question, credential: answer(shown) });
}

for (const place of globalThis.PublicKeyCredential ? document.querySelectorAll("[data-passkey]") : []) {
  const button = place.querySelector("button");
  const status = place.querySelector("[role=status]");
  button.addEventListener("click", async () => {
    button.disabled = true;
    status.hidden = true;
    try {
      await acts[place.dataset.passkey](place);
    } catch (error) {
      // Somebody whose last proof is too old proves it again and comes back.
      if (error.code === "step_up_required") {
        location.assign(`${place.dataset.base}/step-up?to=/sign-in/passkeys`);
        return;
      }
      if (error.code === "second_factor_required") {
        location.assign(`${place.dataset.base}/sign-in/second-factor?to=/sign-in/passkeys`);
        return;
      }
      status.textContent =
        error.name === "InvalidStateError"
          ? "This device has a passkey for you already."
          : error instanceof Told
            ? `That did not work: ${error.message}.`
            : "That did not work, or was not finished.";
      status.hidden = false;
    }
    button.disabled = false;
  });
  place.hidden = false;
}
