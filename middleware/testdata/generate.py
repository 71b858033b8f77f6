#!/usr/bin/env python3
"""Makes the test vectors in vectors/, or in the folder that is given.

Each vector() below is one file. It says what the decision must be, and
signedurl.py, which knows nothing of the Go code, must come to the same. Equal
runs make equal files.
"""

import base64
import hashlib
import hmac
import os
import sys

sys.dont_write_bytecode = True
import signedurl  # noqa: E402
from signedurl import Key, escape, parse_pairs_lax, reserved, sign_lax  # noqa: E402

NOW = 1767222000  # an hour before END
END = 1767225600  # 2026-01-01T00:00:00Z


def throw_away(id, algorithm):
    return "%s:%s:%s" % (id, algorithm, signedurl.b64encode(hashlib.sha256(b"throw-away key " + id.encode()).digest()))


def public_half(text):
    key = Key(text)
    return key.id + ":ed25519-public:" + signedurl.b64encode(key.public)


MAC = throw_away("2026a", "hmac-sha256")
OLD = throw_away("2025b", "hmac-sha256")
CURVE = throw_away("2026e", "ed25519")
CURVE_OLD = throw_away("2025e", "ed25519")
KEYS = (MAC, OLD, CURVE, CURVE_OLD)

CARD = "/files/kyc/card.jpg?expires_at=1767225600&signed_by=2026a"
PAGE = "/files/scan.pdf?expires_at=1767225600&page=2&signed_by=2026a&size=large"
TREE = "expires_at=1767225600&signed_by=2026a&signed_under=%2Ffiles%2Fkyc%2F42%2F"

files = {}


def vector(name, comment, expect, target, alter=None, key=MAC, ring=None, binding=b"", signed=None, narrower=(), **setup):
    """Adds a vector. The target is signed with key, unless it has a signature
    or key is None, and then altered: one text in it replaced by another, or
    given to a function. narrower says what a narrower does, and of which link.
    What is in setup goes into signedurl.Request."""
    if key and signed is None:
        target, signed = sign_lax(target, Key(key), binding)
    if alter:
        target = replace(target, alter)
    ring = ring or [key or MAC]
    setup = dict({"now": NOW, "method": "GET", "host": "files.example.com"}, **setup)
    request = signedurl.Request(target, ring, **setup)
    reason, text = signedurl.decide(request)
    if reason != expect or expect not in ("invalid", "unsigned") and text != signed:
        sys.exit("%s: the decision is %s, want %s; signed %.500r, want %.500r" % (name, reason, expect, text, signed))

    lines = ["comment: " + comment, "expect: " + expect]
    lines += ["key: " + text for text in ring]
    signer = key or signed and expect == "accepted" and key_of(signed)
    if signer and signer != ring[0]:
        lines.append("signing-key: " + signer)
    for header, value in setup.items():
        header = header.replace("_", "-")
        if header == "cookies":
            lines += ["cookie: " + cookie for cookie in value]
        elif header == "bindings":
            lines += ["binding: %s=%s" % (n, escape(v)) for n, v in value.items()]
        elif header == "used":
            lines += ["used: %s=%d" % pair for pair in value.items()]
        elif header == "revoked":
            lines += ["revoked: " + id for id in value]
        else:
            lines.append("%s: %s" % (header, "yes" if value is True else value))
    lines.append("target: " + target)
    if narrower:
        lines += ["wider: " + narrower[1], "narrower: " + narrower[0]]
    elif expect == "accepted" and (resigned(target, key, binding) == target if key else resigned_cookie(signed, key_of(signed), setup)):
        lines.append("signer: makes this")
    if expect == "invalid" and target.startswith("/") and resigned(target, MAC, b"", plain=True) is None:
        lines.append("signer: refuses")
    if signed is not None:
        lines += texts(signed, signer or key_of(signed))
    add(name, lines)


def texts(signed, key):
    """The lines of a signed text and, if there are steps, of each text and MAC."""
    base, *steps = signed.split("\nsigned-narrow/1\n")
    lines = ["signed:"] + ["  |" + line for line in base.split("\n")]
    if steps:
        mac = signedurl.b64decode(Key(key).sign(base))
        lines.append("mac: " + mac.hex())
        for step in steps:
            mac = signedurl.step_mac(mac, step)
            lines += ["step:"] + ["  |" + line for line in signedurl.step_text(step).split("\n")] + ["mac: " + mac.hex()]
    return lines


def bad_keys(name, comment, *ring):
    """Adds a vector of keys that must not make a ring."""
    try:
        signedurl.ring(ring)
    except signedurl.BadKey:
        add(name, ["comment: " + comment, "expect: bad_keys"] + ["key: " + text for text in ring])
        return
    sys.exit(name + ": the keys are good")


def add(name, lines):
    if name in files:
        sys.exit(name + ": there are two of that name")
    files[name] = "\n".join(lines) + "\n"


def replace(text, alter):
    if callable(alter):
        if alter(text) == text:
            sys.exit("nothing is altered in %.300s" % text)
        return alter(text)
    if text.count(alter[0]) != 1:
        sys.exit("%r is not once in %r" % (alter[0], text))
    return text.replace(*alter)


def resigned(target, key, binding, plain=False):
    """What the signer makes of the path, parameters and claims of a target, or
    with plain of its path, parameters and an expiry. None if it refuses."""
    path, _, query = target.encode("utf-8", "surrogateescape").partition(b"?")
    pairs = query.split(b"&") if query else []
    own = [pair for pair in pairs if not reserved(pair.partition(b"=")[0])]
    claims = parse_pairs_lax(b"&".join(pair for pair in pairs if pair not in own))
    claims = {n.decode(): v.decode("utf-8", "surrogateescape") for n, v in claims if n not in (b"signature", b"signed_by")}
    try:
        params = signedurl.parse_pairs(b"&".join(own))
        return signedurl.sign(path, params, {"expires_at": str(END)} if plain else claims, Key(key), binding)
    except signedurl.Refused:
        return None


def resigned_cookie(signed, key, setup):
    """Whether the signer makes one of the cookies of the signed text."""
    claims = {n.decode(): v.decode() for n, v in parse_pairs_lax(signed.split("\n")[2].encode())}
    del claims["signed_by"]
    value = signedurl.sign_cookie(claims, Key(key), setup.get("bindings", {}).get(claims.get("signed_for"), b""))
    return any(value in cookie for cookie in setup["cookies"])


def key_of(signed):
    """The key that made a cookie of the signed text."""
    by = dict(parse_pairs_lax(signed.split("\n")[2].encode()))[b"signed_by"].decode()
    return next(key for key in KEYS if Key(key).id == by)


def append(text):
    return lambda link: link + text


def resign(f):
    """Changes the signature, the last parameter, by a function."""
    def alter(link):
        head, equals, signature = link.rpartition("signature=")
        return head + equals + f(signature)
    return alter


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def stray(signature):
    """Sets the lowest bit, which no byte uses."""
    return signature[:-1] + ALPHABET[ALPHABET.index(signature[-1]) + 1]


def seconds(n):
    return CARD.replace("1767225600", str(n))


def with_path(path):
    return CARD.replace("/files/kyc/card.jpg", path)


def with_claim(name, value):
    return CARD + "&signed_" + name + "=" + value


def tree(path, *more):
    return path + "?" + "&".join((TREE,) + more)


def cookie(value, key=MAC, binding=b"", path="/files/kyc/42/front.jpg"):
    link, text = sign_lax(path + "?" + value, Key(key), binding, "signed-cookie/1")
    return link.partition("?")[2], text


def limited(claim):
    """The parameters of a cookie with one more, where the signer writes it."""
    return "&".join(sorted([claim] + TREE.split("&")))


def cookie_vector(name, comment, expect, values, target="/files/kyc/42/front.jpg", winner=None, **setup):
    """Adds a vector whose request has cookies of the given values, each
    signed. winner says whose text is shown, which is else the first's."""
    made = [value if isinstance(value, tuple) else cookie(value) for value in values]
    header = "; ".join("docs=" + value for value, _ in made)
    setup = dict({"cookies": [header], "cookie_name": "docs", "signed": made[winner or 0][1]}, **setup)
    vector(name, comment, expect, target, key=None, **setup)


# --- links --------------------------------------------------------------------

vector("plain_link", "A link to one file.", "accepted", CARD)
vector("plain_link_to_the_root", "The shortest path.", "accepted", with_path("/"))
vector("plain_link_to_a_directory", "The last part of a path may be empty.", "accepted", with_path("/files/kyc/"))
vector("plain_link_with_application_parameters", "Whatever is in the query is signed.", "accepted", PAGE)
vector("plain_link_over_tls", "The scheme is not signed.", "accepted", CARD, tls=True)
vector("plain_link_on_another_host", "Nor is the host, unless a limit says so.", "accepted", CARD, host="mirror.example.org")
vector("link_over_ed25519", "A signature of 86 characters.", "accepted", CARD.replace("2026a", "2026e"), key=CURVE)
vector("link_over_ed25519_verified_with_the_public_half", "Who verifies need not be able to sign.", "accepted",
       CARD.replace("2026a", "2026e"), key=CURVE, ring=[public_half(CURVE)])
vector("link_over_ed25519_with_all_limits", "Nothing in the text depends on the algorithm.", "accepted",
       "/files/kyc/42/front.jpg?expires_at=1767225600&signed_as=front.jpg&signed_by=2026e&signed_for=session&signed_from=1767220000"
       "&signed_host=files.example.com&signed_id=case-42&signed_ignore=fbclid&signed_ip=192.0.2.0%2F24&signed_methods=GET"
       "&signed_type=image%2Fjpeg&signed_under=%2Ffiles%2Fkyc%2F42%2F&signed_uses=3",
       key=CURVE, binding=b"s-1", bindings={"session": b"s-1"}, used={"case-42": 2})
vector("link_with_a_long_hmac_secret", "HMAC hashes a secret that is longer than a block of 64 bytes.", "accepted",
       CARD.replace("2026a", "long"), key="long:hmac-sha256:" + signedurl.b64encode(bytes(range(100))))
vector("link_with_every_character_of_a_key_id", "An id may have 64 characters of these.", "accepted",
       CARD.replace("2026a", "09.AZ_az-" + "x" * 55), key=throw_away("09.AZ_az-" + "x" * 55, "hmac-sha256"))

vector("altered_path", "The link of one file does not open another.", "invalid", CARD, ("card", "cars"))
vector("altered_case_of_the_path", "Paths are compared byte for byte.", "invalid", CARD, ("/files", "/Files"))
vector("altered_by_a_slash_at_the_end", "This is another path.", "invalid", CARD, ("card.jpg", "card.jpg/"))
vector("altered_expiry", "Nobody prolongs a link.", "invalid", CARD, ("1767225600", "1767225601"))
vector("altered_parameter", "The application's parameters are signed.", "invalid", PAGE, ("page=2", "page=3"))
vector("altered_by_a_parameter_more", "The application's parameters are signed.", "invalid", PAGE, append("&debug=1"))
vector("altered_by_a_parameter_less", "The application's parameters are signed.", "invalid", PAGE, ("&size=large", ""))
vector("altered_name_of_a_parameter", "The application's parameters are signed.", "invalid", PAGE, ("size=", "Size="))
vector("altered_border_of_name_and_value", "An encoded = is no border.", "invalid", PAGE, ("page=2", "page%3D2"))
vector("altered_border_of_two_parameters", "An encoded & is no border.", "invalid", PAGE, ("large", "large%26x=1"))
vector("altered_border_of_path_and_query", "An encoded question mark is no border.", "invalid",
       "/files/a%3Fb=1?expires_at=1767225600&signed_by=2026a", lambda t: t.replace("?", "&").replace("%3F", "?"))
vector("altered_by_a_second_parameter_of_the_name", "A reader may take the first or the last.", "invalid", PAGE, append("&page=3"))
vector("altered_by_an_added_limit", "Nobody adds a limit either.", "invalid", CARD, append("&signed_methods=PUT"))
vector("altered_by_a_removed_limit", "Nobody takes a limit off.", "invalid", with_claim("methods", "HEAD"), ("&signed_methods=HEAD", ""),
       method="GET")

vector("unsigned_path", "Nothing is signed here.", "unsigned", "/files/kyc/card.jpg", key=None)
vector("unsigned_with_application_parameters", "None of these is reserved.", "unsigned", "/files/kyc/card.jpg?page=2&expires=1", key=None)
vector("unsigned_with_names_in_upper_case", "Names are compared byte for byte: these are the application's.", "unsigned",
       "/files/kyc/card.jpg?Expires_at=1767225600&SIGNATURE=x&Signed_by=2026a", key=None)
vector("signature_missing", "A link without a signature.", "invalid", CARD, key=None)
vector("signature_alone", "A signature of nothing.", "invalid", CARD, lambda t: "/files/kyc/card.jpg?" + t.rpartition("&")[2])
vector("expiry_missing", "A link that says nothing of its end is not one that never ends.", "invalid", "/files/kyc/card.jpg?signed_by=2026a")
vector("expiry_missing_in_an_unsigned_link", "One reserved name is enough to be taken for a link.", "invalid",
       "/files/kyc/card.jpg?signed_by=2026a", key=None)

# --- keys of a link -----------------------------------------------------------

vector("key_second_in_the_ring", "After a change of keys, links of the old one work on.", "accepted", CARD.replace("2026a", "2025b"),
       key=OLD, ring=[MAC, OLD])
vector("key_second_of_another_algorithm", "A ring may mix algorithms.", "accepted", CARD, ring=[public_half(CURVE), MAC])
vector("key_taken_out_of_the_ring", "A retired key opens nothing.", "invalid", CARD.replace("2026a", "2025b"), key=OLD, ring=[MAC])
vector("key_unknown", "No key has this id.", "invalid", CARD.replace("2026a", "2027c"))
vector("key_id_in_another_case", "Ids are compared byte for byte.", "invalid", CARD.replace("2026a", "2026A"))
vector("key_missing", "Nothing is tried with a key that was not named.", "invalid", "/files/kyc/card.jpg?expires_at=1767225600")
vector("key_empty", "A reserved parameter is never empty.", "invalid", CARD.replace("2026a", ""))
vector("key_id_with_a_space", "This is no id.", "invalid", CARD.replace("2026a", "2026a%20"))
vector("key_id_of_65_characters", "This is no id.", "invalid", CARD.replace("2026a", "x" * 65))
vector("key_changed_to_another_of_the_ring", "The id of the key is signed.", "invalid", CARD, ("=2026a", "=2025b"), ring=[MAC, OLD])
vector("key_of_another_ring_with_the_same_id", "The id alone opens nothing.", "invalid", CARD,
       key=MAC, ring=["2026a:hmac-sha256:" + OLD.split(":")[2]])
vector("key_public_half_used_as_an_hmac_secret", "The algorithm belongs to the key: a public key is known to all.", "invalid",
       CARD.replace("2026a", "2026e"), key="2026e:hmac-sha256:" + public_half(CURVE).split(":")[2], ring=[public_half(CURVE)])
vector("key_for_hmac_given_an_ed25519_signature", "The algorithm belongs to the key.", "invalid", CARD,
       key="2026a:ed25519:" + CURVE.split(":")[2], ring=[MAC])
vector("key_of_another_ed25519_pair", "The signature of a stranger.", "invalid", CARD.replace("2026a", "2026e"),
       key="2026e:ed25519:" + CURVE_OLD.split(":")[2], ring=[public_half(CURVE)])

# --- spellings of the signature -----------------------------------------------

vector("signature_empty", "A reserved parameter is never empty.", "invalid", CARD + "&signature=", key=None)
vector("signature_without_equals", "A reserved parameter is never empty.", "invalid", CARD + "&signature", key=None)
vector("signature_of_another_link", "A signature is good for one text.", "invalid", CARD,
       resign(lambda s: sign_lax(PAGE, Key(MAC))[0].rpartition("=")[2]))
vector("signature_of_another_key", "A signature is good for one key.", "invalid", CARD, key=OLD, ring=[MAC])
vector("signature_with_the_first_bit_flipped", "All bits count.", "invalid", CARD, resign(lambda s: ALPHABET[ALPHABET.index(s[0]) ^ 32] + s[1:]))
vector("signature_with_the_last_bit_flipped", "All bits count.", "invalid", CARD, resign(lambda s: s[:-1] + ALPHABET[ALPHABET.index(s[-1]) ^ 4]))
vector("signature_with_a_stray_bit", "The lowest two bits of the last character stand for nothing and are zero.", "invalid", CARD, resign(stray))
vector("signature_over_ed25519_with_a_stray_bit", "The lowest four bits of the last character are zero.", "invalid",
       CARD.replace("2026a", "2026e"), resign(stray), key=CURVE)
