"""Signed links of the format signed-url/1: a signer, a narrower and a verifier.

Written from the package documentation and not from the Go code, so that each
checks the other. It is here to make the test vectors (generate.py) and to be
read. It is slow, and its Ed25519 does not run in constant time: never sign
anything real with it.
"""

import base64
import hashlib
import hmac
import ipaddress
import re

MAX_TARGET = 8192
MAX_PAIRS = 128
MAX_TIME = 253402300799  # 9999-12-31T23:59:59Z
MAX_COOKIES = 4
MAX_BYTES = 2**53 - 1
MAX_STEPS = 4
MAX_STEP = 1024

UPLOAD = {"signed_max", "signed_sum", "signed_accept", "signed_replace"}

UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

KNOWN = frozenset([
    b"expires_at", b"signature", b"signed_accept", b"signed_as", b"signed_by", b"signed_for", b"signed_from",
    b"signed_host", b"signed_id", b"signed_ignore", b"signed_inline", b"signed_ip", b"signed_max", b"signed_methods",
    b"signed_narrow", b"signed_replace", b"signed_sum", b"signed_type", b"signed_under", b"signed_uses",
])

STEP = frozenset([
    b"expires_at", b"signed_accept", b"signed_from", b"signed_host", b"signed_ip", b"signed_max", b"signed_methods",
    b"signed_only", b"signed_under",
])


class Refused(Exception):
    """The request is refused. The argument is the reason, in one word."""


class BadKey(Exception):
    """The text is no key, or no ring of keys."""


def invalid_unless(condition):
    if not condition:
        raise Refused("invalid")


# --- escapes -----------------------------------------------------------------


def escape(data):
    return "".join(chr(b) if b in UNRESERVED else "%%%02X" % b for b in data)


def unescape(data, plus=False):
    """Decodes percent-encoded bytes; in a query, "+" is a space."""
    invalid_unless(re.fullmatch(rb"(?:[^%]|%[0-9A-Fa-f]{2})*", data, re.DOTALL))
    return unescape_lax(data, plus)


def unescape_lax(data, plus=False):
    if plus:
        data = data.replace(b"+", b" ")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), data)


# --- the signed text ---------------------------------------------------------


def canonical_path(raw):
    invalid_unless(raw.startswith(b"/"))
    decoded = unescape(raw)
    invalid_unless(not any(b < 0x20 or b == 0x7F for b in decoded))
    parts = re.split(rb"[/\\]", decoded[1:])
    invalid_unless(not any(part.split(b";")[0] in (b".", b"..") for part in parts))
    invalid_unless(b"" not in parts[:-1])
    return canonical_path_lax(raw)


def canonical_path_lax(raw):
    return "/".join(escape(unescape_lax(segment)) for segment in raw.split(b"/"))


def parse_pairs(query):
    """Splits a query into (name, value), decoded, and holds it to the rules."""
    if query == b"":
        return []
    pairs, seen = [], set()
    invalid_unless(b";" not in query)
    for pair in query.split(b"&"):
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = unescape(raw_name, True), unescape(raw_value, True)
        if name == b"signature":
            value = raw_value  # it has one spelling, and an escape is another
        invalid_unless(name != b"")
        if reserved(name):
            invalid_unless(name in KNOWN and raw_name == name and value != b"" and name not in seen)
            if name != b"signed_narrow":
                seen.add(name)
        pairs.append((name, value))
    invalid_unless(len(pairs) <= MAX_PAIRS)
    return pairs


def parse_pairs_lax(query):
    """Splits a query as a careless implementation would."""
    pairs = [p.partition(b"=") for p in query.split(b"&") if p]
    return [(unescape_lax(name, True), unescape_lax(value, True)) for name, _, value in pairs]


def reserved(name):
    return name in (b"expires_at", b"signature") or name.startswith(b"signed_")


