package signedfs_test

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.com/signedurl/signedfs"
)

// npm is the time of every file in a package of npm.
var npm = time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC)

// A person deploys a new version of a file: the size is the same, and so is
// the time, since the tool that packs it writes a constant one.
func TestANewVersionOfOneSizeAndOneTimeIsNotTheOldOne(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows tells no time of change")
	}
	for _, constant := range []time.Time{npm, changed, changed.Truncate(time.Second), time.Unix(0, 0), time.Unix(1, 0), {}} {
		dir := t.TempDir()
		path := filepath.Join(dir, "lib.bin")
		deploy := map[string]func(content string){
			"renamed into place": func(content string) {
				if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(path+".new", path); err != nil {
					t.Fatal(err)
				}
			},
			"written in place": func(content string) {
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			},
		}
		for how, write := range deploy {
			for name, root := range roots(t, dir) {
				if name == "http.FS(embed.FS)" {
					continue
				}
				addr := listen(t, newHandler(t, "/files/", root, nil))
				link := sign(t, "/files/lib.bin", later)
				write("old content")
				if !constant.IsZero() {
					os.Chtimes(path, constant, constant)
				}
				old := ask(t, addr, "GET", link)
				write("new content")
				if !constant.IsZero() {
					os.Chtimes(path, constant, constant)
				}
				what := name + ", " + how + ", " + constant.String()
				tag := old.Header.Get("Etag")
				if !strings.HasPrefix(tag, `"`) {
					t.Errorf("%s: the ETag is %s", what, tag)
				}
				if got := ask(t, addr, "GET", link, "If-None-Match: "+tag); got.Status != 200 || got.Body != "new content" {
					t.Errorf("%s, by tag: %d %q", what, got.Status, got.Body)
				}
				for _, validator := range []string{tag, old.Header.Get("Last-Modified"), npm.Format(http.TimeFormat)} {
					got := ask(t, addr, "GET", link, "Range: bytes=4-", "If-Range: "+validator)
					if validator != "" && (got.Status != 200 || got.Body != "new content") {
						t.Errorf("%s, continued by %s: %d %q", what, validator, got.Status, got.Body)
					}
				}
				if constant.Equal(npm) {
					if got := ask(t, addr, "GET", link, "If-Modified-Since: "+npm.Format(http.TimeFormat)); got.Status != 200 {
						t.Errorf("%s, by a time that all versions have: %d", what, got.Status)
					}
				}
			}
		}
	}
}

// taggedFS has files whose info tells an entity-tag.
type taggedFS struct {
	fstest.MapFS
	tag string
}

type taggedFile struct {
	fs.File
	tag string
}

type taggedInfo struct {
	fs.FileInfo
	tag string
}

func (f taggedFS) Open(name string) (fs.File, error) {
	file, err := f.MapFS.Open(name)
	return taggedFile{file, f.tag}, err
}

func (f taggedFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return taggedInfo{info, f.tag}, err
}

func (i taggedInfo) ETag() string { return i.tag }

func header(t *testing.T, root http.FileSystem) http.Header {
	t.Helper()
	h := newHandler(t, "/files/", root, nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target(t, h, "f.bin", later), nil))
	if w.Code != 200 {
		t.Fatal(w.Code)
	}
	return w.Header()
}

func memory(content string, mod time.Time) fstest.MapFS {
	return fstest.MapFS{"f.bin": {Data: []byte(content), ModTime: mod}}
}

func TestAFileSystemThatTellsLittleGetsAWeakETag(t *testing.T) {
	seen := map[string]string{}
	for what, h := range map[string]http.Header{
		"a file":             header(t, http.FS(memory("content", changed))),
		"another size":       header(t, http.FS(memory("contents", changed))),
		"a nanosecond later": header(t, http.FS(memory("content", changed.Add(1)))),
		"a second later":     header(t, http.FS(memory("content", changed.Add(time.Second)))),
		"just now":           header(t, http.FS(memory("content", time.Now().Truncate(time.Second)))),
		"just now, exactly":  header(t, http.FS(memory("content", time.Now()))),
	} {
		tag := h.Get("Etag")
		if !strings.HasPrefix(tag, `W/"`) || seen[tag] != "" {
			t.Errorf("%s: the ETag is %s, as that of %q", what, tag, seen[tag])
		}
		seen[tag] = what
	}
	for _, mod := range []time.Time{{}, time.Unix(0, 0), time.Unix(1, 0), time.Unix(-5, 0), npm, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if h := header(t, http.FS(memory("x", mod))); h.Get("Etag") != "" || h.Get("Last-Modified") != "" {
			t.Errorf("the time %v stands for none, but: %v", mod, h)
		}
	}
}

