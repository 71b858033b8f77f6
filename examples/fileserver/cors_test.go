package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/examples/internal/cli"
)

const page = "https://app.example"

// asks sends a request and returns the status and what browsers look at before
// they show a page the reply: the fields of the CORS protocol, and Vary.
func (p *process) asks(method, target string, header ...string) (int, map[string]string) {
	p.T.Helper()
	r, err := http.NewRequest(method, p.URL(target), nil)
	if err != nil {
		p.T.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.T.Fatal(err)
	}
	reply.Body.Close()
	found := map[string]string{}
	for name, values := range reply.Header {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok || name == "Vary" {
			found[short] = strings.Join(values, " | ")
		}
	}
	return reply.StatusCode, found
}

func TestPagesOfNamedOriginsMayReadTheFiles(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := files(t)
	write(t, filepath.Join(dir, "new", "old.txt"), "the old one")
	link := linkTo(t, keys, "kyc/card.txt")
	put := linkTo(t, keys, "-method", "PUT", "new/old.txt")
	cookie := linkTo(t, keys, "-under", "kyc", "-cookie", "files")
	plain := start(t, "-dir", dir, "-key-file", keys, "-cors-origin", page+",http://localhost:3000", "-cors-origin", "https://[2001:db8::1]:8443")
	withCookies := start(t, "-dir", dir, "-key-file", keys, "-cors-origin", page, "-cookie", "files")
	bound := start(t, "-dir", dir, "-key-file", keys, "-cors-origin", page, "-binding", "session=cookie:sid")
	uploads := start(t, "-dir", dir, "-key-file", keys, "-cors-origin", page, "-uploads")
	none := start(t, "-dir", dir, "-key-file", keys)

	const (
		send    = "Range, If-Range"
		read    = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag"
		sendToo = send + ", Content-Type, If-Match, If-None-Match, If-Unmodified-Since"
		readToo = read + ", Allow, Location, Repr-Digest, Retry-After"
	)
	type want = map[string]string
	readable := want{"Allow-Origin": page, "Expose-Headers": read, "Vary": "Origin"}
	hidden := want{"Vary": "Origin"}
	preflight := []string{"Origin", page, "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "range"}
	for _, tt := range []struct {
		name           string
		to             *process
		method, target string
		header         []string
		status         int
		want           want
	}{
		{"a file", plain, "GET", link, []string{"Origin", page}, 200, readable},
		{"a part of it", plain, "GET", link, []string{"Origin", page, "Range", "bytes=0-1"}, 206, readable},
		{"a file for a page on this machine", plain, "GET", link, []string{"Origin", "http://localhost:3000"}, 200,
			want{"Allow-Origin": "http://localhost:3000", "Expose-Headers": read, "Vary": "Origin"}},
		{"a file for a page at an address", plain, "GET", link, []string{"Origin", "https://[2001:db8::1]:8443"}, 200,
			want{"Allow-Origin": "https://[2001:db8::1]:8443", "Expose-Headers": read, "Vary": "Origin"}},
		{"an expired link", plain, "GET", expiredLinkTo(t, keys, "kyc/card.txt"), []string{"Origin", page}, 404, readable},
		{"an altered link", plain, "GET", strings.Replace(link, "card", "cord", 1), []string{"Origin", page}, 403, readable},
		{"no link", plain, "GET", "/files/kyc/card.txt", []string{"Origin", page}, 403, readable},
		{"no file", plain, "GET", linkTo(t, keys, "kyc/none.txt"), []string{"Origin", page}, 404, readable},
		{"no range", plain, "GET", link, []string{"Origin", page, "Range", "bytes=100-"}, 416, readable},
		{"another method", plain, "DELETE", link, []string{"Origin", page}, 403, readable},
		{"the health, which is no file", plain, "GET", "/healthz", []string{"Origin", page}, 200, want{}},

		{"no page", plain, "GET", link, nil, 200, hidden},
		{"another page", plain, "GET", link, []string{"Origin", "https://evil.example"}, 200, hidden},
		{"a page whose origin begins alike", plain, "GET", link, []string{"Origin", page + ".evil.example"}, 200, hidden},
		{"a page on another port", plain, "GET", link, []string{"Origin", page + ":8443"}, 200, hidden},
		{"a page on the same host without TLS", plain, "GET", link, []string{"Origin", "http://app.example"}, 200, hidden},
		{"a page in a sandbox", plain, "GET", link, []string{"Origin", "null"}, 200, hidden},
		{"an empty origin", plain, "GET", link, []string{"Origin", ""}, 200, hidden},
		{"two origins", plain, "GET", link, []string{"Origin", page, "Origin", "https://evil.example"}, 200, hidden},

		{"a preflight, which nobody signs", plain, "OPTIONS", "/files/kyc/card.txt", preflight, 204,
			want{"Allow-Origin": page, "Allow-Methods": "GET, HEAD", "Allow-Headers": send, "Max-Age": "7200", "Vary": "Origin"}},
		{"a preflight for a link", plain, "OPTIONS", link, preflight, 204,
			want{"Allow-Origin": page, "Allow-Methods": "GET, HEAD", "Allow-Headers": send, "Max-Age": "7200", "Vary": "Origin"}},
		{"a preflight of another page", plain, "OPTIONS", link, []string{"Origin", "https://evil.example", "Access-Control-Request-Method", "GET"}, 403, hidden},
		{"a file with the header of a preflight", plain, "GET", link, preflight, 200, readable},
		{"OPTIONS that is no preflight", plain, "OPTIONS", "/files/kyc/card.txt", []string{"Origin", page}, 403, readable},

		{"a link where there may be cookies", withCookies, "GET", link, []string{"Origin", page}, 200,
			want{"Allow-Origin": page, "Allow-Credentials": "true", "Expose-Headers": read, "Vary": "Origin"}},
		{"a cookie", withCookies, "GET", "/files/kyc/card.txt", []string{"Origin", page, "Cookie", cookie}, 200,
			want{"Allow-Origin": page, "Allow-Credentials": "true", "Expose-Headers": read, "Vary": "Origin | Cookie"}},
		{"a refusal with cookies", withCookies, "GET", "/files/kyc/card.txt", []string{"Origin", page}, 403,
			want{"Allow-Origin": page, "Allow-Credentials": "true", "Expose-Headers": read, "Vary": "Origin"}},
		{"a preflight with cookies", withCookies, "OPTIONS", "/files/kyc/card.txt", preflight, 204,
			want{"Allow-Origin": page, "Allow-Credentials": "true", "Allow-Methods": "GET, HEAD", "Allow-Headers": send, "Max-Age": "7200", "Vary": "Origin"}},
		{"another page with a cookie", withCookies, "GET", "/files/kyc/card.txt", []string{"Origin", "https://evil.example", "Cookie", cookie}, 200, want{"Vary": "Origin | Cookie"}},
		{"links that are bound to a cookie", bound, "GET", "/files/kyc/card.txt", []string{"Origin", page}, 403,
			want{"Allow-Origin": page, "Allow-Credentials": "true", "Expose-Headers": read, "Vary": "Origin"}},

		{"a preflight of an upload", uploads, "OPTIONS", put, []string{"Origin", page, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type"}, 204,
			want{"Allow-Origin": page, "Allow-Methods": "GET, HEAD, PUT, POST", "Allow-Headers": sendToo, "Max-Age": "7200", "Vary": "Origin"}},
		{"an upload", uploads, "PUT", linkTo(t, keys, "-method", "PUT", "new/new.txt"), []string{"Origin", page}, 201,
			want{"Allow-Origin": page, "Expose-Headers": readToo, "Vary": "Origin"}},
		{"an upload to a name that is taken", uploads, "PUT", put, []string{"Origin", page}, 409,
			want{"Allow-Origin": page, "Expose-Headers": readToo, "Vary": "Origin"}},

		{"a server without the flag", none, "GET", link, []string{"Origin", page}, 200, want{}},
		{"a preflight at a server without the flag", none, "OPTIONS", link, preflight, 403, want{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, got := tt.to.asks(tt.method, tt.target, tt.header...)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOriginsAreWrittenAsBrowsersWriteThem(t *testing.T) {
	keys := newKeys(t, "k1")
	for _, tt := range []struct{ origin, says string }{
		{"*", "name the origins"},
		{"null", "name the origins"},
		{"https://app.example/", "is not an origin"},
		{"https://app.example/path", "is not an origin"},
		{"https://app.example?a", "is not an origin"},
		{"https://*.example", "is not an origin"},
		{"https://user@app.example", "is not an origin"},
		{"https://App.example", "in lower case"},
		{"https://büro.example", "is not an origin"},
		{"HTTPS://app.example", "is not an origin"},
		{"https://app.example:", "is not an origin"},
		{"https://app.example:0443", "is not an origin"},
		{"https://app.example https://b.example", "is not an origin"},
		{"https://app.example,", "is not an origin"},
		{"app.example", "is not an origin"},
		{"//app.example", "is not an origin"},
		{"file://", "is not an origin"},
		{"https://", "is not an origin"},
		{"https://app.example:443", "which browsers leave out"},
		{"http://app.example:80", "which browsers leave out"},
	} {
		code, _, stderr := try(t, "", "serve", "-dir", t.TempDir(), "-key-file", keys, "-cors-origin", tt.origin)
		if code != cli.ExitUsage || !strings.Contains(stderr, tt.says) {
			t.Errorf("%q: exit code %d, %s", tt.origin, code, stderr)
		}
	}
	for _, cookies := range [][]string{{"-cookie", "files"}, {"-binding", "session=cookie:sid"}} {
		code, _, stderr := try(t, "", append([]string{"serve", "-dir", t.TempDir(), "-key-file", keys, "-cors-origin", "http://app.example"}, cookies...)...)
		if code != cli.ExitUsage || !strings.Contains(stderr, "must have https") {
			t.Errorf("an origin without TLS with %v: exit code %d, %s", cookies, code, stderr)
		}
	}
	for _, origin := range []string{"http://localhost:3000", "http://app.localhost", "http://127.0.0.1:3000", "http://[::1]:3000"} {
		start(t, "-dir", t.TempDir(), "-key-file", keys, "-cookie", "files", "-cors-origin", origin).Stop()
	}
}
