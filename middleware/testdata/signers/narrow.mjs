// node narrow.mjs LINK expires_at=1767222060 signed_only=/files/kyc/42/card.jpg
const hex = (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase();
const escape = (text) => encodeURIComponent(text).replace(/[!'()*]/g, hex);
const name = (pair) => pair.split("=")[0];
const sorted = (pairs) => pairs.sort((a, b) => (name(a) > name(b)) - (name(a) < name(b))).join("&");

export async function narrow(link, claims) {
  const [, path, query, signature] = link.match(/^(.*?)\?(.*)&signature=(.*)$/);
  const step = sorted(Object.entries(claims).map(([name, value]) => `${name}=${escape(value)}`));
  const bytes = Uint8Array.from(atob(signature.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const key = await globalThis.crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const mac = await globalThis.crypto.subtle.sign("HMAC", key, new TextEncoder().encode(`signed-narrow/1\n${step}`));
  const encoded = btoa(String.fromCharCode(...new Uint8Array(mac))).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
  return `${path}?${sorted([...query.split("&"), `signed_narrow=${escape(step)}`])}&signature=${encoded}`;
}

const [, program, link, ...claims] = globalThis.process?.argv ?? []; // empty in a page
if (program?.endsWith("narrow.mjs")) console.log(await narrow(link, Object.fromEntries(claims.map((c) => c.split(/=(.*)/s)))));