vector("signature_padded", "There is no padding.", "invalid", CARD, append("="))
vector("signature_padded_in_escapes", "There is no padding.", "invalid", CARD, append("%3D"))
vector("signature_with_a_line_feed", "Many decoders skip line breaks.", "invalid", CARD, resign(lambda s: s[:20] + "%0A" + s[20:]))
vector("signature_with_a_line_feed_at_the_end", "Many decoders skip line breaks.", "invalid", CARD, append("%0A"))
vector("signature_with_a_carriage_return", "Many decoders skip line breaks.", "invalid", CARD, append("%0D%0A"))
vector("signature_with_a_space", "Some decoders skip spaces.", "invalid", CARD, append("+"))
vector("signature_with_a_null_byte", "Some comparisons end there.", "invalid", CARD, append("%00"))
SPECIAL = next(t for t in (seconds(END + i) for i in range(999))
               if {"-", "_"} <= set(sign_lax(t, Key(MAC))[0].rpartition("signature=")[2]))
vector("signature_with_both_special_characters", "The alphabet of base64url has - and _.", "accepted", SPECIAL)
vector("signature_in_the_standard_alphabet", "The alphabet is that of base64url.", "invalid", SPECIAL,
       resign(lambda s: s.replace("-", "%2B").replace("_", "%2F")))
vector("signature_in_the_standard_alphabet_raw", "The alphabet is that of base64url.", "invalid", SPECIAL,
       resign(lambda s: s.replace("-", "+").replace("_", "/")))
vector("signature_in_upper_case", "Case counts.", "invalid", CARD, resign(str.upper))
vector("signature_in_lower_case", "Case counts.", "invalid", CARD, resign(str.lower))
vector("signature_in_hexadecimal", "The same bytes in another spelling.", "invalid", CARD,
       resign(lambda s: base64.urlsafe_b64decode(s + "=").hex()))
vector("signature_a_character_short", "All of it is needed.", "invalid", CARD, resign(lambda s: s[:-1]))
vector("signature_of_16_bytes", "A truncated MAC is not accepted.", "invalid", CARD,
       resign(lambda s: signedurl.b64encode(base64.urlsafe_b64decode(s + "=")[:16])))
vector("signature_of_one_character", "This would match by luck once in 64 times.", "invalid", CARD, resign(lambda s: s[:1]))
vector("signature_with_characters_behind", "Nothing may follow.", "invalid", CARD, append("AAAA"))
vector("signature_over_ed25519_cut_to_32_bytes", "86 characters, not 43.", "invalid", CARD.replace("2026a", "2026e"),
       resign(lambda s: signedurl.b64encode(base64.urlsafe_b64decode(s + "==")[:32])), key=CURVE)


def add_order(s):
    raw = base64.urlsafe_b64decode(s + "==")
    n = int.from_bytes(raw[32:], "little") + signedurl.ORDER
    return signedurl.b64encode(raw[:32] + n.to_bytes(32, "little"))


vector("signature_over_ed25519_with_s_not_reduced", "S is below the order of the group (RFC 8032, section 5.1.7).", "invalid",
       CARD.replace("2026a", "2026e"), resign(add_order), key=CURVE)
vector("signature_first_in_the_query", "A harmless re-spelling: the order of names is not signed.", "accepted", CARD,
       lambda t: "?".join((t.partition("?")[0], "&".join(reversed(t.partition("?")[2].split("&"))))))
vector("signature_before_other_parameters", "A harmless re-spelling: the order of names is not signed.", "accepted", CARD + "&zoom=2",
       lambda t: t.replace("&zoom=2", "") + "&zoom=2")
vector("signature_with_an_escaped_character", "The one value that is not decoded: it has one spelling.", "invalid", CARD,
       resign(lambda s: "%%%02X" % ord(s[0]) + s[1:]))
vector("signature_twice", "Which one would be meant?", "invalid", CARD, lambda t: t + "&" + t.rpartition("&")[2])

# --- numbers ------------------------------------------------------------------

vector("number_with_a_leading_zero", "Numbers have one spelling.", "invalid", seconds("01767225600"))
vector("number_with_a_plus", "Numbers have one spelling.", "invalid", seconds("%2B1767225600"))
vector("number_with_a_minus", "Numbers have no sign.", "invalid", seconds("-1767225600"))
vector("number_with_a_space_before", "Numbers have one spelling; + is a space.", "invalid", seconds("+1767225600"))
vector("number_with_a_line_feed_behind", "Numbers have one spelling.", "invalid", seconds("1767225600%0A"))
vector("number_with_a_fraction", "Numbers are whole.", "invalid", seconds("1767225600.0"))
vector("number_with_an_exponent", "Numbers are decimal digits.", "invalid", seconds("1e11"))
vector("number_in_hexadecimal", "Numbers are decimal digits.", "invalid", seconds("0x69559B80"))
vector("number_with_an_underscore", "Numbers are decimal digits.", "invalid", seconds("1_767_225_600"))
vector("number_in_arabic_indic_digits", "Numbers are ASCII digits.", "invalid",
       seconds(escape("".join(chr(0x660 + int(d)) for d in "1767225600").encode())))
vector("number_that_overflows_64_bits", "2 to the 64th and an hour to come.", "invalid", seconds(2**64 + END))
vector("number_of_the_largest_63_bits", "A parser that stops at the largest number makes this of any longer one.", "invalid", seconds(2**63 - 1))
vector("number_of_a_thousand_digits", "Far too long.", "invalid", seconds("9" * 1000))
vector("number_in_milliseconds", "This is the year 57970.", "invalid", seconds(END * 1000))
vector("number_of_the_last_second_of_the_year_9999", "The largest number.", "accepted", seconds(253402300799))
vector("number_of_the_year_10000", "One second later.", "invalid", seconds(253402300800))
vector("number_zero", "The epoch: a number, and long ago.", "expired", seconds(0))
vector("number_of_double_zero", "A leading zero.", "invalid", seconds("00"))

# --- paths --------------------------------------------------------------------

for name, comment, path in [
    ("percent_encoded", "A space and a percent sign as the signer writes them.", "/files/a%20b%25c.txt"),
    ("in_utf8", "UTF-8 as the signer writes it.", "/files/B%C3%BCro%E2%82%AC.pdf"),
    ("not_in_utf8", "Paths are bytes.", "/files/%FF%FE"),
    ("of_overlong_utf8", "Paths are bytes; these are no dots and no slash.", "/files/%C0%AE%C0%AE%C0%AF"),
    ("with_an_encoded_slash", "An encoded slash stays one and is no border of segments.", "/files/a%2Fb.txt"),
    ("with_an_encoded_slash_at_the_end", "The last part may be empty.", "/files/a%2F"),
    ("with_an_encoded_backslash", "A backslash, between parts that are no dots.", "/files/a%5Cb.txt"),
    ("with_an_encoded_semicolon", "As the signer writes it.", "/files/a%3Bb.txt"),
    ("with_a_plus", "In a path + is a plus.", "/files/a%2Bb.txt"),
    ("decoded_once", "%252E is the text %2E and no dot.", "/files/%252E%252E/x"),
    ("decoded_once_to_a_slash", "%252F is the text %2F and no slash.", "/files/..%252Fx"),
    ("with_unreserved_characters", "These are never encoded.", "/files/AZaz09-._~"),
    ("with_three_dots", "Not a dot segment.", "/files/.../x"),
    ("with_a_hidden_file", "Not a dot segment.", "/files/.hidden"),
    ("with_dots_inside", "Not dot segments.", "/files/a..b/c./..d"),
    ("with_a_semicolon_before_dots", "Not a dot segment to any server.", "/files/a%3B../x"),
    ("with_three_dots_and_a_semicolon", "Not a dot segment.", "/files/...%3B/x"),
    ("with_dots_and_a_space", "Not a dot segment.", "/files/..%20/x"),
    ("with_c1_control_bytes", "Bytes from 80 up are no control bytes here.", "/files/%80%9F"),
    ("with_a_quote_and_angles", "These are always encoded.", "/files/%22%3C%3E%5E%60%7B%7C%7D"),
]:
    vector("path_" + name, comment, "accepted", with_path(path))

for name, comment, path, spelled in [
    ("escapes_in_lower_case", "A harmless re-spelling.", "/files/B%C3%BCro.pdf", "/files/B%c3%bcro.pdf"),
    ("escapes_of_unreserved_characters", "A harmless re-spelling.", "/files/card~1.jpg", "/%66iles/card%7E1%2ejpg"),
    ("raw_reserved_characters", "A harmless re-spelling: these mean nothing in a path.",
     "/files/a%21%24%26%27%28%29%2A%2B%2C%3D%3A%40", "/files/a!$&'()*+,=:@"),
    ("raw_utf8", "A harmless re-spelling, which some clients send.", "/files/B%C3%BCro.pdf", "/files/B\u00fcro.pdf"),
    ("raw_quote_and_angles", "A harmless re-spelling, which some clients send.", "/files/%22%3C%3E%5E%60%7B%7C%7D", "/files/\"<>^`{|}"),
    ("raw_backslash", "A harmless re-spelling.", "/files/a%5Cb", "/files/a\\b"),
    ("encoded_slash_in_lower_case", "A harmless re-spelling.", "/files/a%2Fb", "/files/a%2fb"),
]:
    vector("path_respelled_" + name, comment, "accepted", with_path(path), (path, spelled))

vector("path_respelled_raw_semicolon", "Some servers cut a part at a raw semicolon.", "invalid", with_path("/files/a%3Bb"), ("/files/a%3Bb", "/files/a;b"))
vector("path_respelled_raw_semicolon_at_the_end", "Some servers open a.txt for it.", "invalid", with_path("/files/a.txt%3B"), ("/files/a.txt%3B", "/files/a.txt;"))

for name, comment, path in [
    ("dot_dot", "What is served is another path.", "/files/alice/../bob/card.jpg"),
    ("dot_dot_in_escapes", "Decoding comes before looking.", "/files/alice/%2e%2e/bob/card.jpg"),
    ("dot_dot_in_upper_case_escapes", "Decoding comes before looking.", "/files/alice/%2E%2E/bob/card.jpg"),
    ("dot_dot_half_in_escapes", "Decoding comes before looking.", "/files/alice/.%2e/bob/card.jpg"),
    ("dot_dot_other_half_in_escapes", "Decoding comes before looking.", "/files/alice/%2E./bob/card.jpg"),
    ("dot_dot_behind_an_encoded_slash", "A file server opens bob's card.", "/files/alice%2F../bob/card.jpg"),
    ("dot_dot_before_an_encoded_slash", "The raw segment is neither . nor .. but a file server opens bob's card.", "/files/alice/..%2Fbob/card.jpg"),
    ("dot_dot_between_encoded_slashes", "All is in one raw segment.", "/files/alice%2f%2e%2e%2fbob/card.jpg"),
    ("dot_dot_behind_a_backslash", "To some readers a backslash is a slash.", "/files/alice\\..\\bob\\card.jpg"),
    ("dot_dot_behind_an_encoded_backslash", "To some readers a backslash is a slash.", "/files/alice%5C..%5Cbob%5Ccard.jpg"),
    ("dot_dot_between_slash_and_backslash", "Either is a border.", "/files/alice/..%5cbob/card.jpg"),
    ("dot_dot_at_the_start", "Above the root.", "/../files/card.jpg"),
    ("dot_dot_at_the_end", "This is the parent.", "/files/alice/.."),
    ("dot_dot_in_escapes_at_the_end", "This is the parent.", "/files/alice/%2e%2e"),
    ("dot_dot_alone", "Above the root.", "/.."),
    ("dot", "Servers take it out.", "/files/./card.jpg"),
    ("dot_in_escapes", "Servers take it out.", "/files/%2e/card.jpg"),
    ("dot_behind_an_encoded_slash", "Servers take it out.", "/files%2F./card.jpg"),
    ("dot_behind_a_backslash", "Some readers take it out.", "/files\\.\\card.jpg"),
    ("dot_behind_an_encoded_backslash", "Some readers take it out.", "/files%5C.%5Ccard.jpg"),
    ("dot_at_the_end", "Servers take it out.", "/files/."),
    ("empty_part", "Servers take one slash out.", "/files//card.jpg"),
    ("empty_part_at_the_start", "This may be a host.", "//files/card.jpg"),
    ("empty_part_at_the_end", "The part before the last is empty.", "/files/kyc//"),
    ("empty_part_between_encoded_slashes", "Servers take one slash out.", "/files/kyc%2F%2Fcard.jpg"),
    ("empty_part_behind_a_slash", "Servers take one slash out.", "/files/%2Fcard.jpg"),
    ("empty_part_before_a_slash", "Servers take one slash out.", "/files%2F/card.jpg"),
    ("empty_part_between_backslashes", "Some readers take one out.", "/files\\\\card.jpg"),
    ("empty_part_between_encoded_backslashes", "Some readers take one out.", "/files%5C%5Ccard.jpg"),
    ("empty_part_of_slash_and_backslash", "Some readers take one out.", "/files/%5Ccard.jpg"),
    ("empty_part_of_backslash_at_the_start", "This may be a host.", "/\\files/card.jpg"),
    ("dot_dot_before_a_semicolon", "A servlet container opens bob's card.", "/files/alice/..;/bob/card.jpg"),
    ("dot_dot_before_an_encoded_semicolon", "Behind a proxy that decodes, a servlet container opens bob's card.", "/files/alice/..%3B/bob/card.jpg"),
    ("dot_dot_before_a_path_parameter", "A servlet container opens bob's card.", "/files/alice/..;a=b/bob/card.jpg"),
    ("dot_dot_in_escapes_before_a_semicolon", "A servlet container opens bob's card.", "/files/alice/%2e%2E;/bob/card.jpg"),
    ("dot_dot_before_two_semicolons", "It is judged without all from the first one on.", "/files/alice/..%3B%3B/bob/card.jpg"),
    ("dot_dot_before_a_semicolon_at_the_end", "This is the parent.", "/files/alice/..%3B"),
    ("dot_before_a_semicolon", "A servlet container takes it out.", "/files/.;/card.jpg"),
    ("null_byte", "To some readers the name ends there.", "/files/card.jpg%00.txt"),
    ("line_feed", "A control byte.", "/files/card%0A.jpg"),
    ("carriage_return", "A control byte.", "/files/card%0D.jpg"),
    ("tabulator", "A control byte.", "/files/card%09.jpg"),
    ("byte_1f", "The last of the control bytes.", "/files/card%1F.jpg"),
    ("byte_7f", "A control byte.", "/files/card%7F.jpg"),
    ("invalid_escape", "These are no hexadecimal digits.", "/files/%zzcard.jpg"),
    ("invalid_escape_half", "One digit is missing.", "/files/card%2"),
    ("invalid_escape_percent_alone", "Both digits are missing.", "/files/100%"),
    ("invalid_escape_of_utf_16", "Some old readers know %u.", "/files/%u002e%u002e/card.jpg"),
]:
    vector("path_" + name, comment, "invalid", with_path(path))

vector("path_slash_was_encoded", "An encoded slash is another path than a raw one.", "invalid", with_path("/files/kyc/card.jpg"),
       ("kyc/card", "kyc%2Fcard"))
vector("path_slash_was_decoded", "A raw slash is another path than an encoded one.", "invalid", with_path("/files/kyc%2Fcard.jpg"),
       ("kyc%2Fcard", "kyc/card"))
vector("path_plus_was_a_space", "In a path + is no space.", "invalid", with_path("/files/a%20b"), ("a%20b", "a+b"))
vector("path_decoded_twice", "%2520 is the text %20.", "invalid", with_path("/files/a%2520b"), ("%2520", "%20"))
vector("path_in_absolute_form", "Servers must take it; path and query decide.", "accepted", CARD, lambda t: "http://files.example.com" + t)
vector("path_in_absolute_form_over_https", "Servers must take it; path and query decide.", "accepted", CARD, lambda t: "https://files.example.com:443" + t)
vector("path_in_absolute_form_of_a_user", "User information is not taken.", "invalid", CARD, lambda t: "http://me@files.example.com" + t)
vector("path_in_absolute_form_of_another_scheme", "There is no such scheme here.", "invalid", CARD, lambda t: "ftp://files.example.com" + t)
vector("path_without_a_slash", "An asterisk is a target, and no path.", "invalid", CARD, lambda t: "*", method="OPTIONS")



def of_length(n, target):
    """Makes the one Z as many as the signed target needs for n bytes."""
    return target.replace("Z", "Z" * (1 + n - len(target) - len("&signature=") - 43))


