# python3 narrow.py LINK expires_at=1767222060 signed_only=/files/kyc/42/card.jpg
import base64, hmac, sys
from urllib.parse import quote

link, *claims = sys.argv[1:]
rest, _, signature = link.rpartition("&signature=")
path, _, query = rest.partition("?")
pairs = sorted(claim.split("=", 1) for claim in claims)
step = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
key = base64.urlsafe_b64decode(signature + "=")
mac = hmac.digest(key, f"signed-narrow/1\n{step}".encode(), "sha256")
query = query.split("&") + ["signed_narrow=" + quote(step, safe="")]
query = "&".join(sorted(query, key=lambda pair: pair.split("=")[0]))
signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
print(f"{path}?{query}&signature={signature}")
