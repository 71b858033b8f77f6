package signedfs_test

import (
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// A person signs a link to a name that the handler would never serve: it is an
// error now, and not 404 for ever.
func TestANameThatIsNeverServedIsNotSigned(t *testing.T) {
	dir := tree(t)
	put := func(http.ResponseWriter, *http.Request, string) {}
	long := strings.Repeat("x", 256)
	longest := long[:255]
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		long, longest = strings.Repeat("x", 1021), strings.Repeat("x", 1020)
	}
	windows := runtime.GOOS == "windows"
	for _, test := range []struct {
		name   string
		opts   signedfs.Options
		signed bool
	}{
		{"note.txt", signedfs.Options{}, true},
		{"kyc/missing.txt", signedfs.Options{}, true},
		{"a%2Fb.txt", signedfs.Options{}, true},
		{"wie schön & gut;+#.txt", signedfs.Options{}, !windows},
		{"..a", signedfs.Options{}, false},
		{"a..", signedfs.Options{}, !windows},
		{longest, signedfs.Options{}, true},
		{long, signedfs.Options{}, false},
		{"kyc/" + long + "/x", signedfs.Options{}, false},
		{".well-known/x", signedfs.Options{}, false},
		{"kyc/.env", signedfs.Options{}, false},
		{"kyc/.list.size.down", signedfs.Options{Listing: true}, false},
		{`kyc\card.png`, signedfs.Options{}, false},
		{"kyc/\xff.png", signedfs.Options{}, false},
		{"kyc/ä\xcc.png", signedfs.Options{}, false},
		{"a\nb", signedfs.Options{}, false},
		{"a\x7fb", signedfs.Options{}, false},
		{"kyc//x", signedfs.Options{}, false},
		{"../x", signedfs.Options{}, false},
		{"kyc/", signedfs.Options{}, false},
		{"kyc/", signedfs.Options{Listing: true}, true},
		{"kyc/", signedfs.Options{OtherMethods: put}, true},
		{"/", signedfs.Options{}, false},
		{"/", signedfs.Options{Listing: true}, true},
		{".git/", signedfs.Options{Listing: true}, false},
		{"NUL", signedfs.Options{}, !windows},
		{"a:b", signedfs.Options{}, !windows},
		{"GIT~1/config", signedfs.Options{}, !windows},
	} {
		h := newHandler(t, "/files/", openDir(t, dir), &test.opts)
		u, err := h.URL(test.name, later)
		if (err == nil) != test.signed {
			t.Errorf("URL(%q): %v, %v", test.name, u, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "signedurl: cannot link to the name ") {
			t.Errorf("URL(%q): %v", test.name, err)
		}
		if _, err := h.Links().URL(test.name, later); (err == nil) != test.signed {
			t.Errorf("Links().URL(%q): %v", test.name, err)
		}
		if test.name == "/" {
			continue
		}
		all, err := h.Links().Subtree("/", later)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := all.URL(test.name); (err == nil) != test.signed {
			t.Errorf("Subtree.URL(%q): %v", test.name, err)
		}
		if _, err := all.Unsigned(test.name); (err == nil) != test.signed {
			t.Errorf("Subtree.Unsigned(%q): %v", test.name, err)
		}
		// A folder may be shared although it is not listed.
		signed := test.signed || test.name == "kyc/"
		if _, err := h.Links().Subtree(test.name, later); (err == nil) != signed {
			t.Errorf("Subtree(%q): %v", test.name, err)
		}
	}
}

// What the builder signs and what the handler asks its file system for are one
// rule: no name is refused by the one and served by the other.
func TestLinksAndHandlerHaveOneRule(t *testing.T) {
	root := new(noFS)
	for _, opts := range []signedfs.Options{{}, {Listing: true}} {
		h := newHandler(t, "/files/", root, &opts)
		addr := listen(t, h)
		for _, path := range []string{
			"a", "a/b", ".a", "a/.b", "a./b", "a%5Cb", "%FF", "%2E%2Ea", "a%2Fb", "a/", "", "a%20", "%F0%9F%98%80", "%ED%A0%80", "a~1", strings.Repeat("x", 300), "x%C2%85",
		} {
			root.asked = nil
			ask(t, addr, "GET", sign(t, "/files/"+path, later))
			name, _ := url.PathUnescape(path)
			if name == "" {
				name = "/"
			}
			_, err := h.URL(name, later)
			if path == "a%2Fb" { // which a builder takes for two parts
				err = http.ErrNotSupported
			}
			if asked := len(root.asked) > 0; asked != (err == nil) {
				t.Errorf("%q, Listing %v: the handler asks for %q, and URL returns %v", path, opts.Listing, root.asked, err)
			}
		}
	}
}

func TestLinksOfAFormatThatKnowsMoreNames(t *testing.T) {
	// An object store has names longer than those of files.
	h := newHandler(t, "/files/", new(noFS), nil)
	if _, err := h.URL(strings.Repeat("x", 1000), middleware.Claims{Expires: later.Expires}); err != nil {
		t.Error(err)
	}
}