vector("target_of_8192_bytes", "The longest.", "accepted", of_length(8192, with_path("/files/Z")))
vector("target_of_8193_bytes", "One too many.", "invalid", of_length(8193, with_path("/files/Z")))
vector("target_of_8192_bytes_in_the_query", "The longest.", "accepted", of_length(8192, CARD.replace("at=1767225600", "at=1767225600&page=Z")))
vector("target_of_8193_bytes_in_the_query", "One too many.", "invalid", of_length(8193, CARD.replace("at=1767225600", "at=1767225600&page=Z")))
vector("target_of_8193_bytes_and_fewer_when_decoded", "The bytes that were sent are counted.", "invalid", of_length(8191, with_path("/files/Z")),
       ("/files", "/%66iles"))

# --- queries ------------------------------------------------------------------

for name, comment, query in [
    ("with_two_of_a_name", "They stay in the order they came.", "a=2&a=1&expires_at=1767225600&signed_by=2026a"),
    ("with_an_empty_value", "Only reserved parameters need one.", "expires_at=1767225600&page=&signed_by=2026a"),
    ("with_an_encoded_semicolon", "An encoded semicolon is a character like others.", "expires_at=1767225600&q=a%3Bb&signed_by=2026a"),
    ("with_encoded_borders", "These are characters of name and value.", "a%26b%3Dc=d%26e%3Df&expires_at=1767225600&signed_by=2026a"),
    ("with_a_line_feed", "It stays encoded in the signed text, which has lines.", "expires_at=1767225600&note=a%0Ab&signed_by=2026a"),
    ("with_a_null_byte", "Values are the application's.", "expires_at=1767225600&note=%00&signed_by=2026a"),
    ("with_dot_dot", "A value is no path.", "expires_at=1767225600&signed_by=2026a&to=..%2F.."),
    ("in_utf8", "Names and values are bytes.", "expires_at=1767225600&na%C3%AFve=%E2%82%AC&signed_by=2026a"),
    ("not_in_utf8", "Names and values are bytes.", "expires_at=1767225600&q=%FF&signed_by=2026a"),
    ("sorted_by_encoded_names", "%C3 comes before A, and A before a.", "%C3%A9=1&A=2&a=3&expires_at=1767225600&signed_by=2026a&z=4"),
    ("sorted_by_names_of_which_one_begins_another", "A name comes before a longer one.",
     "a=1&a-b=2&a.b=3&aa=4&expires_at=1767225600&signed_by=2026a"),
    ("with_names_behind_signature", "signature stays last where the signer writes it.", "expires_at=1767225600&signed_by=2026a&zoom=2"),
    ("with_names_that_look_reserved", "None of these is.",
     "Signature=1&expires=2&expires_at=1767225600&signatures=3&signed=4&signed-by=5&signed_by=2026a"),
]:
    vector("query_" + name, comment, "accepted", "/files/list?" + query)

for name, comment, query, alter in [
    ("other_order_of_names", "A harmless re-spelling.", "a=1&b=2&expires_at=1767225600&signed_by=2026a", ("a=1&b=2", "b=2&a=1")),
    ("pairs_of_two_names_interleaved", "A harmless re-spelling: only pairs of one name keep their order.",
     "a=1&a=2&b=3&expires_at=1767225600&signed_by=2026a", ("a=1&a=2&b=3", "a=1&b=3&a=2")),
    ("plus_for_a_space", "A harmless re-spelling.", "expires_at=1767225600&q=a%20b&signed_by=2026a", ("a%20b", "a+b")),
    ("plus_for_a_space_in_a_name", "A harmless re-spelling.", "a%20b=1&expires_at=1767225600&signed_by=2026a", ("a%20b", "a+b")),
    ("escapes_in_lower_case", "A harmless re-spelling.", "expires_at=1767225600&q=%C3%A9&signed_by=2026a", ("%C3%A9", "%c3%a9")),
    ("second_digits_in_lower_case", "A harmless re-spelling.", "expires_at=1767225600&q=%2F&signed_by=2026a", ("%2F", "%2f")),
    ("many_pairs_of_two_names_interleaved", "A harmless re-spelling: a sort that is not stable would show.",
     "&".join("%s=%d" % (name, i) for name in "ab" for i in range(30)) + "&expires_at=1767225600&signed_by=2026a",
     ("&".join("%s=%d" % (name, i) for name in "ab" for i in range(30)), "&".join("b=%d&a=%d" % (i, i) for i in range(30)))),
    ("escapes_of_unreserved_characters", "A harmless re-spelling.", "expires_at=1767225600&name=a~b&signed_by=2026a", ("name=a~b", "n%61me=%61%7Eb")),
    ("raw_reserved_characters", "A harmless re-spelling: none of these is a border in a query.",
     "expires_at=1767225600&q=%2F%3F%3A%40%21%24%27%28%29%2A%2C%5B%5D%3D&signed_by=2026a",
     ("%2F%3F%3A%40%21%24%27%28%29%2A%2C%5B%5D%3D", "/?:@!$'()*,[]=")),
    ("raw_utf8", "A harmless re-spelling, which some clients send.", "expires_at=1767225600&q=%C3%BC&signed_by=2026a", ("%C3%BC", "\u00fc")),
    ("no_equals_for_an_empty_value", "A harmless re-spelling.", "download=&expires_at=1767225600&signed_by=2026a", ("download=", "download")),
    ("escapes_in_values_of_reserved_names", "A harmless re-spelling: only the names are spelled literally.",
     "expires_at=1767225600&signed_by=2026a", ("=1767225600&signed_by=2026a", "=%31767225600&signed_by=%32026a")),
]:
    vector("query_respelled_" + name, comment, "accepted", "/files/list?" + query, alter)

for name, comment, query in [
    ("semicolon", "To some readers it is a border; Go's drops the pair.", "a=1;b=2&expires_at=1767225600&signed_by=2026a"),
    ("semicolon_in_a_name", "To some readers it is a border.", "a;b=2&expires_at=1767225600&signed_by=2026a"),
    ("semicolon_alone", "To some readers it is a border.", ";&expires_at=1767225600&signed_by=2026a"),
    ("semicolon_between_reserved_names", "To some readers it is a border.", "expires_at=1767225600;signed_by=2026a"),
    ("invalid_escape_in_a_value", "Go drops the pair for one reader and keeps it for another.", "a=%zz&expires_at=1767225600&signed_by=2026a"),
    ("invalid_escape_in_a_name", "Go drops the pair for one reader and keeps it for another.", "a%=1&expires_at=1767225600&signed_by=2026a"),
    ("invalid_escape_half", "One digit is missing.", "a=%2&expires_at=1767225600&signed_by=2026a"),
    ("invalid_escape_percent_alone", "Both digits are missing.", "a=100%&expires_at=1767225600&signed_by=2026a"),
    ("invalid_escape_of_utf_16", "Some old readers know %u.", "a=%u00e9&expires_at=1767225600&signed_by=2026a"),
    ("empty_pair", "Some readers skip it.", "a=1&&expires_at=1767225600&signed_by=2026a"),
    ("empty_pair_at_the_start", "Some readers skip it.", "&expires_at=1767225600&signed_by=2026a"),
    ("empty_name", "Some readers skip it.", "=1&expires_at=1767225600&signed_by=2026a"),
    ("empty_name_and_value", "Some readers skip it.", "=&expires_at=1767225600&signed_by=2026a"),
    ("expiry_twice", "Which one would be meant?", "expires_at=1767225600&expires_at=1767225600&signed_by=2026a"),
    ("expiry_twice_and_different", "Which one would be meant?", "expires_at=1767225600&expires_at=1999999999&signed_by=2026a"),
    ("key_twice", "Which one would be meant?", "expires_at=1767225600&signed_by=2026a&signed_by=2026a"),
    ("limit_twice", "Which one would be meant?", "expires_at=1767225600&signed_by=2026a&signed_methods=GET&signed_methods=PUT"),
    ("expiry_not_literal", "A careless reader would not see that it is reserved.", "expires%5Fat=1767225600&signed_by=2026a"),
    ("expiry_not_literal_and_literal", "One name in two spellings.", "expires_at=1767225600&expires%5fat=1999999999&signed_by=2026a"),
    ("key_not_literal", "A careless reader would not see that it is reserved.", "expires_at=1767225600&%73igned_by=2026a"),
    ("limit_not_literal", "A careless reader would not see the limit.", "expires_at=1767225600&signed_by=2026a&signed%5fmethods=PUT"),
    ("unknown_reserved_name", "An old verifier must not pass over a new limit.", "expires_at=1767225600&signed_by=2026a&signed_region=eu"),
    ("unknown_reserved_name_not_literal", "An old verifier must not pass over a new limit.",
     "expires_at=1767225600&signed_by=2026a&%73igned_region=eu"),
    ("unknown_reserved_name_in_upper_case", "What follows signed_ is known byte for byte.", "expires_at=1767225600&signed_BY=x&signed_by=2026a"),
    ("unknown_reserved_name_of_the_prefix_alone", "It begins with signed_, too.", "expires_at=1767225600&signed_=1&signed_by=2026a"),
    ("empty_expiry", "A reserved parameter is never empty.", "expires_at=&signed_by=2026a"),
    ("empty_limit", "A reserved parameter is never empty.", "expires_at=1767225600&signed_by=2026a&signed_methods="),
    ("empty_limit_without_equals", "A reserved parameter is never empty.", "expires_at=1767225600&signed_by=2026a&signed_for"),
]:
    vector("query_" + name, comment, "invalid", "/files/list?" + query)

vector("query_empty_pair_at_the_end", "Some readers skip it.", "invalid", CARD, append("&"))
vector("query_with_a_second_question_mark", "Only the first is a border: the name is ?a.", "accepted",
       "/files/list?%3Fa=1&expires_at=1767225600&signed_by=2026a", ("%3Fa", "?a"))
vector("query_signature_not_literal", "A careless reader would not leave it out.", "invalid", CARD, ("signature", "signatur%65"))
vector("query_pairs_of_one_name_in_another_order", "A reader may take the first or the last.", "invalid",
       "/files/list?a=1&a=2&expires_at=1767225600&signed_by=2026a", ("a=1&a=2", "a=2&a=1"))
vector("query_plus_became_a_space", "A plus is not a space.", "invalid", "/files/list?expires_at=1767225600&q=1%2B1&signed_by=2026a", ("1%2B1", "1+1"))
vector("query_moved_to_another_name", "Names and values have borders.", "invalid", "/files/list?a=bc&expires_at=1767225600&signed_by=2026a",
       ("a=bc", "ab=c"))

MANY = "&".join("p%03d=" % i for i in range(125))
vector("query_of_128_pairs", "The most: 125, and three of the link.", "accepted", "/files/list?expires_at=1767225600&" + MANY + "&signed_by=2026a")
vector("query_of_129_pairs", "One too many.", "invalid", "/files/list?expires_at=1767225600&" + MANY + "&p125=&signed_by=2026a")
vector("query_of_129_pairs_of_which_some_are_ignored", "Ignored pairs are counted.", "invalid",
       "/files/list?expires_at=1767225600&signed_by=2026a&signed_ignore=p%2A", append("&" + MANY))
vector("query_of_128_pairs_of_which_some_are_ignored", "Ignored pairs are counted.", "accepted",
       "/files/list?expires_at=1767225600&signed_by=2026a&signed_ignore=p%2A", append("&" + MANY[:-6]))

# --- prefixes -----------------------------------------------------------------

vector("prefix_taken_off_by_a_proxy", "The path of the link is the prefix and the target's path.", "accepted", CARD,
       ("/files/kyc", "/kyc"), prefix="/files")
vector("prefix_taken_off_by_an_outer_handler", "The path of the link is the target's.", "accepted", CARD, prefix="/files", stripped="/files")
vector("prefix_taken_off_by_an_outer_handler_in_escapes", "The path of the link is the target's.", "accepted", with_path("/my%20files/kyc%2Fcard.jpg"),
       prefix="/my%20files", stripped="/my%20files")
vector("prefix_not_taken_off", "The link is to another path than the one that is served.", "invalid", CARD, prefix="/files")
vector("prefix_of_another_place", "A verifier for /a, which is also mounted at /b, would open /b/card with the link of /a/card.", "invalid",
       "/a/card?expires_at=1767225600&signed_by=2026a", ("/a/card", "/b/card"), prefix="/a", stripped="/b")

# --- order of checks ----------------------------------------------------------

EXPIRED = {"now": END}
vector("order_forged_before_expired", "Who cannot sign does not see the clock.", "invalid", CARD, ("card", "cars"), **EXPIRED)
vector("order_shape_before_expired", "What is malformed is refused first.", "invalid", CARD + "&signed_methods=get", **EXPIRED)
vector("order_outside_the_subtree_before_expired", "The path is part of what is authentic.", "invalid", tree("/files/kyc/43/front.jpg"), **EXPIRED)
vector("order_binding_before_expired", "The binding is part of what is authentic.", "invalid", with_claim("for", "session"), binding=b"s-1", **EXPIRED)
vector("order_expired_before_method", "Time comes before the rest.", "expired", CARD, method="DELETE", **EXPIRED)
vector("order_expired_before_host", "Time comes before the rest.", "expired", with_claim("host", "www.example.com"), **EXPIRED)
vector("order_not_yet_before_address", "Time comes before the rest.", "not_yet", with_claim("from", str(NOW + 1)) + "&signed_ip=203.0.113.1")
vector("order_method_before_revoked", "Stores are asked last.", "not_allowed", with_claim("id", "case-42"), method="POST", revoked=["case-42"])
vector("order_host_before_used_up", "Stores are asked last.", "not_allowed", with_claim("host", "www.example.com") + "&signed_id=a&signed_uses=1",
       used={"a": 1})
vector("order_expired_before_revoked", "Stores are asked last.", "expired", with_claim("id", "case-42"), revoked=["case-42"], **EXPIRED)
vector("order_revoked_before_used_up", "A revoked link takes no use.", "revoked", with_claim("id", "a") + "&signed_uses=1", revoked=["a"], used={"a": 1})

# --- time ---------------------------------------------------------------------

vector("time_last_second", "The second before the expiry.", "accepted", CARD, now=END - 1)
vector("time_first_second_after", "The expiry itself is the first second at which the link is refused.", "expired", CARD, now=END)
vector("time_long_after", "Expired.", "expired", CARD, now=END + 10**9)
vector("time_leeway_last_second", "Clocks may differ by the leeway.", "accepted", CARD, now=END + 29, leeway=30)
vector("time_leeway_first_second_after", "And not by more.", "expired", CARD, now=END + 30, leeway=30)
vector("time_not_before", "A second too early.", "not_yet", with_claim("from", "1767223000"), now=1767222999)
vector("time_not_before_first_second", "From this second on.", "accepted", with_claim("from", "1767223000"), now=1767223000)
vector("time_not_before_within_leeway", "Clocks may differ by the leeway.", "accepted", with_claim("from", "1767223000"), now=1767222970, leeway=30)
vector("time_not_before_outside_leeway", "And not by more.", "not_yet", with_claim("from", "1767223000"), now=1767222969, leeway=30)
vector("time_not_before_with_a_leading_zero", "Numbers have one spelling.", "invalid", with_claim("from", "01767220000"))
vector("time_not_before_with_a_plus", "Numbers have one spelling.", "invalid", with_claim("from", "%2B1767220000"))
vector("time_not_before_of_the_year_10000", "Too large.", "invalid", with_claim("from", "253402300800"))
vector("time_not_before_never", "Only an expiry is never.", "invalid", with_claim("from", "never"))
vector("time_lifetime_as_long_as_allowed", "An hour, of an hour.", "accepted", CARD, max_lifetime=3600)
vector("time_lifetime_too_long", "An hour, of a second less.", "not_allowed", CARD, max_lifetime=3599)

vector("permanent_where_allowed", "The verifier allows links that never expire.", "accepted", seconds("never"), allow_permanent=True)
vector("permanent_where_not_allowed", "The verifier allows them only if it is told to.", "not_allowed", seconds("never"))
vector("permanent_and_forged", "Who cannot sign does not see the policy.", "invalid", CARD, ("1767225600", "never"), allow_permanent=True)
vector("permanent_in_another_case", "There is one spelling.", "invalid", seconds("Never"), allow_permanent=True)
vector("permanent_and_not_before", "It has a beginning.", "not_yet", seconds("never") + "&signed_from=1767223000", allow_permanent=True)
vector("permanent_and_uses", "A count must end some time.", "invalid", seconds("never") + "&signed_id=a&signed_uses=1", allow_permanent=True)
vector("permanent_links_allowed_and_expired", "The others expire as ever.", "expired", CARD, allow_permanent=True, **EXPIRED)

# --- subtrees -----------------------------------------------------------------

