package signedfs_test

import (
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

func TestNewRefusesBasesThatMeanSomethingElse(t *testing.T) {
	for _, test := range []struct{ name, base, prefix, want string }{
		{"an empty base", "", "", "slash"},
		{"no slash at the end", "/files", "", "slash"},
		{"no slash at the beginning", "files/", "", "slash"},
		{"a dot segment", "/files/../", "", "canonical"},
		{"an empty part", "/files//", "", "canonical"},
		{"a query", "/files/?a=b", "", "no more"},
		{"a fragment", "/files/#a", "", "no more"},
		{"no URL", "http://[/files/", "", "URL"},
		{"another scheme", "ftp://a.example/files/", "", "http"},
		{"a wildcard", "/{name}/", "", ""},
		{"an end", "/files/{$}/", "", ""},
		{"an encoded brace", "/files%7Bname%7D/", "", "brace"},
		{"an encoded slash", "/files%2Fkyc/", "", "encoded slash"},
		{"a base that is not below the prefix", "/files/", "/api", "Verify.Prefix"},
		{"a base that only begins like the prefix", "/apiary/", "/api", "Verify.Prefix"},
		{"a prefix with a slash at the end", "/api/files/", "/api/", "Verify.Prefix"},
		{"a prefix that is longer", "/api/", "/api/files", "Verify.Prefix"},
	} {
		h, err := signedfs.New(test.base, http.FS(embeddedFiles()), ring, &signedfs.Options{Verify: middleware.Options{Prefix: test.prefix}})
		if err == nil || h != nil {
			t.Errorf("%s: New(%q) accepted it", test.name, test.base)
			continue
		}
		if !strings.HasPrefix(err.Error(), "signedurl: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: New(%q): %v", test.name, test.base, err)
		}
	}
}

func TestNewTellsAllFaultsAtOnce(t *testing.T) {
	h, err := signedfs.New("/a%2Fb%7Bc%7D/", http.FS(embeddedFiles()), ring, &signedfs.Options{
		Verify: middleware.Options{Prefix: "/api", Leeway: -1, MaxLifetime: -1},
	})
	if err == nil || h != nil {
		t.Fatalf("New accepted it: %v", err)
	}
	for _, want := range []string{"brace", "encoded slash", "Verify.Prefix", "Leeway", "MaxLifetime"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s: %v", want, err)
		}
	}
	if _, err := signedfs.New("nowhere", http.FS(embeddedFiles()), ring, &signedfs.Options{Verify: middleware.Options{Leeway: -1}}); err == nil ||
		!strings.Contains(err.Error(), "slash") || !strings.Contains(err.Error(), "Leeway") {
		t.Errorf("a bad base and a bad option: %v", err)
	}
}