def ignored(name, patterns):
    if reserved(name):
        return False
    return any(name.startswith(p[:-1]) if p.endswith(b"*") else name == p for p in patterns)


def canonical_query(pairs):
    # sorted is stable: pairs of one name stay in the order they came.
    encoded = sorted(((escape(name), escape(value)) for name, value in pairs), key=lambda pair: pair[0])
    return "&".join(name + "=" + value for name, value in encoded)


def signed_text(tag, path, pairs, binding):
    """The bytes that are signed, of a canonical path and decoded pairs."""
    claims = {name: value for name, value in pairs if reserved(name)}
    under = claims.get(b"signed_under")
    patterns = claims.get(b"signed_ignore", b"").split(b",")
    pairs = [(n, v) for n, v in pairs if n not in (b"signature", b"signed_narrow") and not ignored(n, patterns)]
    if under is not None:
        path, pairs = under.decode("utf-8", "surrogateescape"), [(n, v) for n, v in pairs if reserved(n)]
    return "\n".join([tag, path, canonical_query(pairs), escape(binding)])


def steps_of(pairs):
    """The texts of the steps by which a link was narrowed."""
    return [value.decode("utf-8", "surrogateescape") for name, value in pairs if name == b"signed_narrow"]


def step_text(step):
    """The bytes whose MAC a step makes of the one before it."""
    return "signed-narrow/1\n" + step


def step_mac(mac, step):
    return hmac.new(mac, step_text(step).encode("utf-8", "surrogateescape"), hashlib.sha256).digest()


# --- keys --------------------------------------------------------------------