vector("under_a_file", "A file below the path.", "accepted", tree("/files/kyc/42/front.jpg"))
vector("under_a_file_deeper", "A file further below the path.", "accepted", tree("/files/kyc/42/2026/01/front.jpg"))
vector("under_a_directory", "A directory below the path.", "accepted", tree("/files/kyc/42/2026/"))
vector("under_a_name_in_escapes", "The request's path is compared in canonical form.", "accepted", tree("/files/kyc/%34%32/a%20b"))
vector("under_a_name_with_an_encoded_slash", "It is below the path, either way.", "accepted", tree("/files/kyc/42/a%2Fb"))
vector("under_the_root", "Everything.", "accepted", "/files/kyc/42/front.jpg?expires_at=1767225600&signed_by=2026a&signed_under=%2F")
vector("under_a_path_with_escapes", "The value is a canonical path, which is then encoded as any value.", "accepted",
       "/files/B%C3%BCro%2F1/a.pdf?expires_at=1767225600&signed_by=2026a&signed_under=%2Ffiles%2FB%25C3%25BCro%252F1%2F")
vector("under_raw_slashes", "A harmless re-spelling of the value.", "accepted", tree("/files/kyc/42/front.jpg"),
       ("%2Ffiles%2Fkyc%2F42%2F", "/files/kyc/42/"))
vector("under_the_path_itself", "A shared folder can be listed.", "accepted", tree("/files/kyc/42/"))
vector("under_the_path_itself_in_escapes", "The request's path is compared in canonical form.", "accepted", tree("/files/kyc/%34%32/"))
vector("under_the_path_without_its_slash", "This is neither it nor below it.", "invalid", tree("/files/kyc/42"))
vector("under_the_root_itself", "The whole base can be listed.", "accepted", "/?expires_at=1767225600&signed_by=2026a&signed_under=%2F")
vector("under_the_path_with_an_encoded_slash_at_its_end", "An encoded slash is not a raw one.", "invalid", tree("/files/kyc/42%2F"))
vector("under_the_parent", "This is not below it.", "invalid", tree("/files/kyc/"))
vector("under_a_sibling", "This is not below it.", "invalid", tree("/files/kyc/43/front.jpg"))
vector("under_a_sibling_that_begins_alike", "Segments are compared, not characters.", "invalid", tree("/files/kyc/421/front.jpg"))
vector("under_another_case", "Paths are compared byte for byte.", "invalid", tree("/files/KYC/42/front.jpg"))
vector("under_dot_dot", "A path that leaves the subtree.", "invalid", tree("/files/kyc/42/../43/front.jpg"))
vector("under_dot_dot_behind_an_encoded_slash", "A path that leaves the subtree.", "invalid", tree("/files/kyc/42/x%2F..%2F..%2F43%2Ffront.jpg"))
vector("under_an_encoded_border", "An encoded slash is no border of segments.", "invalid", tree("/files/kyc/42%2Ffront.jpg"))
vector("under_altered", "The subtree is signed.", "invalid", tree("/files/kyc/43/front.jpg"), ("F42%2F", "F43%2F"))
vector("under_widened", "The subtree is signed.", "invalid", tree("/files/kyc/43/front.jpg"), ("42%2F", ""))
vector("under_added_to_a_plain_link", "A link to a directory opens the directory alone.", "invalid", with_path("/files/kyc/42/"),
       lambda t: t.replace("/42/?", "/42/front.jpg?") + "&signed_under=%2Ffiles%2Fkyc%2F42%2F")
vector("under_with_an_application_parameter", "Nothing covers it.", "invalid", tree("/files/kyc/42/front.jpg", "width=100"))
vector("under_with_an_ignored_parameter", "The link says that it does not matter.", "accepted",
       tree("/files/kyc/42/front.jpg", "signed_ignore=width"), append("&width=100"))
vector("under_with_an_ignored_and_another_parameter", "Nothing covers the other.", "invalid",
       tree("/files/kyc/42/front.jpg", "signed_ignore=width"), append("&width=100&height=100"))
for name, comment, value in [
    ("without_a_slash_at_the_end", "A subtree ends at a border of segments.", "%2Ffiles%2Fkyc%2F42"),
    ("with_an_encoded_slash_at_the_end", "A subtree ends at a border of segments.", "%2Ffiles%2Fkyc%2F42%252F"),
    ("without_a_slash_at_the_start", "It is an absolute path.", "files%2Fkyc%2F42%2F"),
    ("with_dot_dot", "It is a canonical path.", "%2Ffiles%2Fkyc%2F41%2F..%2F42%2F"),
    ("with_an_empty_part", "It is a canonical path.", "%2Ffiles%2F%2Fkyc%2F42%2F"),
    ("with_a_needless_escape", "It is a canonical path.", "%2Ffiles%2Fkyc%2F%2534%2532%2F"),
    ("with_a_raw_space", "It is a canonical path, and there a space is %20.", "%2Ffiles%2Fmy%20kyc%2F42%2F"),
    ("with_a_line_feed", "It is a line of the signed text.", "%2Ffiles%2Fkyc%2F42%2F%0A%2F"),
    ("with_a_query", "It is a path.", "%2Ffiles%2Fkyc%2F42%3Fa%2F"),
]:
    path = "/files/my%20kyc/42/front.jpg" if "space" in name else "/files/kyc/42/front.jpg"
    vector("under_a_value_" + name, comment, "invalid", path + "?expires_at=1767225600&signed_by=2026a&signed_under=" + value)
vector("under_a_value_without_a_slash_at_the_end_and_a_path_in_escapes", "A subtree ends at a border of segments.", "invalid",
       "/files/kyc/%34%32/front.jpg?expires_at=1767225600&signed_by=2026a&signed_under=%2Ffiles%2Fkyc%2F42")
vector("under_a_value_with_lower_case_escapes", "It is a canonical path.", "invalid",
       "/files/B%C3%BCro/a.pdf?expires_at=1767225600&signed_by=2026a&signed_under=%2Ffiles%2FB%25c3%25bcro%2F")

# --- methods ------------------------------------------------------------------

vector("methods_none_and_head", "Without the limit a link is good for GET and HEAD.", "accepted", CARD, method="HEAD")
for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"):
    vector("methods_none_and_" + method.lower(), "Without the limit a link is good for GET and HEAD.", "not_allowed", CARD, method=method)
vector("methods_none_and_get_in_lower_case", "Methods are compared byte for byte (RFC 9110, section 9.1).", "not_allowed", CARD, method="get")
vector("methods_get_includes_head", "GET always includes HEAD.", "accepted", with_claim("methods", "GET"), method="HEAD")
vector("methods_get_excludes_post", "No method but those.", "not_allowed", with_claim("methods", "GET"), method="POST")
vector("methods_put", "An upload.", "accepted", with_claim("methods", "PUT"), method="PUT")
vector("methods_put_excludes_get", "No method but those.", "not_allowed", with_claim("methods", "PUT"))
vector("methods_put_excludes_head", "No method but those.", "not_allowed", with_claim("methods", "PUT"), method="HEAD")
vector("methods_head_excludes_get", "HEAD does not include GET.", "not_allowed", with_claim("methods", "HEAD"))
vector("methods_first_of_two", "Any of the list.", "accepted", with_claim("methods", "GET%2CPUT"))
vector("methods_second_of_two", "Any of the list.", "accepted", with_claim("methods", "GET%2CPUT"), method="PUT")
vector("methods_with_a_raw_comma", "A harmless re-spelling.", "accepted", with_claim("methods", "GET%2CPUT"), ("GET%2CPUT", "GET,PUT"), method="PUT")
for name, value in [("in_lower_case", "get"), ("with_an_empty_entry", "GET%2C%2CPUT"), ("with_an_empty_entry_at_the_end", "GET%2C"),
                    ("with_a_space", "GET%2C%20PUT"), ("with_an_asterisk", "%2A"), ("with_a_line_feed", "GET%0A")]:
    vector("methods_" + name, "This is no list of methods.", "invalid", with_claim("methods", value))

# --- hosts --------------------------------------------------------------------

HOST = with_claim("host", "files.example.com")
vector("host", "The host that was signed.", "accepted", HOST)
vector("host_in_upper_case", "Hosts have no case.", "accepted", HOST, host="Files.Example.COM")
vector("host_with_the_default_port", "80 says nothing.", "accepted", HOST, host="files.example.com:80")
vector("host_with_the_default_port_of_tls", "443 says nothing.", "accepted", HOST, host="files.example.com:443", tls=True)
vector("host_with_the_default_port_of_the_other_scheme", "443 says nothing, since a proxy may terminate TLS.", "accepted", HOST, host="files.example.com:443")
vector("host_with_the_default_port_of_the_other_scheme_over_tls", "80 says nothing.", "accepted", HOST,
       host="files.example.com:80", tls=True)
vector("host_with_an_empty_port", "It says nothing.", "accepted", HOST, host="files.example.com:")
vector("host_with_another_port", "A port is part of it.", "not_allowed", HOST, host="files.example.com:8080")
vector("host_with_a_port", "A port is part of it.", "accepted", with_claim("host", "files.example.com%3A8080"), host="files.example.com:8080")
vector("host_without_the_port_that_was_signed", "A port is part of it.", "not_allowed", with_claim("host", "files.example.com%3A8080"))
vector("host_of_another_name", "Another host.", "not_allowed", HOST, host="files.example.org")
vector("host_below_the_one_that_was_signed", "Another host.", "not_allowed", HOST, host="a.files.example.com")
vector("host_above_the_one_that_was_signed", "Another host.", "not_allowed", HOST, host="example.com")
vector("host_with_a_kelvin_sign", "Only ASCII has a lower case here.", "not_allowed", with_claim("host", "kyc.example.com"), host="\u212ayc.example.com")
vector("host_of_ipv6", "An address in brackets.", "accepted", with_claim("host", "%5B2001%3Adb8%3A%3A1%5D%3A8080"), host="[2001:db8::1]:8080")
vector("host_of_ipv6_with_the_default_port", "An address in brackets.", "accepted", with_claim("host", "%5B2001%3Adb8%3A%3A1%5D"),
       host="[2001:db8::1]:80")
for name, value in [("in_upper_case", "Files.example.com"), ("with_a_scheme", "https%3A%2F%2Ffiles.example.com"), ("with_a_path", "files.example.com%2F"),
                    ("with_a_space", "files.example.com%20"), ("not_in_ascii", "b%C3%BCro.example.com"), ("of_a_user", "me%40files.example.com"),
                    ("with_the_port_of_https", "files.example.com%3A443"), ("with_the_port_of_http", "files.example.com%3A80"), ("with_an_empty_port", "files.example.com%3A")]:
    vector("host_value_" + name, "This is no host in lower-case ASCII.", "invalid", with_claim("host", value))

# --- addresses ----------------------------------------------------------------

FOUR, SIX = "192.0.2.10:4711", "[2001:db8:0:1::a]:4711"
for name, comment, expect, value, remote in [
    ("v4", "The one address.", "accepted", "192.0.2.10", FOUR),
    ("v4_of_another", "Another address.", "not_allowed", "192.0.2.11", FOUR),
    ("v4_block", "The block of the address.", "accepted", "192.0.2.0%2F24", FOUR),
    ("v4_block_first_address", "The first of the block.", "accepted", "192.0.2.8%2F30", "192.0.2.8:1"),
    ("v4_block_last_address", "The last of the block.", "accepted", "192.0.2.8%2F30", "192.0.2.11:1"),
    ("v4_block_next_address", "The first behind the block.", "not_allowed", "192.0.2.8%2F30", "192.0.2.12:1"),
    ("v4_all", "Any IPv4 address.", "accepted", "0.0.0.0%2F0", FOUR),
    ("v4_all_and_a_client_of_v6", "No IPv6 address.", "not_allowed", "0.0.0.0%2F0", SIX),
    ("v4_and_a_mapped_client", "A socket for both shows IPv4 so.", "accepted", "192.0.2.10", "[::ffff:192.0.2.10]:4711"),
    ("v4_block_and_a_mapped_client", "A socket for both shows IPv4 so.", "accepted", "192.0.2.0%2F24", "[::ffff:192.0.2.10]:4711"),
    ("v4_and_a_mapped_client_of_another_address", "Another address.", "not_allowed", "192.0.2.11", "[::ffff:192.0.2.10]:4711"),
    ("v6", "The one address.", "accepted", "2001%3Adb8%3A0%3A1%3A%3Aa", SIX),
    ("v6_in_another_spelling", "Addresses are compared, not texts.", "accepted", "2001%3Adb8%3A0%3A1%3A%3Aa", "[2001:0DB8:0000:0001:0:0:0:A]:4711"),
    ("v6_of_another", "Another address.", "not_allowed", "2001%3Adb8%3A0%3A1%3A%3Ab", SIX),
    ("v6_block", "The block of the address.", "accepted", "2001%3Adb8%3A0%3A1%3A%3A%2F64", SIX),
    ("v6_block_of_another", "Another block.", "not_allowed", "2001%3Adb8%3A0%3A2%3A%3A%2F64", SIX),
    ("v6_all_and_a_client_of_v4", "No IPv4 address.", "not_allowed", "%3A%3A%2F0", FOUR),
    ("v6_all_and_a_mapped_client", "A mapped address is an IPv4 address.", "not_allowed", "%3A%3A%2F0", "[::ffff:192.0.2.10]:4711"),
    ("first_of_two", "Any of the list.", "accepted", "192.0.2.10%2C2001%3Adb8%3A%3A%2F32", FOUR),
    ("second_of_two", "Any of the list.", "accepted", "192.0.2.10%2C2001%3Adb8%3A%3A%2F32", SIX),
    ("none_of_two", "None of the list.", "not_allowed", "192.0.2.10%2C2001%3Adb8%3A%3A%2F32", "192.0.2.9:1"),
    ("of_a_client_without_an_address", "A client on a Unix socket: what cannot be told is not allowed.", "not_allowed", "0.0.0.0%2F0", "@"),
    ("of_no_address", "This is no list of addresses.", "invalid", "localhost", FOUR),
    ("of_two_separated_by_a_space", "This is no list of addresses.", "invalid", "192.0.2.10%20192.0.2.11", FOUR),
    ("with_an_empty_entry", "This is no list of addresses.", "invalid", "192.0.2.10%2C", FOUR),
    ("with_three_numbers", "This is no address.", "invalid", "192.0.2", FOUR),
    ("with_a_leading_zero", "To some readers this is an octal number.", "invalid", "192.0.2.010", FOUR),
    ("with_a_port", "This is no address.", "invalid", "192.0.2.10%3A80", FOUR),
    ("with_a_zone", "A zone is another machine's business.", "invalid", "fe80%3A%3A1%25eth0", FOUR),
    ("v4_block_of_33_bits", "There are 32.", "invalid", "192.0.2.0%2F33", FOUR),
    ("v6_block_of_129_bits", "There are 128.", "invalid", "2001%3Adb8%3A%3A%2F129", SIX),
    ("block_with_a_mask", "A block is written with its number of bits.", "invalid", "192.0.2.0%2F255.255.255.0", FOUR),
    ("block_with_a_leading_zero", "Numbers have one spelling.", "invalid", "192.0.2.0%2F024", FOUR),
    ("block_without_a_number", "Numbers have one spelling.", "invalid", "192.0.2.0%2F", FOUR),
]:
    vector("ip_" + name, comment, expect, with_claim("ip", value), remote=remote)

# --- bindings -----------------------------------------------------------------

BOUND = with_claim("for", "session")
vector("binding", "The value is the last line of the text, and not in the link.", "accepted", BOUND, binding=b"s-1", bindings={"session": b"s-1"})
vector("binding_with_escapes", "The value is encoded as in a query.", "accepted", BOUND, binding="J\u00f6rg & Co/7+8\n".encode(),
       bindings={"session": "J\u00f6rg & Co/7+8\n".encode()})
vector("binding_of_another_value", "A link that leaked is useless to a stranger.", "invalid", BOUND, binding=b"s-1", bindings={"session": b"s-2"})
vector("binding_of_an_unknown_name", "The verifier knows no such value.", "invalid", BOUND, binding=b"s-1", bindings={"user": b"s-1"})
vector("binding_without_any_value", "The verifier knows no values at all.", "invalid", BOUND, binding=b"s-1")
vector("binding_of_an_empty_value", "An empty value is one that a stranger has too.", "invalid", BOUND, bindings={"session": b""})
vector("binding_of_another_name", "The name is signed.", "invalid", BOUND, ("=session", "=user"), binding=b"s-1",
       bindings={"session": b"s-1", "user": b"s-1"})
vector("binding_taken_off", "The last line would be empty.", "invalid", BOUND, ("&signed_for=session", ""), binding=b"s-1", bindings={"session": b"s-1"})
vector("binding_added", "The last line was empty.", "invalid", CARD, append("&signed_for=session"), bindings={"session": b"s-1"})
vector("binding_not_asked_for", "Values that a link does not name do not matter.", "accepted", CARD, bindings={"session": b"s-1"})

# --- ids and uses -------------------------------------------------------------

