package interop_test

import (
	"crypto"
	"maps"
	"net/url"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

const (
	djangoKey    = "django-insecure-key-of-the-interoperability-tests"
	djangoOldKey = "django-insecure-key-that-is-on-its-way-out-of-use"
	djangoMaxAge = 5 * time.Minute
)

// djangoPython is a Python that has Django, or "". Debian's package is seen
// only by Debian's Python, which need not be the first one on the PATH.
var djangoPython = sync.OnceValue(func() string {
	for _, python := range []string{"/usr/bin/python3", "python3", "python"} {
		if exec.Command(python, "-c", "import django.core.signing").Run() == nil {
			return python
		}
	}
	return ""
})

// djangoJob and djangoReply are what testdata/django_tokens.py reads and
// writes.
type djangoJob struct {
	Signer    string         `json:"signer"`
	Options   map[string]any `json:"options"`
	Call      string         `json:"call"`
	Argument  any            `json:"argument"`
	Arguments map[string]any `json:"arguments"`
	At        float64        `json:"at"`
}

type djangoReply struct {
	Result any
	Query  string
	Error  string
}

func runDjango(t *testing.T, jobs []djangoJob) []djangoReply {
	t.Helper()
	if djangoPython() == "" {
		missing(t, "no python3 has Django")
	}
	return script[djangoJob, djangoReply](t, jobs, djangoPython(), "testdata/django_tokens.py")
}

// djangoCase is a signer in Django, and the options that stand for it here.
type djangoCase struct {
	name      string
	signer    string         // a class; "" for the functions dumps and loads
	options   map[string]any // of the signer, besides the key
	object    any            // what is signed, if that is not the path itself
	packed    bool           // it is compressed
	path      string         // as it is signed
	requested string         // as it is requested; "" if that is the same
	subtree   string
	here      django.Options
}

var djangoCases = []djangoCase{
	{
		name: "TimestampSigner with its own salt", signer: "TimestampSigner",
		path: "/files/kyc/card.jpg",
	},
	{
		name: "TimestampSigner with a salt of the application", signer: "TimestampSigner",
		options: map[string]any{"salt": "files"}, path: "/files/kyc/card.jpg",
		here: django.Options{Salt: "files"},
	},
	{
		name: "a path with the separator, spaces and other scripts", signer: "TimestampSigner",
		options:   map[string]any{"salt": "Dateien für alle"},
		path:      "/files/10:30/Führer schein 免許 😀+100%.jpg",
		requested: "/files/10:30/F%C3%BChrer%20schein%20%E5%85%8D%E8%A8%B1%20%F0%9F%98%80+100%25.jpg",
		here:      django.Options{Salt: "Dateien für alle"},
	},
	{
		name: "an escaped path, as reverse gives it", signer: "TimestampSigner",
		path:      "/files/F%C3%BChrer%20schein@2x.jpg",
		requested: "/files/F%C3%BChrer%20schein@2x.jpg",
		here:      django.Options{Escaped: true},
	},
	{
		name: "a separator of two characters", signer: "TimestampSigner",
		options: map[string]any{"sep": "~/"}, path: "/files/kyc/card.jpg",
		here: django.Options{Separator: "~/"},
	},
	{
		name: "SHA-1", signer: "TimestampSigner",
		options: map[string]any{"algorithm": "sha1"}, path: "/files/kyc/card.jpg",
		here: django.Options{Hash: crypto.SHA1},
	},
	{
		name: "SHA-512", signer: "TimestampSigner",
		options: map[string]any{"algorithm": "sha512"}, path: "/files/kyc/card.jpg",
		here: django.Options{Hash: crypto.SHA512},
	},
	{
		name: "a subtree", signer: "TimestampSigner",
		path: "/files/kyc/", subtree: "/files/kyc/", requested: "/files/kyc/2026/card.jpg",
		here: django.Options{Subtree: true},
	},
	{
		name: "Signer, whose tokens never expire", signer: "Signer",
		options: map[string]any{"salt": "files"}, path: "/files/kyc/card.jpg",
		here: django.Options{Salt: "files", Untimed: true},
	},
	{
		name: "dumps of a path", signer: "",
		object: "/files/Führer\"schein\\\U0001F600.jpg",
		path:   "/files/Führer\"schein\\\U0001F600.jpg", requested: "/files/F%C3%BChrer%22schein%5C%F0%9F%98%80.jpg",
		here: django.Options{Object: true},
	},
	{
		name: "dumps of an object with a path", signer: "",
		options: map[string]any{"salt": "files"}, object: map[string]any{"path": "/files/kyc/card.jpg"},
		path: "/files/kyc/card.jpg",
		here: django.Options{Salt: "files", Object: true, Member: "path"},
	},
	{
		name: "dumps, compressed", signer: "",
		object: map[string]any{"path": "/files/" + strings.Repeat("deep/", 30) + "card.jpg", "user": 7}, packed: true,
		path: "/files/" + strings.Repeat("deep/", 30) + "card.jpg",
		here: django.Options{Object: true, Member: "path"},
	},
	{
		name: "sign_object of TimestampSigner", signer: "TimestampSigner",
		options: map[string]any{"salt": "files"}, object: "/files/kyc/card.jpg",
		path: "/files/kyc/card.jpg",
		here: django.Options{Salt: "files", Object: true},
	},
	{
		name: "sign_object of Signer, compressed", signer: "Signer",
		options: map[string]any{"salt": "files"}, object: "/files/" + strings.Repeat("deep/", 30) + "card.jpg", packed: true,
		path: "/files/" + strings.Repeat("deep/", 30) + "card.jpg",
		here: django.Options{Salt: "files", Object: true, Untimed: true},
	},
}

// job is a call of the signer with a key, when the clock shows a time.
func (c djangoCase) job(call string, argument any, key string, at time.Time) djangoJob {
	j := djangoJob{
		Signer: c.signer, Options: map[string]any{"key": key},
		Call: call, Argument: argument, Arguments: map[string]any{},
		At: float64(at.Unix()),
	}
	maps.Copy(j.Options, c.options)
	if c.signer == "" {
		j.Arguments = j.Options // dumps and loads make their signer themselves
	}
	return j
}

// sign is a job that signs the path, or the object that stands for it.
func (c djangoCase) sign() djangoJob {
	if c.object == nil {
		return c.job("sign", c.path, djangoKey, issued)
	}
	call := "sign_object"
	if c.signer == "" {
		call = "dumps"
	}
	j := c.job(call, c.object, djangoKey, issued)
	j.Arguments["compress"] = c.packed
	return j
}

// unsign is a job that verifies a token.
func (c djangoCase) unsign(token, key string, at time.Time) djangoJob {
	call := "unsign_object"
	switch {
	case c.object == nil:
		call = "unsign"
	case c.signer == "":
		call = "loads"
	}
	j := c.job(call, token, key, at)
	if !c.here.Untimed {
		j.Arguments["max_age"] = djangoMaxAge.Seconds()
	}
	return j
}

// format returns the format that is to understand the signer.
func (c djangoCase) format(t *testing.T, key string, retired ...string) *django.Format {
	t.Helper()
	o := c.here
	o.FallbackKeys = retired
	if !o.Untimed {
		o.MaxAge = djangoMaxAge
	}
	f, err := django.New(key, &o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// link signs here what sign signs in Django.
func (c djangoCase) link(t *testing.T) *url.URL {
	t.Helper()
	claims := middleware.Claims{Under: c.subtree, Permanent: c.here.Untimed}
	if !c.here.Untimed {
		claims.Expires = issued.Add(djangoMaxAge + time.Second)
	}
	return signURL(t, c.format(t, djangoKey), c.target(), claims)
}

// target is the escaped path that is requested.
func (c djangoCase) target() string {
	if c.requested != "" {
		return c.requested
	}
	return c.path
}

func TestTokensOfDjangoAreVerified(t *testing.T) {
	var jobs []djangoJob
	for _, tt := range djangoCases {
		jobs = append(jobs, tt.sign())
	}
	replies := runDjango(t, jobs)
	for i, tt := range djangoCases {
		t.Run(tt.name, func(t *testing.T) {
			l := link{url: tt.target() + "?" + replies[i].Query, anyURL: tt.subtree != ""}
			if !tt.here.Untimed {
				l.from, l.until = issued, issued.Add(djangoMaxAge+time.Second)
			}
			l.check(t, tt.format(t, djangoKey))
			l.check(t, tt.format(t, "a key that took its place not long ago", djangoOldKey, djangoKey))

			token, _ := replies[i].Result.(string)
			if tt.packed {
				// Sign does not compress; but see that Django did.
				if !strings.HasPrefix(token, ".") {
					t.Errorf("the token is not compressed: %s", token)
				}
				return
			}
			if diff := cmp.Diff(token, tt.link(t).Query().Get("token")); diff != "" {
				t.Errorf("Sign makes another token (-Django +Sign):\n%s", diff)
			}
		})
	}
}

func TestTokensFromHereAreVerifiedByDjango(t *testing.T) {
	var jobs []djangoJob
	var names, want []string
	for _, tt := range djangoCases {
		if tt.packed {
			continue
		}
		token := tt.link(t).Query().Get("token")
		good, expired := tt.path, "SignatureExpired"
		if tt.here.Member != "" {
			good = "an object with the path"
		}
		if tt.here.Untimed {
			expired = good
		}
		add := func(name, verdict, token, key string, age time.Duration) {
			jobs = append(jobs, tt.unsign(token, key, issued.Add(age)))
			names = append(names, tt.name+", "+name)
			want = append(want, verdict)
		}
		add("when it is made", good, token, djangoKey, 0)
		add("as old as it may become", good, token, djangoKey, djangoMaxAge)
		add("a second older", expired, token, djangoKey, djangoMaxAge+time.Second)
		add("with another key", "BadSignature", token, djangoOldKey, 0)
		for changed := range changes(token) {
			add("changed to "+changed, "BadSignature", changed, djangoKey, 0)
		}
	}
	for i, reply := range runDjango(t, jobs) {
		got := reply.Error
		switch result := reply.Result.(type) {
		case string:
			got = result
		case map[string]any:
			if maps.Equal(result, map[string]any{"path": "/files/kyc/card.jpg"}) {
				got = "an object with the path"
			}
		}
		if got != want[i] {
			t.Errorf("%s: Django says %q, want %q", names[i], got, want[i])
		}
	}
}
