package middleware_test

import (
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/signedurl/middleware"
)

// page returns a page of the project by its path from the root.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The pages show files of the project, which other tests run: the program is
// that of examples/quickstart, and the signers those of signers_test.go.
func TestReadmesShowFilesAsTheyAre(t *testing.T) {
	for name, want := range map[string][]string{
		"README.md":                     {"examples/quickstart/main.go", "middleware/testdata/signers/sign.py"},
		"middleware/testdata/README.md": {"middleware/testdata/signers/sign.mjs", "middleware/testdata/signers/sign.sh", "middleware/testdata/signers/narrow.py", "middleware/testdata/signers/narrow.mjs", "middleware/testdata/signers/narrow.sh"},
	} {
		text := page(t, name)
		for _, file := range want {
			_, shown, found := strings.Cut(text, "<!-- file: "+file+" -->\n```")
			if !found {
				t.Errorf("%s does not show %s", name, file)
				continue
			}
			_, shown, _ = strings.Cut(shown, "\n") // the language
			shown, _, _ = strings.Cut(shown, "```\n")
			if shown != page(t, file) {
				t.Errorf("%s shows %s as\n%s", name, file, shown)
			}
		}
		if n := strings.Count(text, "<!-- file: "); n != len(want) {
			t.Errorf("%s shows %d files, want %d", name, n, len(want))
		}
	}
}

// The package documentation shows a key and a link, and twice a step and what becomes
// of the link.
func TestTheExampleOfTheDocumentationIsRight(t *testing.T) {
	_, section, _ := strings.Cut(page(t, "middleware/doc.go"), "// # Narrowing\n")
	_, section, _ = strings.Cut(section, "// For example, with the key\n")
	shown := regexp.MustCompile(`(?m)^//\t(.*)$`).FindAllStringSubmatch(section, 6)
	if len(shown) != 6 {
		t.Fatalf("it shows %d lines", len(shown))
	}
	key, link := shown[0][1], shown[1][1]
	ring, err := middleware.ParseKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	u := &url.URL{Path: "/files/kyc/42/my card.jpg"}
	if u, err = ring.Sign(u, middleware.Claims{Expires: time.Unix(1767225600, 0), Under: "/files/kyc/42/"}); err != nil {
		t.Fatal(err)
	}
	if u.String() != link {
		t.Errorf("the link is\n%s\nand not\n%s", u, link)
	}
	for _, lines := range [][][]string{shown[2:4], shown[4:6]} {
		step, narrower := lines[0][1], lines[1][1]
		c, err := vector{steps: []string{step}}.lastStep()
		if err != nil {
			t.Fatal(err)
		}
		if u, err = middleware.Narrow(u, c); err != nil {
			t.Fatal(err)
		}
		if u.String() != narrower {
			t.Errorf("the narrower link is\n%s\nand not\n%s", u, narrower)
		}
	}
}

// Every snippet compiles, as the body of a function that has the variables it
// mentions.
func TestReadmeSnippetsCompile(t *testing.T) {
	for name, want := range map[string]int{"README.md": 1, "examples/fileserver/README.md": 1} {
		snippets := regexp.MustCompile("(?s)<!-- build:body -->\n```go\n(.*?)```").FindAllStringSubmatch(page(t, name), -1)
		if len(snippets) != want {
			t.Errorf("%s has %d snippets, want %d", name, len(snippets), want)
		}
		for _, m := range snippets {
			compileBody(t, name, m[1])
		}
	}
}

func compileBody(t *testing.T, name, body string) {
	t.Helper()
	source := `package main

import (
	"net/http"
	"os"
	"time"

	"github.com/justinas/alice"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
	"example.com/signedurl/middleware/laravel"
	"example.com/signedurl/signedfs"
)

var (
	_ = alice.New
	_ = django.New
	_ = laravel.New
	_ = signedfs.New
	_ = os.Getenv
	_ = time.Now
	mux = http.NewServeMux()
	keys *middleware.Keyring
	dir http.FileSystem
	reports http.Handler
	logging alice.Constructor
)

func main() {
` + strings.ReplaceAll(body, ", err := ", ", _ := ") + "\n"
	for _, m := range regexp.MustCompile(`(?m)^(\w+)(?:, \w+)? :=`).FindAllStringSubmatch(body, -1) {
		source += "	_ = " + m[1] + "\n"
	}
	source += "}\n"
	file := filepath.Join(t.TempDir(), "snippet.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", os.DevNull, file).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s\n%s", name, err, out, source)
	}
}

// The first page fits on a screen or two, and its tables on a telephone.
func TestReadmeIsShort(t *testing.T) {
	text := page(t, "README.md")
	if n := len(strings.Fields(text)); n > 1100 {
		t.Errorf("it has %d words, want at most 1,100", n)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if n := utf8.RuneCountInString(line); n > 160 {
			t.Errorf("a line has %d columns, want at most 160: %s", n, line)
		}
		if strings.HasPrefix(line, "|") {
			for cell := range strings.SplitSeq(line, "|") {
				if n := len(strings.Fields(cell)); n > 12 {
					t.Errorf("a cell has %d words, want at most 12: %s", n, cell)
				}
			}
		}
	}
}

// What the pages link to is there, and so is what their commands name.
func TestReadmesNameWhatExists(t *testing.T) {
	named := regexp.MustCompile(`\]\(([^)#:]+)\)|(?: |^)(?:\./)?((?:examples|\.ci)/[\w./-]+)`)
	found := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			target := filepath.Join(filepath.Dir(name), filepath.FromSlash(m[1]))
			if m[1] == "" {
				target = filepath.Join("..", filepath.FromSlash(strings.TrimRight(m[2], "./")))
			}
			found++
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s names %s, which does not exist", name, m[0])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 30 {
		t.Errorf("only %d names were looked at", found)
	}
}
