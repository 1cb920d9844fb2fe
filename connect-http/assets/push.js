// Has this browser show the messages of the desk, also while no page of it is open. Where the browser cannot, the button stays
// hidden.
const place = document.querySelector("[data-push]");
const { base, api, key } = place.dataset;
const button = place.querySelector("button");
const status = place.querySelector("[role=status]");

async function add() {
  const worker = await navigator.serviceWorker.register(`${base}/push-worker.js`);
  await navigator.serviceWorker.ready;
  if ((await Notification.requestPermission()) !== "granted") return "Your browser has been told to show no messages.";
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const { endpoint, keys } = (await worker.pushManager.subscribe(options)).toJSON();
  const name = place.querySelector("input").value.trim();
  const response = await fetch(`${api}/push-devices`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ service: "web_push", name, endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } }),
  });
  if (!response.ok) return `That did not work: ${(await response.json()).detail}.`;
  location.reload();
  return "";
}

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    status.textContent = await add();
  } catch {
    status.textContent = "That did not work: the browser's service for messages does not answer.";
  }
  button.disabled = false;
});

place.hidden = !("serviceWorker" in navigator && "PushManager" in globalThis);
