# SIGNEDURL_KEY=id:hmac-sha256:BASE64URL python3 sign.py /files/card.jpg 1767225600
import base64, hmac, os, sys
from urllib.parse import quote

path, expires = quote(sys.argv[1], safe="/"), sys.argv[2]
id, _, secret = os.environ["SIGNEDURL_KEY"].split(":")
query = f"expires_at={expires}&signed_by={id}"
text = f"signed-url/1\n{path}\n{query}\n"
mac = hmac.digest(base64.urlsafe_b64decode(secret + "=="), text.encode(), "sha256")
signature = base64.urlsafe_b64encode(mac).decode().rstrip("=")
print(f"{path}?{query}&signature={signature}")