func TestAFileThatChangedJustNowByACoarseClockHasAnotherTagLater(t *testing.T) {
	mod := time.Now().Truncate(time.Second)
	first := header(t, http.FS(memory("content", mod))).Get("Etag")
	later := signedfs.ETagAt(mod, mod.Add(time.Minute))
	if now := signedfs.ETagAt(mod, mod); now == later || !strings.HasPrefix(now, "W/") {
		t.Errorf("%s just after the change, %s a minute later", now, later)
	}
	if later == first {
		t.Errorf("the tag remains %s", first)
	}
}

func TestAnETagDependsOnAllThatIsKnown(t *testing.T) {
	seen := map[string]string{}
	for what, tag := range map[string]string{
		"a file":                         signedfs.ETagOf(7, changed, 5, changed),
		"another size":                   signedfs.ETagOf(8, changed, 5, changed),
		"another size, far beyond 4 GiB": signedfs.ETagOf(7+1<<40, changed, 5, changed),
		"modified a second later":        signedfs.ETagOf(7, changed.Add(time.Second), 5, changed),
		"modified a nanosecond later":    signedfs.ETagOf(7, changed.Add(1), 5, changed),
		"another inode":                  signedfs.ETagOf(7, changed, 6, changed),
		"changed a second later":         signedfs.ETagOf(7, changed, 5, changed.Add(time.Second)),
		"changed a nanosecond later":     signedfs.ETagOf(7, changed, 5, changed.Add(1)),
		"without a time of modification": signedfs.ETagOf(7, time.Time{}, 5, changed),
		"with a constant time":           signedfs.ETagOf(7, npm, 5, changed),
		"by a clock of whole seconds":    signedfs.ETagOf(7, changed, 5, changed.Truncate(time.Second)),
	} {
		if seen[tag] != "" || !strongPattern.MatchString(tag) {
			t.Errorf("%s: the ETag is %s, as that of %q", what, tag, seen[tag])
		}
		seen[tag] = what
	}
}

func TestTheFileSystemsOwnETagIsServed(t *testing.T) {
	for tag, own := range map[string]bool{
		`"v1"`: true, `W/"v1"`: true, `""`: true, `"a!#~b"`: true,
		"": false, "v1": false, `"v1`: false, `v1"`: false, `"`: false, `W/`: false, `w/"v1"`: false, `W/v1`: false, `"a b"`: false,
		`"a"b"`: false, "\"a\r\nX: y\"": false, "\"a\x7f\"": false, "\"\xff\"": false, `*`: false, `"a", "b"`: false,
	} {
		got := header(t, http.FS(taggedFS{memory("content", changed), tag})).Get("Etag")
		if (got == tag) != own || got == "" {
			t.Errorf("the file system says %q, the reply %q", tag, got)
		}
	}
	// Also where there is no time.
	if got := header(t, http.FS(taggedFS{memory("content", time.Time{}), `"v1"`})).Get("Etag"); got != `"v1"` {
		t.Errorf("without a time: %q", got)
	}
}

// Replicas whose files have different times agree on a validator only if it
// comes from what they have in common.
func TestAnOuterHandlersValidatorsAreKept(t *testing.T) {
	dir := tree(t)
	for name, root := range roots(t, dir) {
		h := newHandler(t, "/files/", root, nil)
		const date = "Tue, 01 Apr 2025 00:00:00 GMT"
		outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"release-7"`)
			w.Header().Set("Last-Modified", date)
			h.ServeHTTP(w, r)
		})
		addr := listen(t, outer)
		link := target(t, h, "note.txt", later)
		got := ask(t, addr, "GET", link)
		if got.Status != 200 || got.Header.Get("Etag") != `"release-7"` || got.Header.Get("Last-Modified") != date {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
		for header, want := range map[string]int{
			`If-None-Match: "release-7"`:                                  304,
			`If-None-Match: "release-6"`:                                  200,
			"If-Modified-Since: " + date:                                  304,
			"If-Modified-Since: Mon, 31 Mar 2025 23:59:59 GMT":            200,
			"Range: bytes=0-1\r\nIf-Range: \"release-7\"":                 206,
			"Range: bytes=0-1\r\nIf-Range: W/\"release-7\"":               200,
			"Range: bytes=0-1\r\nIf-Range: Tue, 01 Apr 2025 00:00:00 GMT": 200,
			"Range: bytes=0-1\r\nIf-Unmodified-Since: " + date:            206,
			"If-Unmodified-Since: Mon, 31 Mar 2025 23:59:59 GMT":          412,
		} {
			if got := ask(t, addr, "GET", link, header); got.Status != want {
				t.Errorf("%s, %s: %d, want %d", name, header, got.Status, want)
			}
		}
		// They describe the file, and not the error.
		if got := ask(t, addr, "GET", target(t, h, "missing.txt", later)); got.Header.Get("Etag")+got.Header.Get("Last-Modified") != "" {
			t.Errorf("%s: %d %v", name, got.Status, got.Header)
		}
	}
}
