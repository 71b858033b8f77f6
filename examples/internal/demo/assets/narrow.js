// A link that this page narrows by itself: the server learns of the new one when it
// is used.
import { announce, countDown, refusal, serverNow, shorten, show, sign } from "./page.js";

const box = document.getElementById("narrow");
const wide = box.querySelector(".wider");
const made = box.querySelector(".narrower");
const button = box.querySelector(".make");
const told = box.querySelector(".told");
const seconds = 10;

// encode escapes all but the unreserved characters, as links do.
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt().toString(16).toUpperCase()}`);
const name = (param) => param.split("=")[0];

// narrow adds a step to a link: the signature becomes the key that signs the step.
async function narrow(link, step) {
  const [path, query] = link.split("?");
  const [params, signature] = query.split("&signature=");
  const secret = Uint8Array.from(atob(signature.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt());
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`signed-narrow/1\n${step}`)));
  const sum = btoa(String.fromCharCode(...mac)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const sorted = [...params.split("&"), `signed_narrow=${encode(step)}`].sort((a, b) => (name(a) < name(b) ? -1 : Number(name(a) > name(b))));
  return `${path}?${sorted.join("&")}&signature=${sum}`;
}

// fault says why a link cannot be narrowed here.
function fault(link) {
  if (!crypto.subtle) {
    return "Browsers let a page compute a signature only if it came by https or from localhost. This one did not.";
  }
  if (new URL(link).searchParams.get("signature").length !== 43) {
    return "The server signs with Ed25519. Only the signer can narrow such a link.";
  }
  return "";
}

function tell(text) {
  told.textContent = text;
  told.hidden = !text;
}

const current = () => wide.querySelector("a").href;

// forget takes away the link that was made last.
function forget() {
  made.countdown = null;
  made.hidden = true;
  made.querySelector("a").removeAttribute("href");
}

async function live() {
  const link = current();
  tell(fault(link));
  button.disabled = !told.hidden;
  forget();
  show(wide, link);
  if (!(await countDown(wide, Number(box.dataset.expires), "expires in", "expired"))) {
    return;
  }
  button.disabled = true;
  const status = await refusal(wide, link, () => current() === link);
  if (status) {
    tell("The first link has expired. Ask for a new one.");
    announce(`The link that your browser can narrow has expired: ${status}.`);
  }
}

button.addEventListener("click", async () => {
  const link = current();
  const expires = Math.ceil(serverNow() / 1000) + seconds;
  if (1000 * expires >= Number(box.dataset.expires)) {
    forget();
    tell(`The link has no ${seconds} seconds left. Ask for a new one.`);
    announce(told.textContent);
    return;
  }
  const step = `expires_at=${expires}`;
  const narrower = await narrow(link, step);
  if (current() !== link) {
    return;
  }
  const a = made.querySelector("a");
  a.href = narrower;
  a.querySelector(".step").textContent = `&signed_narrow=${encode(step)}`;
  a.querySelector(".end").textContent = `&signature=${narrower.split("&signature=")[1].slice(0, 4)}…`;
  made.hidden = false;
  tell("Your browser made this link. The server was not asked.");
  announce(told.textContent);
  show(wide, link);
  show(made, narrower);
  if (!(await countDown(made, 1000 * expires, "expires in", "expired"))) {
    return;
  }
  const status = await refusal(made, narrower, () => a.href === narrower);
  if (!status) {
    return;
  }
  const first = await show(wide, link);
  if (a.href === narrower) {
    tell(`Your browser made this link. The server was not asked. After ${seconds} seconds the link is ${status}, and the first one is still ${first}.`);
    announce(`The narrower link has expired: ${status}. The first one: ${first}.`);
  }
});

box.querySelector(".renew").addEventListener("click", async () => {
  const { link, expires } = await sign(box.dataset.form);
  const { pathname, search } = new URL(link, location);
  box.dataset.expires = expires;
  shorten(wide.querySelector("a"), pathname + search);
  announce("There is a new link that your browser can narrow.");
  live();
});
live();
