package middleware_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
)

// future is an expiry that tests with a real clock do not reach.
const future = "4102444800" // 2100-01-01

// oracle is the specification once more, written on net/url alone, without a
// thought for speed: it returns the bytes that a link is signed over, its own and
// those of each step, and whether a link with a signature over them is good. Where it is not, the bytes
// are those that a careless verifier would make, so that a refusal is not owed
// to a wrong signature alone.
func oracle(path, query string) (signed string, ok bool) {
	ok = len(path)+1+len(query) <= 8192
	known := map[string]bool{}
	for _, n := range strings.Fields("expires_at signed_accept signed_as signed_by signed_for signed_from signed_host signed_id signed_ignore signed_inline signed_ip signed_max signed_methods signed_replace signed_sum signed_type signed_under signed_uses signature") {
		known[n] = true
	}
	encode := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	unescape := func(s string, f func(string) (string, error)) string {
		d, err := f(s)
		if err != nil {
			ok = false
			return s
		}
		return d
	}
	canonicalPath := func(path string) string {
		decoded := unescape(path, url.PathUnescape)
		if !strings.HasPrefix(path, "/") || strings.Contains(path, ";") || strings.ContainsFunc(decoded, func(r rune) bool { return r < 0x20 || r == 0x7F }) {
			ok = false
		}
		parts := regexp.MustCompile(`[/\\]`).Split(strings.TrimPrefix(decoded, "/"), -1)
		for i, part := range parts {
			name, _, _ := strings.Cut(part, ";")
			if name == "." || name == ".." || (part == "" && i < len(parts)-1) {
				ok = false
			}
		}
		segments := strings.Split(path, "/")
		for i, s := range segments {
			segments[i] = encode(unescape(s, url.PathUnescape))
		}
		return strings.Join(segments, "/")
	}
	p := canonicalPath(path)
	requested := p

	type pair struct{ name, value string }
	var pairs []pair
	var steps []string
	reserved := map[string]string{}
	parts := strings.Split(query, "&")
	ok = ok && len(parts) <= 128 && !strings.Contains(query, ";")
	for _, part := range parts {
		rawName, rawValue, _ := strings.Cut(part, "=")
		name := unescape(rawName, url.QueryUnescape)
		if rawName == "signature" { // it is never decoded: it has one spelling
			_, twice := reserved[rawName]
			ok = ok && !twice
			reserved[rawName] = rawValue
			continue
		}
		value := unescape(rawValue, url.QueryUnescape)
		if rawName == "signed_narrow" {
			ok = ok && value != ""
			steps = append(steps, value)
			continue
		}
		if name == "" {
			ok = false
		}
		if known[name] || strings.HasPrefix(name, "signed_") {
			if _, twice := reserved[name]; twice || !known[name] || name != rawName || value == "" {
				ok = false
			}
			reserved[name] = value
		}
		pairs = append(pairs, pair{name, value})
	}
	ignored := func(name string) bool {
		for _, item := range strings.Split(reserved["signed_ignore"], ",") {
			prefix, star := strings.CutSuffix(item, "*")
			if item != "" && (name == item || star && strings.HasPrefix(name, prefix)) {
				return true
			}
		}
		return false
	}
	if list, there := reserved["signed_ignore"]; there && !regexp.MustCompile(`^[A-Za-z0-9._~-]+\*?(,[A-Za-z0-9._~-]+\*?)*$`).MatchString(list) {
		ok = false
	} else if strings.Count(list, ",") >= 64 {
		ok = false
	}
	under, isSubtree := reserved["signed_under"]
	if isSubtree {
		if canonicalPath(under) != under || !strings.HasSuffix(under, "/") || !strings.HasPrefix(p, under) {
			ok = false
		}
		p = under
	}
	var kept []pair
	for _, pr := range pairs {
		_, own := reserved[pr.name]
		switch {
		case own:
			kept = append(kept, pr)
		case ignored(pr.name):
		case isSubtree:
			ok = false
		default:
			kept = append(kept, pr)
		}
	}
	slices.SortStableFunc(kept, func(a, b pair) int { return strings.Compare(encode(a.name), encode(b.name)) })
	texts := make([]string, len(kept))
	for i, pr := range kept {
		texts[i] = encode(pr.name) + "=" + encode(pr.value)
	}
	binding := ""
	if name, there := reserved["signed_for"]; there {
		ok = ok && name == "session"
		binding = encode(sessionValue)
	}

	// What the claims themselves must look like.
	time := func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == v && n >= 0 && n <= 253402300799
	}
	ok = ok && reserved["signed_by"] == "2026a" && (reserved["expires_at"] == "never" || time(reserved["expires_at"]))
	if from, there := reserved["signed_from"]; there {
		ok = ok && time(from)
	}

	signed = "signed-url/1\n" + p + "\n" + strings.Join(texts, "&") + "\n" + binding
	ok = ok && len(steps) <= 4
	for _, step := range steps {
		signed += stepTag + step
		values, err := url.ParseQuery(step)
		ok = ok && err == nil && len(step) <= 1024 && strings.ReplaceAll(values.Encode(), "+", "%20") == step
		for name, v := range values {
			ok = ok && len(v) == 1
			switch name {
			case "expires_at", "signed_from":
				ok = ok && time(v[0])
			case "signed_under":
				if canonicalPath(v[0]) != v[0] || !strings.HasSuffix(v[0], "/") || !strings.HasPrefix(requested, v[0]) {
					ok = false
				}
			case "signed_only":
				ok = ok && v[0] == requested
			default:
				ok = false
			}
		}
	}
	return signed, ok
}

