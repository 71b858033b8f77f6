// Links with limits, to be tried.
import { announce, ask, countDown, serverNow, sign, tried } from "./page.js";

for (const row of document.querySelectorAll(".limits li")) {
  const title = row.querySelector("h3").textContent;
  const open = row.querySelector(".try a");
  const tries = row.querySelector(".tries");
  const options = "stranger" in row.dataset ? { credentials: "omit" } : {};

  const attempt = async () => tried(tries, (await ask(open.href, options)).status, "", title);

  // renew signs a link, whose life begins when somebody looks.
  async function renew() {
    row.dataset.state = "live";
    const made = await sign(row.dataset.form);
    open.href = made.link + row.dataset.added;
    tries.replaceChildren();
    count(made);
  }

  async function count(made) {
    if (made.starts > serverNow()) {
      if (!(await countDown(row, made.starts, "opens in"))) {
        return;
      }
      attempt();
    }
    if (await countDown(row, made.expires, "expires in", "expired")) {
      announce(`${title}: the link has expired.`);
    }
  }

  row.querySelector(".ask").addEventListener("click", async () => {
    if (!row.dataset.state) {
      await renew();
    }
    attempt();
  });
  row.querySelector(".renew").addEventListener("click", async () => {
    await renew();
    announce(`${title}: there is a new link.`);
  });
}
