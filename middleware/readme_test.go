package middleware_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The README shows files of the project. They are what the tests run.
func TestTheReadmeShowsFilesAsTheyAre(t *testing.T) {
	shown := regexp.MustCompile("(?s)<!-- file: (\\S+) -->\n```\\w+\n(.*?)```\n").FindAllStringSubmatch(readme(t), -1)
	if len(shown) < 3 {
		t.Fatalf("only %d files are shown", len(shown))
	}
	for _, m := range shown {
		want, err := os.ReadFile(filepath.Join("..", m[1]))
		if err != nil {
			t.Fatal(err)
		}
		if m[2] != string(want) {
			t.Errorf("%s is shown as\n%s", m[1], m[2])
		}
	}
}

func TestTheReadmeIsFinished(t *testing.T) {
	if holder := regexp.MustCompile(`(?m)^[A-Z]{6,}$`).FindString(readme(t)); holder != "" {
		t.Errorf("it still has the placeholder %s", holder)
	}
}

// The README's Go code compiles: the program as it is, and the snippets inside
// a function that has what they speak of.
func TestTheReadmeCompiles(t *testing.T) {
	text := readme(t)
	program := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindStringSubmatch(text)
	if program == nil {
		t.Fatal("there is no program")
	}
	build := func(name, source string) {
		file := filepath.Join(t.TempDir(), name+".go")
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("go", "build", "-o", os.DevNull, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, source)
		}
	}
	build("program", program[1])
	snippets := regexp.MustCompile("(?s)<!-- build:body -->\n```go\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(snippets) < 3 {
		t.Fatalf("only %d snippets", len(snippets))
	}
	for _, m := range snippets {
		body := strings.ReplaceAll(m[1], ", err := ", ", _ := ")
		source := `package main

import (
	"net/http"
	"os"
	"time"

	"github.com/justinas/alice"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
	"example.com/signedurl/middleware/laravel"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
)

var (
	_ = alice.New
	_ = django.New
	_ = laravel.New
	_ = memstore.NewUses
	_ = signedfs.New
	_ = os.Getenv
	_ = time.Now
	mux = http.NewServeMux()
	keys *middleware.Keyring
	dir http.FileSystem
	links *middleware.URLBuilder
	reports http.Handler
	logging alice.Constructor
)

func main() {
` + body + "\n"
		for _, name := range regexp.MustCompile(`(?m)^(\w+)(?:, \w+)? :=`).FindAllStringSubmatch(body, -1) {
			source += "	_ = " + name[1] + "\n"
		}
		build("snippet", source+"}\n")
	}
}
