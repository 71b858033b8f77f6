// A picture that goes to a signed URL, and becomes a card.
import { announce } from "./page.js";

const box = document.getElementById("drop");
const form = box.querySelector("form");
const input = box.querySelector("input");
const progress = box.querySelector("progress");
const fault = box.querySelector(".fault");
let current = null; // the request that is under way

// What people are told. The server says the rest, in its own words.
const reasons = {
  0: "The connection broke off. Nothing was stored: try again.",
  403: "The link for the upload is not good any more. Reload the page.",
  404: "The link for the upload has expired. Reload the page.",
  408: "The picture came too slowly. Nothing was stored: try again.",
  413: "The picture is larger than 5 MB. Make it smaller, and try again.",
  415: "That is not a picture: a card is a JPEG, PNG, WebP, AVIF or GIF file.",
  429: "Several pictures of yours are under way. Wait until they are there.",
  503: "Too many pictures are under way. Try again in a moment.",
};

function show(state, text = "") {
  box.dataset.state = state;
  box.querySelector(".under-way").hidden = state !== "under-way";
  input.disabled = state === "under-way";
  fault.hidden = !text;
  fault.textContent = text;
  input.toggleAttribute("aria-invalid", Boolean(text));
  if (state !== "under-way") {
    current = null;
    input.value = "";
  }
  if (text) {
    announce(text);
  }
}

// put sends a file, and returns the status, or -1 if it was cancelled.
function put(link, file) {
  return new Promise((done) => {
    const request = (current = new XMLHttpRequest());
    request.open("PUT", link);
    request.upload.addEventListener("progress", (e) => (progress.value = e.lengthComputable ? e.loaded / e.total : 0));
    request.addEventListener("load", () => done(request.status));
    request.addEventListener("error", () => done(0));
    request.addEventListener("abort", () => done(-1));
    request.send(file);
  });
}

export function takeUploads(added) {
  async function send(file) {
    if (!file || current) {
      return;
    }
    progress.value = 0;
    current = "asking";
    show("under-way");
    announce(`Sending ${file.name}.`);
    let status = 0;
    try {
      const reply = await fetch(`/uploads?${new URLSearchParams({ name: file.name })}`, { method: "POST" });
      status = reply.ok ? await put((await reply.json()).link, file) : reply.status;
    } catch {
      // there is no connection
    }
    if (status === 201) {
      show("stored");
      announce("The picture is stored, and has a link.");
      await added();
    } else if (status === -1) {
      show("cancelled");
      announce("Cancelled. Nothing was stored.");
    } else {
      show("refused", reasons[status] || "The server cannot store the picture now. Try again later.");
    }
  }

  input.addEventListener("change", () => send(input.files[0]));
  form.addEventListener("submit", (e) => e.preventDefault());
  box.querySelector(".cancel").addEventListener("click", () => {
    current?.abort?.();
    input.disabled = false;
    input.focus();
  });
  // A file that is dropped beside the box would replace the page.
  for (const type of ["dragover", "drop"]) {
    document.addEventListener(type, (e) => e.preventDefault());
  }
  for (const type of ["dragenter", "dragover"]) {
    box.addEventListener(type, () => (box.dataset.over = "yes"));
  }
  for (const type of ["dragleave", "drop"]) {
    box.addEventListener(type, () => delete box.dataset.over);
  }
  box.addEventListener("drop", (e) => send(e.dataTransfer.files[0]));
}
