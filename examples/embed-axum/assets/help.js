// A widget in a page of the shop: it shows the desk a token that the shop's server signs for whoever is signed in.
const TICKETS = "/support/api/v1/workspaces/shop/tickets";
let token = { text: "", until: 0 };

async function ask(path, options = {}) {
  if (Date.now() > token.until) {
    const answer = await fetch("/help/token");
    if (!answer.ok) throw new Error("Sign in to the shop first.");
    const { token: text, seconds } = await answer.json();
    token = { text, until: Date.now() + (seconds - 30) * 1000 };
  }
  const headers = { Authorization: `Bearer ${token.text}`, "Content-Type": "application/json", ...options.headers };
  const answer = await fetch(path, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

async function show() {
  const { data } = await ask(TICKETS);
  const row = (ticket) => Object.assign(document.createElement("li"), {
    textContent: `#${ticket.number} ${ticket.subject} (${ticket.category})`,
  });
  document.querySelector("#tickets").replaceChildren(...data.map(row));
}

const form = document.querySelector("#ask");
const say = (text) => { form.querySelector("[role=status]").textContent = text; };
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = JSON.stringify(Object.fromEntries(new FormData(form)));
  // The same key if it is sent twice: one ticket.
  form.dataset.once ??= crypto.randomUUID();
  try {
    await ask(TICKETS, { method: "POST", body, headers: { "Idempotency-Key": form.dataset.once } });
    delete form.dataset.once;
    form.reset();
    say("Thank you.");
    await show();
  } catch (error) {
    say(error.message);
  }
});
show().catch((error) => say(error.message));