// stepTag is what separates the texts of steps in what the oracle returns.
const stepTag = "\nsigned-narrow/1\n"

const sessionValue = "the session/of + alice"

// macText returns the signature over what the oracle returns.
func macText(signed string) string {
	key := secret
	for i, text := range strings.Split(signed, stepTag) {
		if i > 0 {
			text = stepTag[1:] + text
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		key = mac.Sum(nil)
	}
	return base64.RawURLEncoding.EncodeToString(key)
}

// agree signs a target as the oracle would and holds the format's verdict
// against the oracle's.
func agree(t *testing.T, ring *middleware.Keyring, path, query string) {
	t.Helper()
	for _, n := range []string{"signed_accept", "signed_as", "signed_inline", "signed_host", "signed_id", "signed_ip", "signed_max", "signed_methods", "signed_replace", "signed_sum", "signed_type", "signed_uses"} {
		if decoded, _ := url.QueryUnescape(query); strings.Contains(query, n) || strings.Contains(decoded, n) { // in a step
			t.Skip()
		}
	}
	signed, ok := oracle(path, query+"&signature="+strings.Repeat("A", 43))
	signature := macText(signed)
	last := strings.LastIndexByte(query, '&')
	// The signature behind, in front and between.
	for _, q := range []string{
		query + "&signature=" + signature,
		"signature=" + signature + "&" + query,
		strings.Replace(query, "&", "&signature="+signature+"&", 1),
		query[:max(last, 0)] + "&signature=" + signature + query[max(last, 0):],
	} {
		if !strings.Contains(q, signature) {
			continue
		}
		r := middleware.Request{Method: "GET", Path: path, RawQuery: q}
		c, err := middleware.AuthenticateBound(ring, r, sessionValue)
		if ok != (err == nil) {
			t.Errorf("%s ? %s\nformat: %v\noracle: %v, signed text %q", path, q, err, ok, signed)
		}
		if err != nil && !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("%s ? %s: %v is not ErrInvalid", path, q, err)
		}
		if err == nil && (c.Binding.Value != "" || c.KeyID != "2026a" || len(c.Steps()) != strings.Count(signed, stepTag)) {
			t.Errorf("claims %+v", c)
		}
	}
}