USES = with_claim("id", "case-42") + "&signed_uses=3"
vector("id", "Nothing was revoked.", "accepted", with_claim("id", "case-42"))
vector("id_revoked", "It was revoked.", "revoked", with_claim("id", "case-42"), revoked=["case-41", "case-42"])
vector("id_of_which_another_is_revoked", "Ids are compared as a whole, byte for byte.", "accepted", with_claim("id", "case-42"),
       revoked=["case-4", "case-421", "CASE-42"])
vector("id_revoked_of_which_there_is_none", "A link without an id cannot be revoked.", "accepted", CARD, revoked=["case-42"])
vector("id_of_printable_characters", "All of printable ASCII but the space.", "accepted",
       with_claim("id", escape(bytes(range(0x21, 0x7F)))))
vector("id_of_128_characters", "The longest.", "accepted", with_claim("id", "x" * 128))
vector("id_of_129_characters", "One too many.", "invalid", with_claim("id", "x" * 129))
vector("id_with_a_space", "Printable ASCII without the space.", "invalid", with_claim("id", "case%2042"))
vector("id_with_a_line_feed", "Printable ASCII without the space.", "invalid", with_claim("id", "case%0A42"))
vector("id_not_in_ascii", "Printable ASCII without the space.", "invalid", with_claim("id", "f%C3%A4ll-42"))
vector("uses_first", "Nobody has used it.", "accepted", USES)
vector("uses_last", "Two of three uses are taken.", "accepted", USES, used={"case-42": 2})
vector("uses_none_left", "Three of three uses are taken.", "used_up", USES, used={"case-42": 3})
vector("uses_of_another_id", "Uses are counted for an id.", "accepted", USES, used={"case-4": 3})
vector("uses_none_left_and_head", "HEAD takes no use.", "accepted", USES, method="HEAD", used={"case-42": 3})
vector("uses_one", "The least.", "accepted", with_claim("id", "a") + "&signed_uses=1")
vector("uses_a_million", "The most.", "accepted", with_claim("id", "a") + "&signed_uses=1000000")
for name, comment, claims in [
    ("more_than_a_million", "Too many.", "signed_id=a&signed_uses=1000001"),
    ("zero", "Too few.", "signed_id=a&signed_uses=0"),
    ("with_a_leading_zero", "Numbers have one spelling.", "signed_id=a&signed_uses=01"),
    ("with_a_plus", "Numbers have one spelling.", "signed_id=a&signed_uses=%2B1"),
    ("with_a_minus", "Numbers have no sign.", "signed_id=a&signed_uses=-1"),
    ("that_overflow", "Far too many.", "signed_id=a&signed_uses=18446744073709551617"),
    ("without_an_id", "There is nothing to count under.", "signed_uses=1"),
]:
    vector("uses_" + name, comment, "invalid", CARD + "&" + claims)
vector("uses_altered", "The number is signed.", "invalid", USES, ("uses=3", "uses=4"), used={"case-42": 3})

# --- parameters that may change -------------------------------------------------

IGNORE = CARD + "&signed_ignore=fbclid%2Cutm_%2A"
vector("ignore_nothing_added", "The link as it was made.", "accepted", IGNORE)
vector("ignore_a_name", "A parameter that a mailer added.", "accepted", IGNORE, append("&fbclid=x"))
vector("ignore_a_beginning", "Parameters that a mailer added.", "accepted", IGNORE, append("&utm_source=mail&utm_=x&utm_source=again"))
vector("ignore_in_front", "Where they stand does not matter.", "accepted", IGNORE, ("?", "?utm_source=mail&"))
vector("ignore_a_name_in_escapes", "Names are decoded first.", "accepted", IGNORE, append("&%66bclid=x"))
vector("ignore_what_was_there", "Ignored parameters are not signed, though they were there.", "accepted",
       "/files/scan.pdf?expires_at=1767225600&page=2&signed_by=2026a&signed_ignore=page", ("page=2", "page=3"))
vector("ignore_what_was_taken_off", "Ignored parameters are not signed, though they were there.", "accepted",
       "/files/scan.pdf?expires_at=1767225600&page=2&signed_by=2026a&signed_ignore=page", ("page=2&", ""))
vector("ignore_one_and_sign_another", "The others are signed.", "accepted",
       "/files/scan.pdf?expires_at=1767225600&page=2&signed_by=2026a&signed_ignore=utm_%2A", append("&utm_source=mail"))
vector("ignore_a_name_of_which_another_begins_so", "Without * the whole name counts.", "invalid", IGNORE, append("&fbclid2=x"))
vector("ignore_a_beginning_that_is_not_there", "The beginning is utm_.", "invalid", IGNORE, append("&utm=x"))
vector("ignore_a_name_in_another_case", "Names are compared byte for byte.", "invalid", IGNORE, append("&FBCLID=x"))
vector("ignore_added_by_a_stranger", "The list is signed.", "invalid", CARD, append("&signed_ignore=fbclid&fbclid=x"))
vector("ignore_a_beginning_of_reserved_names", "Reserved names are taken out before.", "accepted", CARD + "&signed_ignore=s%2A", append("&s=1&sign=2"))
vector("ignore_a_beginning_of_reserved_names_and_alter_one", "Reserved names are taken out before.", "invalid",
       CARD + "&signed_ignore=e%2A", ("1767225600", "1999999999"))
vector("ignore_a_reserved_name_and_alter_it", "Reserved names are taken out before.", "invalid", CARD + "&signed_ignore=expires_at",
       ("1767225600", "1999999999"))
vector("ignore_unknown_reserved_names", "Reserved names are taken out before.", "invalid", CARD + "&signed_ignore=s%2A", append("&signed_region=eu"))
vector("ignore_a_semicolon", "The whole query is held to its rules.", "invalid", IGNORE, append("&fbclid=x;y=z"))
vector("ignore_an_invalid_escape", "The whole query is held to its rules.", "invalid", IGNORE, append("&fbclid=%zz"))
vector("ignore_an_empty_pair", "The whole query is held to its rules.", "invalid", IGNORE, append("&&fbclid=x"))
for name, value in [("all", "%2A"), ("all_in_a_list", "fbclid%2C%2A"), ("with_an_asterisk_in_front", "%2Aid"), ("with_an_asterisk_inside", "u%2Am"),
                    ("with_two_asterisks", "utm_%2A%2A"), ("with_an_empty_entry", "fbclid%2C"), ("with_a_space", "fbclid%2C%20utm"),
                    ("with_an_equals", "a%3Db"), ("not_in_ascii", "%C3%BC")]:
    vector("ignore_" + name, "This is no list of names and beginnings.", "invalid", CARD + "&signed_ignore=" + value)
vector("ignore_every_character_of_a_name", "Letters, digits and . _ ~ - may be in it.", "accepted", CARD + "&signed_ignore=AZaz09._~-")

# --- what the reply says --------------------------------------------------------

vector("as_a_name", "The name of the attachment.", "accepted",
       CARD.replace("&signed_by", "&signed_as=My%20card.jpg&signed_by"))
vector("as_a_name_in_utf8", "The name of the attachment.", "accepted",
       CARD.replace("&signed_by", "&signed_as=%D0%BF%D0%B0%D1%81%D0%BF%D0%BE%D1%80%D1%82.jpg&signed_by"))
vector("as_a_name_that_was_altered", "The name is signed.", "invalid", CARD.replace("&signed_by", "&signed_as=card.jpg&signed_by"),
       ("as=card.jpg", "as=card.exe"))
for name, value in [("with_a_slash", "a%2Fb"), ("with_a_line_feed", "a%0Ab"), ("with_a_carriage_return", "a%0D%0ASet-Cookie%3A%20a%3Db"), ("with_byte_7f", "a%7F"),
                    ("with_a_backslash", "a%5Cb"), ("of_two_dots", ".."), ("with_a_right_to_left_override", "a%E2%80%AEgpj.exe"), ("with_a_left_to_right_mark", "a%E2%80%8Eb"),
                    ("with_an_arabic_letter_mark", "a%D8%9Cb"), ("with_a_right_to_left_isolate", "a%E2%81%A7b"), ("with_a_line_separator", "a%E2%80%A8b"), ("with_a_c1_control", "a%C2%9Bb")]:
    vector("as_a_name_" + name, "It goes into a header and names a file.", "invalid", CARD.replace("&signed_by", "&signed_as=" + value + "&signed_by"))
INLINE = CARD.replace("&signed_by", "&signed_as=card.pdf&signed_by=2026a&signed_inline=1").replace("signed_inline=1=2026a", "signed_inline=1")
vector("inline", "It is shown, and saved under its name.", "accepted", INLINE)
vector("inline_that_was_added", "It is signed.", "invalid", CARD.replace("&signed_by", "&signed_as=card.pdf&signed_by"), ("&signature", "&signed_inline=1&signature"))
vector("inline_that_was_removed", "It is signed.", "invalid", INLINE, ("&signed_inline=1", ""))
vector("inline_without_a_name", "It says how the name is used.", "invalid", with_claim("inline", "1"))
vector("inline_of_another_value", "There is one value.", "invalid", INLINE.replace("inline=1", "inline=true"))
vector("inline_of_zero", "There is one value.", "invalid", INLINE.replace("inline=1", "inline=0"))
vector("type", "The media type of the reply.", "accepted", with_claim("type", "image%2Fjpeg"))
vector("type_with_a_parameter", "The media type of the reply.", "accepted", with_claim("type", "text%2Fplain%3B%20charset%3Dutf-8"))
vector("type_that_was_altered", "The type is signed.", "invalid", with_claim("type", "image%2Fjpeg"), ("image%2Fjpeg", "text%2Fhtml"))
vector("type_with_a_line_feed", "It goes into a header.", "invalid", with_claim("type", "image%2Fjpeg%0D%0ASet-Cookie%3A%20a%3Db"))
vector("type_without_a_slash", "This is no media type.", "invalid", with_claim("type", "jpeg"))

# --- uploads --------------------------------------------------------------------

SUM = signedurl.b64encode(hashlib.sha256(b"body").digest())


def upload(query):
    """A link to upload with, its parameters in canonical order."""
    pairs = sorted((query + "&expires_at=1767225600&signed_by=2026a&signed_methods=PUT").split("&"))
    return "/files/kyc/card.jpg?" + "&".join(pairs)


UPLOAD = upload("signed_max=5242880&signed_accept=image%2F%2A%2Capplication%2Fpdf&signed_replace=1&signed_sum=sha-256%3A" + SUM)
ENFORCED = {"method": "PUT", "enforces_uploads": True}
vector("upload", "Its limits bind the handler that reads the body.", "accepted", UPLOAD, **ENFORCED)
vector("upload_over_ed25519", "Its limits bind the handler that reads the body.", "accepted", UPLOAD.replace("2026a", "2026e"), key=CURVE, **ENFORCED)
vector("upload_with_another_method", "It is for PUT.", "not_allowed", UPLOAD, **dict(ENFORCED, method="GET"))
vector("upload_that_is_expired", "It is a link as others.", "expired", UPLOAD, **dict(ENFORCED, now=END))
vector("upload_in_another_spelling", "A harmless re-spelling.", "accepted", UPLOAD,
       lambda link: link.replace("%2F%2A%2C", "/*,").replace("%2Fpdf", "/pdf").replace("%3A", ":"), **ENFORCED)
vector("upload_whose_limit_was_raised", "The limit is signed.", "invalid", UPLOAD, ("5242880", "52428800"), **ENFORCED)
vector("upload_whose_limit_was_removed", "The limit is signed.", "invalid", UPLOAD, ("&signed_max=5242880", ""), **ENFORCED)
vector("upload_that_was_given_leave_to_replace", "It is signed.", "invalid", upload("signed_max=1"), ("&signature", "&signed_replace=1&signature"), **ENFORCED)
for name, value in [("max", "1"), ("accept", "image%2Fpng"), ("replace", "1"), ("sum", "sha-256%3A" + SUM)]:
    vector("upload_with_%s_that_nothing_enforces" % name, "A handler that does not know the limit would take anything.", "not_allowed",
           upload("signed_" + name + "=" + value), method="PUT")
    vector("upload_with_%s_alone" % name, "Each limit stands for itself.", "accepted", upload("signed_" + name + "=" + value), **ENFORCED)
    vector("upload_with_%s_twice" % name, "Which one would count?", "invalid", upload("signed_" + name + "=" + value + "&signed_" + name + "=" + value), **ENFORCED)
    vector("upload_with_%s_of_nothing" % name, "An empty value is no limit.", "invalid", upload("signed_" + name + "="), **ENFORCED)
vector("upload_that_nothing_enforces_and_forged", "Who cannot sign does not see the policy.", "invalid", upload("signed_max=1"), ("max=1", "max=2"), method="PUT")
for name, value in [("zero", "0"), ("a_leading_zero", "01"), ("a_sign", "%2B1"), ("2_to_the_53", "9007199254740992"), ("20_digits", "10000000000000000000"), ("a_unit", "5MiB")]:
    vector("upload_max_of_" + name, "1 to 2^53-1, in its one spelling.", "invalid", upload("signed_max=" + value), **ENFORCED)
vector("upload_max_of_2_to_the_53_minus_1", "1 to 2^53-1, in its one spelling.", "accepted", upload("signed_max=9007199254740991"), **ENFORCED)
for name, value in [("without_an_algorithm", SUM), ("of_another_algorithm", "sha-512%3A" + SUM), ("of_an_algorithm_in_upper_case", "SHA-256%3A" + SUM),
                    ("in_hex", "sha-256%3A" + hashlib.sha256(b"body").hexdigest()), ("with_padding", "sha-256%3A" + SUM + "%3D"),
                    ("with_a_stray_bit", "sha-256%3A" + stray(SUM)), ("of_31_bytes", "sha-256%3A" + signedurl.b64encode(bytes([1]) * 31)),
                    ("of_zeros", "sha-256%3A" + signedurl.b64encode(bytes(32)))]:
    vector("upload_sum_" + name, "sha-256: and a digest of 32 bytes, not all zero, in its one spelling.", "invalid", upload("signed_sum=" + value), **ENFORCED)
for name, value in [("everything", "%2A%2F%2A"), ("all_of_text", "text%2F%2A"), ("all_of_application", "application%2F%2A"), ("upper_case", "image%2FPNG"),
                    ("a_parameter", "text%2Fplain%3Bcharset%3Dutf-8"), ("no_slash", "png"), ("two_slashes", "image%2Fpng%2Fx"), ("an_empty_item", "image%2Fpng%2C"),
                    ("a_part_of_a_wildcard", "image%2Fp%2A"), ("no_subtype", "image%2F"), ("65_types", "%2C".join(["image%2Fpng"] * 65)),
                    ("a_name_of_128_characters", "image%2F" + "x" * 128)]:
    vector("upload_accept_of_" + name, "Media types in lower case, and wildcards of the kinds that are no documents.", "invalid", upload("signed_accept=" + value), **ENFORCED)
for name, value in [("64_types", "%2C".join(["image%2Fpng"] * 64)), ("four_wildcards", "image%2F%2A%2Caudio%2F%2A%2Cvideo%2F%2A%2Cfont%2F%2A"),
                    ("svg", "image%2Fsvg%2Bxml"), ("a_name_of_127_characters", "image%2F" + "x" * 127)]:
    vector("upload_accept_of_" + name, "Media types in lower case, and wildcards of the kinds that are no documents.", "accepted", upload("signed_accept=" + value), **ENFORCED)
vector("upload_replace_of_another_value", "There is one value.", "invalid", upload("signed_replace=true"), **ENFORCED)
vector("upload_replace_of_zero", "There is one value.", "invalid", upload("signed_replace=0"), **ENFORCED)

# --- cookies --------------------------------------------------------------------

GOOD = cookie(TREE)
FORGED = cookie(TREE, key="2026a:hmac-sha256:" + OLD.split(":")[2])
LATE = cookie(TREE.replace("1767225600", "1767221999"))
OTHER = cookie(TREE.replace("42", "43"))

cookie_vector("cookie", "A cookie that opens what is below a path.", "accepted", [GOOD])
cookie_vector("cookie_over_ed25519", "A cookie that opens what is below a path.", "accepted", [cookie(TREE.replace("2026a", "2026e"), key=CURVE)],
              ring=[public_half(CURVE)])
cookie_vector("cookie_among_others", "Cookies of other names do not matter.", "accepted", [GOOD],
              cookies=["theme=dark; docs=" + GOOD[0] + "; docs2=x"])
cookie_vector("cookie_without_a_subtree", "It would open one path, or all.", "invalid", ["expires_at=1767225600&signed_by=2026a"])
cookie_vector("cookie_with_the_signature_of_a_link", "A link is no cookie: the first line differs.", "invalid",
              [(sign_lax("/files/kyc/42/front.jpg?" + TREE, Key(MAC))[0].partition("?")[2], None)])
