// Keeps the page of a ticket in step with the desk: shows what is said there as it is said, and who else is there.
// Nothing that is being typed is touched. Without scripts the page is as it was when it was loaded.
const place = document.querySelector("[data-live]");
const { api, ticket, me } = place.dataset;
// After a form that was refused the address is the form's.
const isHere = location.pathname === place.dataset.page;
const page = isHere ? location.href : place.dataset.page;
// On a page of earlier entries nothing new is shown, and so nothing new has been seen.
const showsNewest = !new URL(page, location.href).searchParams.has("cursor");
const knowsPeople = "peopleTold" in place.dataset;

const notes = place.querySelector("[data-new]");
const people = place.querySelector("[data-people]");

// Only one look at a time, and another one if something happened meanwhile, or the desk did not answer.
function gathered(look) {
  let running = false;
  let again = false;
  return async () => {
    again = true;
    if (running) return;
    running = true;
    for (let tries = 0; again && tries < 10; tries++) {
      again = false;
      try {
        await look();
      } catch {
        again = true;
        await new Promise((done) => setTimeout(done, 1000 * 2 ** Math.min(tries, 5)));
      }
    }
    running = false;
  };
}

const last = () => {
  const entries = document.querySelectorAll(".timeline > li");
  return `${entries.length} ${entries[entries.length - 1]?.querySelector("time")?.dateTime}`;
};

async function fetched(path) {
  const response = await fetch(path);
  if (response.status >= 500) throw new Error("the desk does not answer");
  if (!response.ok || response.redirected) return undefined;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// Shows what stands on another copy of this page, but for what is being typed or pressed.
function show(there) {
  const before = last();
  let isBusy = false;
  for (const part of [".entries", ".outbox", ".about"]) {
    const [old, fresh] = [document.querySelector(part), there.querySelector(part)];
    if (!old || !fresh || old.innerHTML === fresh.innerHTML) continue;
    if (old.matches(":focus-within") || old.matches(":active")) isBusy = true;
    else old.replaceWith(fresh);
  }
  if (isBusy) setTimeout(refresh, 2000);
  // What is shown has been seen by whoever answers now.
  const [old, fresh] = [document, there].map((all) => all.querySelector(".reply [name=seen]"));
  if (old && fresh && !isBusy) old.value = fresh.value;
  if (last() !== before) notes.textContent = "Something new has been added above.";
}

const refresh = gathered(async () => {
  if (!showsNewest) {
    notes.textContent = "Something new has happened on this ticket.";
    return;
  }
  const there = await fetched(page);
  if (there) show(there);
});

const look = gathered(async () => {
  const response = await fetch(`${api}/tickets/${ticket}/presence`);
  if (!response.ok) return;
  const words = { viewing: "is here", replying: "is writing" };
  const others = (await response.json()).data.filter((one) => one.user.id !== me);
  people.textContent = others.map((one) => `${one.user.name ?? "Somebody"} ${words[one.state]}`).join(", ");
});

let source;

// Follows from a place on, or from now on; then what was missed is looked at instead of being told.
function follow(after) {
  source = new EventSource(`${api}/live${after ? `?after=${after}` : ""}`);
  let isFirst = Boolean(after);
  source.addEventListener("open", (event) => {
    // The desk's own, which follows the browser's.
    if (event.data === undefined) return;
    if (!isFirst) refresh();
    isFirst = false;
    if (knowsPeople) look();
  });
  source.addEventListener("reset", () => {
    source.close();
    follow();
  });
  source.addEventListener("error", () => {
    // A browser gives up for good where it is answered anything but a stream, such as by a proxy without a desk behind it.
    if (source.readyState !== EventSource.CLOSED) return;
    const closed = source;
    setTimeout(() => closed === source && !document.hidden && follow(), 5000 + Math.random() * 10_000);
  });
  source.addEventListener("presence", (event) => {
    const sign = JSON.parse(event.data);
    if (sign.ticket_id !== ticket) return;
    look();
    // Another page of the same person has said less than holds here.
    const ranks = ["gone", "viewing", "replying"];
    if (sign.user_id === me && told && ranks.indexOf(sign.state) < ranks.indexOf(told)) {
      toldAt = 0;
      tell();
    }
  });
  source.addEventListener("notification", (event) => {
    const { unread } = JSON.parse(event.data);
    const link = document.querySelector("[data-notices]");
    if (link) link.textContent = unread ? `Notices (${unread})` : "Notices";
  });
  for (const type of place.dataset.live.split(" ")) {
    source.addEventListener(type, (event) => {
      if (JSON.parse(event.data).ticket_id === ticket) refresh();
    });
  }
}

const fields = () => [...document.querySelectorAll("textarea:not([readonly])")];
let told;
let toldAt = 0;

// Says where one is: at once when it changes, else every 15 seconds.
function tell() {
  if (!knowsPeople || document.hidden) return;
  const writes = fields().some((field) => field.value !== "");
  const state = writes && "writes" in place.dataset ? "replying" : "viewing";
  if (state === told && Date.now() - toldAt < 15_000) return;
  [told, toldAt] = [state, Date.now()];
  const headers = { "Content-Type": "application/json" };
  fetch(`${api}/tickets/${ticket}/presence`, { method: "PUT", headers, body: JSON.stringify({ state }) }).catch(() => {});
}

function leave() {
  if (!told) return;
  told = undefined;
  fetch(`${api}/tickets/${ticket}/presence`, { method: "DELETE", keepalive: true }).catch(() => {});
}

// A page that nobody sees holds no connection: browsers have few of them.
function turn() {
  if (document.hidden) {
    source?.close();
    source = undefined;
    leave();
  } else if (!source) {
    follow();
    tell();
  }
}

// Sends an answer that waits, or takes it back, without losing what is being typed besides.
async function decide(event) {
  const form = event.target;
  const chosen = [...document.querySelectorAll("input[type=file]")].some((field) => field.files.length);
  if (!form.closest(".outbox") || (!chosen && fields().every((field) => field.value === ""))) return;
  event.preventDefault();
  // Pressed twice it would come back twice.
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const options = { method: "POST", body: new URLSearchParams() };
  const response = await fetch(form.action, options).catch(() => undefined);
  const text = (await response?.text().catch(() => "")) ?? "";
  const there = new DOMParser().parseFromString(text, "text/html");
  // Whoever was signed out meanwhile is answered another page: then nothing was done.
  if (response?.ok && there.querySelector("[data-live]")) {
    bringBack(there, form);
    form.closest(".held").remove();
  } else {
    delete form.dataset.sent;
    notes.textContent = there.querySelector(".error")?.textContent ?? "That did not work: the desk does not answer.";
  }
  document.activeElement?.blur();
  refresh();
}

// What was taken back, into the form for an answer; where there is none, to be read.
function bringBack(there, form) {
  const [own, back] = [document, there].map((all) => all.querySelector("#reply"));
  if (!back?.value) return;
  if (!own || own.readOnly) {
    form.closest(".outbox").after(back.closest(".card"));
    return;
  }
  own.value = own.value ? `${back.value}\n\n${own.value}` : back.value;
  const kept = there.querySelector(".reply [name=kept]");
  if (kept) own.after(kept, kept.nextElementSibling ?? "");
  const [status, chosen] = [document, there].map((all) => all.querySelector("#reply-status"));
  if (status && chosen?.value) status.value = chosen.value;
}

document.addEventListener("visibilitychange", turn);
document.addEventListener("input", tell);
document.addEventListener("submit", decide);
window.addEventListener("pagehide", leave);
setInterval(tell, 1000);
if (document.hidden) turn();
else {
  follow(place.dataset.after);
  tell();
}