func TestNewPanicsOnMistakesOfTheProgrammer(t *testing.T) {
	root := http.FS(embeddedFiles())
	for name, f := range map[string]func(){
		"a nil file system": func() { signedfs.New("/files/", nil, ring, nil) },
		"a nil format":      func() { signedfs.New("/files/", root, nil, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestOptionsAreCopied(t *testing.T) {
	opts := &signedfs.Options{}
	h := newHandler(t, "/files/", http.FS(embeddedFiles()), opts)
	opts.Listing = true
	if got := ask(t, listen(t, h), "GET", sign(t, "/files/kyc/", later)); got.Status != 404 {
		t.Errorf("a listing after New: %d", got.Status)
	}
}

func TestZeroHandlerRefuses(t *testing.T) {
	for _, h := range []*signedfs.Handler{nil, {}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/files/note.txt", nil))
		if w.Code != 403 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
}

func TestServerWithPublicKeysServes(t *testing.T) {
	_, private, _ := ed25519.GenerateKey(strings.NewReader(strings.Repeat("seed", 8)))
	signing, err := middleware.NewEd25519Key("pair", private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := middleware.NewEd25519PublicKey("pair", private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := middleware.NewKeyring(signing)
	verifier, _ := middleware.NewKeyring(public)
	root := http.FS(embeddedFiles())

	application, err := middleware.NewURLBuilder("https://files.example/files/", signer)
	if err != nil {
		t.Fatal(err)
	}
	format := middleware.NewFormatVar(verifier)
	for name, f := range map[string]middleware.Format{"a ring": verifier, "a variable": format} {
		h, err := signedfs.New("https://files.example/files/", root, f, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		u, err := application.URL("note.txt", later)
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, listen(t, h), "GET", u.RequestURI()); got.Status != 200 {
			t.Errorf("%s: %d", name, got.Status)
		}
		if u, err := h.URL("note.txt", later); err == nil || !strings.Contains(err.Error(), "cannot sign") {
			t.Errorf("%s: URL: %v, %v", name, u, err)
		}
		if _, err := h.Links().Subtree("kyc", later); err == nil || !strings.Contains(err.Error(), "cannot sign") {
			t.Errorf("%s: Subtree: %v", name, err)
		}
		if _, err := signedfs.New("/files/../", root, f, nil); err == nil || strings.Contains(err.Error(), "cannot sign") {
			t.Errorf("%s, and a wrong base: %v", name, err)
		}
		if f != format {
			continue
		}
		format.Set(signer)
		if _, err := h.URL("note.txt", later); err != nil {
			t.Errorf("after a key that signs was set: %v", err)
		}
		s, err := h.Links().Subtree("kyc", later)
		if err != nil {
			t.Fatal(err)
		}
		if cookies, err := s.Cookies("files"); err != nil || len(cookies) != 1 {
			t.Errorf("after a key that signs was set: %v, %v", cookies, err)
		}
	}
}

// verifyingFormat signs nothing and has no cookies.
type verifyingFormat struct{ middleware.Format }

func TestFormatWithoutCookiesHasNoneHereEither(t *testing.T) {
	format := middleware.NewFormatVar(verifyingFormat{new(middleware.FormatVar)})
	h, err := signedfs.New("/files/", http.FS(embeddedFiles()), format, nil)
	if err != nil {
		t.Fatal(err)
	}
	format.Set(verifyingFormat{ring})
	s, err := h.Links().Subtree("kyc", later)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cookies("files"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

// rewrite is a proxy that takes a prefix off, before net/http sees the target.
func rewrite(prefix string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RequestURI = strings.TrimPrefix(r.RequestURI, prefix)
		http.StripPrefix(prefix, next).ServeHTTP(w, r)
	})
}

func TestHandlerFindsItsFilesWhereverItIsMounted(t *testing.T) {
	prefixed := func(p string) *signedfs.Options {
		return &signedfs.Options{Verify: middleware.Options{Prefix: p}}
	}
	inMux := func(h *signedfs.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle(h.Prefix(), h)
		return mux
	}
	for _, test := range []struct {
		name, base string
		opts       *signedfs.Options
		mount      func(h *signedfs.Handler) http.Handler
		prefix     string
	}{
		{"alone", "/files/", nil, func(h *signedfs.Handler) http.Handler { return h }, "/files/"},
		{"at the top", "/", nil, inMux, "/"},
		{"in a mux", "/files/", nil, inMux, "/files/"},
		{"in a mux, with an origin", "https://cdn.example/a/b/", nil, inMux, "/a/b/"},
		{"in a mux, with a base that must be escaped", "/my%20files%25/", nil, inMux, "/my%20files%25/"},
		{"in a mux behind StripPrefix", "/api/files/", prefixed("/api"), func(h *signedfs.Handler) http.Handler {
			return http.StripPrefix("/api", inMux(h))
		}, "/files/"},
		{"behind StripPrefix of the whole base", "/api/files/", prefixed("/api/files"), func(h *signedfs.Handler) http.Handler {
			return http.StripPrefix("/api/files", inMux(h))
		}, "/"},
		{"behind a proxy that rewrites", "https://cdn.example/static/files/", prefixed("/static"), func(h *signedfs.Handler) http.Handler {
			return rewrite("/static", inMux(h))
		}, "/files/"},
	} {
		h := newHandler(t, test.base, openDir(t, tree(t)), test.opts)
		if h.Prefix() != test.prefix {
			t.Errorf("%s: Prefix is %q, want %q", test.name, h.Prefix(), test.prefix)
		}
		addr := listen(t, test.mount(h))
		for _, name := range []string{"kyc/card.png", "index.html", "wie schön & gut;+#.txt", "a%2Fb.txt"} {
			if got := ask(t, addr, "GET", target(t, h, name, later)); got.Status != 200 {
				t.Errorf("%s: %s: %d", test.name, name, got.Status)
			}
			if got := ask(t, addr, "GET", target(t, h, "missing/"+name, later)); got.Status != 404 {
				t.Errorf("%s: missing/%s: %d", test.name, name, got.Status)
			}
		}
	}
}

func TestTwoHandlersOfOneRingDoNotOpenEachOthersFiles(t *testing.T) {
	dir := openDir(t, tree(t))
	a, b := newHandler(t, "/a/", dir, nil), newHandler(t, "/b/", dir, nil)
	addr := listen(t, b)
	link := target(t, a, "note.txt", later)
	if got := ask(t, addr, "GET", link); got.Status != 404 {
		t.Errorf("the link to /a/note.txt at /b/: %d", got.Status)
	}
	if got := ask(t, addr, "GET", "/b"+strings.TrimPrefix(link, "/a")); got.Status != 403 {
		t.Errorf("the link to /a/note.txt, changed to /b/note.txt: %d", got.Status)
	}
}

func TestSubtreeLinksAndCookies(t *testing.T) {
	root := &spyFS{FileSystem: openDir(t, tree(t))}
	h := newHandler(t, "/files/", root, &signedfs.Options{Verify: middleware.Options{Cookie: "files"}})
	addr := listen(t, h)
	s, err := h.Links().Subtree("kyc", later)
	if err != nil {
		t.Fatal(err)
	}
	cookies, err := s.Cookies("files")
	if err != nil {
		t.Fatal(err)
	}
	cookie := "Cookie: other=x; files=" + cookies[0].Value
	for _, test := range []struct {
		path   string
		status int
		opened string
	}{
		{"/files/kyc/card.png", 200, "/kyc/card.png"},
		{"/files/kyc/card%2Epng", 200, "/kyc/card.png"},
		{"/files/kyc/missing", 404, "/kyc/missing"},
		{"/files/kyc/deep/er", 404, "/kyc/deep/er"},
		{"/files/kyc/.htpasswd", 404, ""},
		{"/files/kyc/sub/", 404, ""},
		{"/files/kyc/a%2Fb", 404, ""},
		{"/files/kyc%2Fcard.png", 403, ""},
		{"/files/kyc/", 404, ""},
		{"/files/kyc", 403, ""},
		{"/files/note.txt", 403, ""},
		{"/files/kycs/card.png", 403, ""},
		{"/files/kyc/../note.txt", 403, ""},
		{"/files/kyc/%2e%2e/note.txt", 403, ""},
		{"/files/kyc/..%2Fnote.txt", 403, ""},
		{"/files/kyc/..%5Cnote.txt", 403, ""},
		{"/files/kyc//../note.txt", 403, ""},
		{"/files//kyc/card.png", 403, ""},
	} {
		for how, request := range map[string][]string{
			"the link":   {test.path + "?" + s.Query()},
			"the cookie": {test.path, cookie},
		} {
			root.opened = nil
			got := ask(t, addr, "GET", request[0], request[1:]...)
			if got.Status != test.status {
				t.Errorf("%s with %s: %d, want %d", test.path, how, got.Status, test.status)
			}
			if strings.Join(root.opened, " ") != test.opened {
				t.Errorf("%s with %s: opened %q, want %q", test.path, how, root.opened, test.opened)
			}
			if vary := got.Header.Get("Vary"); got.Status == 200 && (vary == "Cookie") != (how == "the cookie") {
				t.Errorf("%s with %s: Vary is %q", test.path, how, vary)
			}
		}
	}
}

// spyFS remembers what it was asked to open.
type spyFS struct {
	http.FileSystem
	opened []string
}

func (s *spyFS) Open(name string) (http.File, error) {
	s.opened = append(s.opened, name)
	return s.FileSystem.Open(name)
}