vector("cookie_with_its_signature_in_a_link", "A cookie is no link: the first line differs.", "invalid",
       "/files/kyc/42/front.jpg?" + GOOD[0], key=None, signed=GOOD[1])
cookie_vector("cookie_outside_its_subtree", "It does not hold the path.", "invalid", [GOOD], target="/files/kyc/43/front.jpg")
cookie_vector("cookie_for_its_path_itself", "A shared folder can be listed.", "accepted", [GOOD], target="/files/kyc/42/")
cookie_vector("cookie_for_dot_dot", "The path is held to its rules.", "invalid", [GOOD], target="/files/kyc/42/../43/front.jpg")
cookie_vector("cookie_altered", "It is signed.", "invalid", [(GOOD[0].replace("1767225600", "1767225601"), GOOD[1])])
cookie_vector("cookie_expired", "It is a link as others.", "expired", [GOOD], now=END)
cookie_vector("cookie_for_another_method", "It is a link as others.", "not_allowed", [GOOD], method="POST")
cookie_vector("cookie_with_limits", "It is a link as others.", "accepted",
              [limited("signed_host=files.example.com&signed_ip=192.0.2.10&signed_methods=GET%2CPUT")], method="PUT")
cookie_vector("cookie_for_an_upload", "It is a link as others.", "accepted", [limited("signed_max=1&signed_methods=PUT")], **ENFORCED)
cookie_vector("cookie_for_an_upload_that_nothing_enforces", "It is a link as others.", "not_allowed", [limited("signed_max=1&signed_methods=PUT")], method="PUT")
cookie_vector("cookie_for_another_address", "It is a link as others.", "not_allowed", [limited("signed_ip=192.0.2.11")])
cookie_vector("cookie_revoked", "It is a link as others.", "revoked", [limited("signed_id=case-42")], revoked=["case-42"])
cookie_vector("cookie_bound", "It is a link as others.", "accepted", [cookie(limited("signed_for=session"), binding=b"s-1")],
              bindings={"session": b"s-1"})
cookie_vector("cookie_bound_to_another_value", "It is a link as others.", "invalid", [cookie(limited("signed_for=session"), binding=b"s-1")],
              bindings={"session": b"s-2"})
cookie_vector("cookie_of_another_name", "Only cookies of the name are looked at.", "unsigned", [GOOD], cookies=["docs2=" + GOOD[0]])
cookie_vector("cookie_of_the_name_in_another_case", "Names of cookies are compared byte for byte.", "unsigned", [GOOD], cookies=["Docs=" + GOOD[0]])
vector("cookie_where_none_is_looked_at", "The verifier was given no name.", "unsigned", "/files/kyc/42/front.jpg", key=None, signed=GOOD[1],
       cookies=["docs=" + GOOD[0]])
LATE_LINK = sign_lax(tree("/files/kyc/42/front.jpg").replace("1767225600", "1767221999"), Key(MAC))
cookie_vector("cookie_and_a_signed_link", "If the URL holds a reserved name no cookie is looked at.", "expired", [GOOD],
              target=LATE_LINK[0], signed=LATE_LINK[1])
cookie_vector("cookie_and_one_reserved_name", "If the URL holds a reserved name no cookie is looked at.", "invalid", [GOOD],
              target="/files/kyc/42/front.jpg?signed_by=2026a")
cookie_vector("cookie_and_an_unknown_reserved_name", "If the URL holds a reserved name no cookie is looked at.", "invalid", [GOOD],
              target="/files/kyc/42/front.jpg?signed_region=eu")
cookie_vector("cookie_and_an_application_parameter", "Nothing covers it.", "invalid", [GOOD], target="/files/kyc/42/front.jpg?width=100")
cookie_vector("cookie_and_an_ignored_parameter", "The cookie says that it does not matter.", "accepted", [limited("signed_ignore=width")],
              target="/files/kyc/42/front.jpg?width=100")
cookie_vector("cookie_with_an_application_parameter", "A cookie holds reserved parameters alone.", "invalid", [TREE + "&width=100"])
cookie_vector("cookie_with_an_unknown_reserved_name", "It is held to the rules of a query.", "invalid", [TREE + "&signed_region=eu"])
cookie_vector("cookie_with_a_name_twice", "It is held to the rules of a query.", "invalid", [TREE + "&signed_by=2026a"])
cookie_vector("cookie_with_a_name_that_is_not_literal", "It is held to the rules of a query.", "invalid", [TREE.replace("expires_", "expires%5F")])
cookie_vector("cookie_in_another_order", "A harmless re-spelling.", "accepted", [("&".join(reversed(GOOD[0].split("&"))), GOOD[1])])
cookie_vector("cookie_empty", "This is no link.", "invalid", [("", None)])
cookie_vector("cookie_that_is_permanent", "Only where the verifier allows it.", "not_allowed", [TREE.replace("1767225600", "never")])
cookie_vector("cookies_of_which_the_second_is_good", "Each is tried; the first that passes counts.", "accepted", [FORGED, GOOD], winner=1)
cookie_vector("cookies_of_which_the_first_is_expired", "Each is tried; the first that passes counts.", "accepted", [LATE, GOOD], winner=1)
cookie_vector("cookies_in_two_headers", "HTTP/2 allows it.", "accepted", [FORGED, GOOD], winner=1,
              cookies=["docs=" + FORGED[0], "docs=" + GOOD[0]])
cookie_vector("cookies_of_which_the_fourth_is_good", "Four are tried.", "accepted", [FORGED] * 3 + [GOOD], winner=3)
cookie_vector("cookies_of_which_the_fifth_is_good", "Four are tried, whose subtree holds the path.", "invalid", [FORGED] * 4 + [GOOD], winner=4)
cookie_vector("cookies_of_other_subtrees_before_a_good_one", "Those whose subtree does not hold the path are not counted.", "accepted",
              [OTHER] * 5 + [GOOD], winner=5)
cookie_vector("cookies_that_are_malformed_before_a_good_one", "They have no subtree that holds the path, and are not counted.", "accepted",
              [("x", None)] * 5 + [GOOD], winner=5)

# --- narrowing ------------------------------------------------------------------

FOLDER = "/files/kyc/42/card.jpg?" + TREE
PLAIN = "/files/kyc/42/card.jpg?expires_at=1767225600&signed_by=2026a"
SOON = "expires_at=1767222060"
ONLY = "signed_only=%2Ffiles%2Fkyc%2F42%2Fcard.jpg"
GET_PUT = PLAIN + "&signed_methods=GET%2CPUT"


def narrowed(target, *steps):
    """Puts steps into a target that is not signed yet, where a narrower does."""
    path, _, query = target.partition("?")
    pairs = query.split("&") + ["signed_narrow=" + escape(step.encode("utf-8", "surrogateescape")) for step in steps]
    return path + "?" + "&".join(sorted(pairs, key=lambda pair: pair.partition("=")[0]))


def narrow_vector(name, comment, expect, target, *steps, alter=None, refuses=False, by_hand=False, key=MAC, binding=b"", **setup):
    """Adds a vector of a link that was narrowed by steps and then altered. refuses
    says that a narrower must refuse the last step, and by_hand that no narrower
    makes such a link, or that one may refuse to since the step is wider."""
    parent = sign_lax(narrowed(target, *steps[:-1]), Key(key), binding)[0]
    link = sign_lax(narrowed(target, *steps), Key(key), binding)[0]
    made = narrow_again(parent, steps[-1])
    if refuses and made is not None:
        sys.exit("%s: the narrower makes %s" % (name, made))
    if not (refuses or by_hand or alter) and made != link:
        sys.exit("%s: the narrower makes\n%s, want\n%s" % (name, made, link))
    narrower = ("refuses", parent) if refuses else () if by_hand or alter else ("makes this", parent)
    vector("narrow_" + name, comment, expect, narrowed(target, *steps), alter, key, binding=binding, narrower=narrower, **setup)


def narrow_again(link, step):
    """What a narrower makes of a link and the claims of a step. None if it refuses."""
    try:
        return signedurl.narrow(link, {n.decode(): v.decode("utf-8", "surrogateescape") for n, v in parse_pairs_lax(step.encode("utf-8", "surrogateescape"))})
    except signedurl.Refused:
        return None


def signature_of(target):
    return sign_lax(target, Key(MAC))[0].rpartition("=")[2]


def pair_of(link):
    """The first step of a link, as it stands there."""
    return next(pair for pair in link.replace("?", "&").split("&") if pair.startswith("signed_narrow="))


def mac_over(message, key=None):
    """Replaces the signature by a MAC of other bytes or with another key."""
    key = key or signedurl.b64decode(signature_of(PLAIN))
    return resign(lambda s: signedurl.b64encode(hmac.new(key, message.encode(), hashlib.sha256).digest()))


narrow_vector("folder_to_a_file_for_a_minute", "A folder for an hour becomes one file for a minute.", "accepted", FOLDER, SOON + "&" + ONLY)
narrow_vector("folder_to_a_file_and_another_is_asked_for", "The path must be the step's.", "invalid", FOLDER.replace("card", "front"), ONLY, refuses=True)
narrow_vector("folder_to_a_file_and_the_folder_is_asked_for", "The path must be the step's.", "invalid", FOLDER.replace("card.jpg", ""), ONLY, refuses=True)
narrow_vector("folder_to_a_file_and_a_longer_name_is_asked_for", "The path is compared as a whole.", "invalid", FOLDER.replace("jpg", "jpg.txt"), ONLY, refuses=True)
narrow_vector("folder_to_a_file_and_it_is_spelled_otherwise", "A harmless re-spelling of the path.", "accepted", FOLDER, ONLY, alter=("card.jpg?", "%63ard%2ejpg?"))
narrow_vector("folder_to_a_file_with_escapes", "The value is a path in canonical form, and is encoded once more for each query that it is in.", "accepted",
              FOLDER.replace("card.jpg", "B%C3%BCro%20%2F%25.pdf"), "signed_only=%2Ffiles%2Fkyc%2F42%2FB%25C3%25BCro%2520%252F%2525.pdf")
narrow_vector("folder_to_itself", "A path may end in a slash.", "accepted", FOLDER.replace("card.jpg", ""), "signed_only=%2Ffiles%2Fkyc%2F42%2F")
narrow_vector("folder_to_a_file_elsewhere", "A step never widens: the path is outside the link's subtree.", "invalid",
              FOLDER.replace("/42/", "/43/"), ONLY.replace("42", "43"), by_hand=True)
narrow_vector("folder_and_an_application_parameter", "Nothing covers it, since the link is for a subtree.", "invalid", FOLDER, ONLY, alter=append("&width=100"))
narrow_vector("folder_and_an_ignored_parameter", "The link says that it does not matter.", "accepted", FOLDER.replace("&signed_under", "&signed_ignore=utm_%2A&signed_under"), ONLY,
              alter=append("&utm_source=mail"))
narrow_vector("file_to_itself", "It says nothing new.", "accepted", PLAIN, ONLY)
narrow_vector("file_to_another", "Nothing is left.", "invalid", PLAIN, ONLY.replace("card", "front"), refuses=True)
narrow_vector("file_with_application_parameters", "They are the link's.", "accepted", PAGE + "&zoom=2", SOON)
narrow_vector("file_with_an_altered_application_parameter", "They are the link's, and signed.", "invalid", PAGE, SOON, alter=("page=2", "page=3"))
narrow_vector("file_with_an_ignored_parameter", "The link says that it does not matter.", "accepted", PLAIN + "&signed_ignore=fbclid", SOON, alter=lambda t: t.replace("?", "?fbclid=x&"))
narrow_vector("below_a_stripped_prefix", "The path of a step is that of the link.", "accepted", FOLDER, ONLY, alter=("/files/kyc/42/card", "/kyc/42/card"), prefix="/files")
narrow_vector("by_the_second_key", "The key is that of the link.", "accepted", FOLDER.replace("2026a", "2025b"), SOON, key=OLD, ring=[MAC, OLD])

for name, path, expect in [("a_folder_below", "/files/kyc/42/scans/1.png", "accepted"), ("a_folder_below_itself", "/files/kyc/42/scans/", "accepted"),
                           ("a_folder_below_and_its_neighbour_is_asked_for", "/files/kyc/42/scans2/1.png", "invalid"),
                           ("a_folder_below_and_its_name_without_slash_is_asked_for", "/files/kyc/42/scans", "invalid"),
                           ("a_folder_below_and_the_one_above_is_asked_for", "/files/kyc/42/", "invalid")]:
    narrow_vector("to_" + name, "The path must be in the subtree of the link and of each step.", expect, path + "?" + TREE,
                  "signed_under=%2Ffiles%2Fkyc%2F42%2Fscans%2F", refuses=expect == "invalid")
narrow_vector("to_a_folder_above", "A step never widens: this is in the link's subtree.", "accepted", FOLDER, "signed_under=%2Ffiles%2Fkyc%2F", by_hand=True)
narrow_vector("to_a_folder_above_and_outside", "A step never widens: this is outside the link's subtree.", "invalid", FOLDER.replace("/42/", "/43/"), "signed_under=%2Ffiles%2Fkyc%2F", by_hand=True)
narrow_vector("a_file_to_its_folder", "A step never widens: the link is for this file.", "accepted", PLAIN, "signed_under=%2Ffiles%2Fkyc%2F42%2F", by_hand=True)
narrow_vector("a_file_to_its_folder_and_another_is_asked_for", "A step never widens: the link is for one file.", "invalid", PLAIN, "signed_under=%2Ffiles%2Fkyc%2F42%2F",
              alter=("card", "front"))
narrow_vector("to_a_folder_and_a_file", "Both are held.", "accepted", FOLDER, ONLY + "&signed_under=%2Ffiles%2Fkyc%2F42%2F")
narrow_vector("to_a_folder_and_a_file_outside", "Both are held.", "invalid", FOLDER, ONLY + "&signed_under=%2Ffiles%2Fkyc%2F42%2Fscans%2F", refuses=True)

narrow_vector("expiry", "It is not reached yet.", "accepted", PLAIN, SOON)
narrow_vector("expiry_reached", "The earliest counts.", "expired", PLAIN, SOON, now=1767222060)
narrow_vector("expiry_a_second_before", "The earliest counts.", "accepted", PLAIN, SOON, now=1767222059)
narrow_vector("expiry_reached_within_leeway", "The leeway holds for steps as well.", "accepted", PLAIN, SOON, now=1767222069, leeway=10)
narrow_vector("expiry_reached_and_leeway", "The leeway holds for steps as well.", "expired", PLAIN, SOON, now=1767222070, leeway=10)
narrow_vector("expiry_later_than_the_link", "The link's counts, too.", "accepted", PLAIN, "expires_at=1767229200", by_hand=True)
narrow_vector("expiry_later_than_the_link_that_has_expired", "A step never prolongs a link.", "expired", PLAIN, "expires_at=1767229200", by_hand=True, now=END)
narrow_vector("expiry_of_the_first_of_two_steps", "The earliest counts.", "expired", PLAIN, SOON, "expires_at=1767222120", by_hand=True, now=1767222060)
narrow_vector("expiry_of_the_second_of_two_steps", "The earliest counts.", "expired", PLAIN, "expires_at=1767222120", SOON, now=1767222060)
narrow_vector("expiry_never", "It would say nothing.", "invalid", PLAIN.replace("1767225600", "never"), "expires_at=never", refuses=True, allow_permanent=True)
narrow_vector("expiry_zero", "A number, and long ago.", "expired", PLAIN, "expires_at=0")
NEVER = PLAIN.replace("1767225600", "never")
narrow_vector("permanent_link", "It expires now.", "accepted", NEVER, SOON, allow_permanent=True)
narrow_vector("permanent_link_that_has_expired", "Its step's expiry counts.", "expired", NEVER, SOON, allow_permanent=True, now=1767222060)
narrow_vector("permanent_link_where_none_is_allowed", "The verifier's policy looks at the link itself.", "not_allowed", NEVER, SOON)
narrow_vector("permanent_link_where_none_is_allowed_that_has_expired", "Time comes before policy.", "expired", NEVER, SOON, now=1767222060)
narrow_vector("permanent_link_without_an_expiry", "It is still permanent.", "accepted", NEVER, ONLY, allow_permanent=True)
narrow_vector("link_that_lives_too_long", "The verifier's policy looks at the link itself.", "not_allowed", PLAIN, SOON, max_lifetime=600)
narrow_vector("link_that_lives_long_enough", "The verifier's policy looks at the link itself.", "accepted", PLAIN, "expires_at=1767225599", max_lifetime=3600)
narrow_vector("start_in_the_past", "It has come.", "accepted", PLAIN, "signed_from=1767222000")
narrow_vector("start_to_come", "The latest counts.", "not_yet", PLAIN, "signed_from=1767222001")
narrow_vector("start_to_come_within_leeway", "The leeway holds for steps as well.", "accepted", PLAIN, "signed_from=1767222010", leeway=10)
narrow_vector("start_before_that_of_the_link", "The latest counts.", "not_yet", PLAIN + "&signed_from=1767222001", "signed_from=1767222000", by_hand=True)
narrow_vector("start_to_come_of_a_link_whose_step_has_expired", "The link's own times come first.", "not_yet", PLAIN + "&signed_from=1767223000", SOON, by_hand=True, now=1767222060)
narrow_vector("start_to_come_of_a_step_before_one_that_has_expired", "The steps come in their order.", "not_yet", PLAIN, "signed_from=1767223000", SOON, by_hand=True, now=1767222060)
narrow_vector("start_to_come_of_a_step_after_one_that_has_expired", "The steps come in their order.", "expired", PLAIN, SOON, "signed_from=1767223000", by_hand=True, now=1767222060)
narrow_vector("expiry_reached_and_a_method_that_the_link_lacks", "The link's own limits come first.", "not_allowed", PLAIN, SOON, now=1767222060, method="PUT")
narrow_vector("expiry_reached_and_a_method_that_the_step_lacks", "Of each step, the time comes first.", "expired", GET_PUT, SOON + "&signed_methods=GET", now=1767222060, method="PUT")
narrow_vector("expiry_reached_and_a_method_that_an_earlier_step_lacks", "The steps come in their order.", "not_allowed", GET_PUT, "signed_methods=GET", SOON, now=1767222060, method="PUT")
narrow_vector("expiry_reached_where_the_link_lives_too_long", "The verifier's policy comes after the steps.", "expired", PLAIN, SOON, now=1767222060, max_lifetime=600)
narrow_vector("expiry_reached_of_a_link_that_is_revoked", "Stores come last.", "expired", PLAIN + "&signed_id=case-42", SOON, now=1767222060, revoked=["case-42"])
narrow_vector("expiry_reached_and_another_path", "Whether the path is left is part of the signature's check.", "invalid", FOLDER.replace("card", "front"), SOON + "&" + ONLY,
              refuses=True, now=1767222060)
