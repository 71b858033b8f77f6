// What cookies open: the pages of the contract, and the film.
import { announce, bury, countDown, refusal, revive, show } from "./page.js";
import { play, stop } from "./player.js";

const contract = document.getElementById("contract");
const film = document.getElementById("film");
const pages = [...contract.querySelectorAll(".pages a")];

let expires = Number(contract.dataset.expires);

// live shows what the cookies open until they expire.
async function live() {
  const until = expires;
  revive(contract);
  revive(film);
  show(contract.querySelector(".with"), pages[0].href);
  show(contract.querySelector(".without"), pages[0].href, { credentials: "omit" });
  play(film);
  countDown(film, until, "expires in", "expired");
  if (!(await countDown(contract, until, "expires in", "expired"))) {
    return;
  }
  // A browser drops the cookie at about the same time: then it is 403.
  const status = await refusal(contract.querySelector(".with"), pages[0].href, () => expires === until);
  if (status) {
    bury(contract, status);
    bury(film, status);
    stop(film);
    announce(`The cookies for the contract and the film have expired: ${status}.`);
  }
}

async function renew() {
  const reply = await fetch("/cookies", { method: "POST", cache: "no-store" });
  ({ expires } = await reply.json());
  for (const page of pages) {
    page.querySelector("img").src = page.href;
  }
  announce("There are new cookies for the contract and the film.");
  live();
}

for (const section of [contract, film]) {
  section.querySelector(".renew").addEventListener("click", renew);
}
live();
