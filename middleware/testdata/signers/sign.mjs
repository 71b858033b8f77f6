// SIGNEDURL_KEY=id:hmac-sha256:BASE64URL node sign.mjs /files/card.jpg 1767225600
import { createHmac } from "node:crypto";

const [, , name, expires] = process.argv;
const [id, , secret] = process.env.SIGNEDURL_KEY.split(":");
const hex = (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase();
const path = name.split("/").map((part) => encodeURIComponent(part).replace(/[!'()*]/g, hex)).join("/");
const query = `expires_at=${expires}&signed_by=${id}`;
const mac = createHmac("sha256", Buffer.from(secret, "base64url"));
const signature = mac.update(`signed-url/1\n${path}\n${query}\n`).digest("base64url");
console.log(`${path}?${query}&signature=${signature}`);