narrow_vector("start_and_expiry", "Both are held.", "accepted", PLAIN, SOON + "&signed_from=1767222000")

narrow_vector("method", "It is left.", "accepted", GET_PUT, "signed_methods=GET")
narrow_vector("method_head", "GET includes HEAD.", "accepted", GET_PUT, "signed_methods=GET", method="HEAD")
narrow_vector("method_that_is_taken", "It is not left.", "not_allowed", GET_PUT, "signed_methods=GET", method="PUT")
narrow_vector("method_put", "It is left.", "accepted", GET_PUT, "signed_methods=PUT", method="PUT")
narrow_vector("method_head_alone", "HEAD does not include GET.", "not_allowed", PLAIN, "signed_methods=HEAD")
narrow_vector("method_not_named", "Without methods, a step leaves those of the link.", "accepted", GET_PUT, SOON, method="PUT")
narrow_vector("method_that_the_link_lacks", "A step never widens.", "not_allowed", PLAIN, "signed_methods=GET%2CPUT", by_hand=True, method="PUT")
narrow_vector("methods_that_leave_none", "All must permit it.", "not_allowed", GET_PUT, "signed_methods=GET", "signed_methods=PUT", by_hand=True)
narrow_vector("host", "It is the request's.", "accepted", PLAIN, "signed_host=files.example.com", host="FILES.example.com:443")
narrow_vector("host_of_others", "It is not the request's.", "not_allowed", PLAIN, "signed_host=files.example.org")
narrow_vector("host_other_than_the_link", "All must permit it.", "not_allowed", PLAIN + "&signed_host=files.example.com", "signed_host=files.example.org", by_hand=True)
narrow_vector("address", "It is the client's.", "accepted", PLAIN, "signed_ip=192.0.2.0%2F24%2C2001%3Adb8%3A%3A%2F32")
narrow_vector("address_of_others", "It is not the client's.", "not_allowed", PLAIN, "signed_ip=198.51.100.0%2F24")
narrow_vector("address_that_the_link_lacks", "All must permit it.", "not_allowed", PLAIN + "&signed_ip=198.51.100.0%2F24", "signed_ip=192.0.2.0%2F24", by_hand=True)
PUT = PLAIN + "&signed_methods=PUT"
narrow_vector("size", "It binds the handler that reads the body.", "accepted", PUT, "signed_max=1000", **ENFORCED)
narrow_vector("size_that_nothing_enforces", "A handler that does not know the limit would take anything.", "not_allowed", PUT, "signed_max=1000", method="PUT")
narrow_vector("types", "They bind the handler that reads the body.", "accepted", PUT, "signed_accept=image%2F%2A%2Capplication%2Fpdf", **ENFORCED)
narrow_vector("types_that_nothing_enforces", "A handler that does not know the limit would take anything.", "not_allowed", PUT, "signed_accept=image%2Fpng", method="PUT")
narrow_vector("everything", "A step may have all nine.", "accepted", FOLDER.replace("&signed_under", "&signed_methods=GET%2CPUT&signed_under"),
              "expires_at=1767222060&signed_accept=image%2Fpng&signed_from=1767222000&signed_host=files.example.com&signed_ip=192.0.2.10"
              "&signed_max=9&signed_methods=PUT&" + ONLY + "&signed_under=%2Ffiles%2Fkyc%2F42%2F", **ENFORCED)
narrow_vector("link_with_all_limits", "They continue to hold.", "accepted",
              "/files/kyc/42/card.jpg?expires_at=1767225600&signed_as=card.jpg&signed_by=2026a&signed_for=session&signed_from=1767220000"
              "&signed_host=files.example.com&signed_id=case-42&signed_ignore=fbclid&signed_inline=1&signed_ip=192.0.2.0%2F24&signed_methods=GET"
              "&signed_type=image%2Fjpeg&signed_under=%2Ffiles%2Fkyc%2F42%2F&signed_uses=3", SOON + "&" + ONLY,
              binding=b"s-1", bindings={"session": b"s-1"}, used={"case-42": 2})
narrow_vector("bound_link", "Its binding is the link's.", "invalid", PLAIN + "&signed_for=session", SOON, binding=b"s-1", bindings={"session": b"s-2"})
narrow_vector("link_that_is_revoked", "Its ID is the link's.", "revoked", PLAIN + "&signed_id=case-42", SOON, revoked=["case-42"])
narrow_vector("link_that_is_used_up", "Its uses are the link's.", "used_up", PLAIN + "&signed_id=case-42&signed_uses=2", SOON, used={"case-42": 2})

for name, value, refuses in [
    ("expires_at_with_a_leading_zero", "expires_at=01767222060", False),
    ("expires_at_of_the_year_10000", "expires_at=253402300800", False),
    ("from_of_never", "signed_from=never", False),
    ("from_with_a_plus", "signed_from=%2B1767222000", False),
    ("under_without_a_slash_at_the_end", "signed_under=%2Ffiles%2Fkyc%2F42", True),
    ("under_without_a_slash_at_the_start", "signed_under=files%2F", True),
    ("under_not_canonical", "signed_under=%2Ffiles%2Fkyc%2F%2534%2532%2F", True),
    ("only_without_a_slash_at_the_start", "signed_only=files%2Fkyc%2F42%2Fcard.jpg", True),
    ("only_not_canonical", "signed_only=%2Ffiles%2Fkyc%2F42%2F%2563ard.jpg", True),
    ("only_with_dot_dot", "signed_only=%2Ffiles%2Fkyc%2F43%2F..%2F42%2Fcard.jpg", True),
    ("methods_in_lower_case", "signed_methods=get", True),
    ("methods_with_an_empty_item", "signed_methods=GET%2C", True),
    ("host_in_upper_case", "signed_host=FILES.example.com", True),
    ("host_with_port_443", "signed_host=files.example.com%3A443", True),
    ("ip_that_is_none", "signed_ip=192.0.2", False),
    ("ip_with_too_long_a_prefix", "signed_ip=192.0.2.0%2F33", False),
    ("max_of_zero", "signed_max=0", False),
    ("max_of_2_to_the_53", "signed_max=9007199254740992", True),
    ("accept_in_upper_case", "signed_accept=image%2FPNG", True),
    ("accept_of_all_of_text", "signed_accept=text%2F%2A", True),
]:
    upload_too = ENFORCED if name[:3] in ("max", "acc") else {}
    narrow_vector("value_" + name, "A value is held to the rules that it has in a link.", "invalid", PUT if upload_too else PLAIN, value,
                  refuses=refuses, by_hand=not refuses, **upload_too)

for name in sorted(name.decode() for name in signedurl.STEP - {b"expires_at"}):
    narrow_vector("value_%s_empty" % name[7:], "An empty value is no limit.", "invalid", PUT, name + "=", by_hand=True, **ENFORCED)

for name, value in [("signed_as", "card.jpg"), ("signed_for", "session"), ("signed_id", "case-42"), ("signed_ignore", "fbclid"), ("signed_type", "image%2Fpng"),
                    ("signed_replace", "1"), ("signed_sum", "sha-256%3A" + SUM)]:
    narrow_vector("step_with_" + name, "It is none of the nine.", "invalid", PUT, name + "=" + value, refuses=True, **ENFORCED)
for name, value in [("signed_inline", "1"), ("signed_uses", "1"), ("signed_by", "2026a"), ("signature", "A" * 43), ("signed_narrow", "expires_at%3D1767222060"),
                    ("signed_region", "eu"), ("page", "2"), ("Expires_at", "1767222060")]:
    narrow_vector("step_with_" + (name if name.islower() else "a_name_in_upper_case"), "It is none of the nine.", "invalid", PLAIN, name + "=" + value, by_hand=True)
narrow_vector("step_with_an_unknown_name_beside", "One name is enough.", "invalid", PLAIN, SOON + "&page=2", by_hand=True)

for name, comment, step in [
    ("in_lower_case_escapes", "It has one spelling.", "signed_only=%2ffiles%2fkyc%2f42%2fcard.jpg"),
    ("with_a_raw_slash", "It has one spelling.", "signed_only=/files/kyc/42/card.jpg"),
    ("with_an_unneeded_escape", "It has one spelling.", "signed_only=%2Ffiles%2Fkyc%2F42%2F%63ard.jpg"),
    ("with_an_escaped_name", "It has one spelling.", "signed%5Fonly=%2Ffiles%2Fkyc%2F42%2Fcard.jpg"),
    ("with_an_escaped_digit", "It has one spelling.", "expires_at=%31767222060"),
    ("not_sorted", "It has one spelling.", ONLY + "&" + SOON),
    ("with_a_name_twice", "Which one would count?", SOON + "&" + SOON),
    ("with_a_name_twice_and_different", "Which one would count?", "expires_at=1767222060&expires_at=1767222120"),
    ("with_an_empty_value", "A reserved parameter is never empty.", "expires_at="),
    ("without_equals", "A reserved parameter is never empty.", "expires_at"),
    ("with_a_value_without_name", "There is no empty name.", "=1"),
    ("with_an_empty_pair_at_the_end", "There is no empty pair.", SOON + "&"),
    ("with_an_empty_pair_at_the_start", "There is no empty pair.", "&" + SOON),
    ("with_an_empty_pair", "There is no empty pair.", SOON + "&&" + ONLY),
    ("with_a_semicolon", "To some readers it is a border.", SOON + ";" + ONLY),
    ("with_a_semicolon_at_the_end", "To some readers it is a border.", SOON + ";"),
    ("with_a_question_mark", "It is the query alone.", "?" + SOON),
    ("with_a_line_feed", "It has one spelling.", SOON + "\n"),
    ("with_a_null_byte", "Some readers end there.", SOON + "\0"),
    ("with_an_invalid_escape", "This is no escape.", "signed_only=%2Ffiles%2Fkyc%2F42%2F%zz"),
    ("with_half_an_escape", "This is no escape.", "signed_only=%2Ffiles%2Fkyc%2F42%2F%2"),
    ("with_a_plus_for_a_space", "A space is %20.", "signed_only=%2Ffiles%2Fkyc%2F42%2Fmy+card.jpg"),
    ("with_a_plus_before_a_number", "Numbers have one spelling.", "expires_at=+1767222060"),
    ("in_raw_utf8", "It has one spelling.", "signed_only=%2Ffiles%2Fkyc%2F42%2FB\u00fcro.pdf"),
    ("encoded_once_more", "It is decoded once, as every value is.", escape(SOON.encode())),
]:
    path = {"with_a_plus_for_a_space": "my%20card.jpg", "in_raw_utf8": "B%C3%BCro.pdf"}.get(name, "card.jpg")
    narrow_vector("step_" + name, comment, "invalid", PLAIN.replace("card.jpg", path), step, by_hand=True)
vector("narrow_step_empty", "A reserved parameter is never empty.", "invalid", narrowed(PLAIN, ""),
       narrower=("refuses", sign_lax(PLAIN, Key(MAC))[0]))
vector("narrow_step_empty_without_equals", "A reserved parameter is never empty.", "invalid", narrowed(PLAIN, ""), ("signed_narrow=", "signed_narrow"))
vector("narrow_step_whose_name_is_not_literal", "A careless reader would take it for a parameter of the application.", "invalid", narrowed(PLAIN, SOON), ("signed_narrow", "signed%5Fnarrow"))
vector("narrow_step_whose_name_is_in_upper_case", "What begins with signed_ is known byte for byte.", "invalid", narrowed(PLAIN, SOON), ("signed_narrow", "signed_Narrow"))
vector("narrow_only_outside_a_step", "It has no place in the link itself.", "invalid", PLAIN + "&" + ONLY)
cookie_vector("narrow_only_outside_a_step_in_a_cookie", "It has no place in the cookie itself.", "invalid", [limited(ONLY)], target="/files/kyc/42/card.jpg")

for name, comment, alter in [
    ("escapes_in_lower_case", "The link may be spelled otherwise; only the step may not.", lambda t: t.replace("%3D", "%3d").replace("%2F", "%2f")),
    ("raw_equals", "The first = is the border.", lambda t: t.replace("%3D", "=")),
    ("unneeded_escapes", "The value is decoded, as others are.", lambda t: t.replace("expires_at%3D", "%65xpires%5Fat%3D")),
    ("raw_slash_of_the_subtree", "The link may be spelled otherwise.", lambda t: t.replace("=%2Ffiles%2Fkyc%2F42%2F", "=/files/kyc/42/")),
    ("other_order", "The order of names is not signed.", lambda t: "?".join((t.partition("?")[0], "&".join(reversed(t.partition("?")[2].split("&")))))),
    ("step_first", "The order of names is not signed.", lambda t: t.replace("?", "?" + pair_of(t) + "&").replace("&" + pair_of(t) + "&", "&", 1)),
    ("step_behind_the_signature", "The order of names is not signed.", lambda t: t.replace("&" + pair_of(t), "") + "&" + pair_of(t)),
]:
    narrow_vector("respelled_" + name, comment, "accepted", FOLDER, SOON + "&" + ONLY, alter=alter)
narrow_vector("respelled_steps_not_adjacent", "The steps stand in their order, whatever is between.", "accepted", FOLDER, SOON, ONLY,
              alter=lambda t: t.replace("?", "?" + pair_of(t) + "&").replace("&" + pair_of(t) + "&", "&", 1))
narrow_vector("respelled_signature_between_steps", "The steps stand in their order, whatever is between.", "accepted", FOLDER, SOON, ONLY,
              alter=lambda t: t.rpartition("&")[0].replace("&signed_narrow=signed", "&" + t.rpartition("&")[2] + "&signed_narrow=signed"))

METHOD = "signed_methods=GET"
narrow_vector("two_steps", "Each is held.", "accepted", FOLDER, SOON, ONLY)
narrow_vector("two_steps_that_are_equal", "Each makes a MAC of its own.", "accepted", FOLDER, SOON, SOON)
narrow_vector("three_steps", "Each is held.", "accepted", FOLDER, "signed_host=files.example.com", SOON, ONLY)
narrow_vector("four_steps", "The most.", "accepted", FOLDER, "signed_host=files.example.com", SOON, METHOD, ONLY)
narrow_vector("four_steps_of_which_the_third_is_not_met", "Each is held.", "not_allowed", FOLDER, "signed_host=files.example.com", SOON, METHOD, ONLY, method="POST")
narrow_vector("five_steps", "One too many.", "invalid", FOLDER, "signed_host=files.example.com", "expires_at=1767222120", METHOD, ONLY, SOON, refuses=True)
narrow_vector("list_of_64", "The longest.", "accepted", FOLDER, "signed_methods=GET" + "%2CGET" * 63)
narrow_vector("list_of_65", "One too many.", "invalid", FOLDER, "signed_methods=GET" + "%2CGET" * 64, refuses=True)
narrow_vector("networks_64", "The longest.", "accepted", FOLDER, "signed_ip=192.0.2.10" + "%2C10.0.0.1" * 63)
narrow_vector("networks_65", "One too many.", "invalid", FOLDER, "signed_ip=192.0.2.10" + "%2C10.0.0.1" * 64, refuses=True)
narrow_vector("step_of_1024_bytes", "The longest.", "accepted", FOLDER.replace("card", "x" * 986), ONLY.replace("card", "x" * 986))
narrow_vector("step_of_1025_bytes", "One too many.", "invalid", FOLDER.replace("card", "x" * 987), ONLY.replace("card", "x" * 987), refuses=True)
narrow_vector("step_of_1024_bytes_in_longer_spelling", "The bytes of the step are counted, and not those of its spelling in the link.", "accepted",
              FOLDER.replace("card", "x" * 986), ONLY.replace("card", "x" * 986), alter=lambda t: t.replace("252F" + "x" * 986, "252F" + "%78" * 986))
