// The form that signs a link with limits of the visitor's choice.
import { announce, ask, countDown, serverNow, sign, tried } from "./page.js";

const own = document.getElementById("own");
const form = own.querySelector("form");
const fault = own.querySelector(".fault");
const made = own.querySelector(".made");
const tries = made.querySelector(".tries");
const header = made.querySelector(".header");
let links; // that were made last

const requests = {
  GET: () => [links.link],
  HEAD: () => [links.link, { method: "HEAD" }],
  PUT: () => [links.link, { method: "PUT" }],
  stranger: () => [links.link, { credentials: "omit" }],
  other: () => [links.other],
  mailer: () => [`${links.link}&utm_source=mail`],
};
const labels = { stranger: "no cookies", other: "other file", mailer: "utm_source" };

async function attempt(name) {
  const reply = await ask(...requests[name]());
  tried(tries, reply.status, labels[name] || name);
  const shown = ["content-type", "content-disposition", "cache-control"].filter((n) => reply.headers.has(n));
  header.textContent = shown.map((n) => `${n}: ${reply.headers.get(n)}`).join("\n");
}

// refuse shows an error of the form, at its field if there is one.
function refuse({ field, error }) {
  const input = form.elements[field];
  fault.textContent = input ? `${input.labels[0].firstChild.textContent.trim()}: ${error}.` : `${error}.`;
  fault.hidden = false;
  made.hidden = true;
  announce(fault.textContent);
  if (input) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", fault.id);
    input.focus();
  }
}

async function count() {
  const mine = links;
  if (mine.starts > serverNow()) {
    if (!(await countDown(made, mine.starts, "opens in"))) {
      return;
    }
    attempt("GET");
  }
  if (await countDown(made, mine.expires, "expires in", "expired")) {
    announce("Your link has expired.");
    attempt("GET");
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  fault.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
  const reply = await sign(new URLSearchParams(new FormData(form)));
  if (reply.error) {
    refuse(reply);
    return;
  }
  links = reply;
  const url = made.querySelector(".url");
  url.href = links.link;
  url.textContent = links.link;
  made.querySelector(".signed").textContent = links.signed;
  tries.replaceChildren();
  made.hidden = false;
  announce("The link is signed.");
  count();
  attempt("GET");
});

for (const button of made.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", () => attempt(button.dataset.ask));
}