def b64encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64decode(text):
    """Decodes base64url in its one spelling, and returns None for any other."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return data if b64encode(data) == text else None


class Key:
    def __init__(self, text):
        self.id, self.algorithm, encoded = (text.split(":") + ["", ""])[:3]
        secret = b64decode(encoded)
        good = (
            re.fullmatch(r"[A-Za-z0-9._-]{1,64}", self.id)
            and text.count(":") == 2
            and secret is not None
            and len(secret) >= 32
            and any(secret)
            and (self.algorithm == "hmac-sha256" or len(secret) == 32)
            and self.algorithm in ("hmac-sha256", "ed25519", "ed25519-public")
        )
        if not good:
            raise BadKey("no key")
        self.secret = self.public = secret
        if self.algorithm == "ed25519":
            self.public = ed25519_public(secret)
        elif self.algorithm == "ed25519-public" and (point_decode(secret) is None or secret in LOW_ORDER):
            raise BadKey("no public key")

    def sign(self, text):
        message = text.encode("utf-8", "surrogateescape")
        if self.algorithm == "hmac-sha256":
            return b64encode(hmac.new(self.secret, message, hashlib.sha256).digest())
        if self.algorithm == "ed25519":
            return b64encode(ed25519_sign(self.secret, message))
        raise BadKey("a public key cannot sign")

    def verify(self, text, signature):
        message = text.encode("utf-8", "surrogateescape")
        if self.algorithm == "hmac-sha256":
            return hmac.compare_digest(self.sign(text).encode(), signature)
        given = b64decode(signature.decode("latin-1"))
        return given is not None and ed25519_verify(self.public, message, given)


def ring(texts):
    keys = {}
    for key in map(Key, texts):
        if key.id in keys:
            raise BadKey("an id twice")
        keys[key.id] = key
    if not keys:
        raise BadKey("no keys")
    return keys


# --- signing -----------------------------------------------------------------


def sign_lax(target, key, binding=b"", tag="signed-url/1"):
    """Signs a target that has all but its signature, whatever it looks like,
    and returns the link and the texts that were signed: its own and that of
    each step. So a vector for a rule that is broken is right in all else, and
    opens a verifier without the rule.
    """
    path, _, query = target.encode("utf-8", "surrogateescape").partition(b"?")
    pairs = parse_pairs_lax(query)
    texts = [signed_text(tag, canonical_path_lax(path), pairs, binding)]
    mac = b64decode(key.sign(texts[0]))
    for step in steps_of(pairs):
        texts.append(step_text(step))
        mac = step_mac(mac, step)
    return target + "&signature=" + b64encode(mac), "\n".join(texts)


def sign(path, params, claims, key, binding=b""):
    """Signs a path as sent and decoded parameters, and returns the link as a
    signer must write it. claims are the reserved parameters but signed_by."""
    claims = dict(claims, signed_by=key.id)
    pairs = list(params) + [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in claims.items()]
    invalid_unless(not any(reserved(name) for name, _ in params))
    query = canonical_query(pairs)
    parse_pairs(query.encode())
    path = canonical_path(path)
    link = path + "?" + query + "&signature=" + key.sign(signed_text("signed-url/1", path, pairs, binding))
    invalid_unless(len(link) <= MAX_TARGET and len(pairs) + 1 <= MAX_PAIRS)
    return link


def sign_cookie(claims, key, binding=b""):
    """Returns the value of a cookie. claims are as in sign."""
    pairs = [(n.encode(), v.encode("utf-8", "surrogateescape")) for n, v in dict(claims, signed_by=key.id).items()]
    text = signed_text("signed-cookie/1", "", pairs, binding)
    return canonical_query(pairs) + "&signature=" + key.sign(text)


# --- narrowing ---------------------------------------------------------------


def narrow(link, step):
    """Makes a narrower link, or value of a cookie, of one that is right. It needs
    no key. step has the parameters that the link is limited to besides."""
    step = canonical_query([(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in step.items()])
    limits = parse_step(step)
    path, question, query = link.partition("?") if "?" in link else ("", "", link)
    pairs = parse_pairs(query.encode("utf-8", "surrogateescape"))
    mac = b64decode(dict(pairs)[b"signature"].decode())
    invalid_unless(mac is not None and len(mac) == 32)  # Ed25519 has 64
    if question:
        path = canonical_path(path.encode("utf-8", "surrogateescape"))
        invalid_unless(leaves(limits, path))
    pairs = [pair for pair in pairs if pair[0] != b"signature"] + [(b"signed_narrow", step.encode())]
    invalid_unless(len(steps_of(pairs)) <= MAX_STEPS and len(pairs) + 1 <= MAX_PAIRS)
    link = path + question + canonical_query(pairs) + "&signature=" + b64encode(step_mac(mac, step))
    invalid_unless(len(link) <= MAX_TARGET)
    return link


def parse_step(text):
    """Reads a step, which has one spelling, as parse_claims reads a link."""
    pairs = parse_pairs_lax(text.encode("utf-8", "surrogateescape"))
    names = [name for name, _ in pairs]
    invalid_unless(pairs and len(text.encode("utf-8", "surrogateescape")) <= MAX_STEP)
    invalid_unless(canonical_query(pairs) == text and len(set(names)) == len(names))
    invalid_unless(all(name in STEP and value != b"" for name, value in pairs))
    invalid_unless(all(value.count(b",") < 64 for name, value in pairs if name not in (b"signed_only", b"signed_under")))
    return parse_limits({n.decode(): v.decode("utf-8", "surrogateescape") for n, v in pairs})


def leaves(limits, path):
    """Whether a step, or a link that is a subtree, leaves a path."""
    return path.startswith(limits.get("signed_under", "")) and path == limits.get("signed_only", path)


# --- verifying ---------------------------------------------------------------


class Request:
    """A request, and what the verifier was set up with. Times are seconds."""

    def __init__(self, target, keys, now, method="GET", host="files.example.com", tls=False, remote="192.0.2.10:4711",
                 cookies=(), cookie_name=None, bindings=None, revoked=(), used=None, allow_permanent=False, leeway=0,
                 enforces_uploads=False, max_lifetime=None, prefix="", stripped=""):
        self.__dict__.update(locals())
        del self.self


def decide(r):
    """Returns the reason, and the text whose signature was found good, if any."""
    text = []
    try:
        verify(r, text)
        return "accepted", text[-1]
    except Refused as refused:
        return refused.args[0], text[-1] if text else None


def verify(r, text):
    # The absolute form of a target says nothing by its scheme and host.
    target = re.sub(rb"^https?://[^/?#@\\]+(?=/)", b"", r.target.encode("utf-8", "surrogateescape"))
    invalid_unless(len(target) <= MAX_TARGET)
    raw, _, query = target.partition(b"?")
    prefix, stripped = r.prefix.encode(), r.stripped.encode()
    invalid_unless(stripped in (b"", prefix) and raw.startswith(stripped))
    invalid_unless(b";" not in raw)  # a signer writes %3B
    path = canonical_path(prefix + raw[len(stripped):])
    pairs = parse_pairs(query)
    if any(reserved(name) for name, _ in pairs):
        return check(r, *authenticate(r, "signed-url/1", path, pairs, pairs, text))
    params, refusal, tried = pairs, None, 0
    for pair in re.split(r"; *", "; ".join(r.cookies)):
        name, _, value = pair.partition("=")
        if r.cookie_name is None or name != r.cookie_name:
            continue
        try:
            pairs = parse_pairs(value.encode())
            invalid_unless(all(reserved(name) for name, _ in pairs))
            claims = dict(pairs)
            invalid_unless(b"signed_under" in claims and in_subtree(path, claims[b"signed_under"]))
            tried += 1
            if tried > MAX_COOKIES:
                break
            found = authenticate(r, "signed-cookie/1", path, pairs, params, text)
            return check(r, *found)
        except Refused as e:
            if refusal is None or refusal.args[0] == "invalid":
                refusal = e
    raise refusal or Refused("unsigned")


def in_subtree(path, under):
    return path.startswith(under.decode("utf-8", "surrogateescape"))


def authenticate(r, tag, path, pairs, params, text):
    """Returns the claims of a link and those of each of its steps."""
    claims = parse_claims(pairs)
    steps = steps_of(pairs)
    invalid_unless(len(steps) <= MAX_STEPS)
    limits = [parse_step(step) for step in steps]
    invalid_unless("signature" in claims)
    key = ring(r.keys).get(claims["signed_by"])
    invalid_unless(key is not None)
    binding = b""
    if "signed_for" in claims:
        binding = (r.bindings or {}).get(claims["signed_for"], b"")
        invalid_unless(binding != b"")
    signed = signed_text(tag, path, pairs, binding)
    if steps:
        invalid_unless(key.algorithm == "hmac-sha256")
        mac = b64decode(key.sign(signed))
        for step in steps:
            mac = step_mac(mac, step)
        invalid_unless(hmac.compare_digest(b64encode(mac).encode(), claims["signature"].encode("utf-8", "surrogateescape")))
    else:
        invalid_unless(key.verify(signed, claims["signature"].encode("utf-8", "surrogateescape")))
    invalid_unless(all(leaves(part, path) for part in [claims] + limits))
    if "signed_under" in claims:
        patterns = claims.get("signed_ignore", "").encode().split(b",")
        invalid_unless(all(reserved(name) or ignored(name, patterns) for name, _ in params))
    text.append("\n".join([signed] + [step_text(step) for step in steps]))
    return claims, limits


def parse_claims(pairs):
    """Reads the reserved parameters: the text of each, and of some the value."""
    claims = {n.decode(): v.decode("utf-8", "surrogateescape") for n, v in pairs if reserved(n)}
    invalid_unless("expires_at" in claims and "signed_by" in claims)
    invalid_unless(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", claims["signed_by"]))
    if claims["expires_at"] == "never":
        claims["expires"] = None
    return parse_limits(claims)


def parse_limits(claims):
    """Does so for a link, whose expiry may be never, and for a step."""
    if "expires_at" in claims and "expires" not in claims:
        claims["expires"] = number(claims["expires_at"], 0, MAX_TIME)
    if "signed_from" in claims:
        claims["from"] = number(claims["signed_from"], 0, MAX_TIME)
    if "signed_under" in claims:
        under = claims["signed_under"]
        invalid_unless(under.endswith("/") and canonical_path(under.encode("utf-8", "surrogateescape")) == under)
    if "signed_only" in claims:
        only = claims["signed_only"]
        invalid_unless(canonical_path(only.encode("utf-8", "surrogateescape")) == only)
    if "signed_methods" in claims:
        claims["methods"] = claims["signed_methods"].split(",")
        invalid_unless(all(re.fullmatch("[A-Z]+", m) for m in claims["methods"]))
    if "signed_host" in claims:
        invalid_unless(re.fullmatch(r"[a-z0-9.-]+(:[0-9]+)?|\[[0-9a-f:.]+\](:[0-9]+)?", claims["signed_host"]))
        invalid_unless(not claims["signed_host"].endswith((":80", ":443")))
    if "signed_ip" in claims:
        claims["networks"] = [network(text) for text in claims["signed_ip"].split(",")]
    if "signed_id" in claims:
        invalid_unless(re.fullmatch("[!-~]{1,128}", claims["signed_id"]))
    if "signed_uses" in claims:
        claims["uses"] = number(claims["signed_uses"], 1, 1000000)
        invalid_unless("signed_id" in claims and claims["expires"] is not None)
    if "signed_ignore" in claims:
        names = claims["signed_ignore"].split(",")
        invalid_unless(len(names) <= 64 and all(re.fullmatch(r"[A-Za-z0-9._~-]+\*?", p) for p in names))
    if "signed_as" in claims:
        deceptive = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
        invalid_unless(not re.search("[/\\\\%s]" % deceptive, claims["signed_as"]) and claims["signed_as"] not in (".", ".."))
    if "signed_inline" in claims:
        invalid_unless(claims["signed_inline"] == "1" and "signed_as" in claims)
    if "signed_type" in claims:
        invalid_unless(re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w-]+)*", claims["signed_type"], re.ASCII))
    if "signed_max" in claims:
        number(claims["signed_max"], 1, MAX_BYTES)
    if "signed_sum" in claims:
        algorithm, _, digest = claims["signed_sum"].partition(":")
        digest = b64decode(digest)
        invalid_unless(algorithm == "sha-256" and digest is not None and len(digest) == 32 and any(digest))
    if "signed_accept" in claims:
        types, name = claims["signed_accept"].split(","), r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
        invalid_unless(len(types) <= 64)
        invalid_unless(all(re.fullmatch(r"(image|audio|video|font)/\*|%s/%s" % (name, name), t) for t in types))
    if "signed_replace" in claims:
        invalid_unless(claims["signed_replace"] == "1")
    return claims


def number(text, least, most):
    invalid_unless(re.fullmatch(r"0|[1-9][0-9]{0,15}", text, re.ASCII))
    invalid_unless(least <= int(text) <= most)
    return int(text)


def network(text):
    invalid_unless(re.fullmatch(r"[0-9a-fA-F.:]+(/(0|[1-9][0-9]*))?", text, re.ASCII))
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise Refused("invalid")


def check(r, claims, steps):
    """Holds the claims of an authentic link and of its steps against the request."""
    hold(r, claims, claims.get("methods", ["GET"]))
    for step in steps:
        hold(r, step, step.get("methods", [r.method]))
    # Policy and stores look at the link without its steps.
    if claims["expires"] is None and not r.allow_permanent:
        raise Refused("not_allowed")
    if claims["expires"] is not None and r.max_lifetime is not None and claims["expires"] - r.now > r.max_lifetime + r.leeway:
        raise Refused("not_allowed")
    if claims.get("signed_id") in r.revoked:
        raise Refused("revoked")
    if "uses" in claims and r.method != "HEAD" and (r.used or {}).get(claims["signed_id"], 0) >= claims["uses"]:
        raise Refused("used_up")


def hold(r, part, methods):
    """Holds what a link and a step have in common against the request."""
    if part.get("expires") is not None and r.now >= part["expires"] + r.leeway:
        raise Refused("expired")
    if r.now + r.leeway < part.get("from", 0):
        raise Refused("not_yet")
    if not (r.method in methods or r.method == "HEAD" and "GET" in methods):
        raise Refused("not_allowed")
    if "signed_host" in part and plain_host(r) != part["signed_host"]:
        raise Refused("not_allowed")
    if "networks" in part and not any(address(r) in net for net in part["networks"]):
        raise Refused("not_allowed")
    if UPLOAD & part.keys() and not r.enforces_uploads:
        raise Refused("not_allowed")


def plain_host(r):
    host = "".join(c.lower() if c.isascii() else c for c in r.host)
    return re.sub(":(443|80)?$", "", host)


def address(r):
    host = r.remote.rpartition(":")[0].strip("[]")
    try:
        addr = ipaddress.ip_address(host)
    except ValueError:
        raise Refused("not_allowed")
    return getattr(addr, "ipv4_mapped", None) or addr


# --- Ed25519 (RFC 8032), on points in extended coordinates (X, Y, Z, T) --------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
NEUTRAL = (0, 1, 1, 0)


def point_add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_multiply(n, p):
    result = NEUTRAL
    while n:
        if n & 1:
            result = point_add(result, p)
        p, n = point_add(p, p), n >> 1
    return result


def point_encode(p):
    z = pow(p[2], -1, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point_decode(data):
    """Returns the point, or None. Like most implementations, and unlike the
    RFC, it takes y modulo P."""
    n = int.from_bytes(data, "little")
    y, sign = n % 2**255 % P, n >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    if x & 1 != sign:
        x = -x % P
    return x, y, 1, x * y % P


BASE = point_decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def low_order():
    """The 14 encodings of the 8 points whose order divides the cofactor, the
    ones with y not below P and the ones with the sign of zero included."""
    start = next(p for p in (point_decode(bytes([i]) + bytes(31)) for i in range(2, 99))
                 if p and point_encode(point_multiply(4 * ORDER, p)) != point_encode(NEUTRAL))
    found = set()
    for i in range(8):
        n = int.from_bytes(point_encode(point_multiply(i * ORDER, start)), "little")
        y, sign = n % 2**255, n >> 255
        signs = (0, 1) if y in (1, P - 1) else (sign,)
        for spelling in (y, y + P):
            if spelling < 2**255:
                found.update((spelling | s << 255).to_bytes(32, "little") for s in signs)
    return sorted(found)


LOW_ORDER = low_order()


def ed25519_expand(seed):
    h = hashlib.sha512(seed).digest()
    return int.from_bytes(h[:32], "little") & (1 << 254) - 8 | 1 << 254, h[32:]


def ed25519_hash(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def ed25519_public(seed):
    return point_encode(point_multiply(ed25519_expand(seed)[0], BASE))


def ed25519_sign(seed, message):
    scalar, prefix = ed25519_expand(seed)
    public = ed25519_public(seed)
    nonce = ed25519_hash(prefix, message)
    commitment = point_encode(point_multiply(nonce, BASE))
    s = (nonce + ed25519_hash(commitment, public, message) * scalar) % ORDER
    return commitment + s.to_bytes(32, "little")


def ed25519_verify(public, message, signature):
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER:
        return False
    k = ed25519_hash(signature[:32], public, message)
    minus = point_decode(public)
    minus = (-minus[0] % P, minus[1], 1, -minus[3] % P)
    return point_encode(point_add(point_multiply(s, BASE), point_multiply(k, minus))) == signature[:32]