FULL = PLAIN.replace("signed_by", MANY[:-6] + "&signed_by").replace("/files/kyc/42/card.jpg", "/files/list")
narrow_vector("link_of_128_pairs", "Steps are counted.", "accepted", FULL, SOON)
narrow_vector("link_of_129_pairs", "Steps are counted.", "invalid", FULL, METHOD, SOON, refuses=True)
LONG = of_length(8192 - len("&signed_narrow=") - len(escape(SOON.encode())), "/files/Z?expires_at=1767225600&signed_by=2026a")
narrow_vector("target_of_8192_bytes", "The longest.", "accepted", LONG, SOON)
narrow_vector("target_of_8193_bytes", "One too many.", "invalid", LONG.replace("Z?", "ZZ?"), SOON, refuses=True)

narrow_vector("altered_step", "It is signed.", "invalid", PLAIN, SOON, alter=("1767222060", "1767222120"))
narrow_vector("altered_by_a_step_less", "The MAC of the link is not in the narrower link.", "invalid", PLAIN, SOON, alter=lambda t: t.replace("&" + pair_of(t), ""))
narrow_vector("altered_by_the_first_step_less", "It is in the MAC of the second.", "invalid", FOLDER, SOON, ONLY, alter=lambda t: t.replace("&" + pair_of(t), ""))
narrow_vector("altered_by_the_last_step_less", "The MAC of the first is not in the link.", "invalid", FOLDER, SOON, ONLY, alter=lambda t: t.replace("&signed_narrow=" + escape(ONLY.encode()), ""))
narrow_vector("altered_by_a_step_more", "Its MAC is missing.", "invalid", PLAIN, SOON, alter=("&signature", "&signed_narrow=signed_methods%3DGET&signature"))
narrow_vector("altered_by_a_step_twice", "It was added once.", "invalid", PLAIN, SOON, alter=lambda t: t.replace(pair_of(t), pair_of(t) + "&" + pair_of(t)))
narrow_vector("altered_order_of_two_steps", "Each is in the MAC of the next.", "invalid", FOLDER, SOON, ONLY,
              alter=lambda t: t.replace(pair_of(t), "X").replace("signed_narrow=" + escape(ONLY.encode()), pair_of(t)).replace("X", "signed_narrow=" + escape(ONLY.encode())))
narrow_vector("altered_border_of_two_steps", "Two steps are not one.", "invalid", FOLDER, SOON, ONLY, alter=("&signed_narrow=signed", "%26signed"))
narrow_vector("altered_border_of_a_step", "One step is not two.", "invalid", FOLDER, SOON + "&" + ONLY, alter=("%26", "&signed_narrow="))
narrow_vector("altered_step_outside", "The parameters of a step are not the link's.", "invalid", PLAIN, METHOD, alter=("signed_narrow=signed_methods%3DGET", METHOD))
vector("narrow_altered_limit_into_a_step", "The parameters of a link are not a step's.", "invalid", PLAIN + "&" + METHOD, (METHOD, "signed_narrow=signed_methods%3DGET"))
narrow_vector("altered_link", "The link itself is signed, too.", "invalid", PLAIN, SOON, alter=("expires_at=1767225600", "expires_at=1767225601"))
narrow_vector("step_of_another_link", "A step belongs to its link.", "invalid", PLAIN, SOON, alter=resign(lambda s: signature_of(narrowed(PLAIN.replace("card", "front"), SOON))))
narrow_vector("signature_of_the_link", "The link itself has it; its step has another.", "invalid", PLAIN, SOON, alter=resign(lambda s: signature_of(PLAIN)))
narrow_vector("signature_of_the_first_step", "The last one counts.", "invalid", FOLDER, SOON, ONLY, alter=resign(lambda s: signature_of(narrowed(FOLDER, SOON))))
narrow_vector("signature_of_the_second_step_on_the_link", "Each step's key is the MAC before it.", "invalid", FOLDER, SOON, ONLY,
              alter=resign(lambda s: signature_of(narrowed(FOLDER, ONLY))))
narrow_vector("signature_with_a_stray_bit", "It has one spelling.", "invalid", PLAIN, SOON, alter=resign(stray))
narrow_vector("signature_padded", "There is no padding.", "invalid", PLAIN, SOON, alter=append("="))
narrow_vector("signature_of_16_bytes", "A truncated MAC is not accepted.", "invalid", PLAIN, SOON, alter=resign(lambda s: signedurl.b64encode(signedurl.b64decode(s)[:16])))
narrow_vector("signature_with_the_last_bit_flipped", "All bits count.", "invalid", PLAIN, SOON, alter=resign(lambda s: s[:-1] + ALPHABET[ALPHABET.index(s[-1]) ^ 4]))
for name, comment, message in [("of_a_link", "The first line tells what is signed.", "signed-url/1\n" + SOON), ("of_a_cookie", "The first line tells what is signed.", "signed-cookie/1\n" + SOON),
                               ("of_another_version", "The first line tells what is signed.", "signed-narrow/2\n" + SOON), ("missing", "The first line tells what is signed.", SOON),
                               ("with_another_line_break", "Lines end in LF.", "signed-narrow/1\r\n" + SOON), ("with_a_line_feed_at_the_end", "There is none.", "signed-narrow/1\n" + SOON + "\n"),
                               ("over_the_encoded_step", "The step is signed before it is encoded.", "signed-narrow/1\n" + escape(SOON.encode()))]:
    narrow_vector("tag_" + name, comment, "invalid", PLAIN, SOON, alter=mac_over(message))
narrow_vector("mac_with_the_key_of_the_link", "Its key is the MAC before it.", "invalid", PLAIN, SOON, alter=mac_over("signed-narrow/1\n" + SOON, Key(MAC).secret))
narrow_vector("mac_with_the_signature_as_text", "Its key is the decoded signature.", "invalid", PLAIN, SOON, alter=mac_over("signed-narrow/1\n" + SOON, signature_of(PLAIN).encode()))
narrow_vector("mac_with_a_key_of_zeros", "Its key is the MAC before it.", "invalid", PLAIN, SOON, alter=mac_over("signed-narrow/1\n" + SOON, bytes(32)))
narrow_vector("mac_over_all_steps", "Each step has a MAC of its own.", "invalid", PLAIN, SOON, METHOD, alter=mac_over("signed-narrow/1\n" + SOON + "\n" + METHOD))

narrow_vector("link_over_ed25519", "Nothing can be derived from such a signature.", "invalid", PLAIN.replace("2026a", "2026e"), SOON, key=CURVE, refuses=True)
narrow_vector("link_over_ed25519_verified_with_the_public_half", "Nothing can be derived from such a signature.", "invalid", PLAIN.replace("2026a", "2026e"), SOON,
              key=CURVE, ring=[public_half(CURVE)], refuses=True)
narrow_vector("link_over_ed25519_with_its_own_signature", "The step is not in it, and must not be passed over.", "invalid", PLAIN.replace("2026a", "2026e"), SOON, key=CURVE,
              alter=resign(lambda s: Key(CURVE).sign(signedurl.signed_text("signed-url/1", "/files/kyc/42/card.jpg", parse_pairs_lax(b"expires_at=1767225600&signed_by=2026e"), b""))))

NARROW = narrowed("/?" + TREE, SOON).partition("?")[2]
CUT = cookie(NARROW)


def narrow_cookie_vector(name, comment, expect, value, *steps, **setup):
    """Adds a vector of one cookie that was narrowed by steps."""
    wider, made = cookie(narrowed("/?" + value, *steps[:-1]).partition("?")[2]), cookie(narrowed("/?" + value, *steps).partition("?")[2])
    if narrow_again(wider[0], steps[-1]) != made[0]:
        sys.exit("%s: the narrower makes %s" % (name, narrow_again(wider[0], steps[-1])))
    cookie_vector("narrow_cookie" + name, comment, expect, [made], narrower=("makes this", wider[0]), **setup)


narrow_cookie_vector("", "A cookie is narrowed as a link is.", "accepted", TREE, SOON)
narrow_cookie_vector("_to_a_folder", "A cookie is narrowed as a link is.", "accepted", TREE, "signed_under=%2Ffiles%2Fkyc%2F42%2Fscans%2F", target="/files/kyc/42/scans/1.png")
narrow_cookie_vector("_to_a_folder_and_another_is_asked_for", "A cookie is narrowed as a link is.", "invalid", TREE, "signed_under=%2Ffiles%2Fkyc%2F42%2Fscans%2F")
narrow_cookie_vector("_to_a_file", "A cookie is narrowed as a link is.", "accepted", TREE, ONLY, target="/files/kyc/42/card.jpg")
narrow_cookie_vector("_to_a_file_and_another_is_asked_for", "A cookie is narrowed as a link is.", "invalid", TREE, ONLY)
narrow_cookie_vector("_by_four_steps", "The most.", "accepted", TREE, "signed_host=files.example.com", SOON, METHOD, ONLY, target="/files/kyc/42/card.jpg")
narrow_cookie_vector("_that_has_expired", "The earliest counts.", "expired", TREE, SOON, now=1767222060)
narrow_cookie_vector("_for_another_method", "All must permit it.", "not_allowed", limited("signed_methods=GET%2CPUT"), METHOD, method="PUT")
cookie_vector("narrow_cookie_by_five_steps", "One too many.", "invalid", [cookie(narrowed("/?" + TREE, SOON, SOON, SOON, SOON, SOON).partition("?")[2])],
              narrower=("refuses", cookie(narrowed("/?" + TREE, SOON, SOON, SOON, SOON).partition("?")[2])[0]))
cookie_vector("narrow_cookie_of_ed25519", "Nothing can be derived from such a signature.", "invalid", [cookie(NARROW.replace("2026a", "2026e"), key=CURVE)], ring=[CURVE],
              narrower=("refuses", cookie(TREE.replace("2026a", "2026e"), key=CURVE)[0]))
cookie_vector("narrow_cookie_whose_step_is_not_canonical", "A cookie is narrowed as a link is.", "invalid", [cookie(narrowed("/?" + TREE, ONLY + "&" + SOON).partition("?")[2])])
cookie_vector("narrow_cookie_altered", "The step is signed.", "invalid", [(CUT[0].replace("1767222060", "1767222120"), CUT[1])])
cookie_vector("narrow_cookie_with_a_step_less", "The MAC of the cookie itself is not in it.", "invalid", [(CUT[0].replace("&" + pair_of(CUT[0]), ""), CUT[1])])
LINK_CUT = sign_lax("/files/kyc/42/front.jpg?" + NARROW, Key(MAC))
cookie_vector("narrow_cookie_with_the_signature_of_a_link", "A link is no cookie: the first line differs.", "invalid", [(LINK_CUT[0].partition("?")[2], LINK_CUT[1])])
vector("narrow_cookie_with_its_signature_in_a_link", "A cookie is no link: the first line differs.", "invalid", "/files/kyc/42/front.jpg?" + CUT[0], key=None, signed=CUT[1])
cookie_vector("narrow_cookie_and_a_step_in_the_url", "If the URL holds a reserved name no cookie is looked at.", "invalid", [CUT], target="/files/kyc/42/front.jpg?signed_narrow=expires_at%3D1767222060")
cookie_vector("narrow_cookies_of_which_the_second_is_good", "Each is tried; the first that passes counts.", "accepted", [(CUT[0].replace("1767222060", "1767222120"), None), CUT], winner=1)
cookie_vector("narrow_cookies_of_which_the_first_has_expired", "Each is tried; the first that passes counts.", "accepted", [CUT, GOOD], winner=1, now=1767222060)
cookie_vector("narrow_cookies_of_which_the_fifth_is_good", "Four are tried, whose subtree holds the path; a step is no subtree of theirs.", "invalid",
              [cookie(narrowed("/?" + TREE, ONLY).partition("?")[2])] * 4 + [CUT], winner=4)
cookie_vector("narrow_cookies_of_which_the_first_is_for_another_file", "Each is tried; the first that passes counts.", "accepted", [cookie(narrowed("/?" + TREE, ONLY).partition("?")[2]), CUT], winner=1)

# --- keys as text -----------------------------------------------------------------

SECRET = signedurl.b64encode(hashlib.sha256(b"throw-away key").digest())
for name, comment, text in [
    ("without_a_secret", "There are three fields.", "2026a:hmac-sha256"),
    ("with_a_field_more", "There are three fields.", "2026a:hmac-sha256:" + SECRET + ":x"),
    ("with_an_empty_secret", "An empty key verifies whatever an attacker makes with it.", "2026a:hmac-sha256:"),
    ("with_a_secret_of_31_bytes", "32 at least.", "2026a:hmac-sha256:" + signedurl.b64encode(b"x" * 31)),
    ("with_a_secret_of_zeros", "This is a variable that was not set.", "2026a:hmac-sha256:" + signedurl.b64encode(bytes(32))),
    ("with_a_long_secret_of_zeros", "This is a variable that was not set.", "2026a:hmac-sha256:" + signedurl.b64encode(bytes(64))),
    ("with_padding", "There is one spelling.", "2026a:hmac-sha256:" + SECRET + "="),
    ("with_a_stray_bit", "There is one spelling.", "2026a:hmac-sha256:" + stray(SECRET)),
    ("in_the_standard_alphabet", "The alphabet is that of base64url.", "2026a:hmac-sha256:" + "+/" * 21 + "8"),
    ("with_an_empty_id", "An id has 1 to 64 characters.", ":hmac-sha256:" + SECRET),
    ("with_an_id_of_65_characters", "An id has 1 to 64 characters.", "x" * 65 + ":hmac-sha256:" + SECRET),
    ("with_a_space_in_the_id", "An id is made of letters, digits and - _ .", "2026 a:hmac-sha256:" + SECRET),
    ("with_an_id_not_in_ascii", "An id is made of letters, digits and - _ .", "sch\u00fcssel:hmac-sha256:" + SECRET),
    ("of_an_unknown_algorithm", "There are three.", "2026a:hmac-sha1:" + SECRET),
    ("of_an_algorithm_in_upper_case", "There is one spelling.", "2026a:HMAC-SHA256:" + SECRET),
    ("of_an_algorithm_none", "There are three.", "2026a:none:" + SECRET),
    ("of_ed25519_with_a_seed_of_31_bytes", "A seed has 32.", "2026e:ed25519:" + signedurl.b64encode(b"x" * 31)),
    ("of_ed25519_with_seed_and_public_half", "A seed has 32 bytes.", "2026e:ed25519:" + signedurl.b64encode(b"x" * 64)),
    ("of_ed25519_with_a_seed_of_zeros", "This is a variable that was not set.", "2026e:ed25519:" + signedurl.b64encode(bytes(32))),
    ("public_of_31_bytes", "A public key has 32.", "2026e:ed25519-public:" + signedurl.b64encode(Key(CURVE).public[:31])),
    ("public_that_is_no_point", "No point has this y.", "2026e:ed25519-public:" + signedurl.b64encode(b"\2" + bytes(31))),
]:
    bad_keys("key_text_" + name, comment, text)
for i, point in enumerate(signedurl.LOW_ORDER):
    bad_keys("key_text_public_of_low_order_%02d" % (i + 1), "One of 14 encodings under which everybody can sign.",
             "2026e:ed25519-public:" + signedurl.b64encode(point))
bad_keys("key_text_of_the_same_id_twice", "Which one would be meant?", MAC, "2026a:hmac-sha256:" + SECRET)
bad_keys("key_text_of_the_same_id_in_two_algorithms", "Which one would be meant?", MAC, "2026a:ed25519:" + SECRET)
bad_keys("key_text_none", "A ring has keys.")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")
    for old in os.listdir(folder):
        if old.endswith(".txt"):
            os.remove(os.path.join(folder, old))
    for name, text in files.items():
        with open(os.path.join(folder, name + ".txt"), "w", encoding="utf-8", newline="\n") as file:
            file.write(text)


if __name__ == "__main__":
    main()
