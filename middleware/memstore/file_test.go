package memstore_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware/memstore"
)

// sealed puts the last line under the lines of a file.
func sealed(lines ...string) string {
	text := strings.Join(lines, "\n") + "\n"
	return fmt.Sprintf("%ssha256 %x\n", text, sha256.Sum256([]byte(text)))
}

// digest is how an id is written in a file.
func digest(id string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(id)))[:32] }

func write(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "revoked")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const head = "signedurl revocations 1"

func TestSavedRevocationsAreLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "revoked")
		list := memstore.NewRevocations(nil)
		until := time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)
		for id, until := range map[string]time.Time{"b": until, "a": {}, "c": until.Add(-time.Hour), "over": time.Now().Add(time.Second)} {
			if err := list.Revoke(id, until); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		for range 2 { // the second replaces the first
			if err := list.Save(name); err != nil {
				t.Fatal(err)
			}
		}
		// The digests of c, b and a begin with 2e, 3e and ca.
		if d := cmp.Diff(sealed(head, digest("c")+" 946767600", digest("b")+" 946771200", digest("a")+" ever"), read(t, name)); d != "" {
			t.Errorf("the file (-want +got):\n%s", d)
		}
		if info, err := os.Stat(name); err != nil || (info.Mode().Perm() != 0o600 && runtime.GOOS != "windows") {
			t.Errorf("the file's mode is %v, %v; want that only its owner can read it", info.Mode(), err)
		}
		if files, _ := os.ReadDir(filepath.Dir(name)); len(files) != 1 {
			t.Errorf("the directory holds %v", files)
		}

		other := memstore.NewRevocations(&memstore.Options{Max: 3})
		for range 2 { // to load it again changes nothing
			if err := other.Load(name); err != nil {
				t.Fatal(err)
			}
		}
		for id, want := range map[string]bool{"a": true, "b": true, "c": true, "over": false} {
			if got, _ := other.Revoked(t.Context(), id); got != want {
				t.Errorf("%s is revoked: %v", id, got)
			}
		}
		time.Sleep(time.Until(until))
		for id, want := range map[string]bool{"a": true, "b": false, "c": false, "over": false} {
			if got, _ := other.Revoked(t.Context(), id); got != want {
				t.Errorf("later, %s is revoked: %v", id, got)
			}
		}
		if err := other.Save(name); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(sealed(head, digest("a")+" ever"), read(t, name)); d != "" {
			t.Errorf("the file of later (-want +got):\n%s", d)
		}
	})
}

func TestLoadTakesNoRevocationBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "revoked")
	now := time.Now()
	saved := memstore.NewRevocations(nil)
	saved.Revoke("earlier in the file", now.Add(time.Hour))
	saved.Revoke("later in the file", now.Add(3*time.Hour))
	if err := saved.Save(name); err != nil {
		t.Fatal(err)
	}
	list := memstore.NewRevocations(nil)
	list.Revoke("earlier in the file", now.Add(2*time.Hour))
	list.Revoke("later in the file", now.Add(2*time.Hour))
	list.Revoke("not in the file", now.Add(2*time.Hour))
	if err := list.Load(name); err != nil {
		t.Fatal(err)
	}
	want := memstore.NewRevocations(nil)
	want.Revoke("earlier in the file", now.Add(2*time.Hour))
	want.Revoke("later in the file", now.Add(3*time.Hour))
	want.Revoke("not in the file", now.Add(2*time.Hour))
	if d := cmp.Diff(saveText(t, want), saveText(t, list)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func saveText(t testing.TB, list *memstore.Revocations) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "revoked")
	if err := list.Save(name); err != nil {
		t.Fatal(err)
	}
	return read(t, name)
}

func TestLoadRefuses(t *testing.T) {
	a, b := digest("b"), digest("a") // ascending
	tests := []struct {
		name, text, want string
	}{
		{"an empty file", "", "truncated"},
		{"a file without a checksum", head + "\n" + a + " ever\n", "truncated"},
		{"a file without the last LF", strings.TrimSuffix(sealed(head), "\n"), "truncated"},
		{"another version", sealed("signedurl revocations 2"), "version 1"},
		{"a byte order mark", sealed("\ufeff" + head), "version 1"},
		{"CR LF", sealed(head+"\r", a+" ever\r"), "version 1"},
		{"an entry with a CR", sealed(head, a+" ever\r"), "line 2"},
		{"a wrong checksum", strings.Replace(sealed(head, a+" ever"), a, b, 1), "damaged"},
		{"a checksum in upper case", head + "\n" + "sha256 " + strings.ToUpper(strings.Fields(sealed(head))[4]) + "\n", "damaged"},
		{"something after the checksum", sealed(head) + "\n", "follows"},
		{"two files in one", sealed(head) + sealed(head), "follows"},
		{"an entry twice", sealed(head, a+" ever", a+" ever"), "line 3"},
		{"entries out of order", sealed(head, b+" ever", a+" ever"), "line 3"},
		{"entries out of order, one of them forgotten", sealed(head, b+" 5", a+" ever"), "line 3"},
		{"a digest in upper case", sealed(head, strings.ToUpper(a)+" ever"), "line 2"},
		{"a digest that is too short", sealed(head, a[:30]+" ever"), "line 2"},
		{"a digest that is too long", sealed(head, a+"00 ever"), "line 2"},
		{"a digest that is not hex", sealed(head, "g"+a[1:]+" ever"), "line 2"},
		{"an id", sealed(head, "invoice-7 ever"), "line 2"},
		{"an entry without a time", sealed(head, a), "line 2"},
		{"an entry with an empty time", sealed(head, a+" "), "line 2"},
		{"a time with a sign", sealed(head, a+" +5"), "line 2"},
		{"a time with a leading zero", sealed(head, a+" 05"), "line 2"},
		{"a time with a fraction", sealed(head, a+" 5.0"), "line 2"},
		{"a time beyond 32 bits", sealed(head, a+" 4294967295"), "line 2"},
		{"two spaces", sealed(head, a+"  ever"), "line 2"},
		{"a space at the end", sealed(head, a+" ever "), "line 2"},
		{"an empty line", sealed(head, "", a+" ever"), "line 2"},
		{"a comment", sealed(head, "# comment"), "line 2"},
		{"a line without an end", head + "\n" + strings.Repeat("0", 1<<20), "too long"},
		{"more than there is room for", sealed(head, a+" ever", b+" ever"), "full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := memstore.NewRevocations(&memstore.Options{Max: 2})
			list.Revoke("held", time.Time{})
			before := saveText(t, list)
			err := list.Load(write(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v; want one with %q", err, tt.want)
			}
			if (tt.want == "full") != errors.Is(err, memstore.ErrFull) {
				t.Errorf("the error %v is ErrFull, or should be", err)
			}
			if d := cmp.Diff(before, saveText(t, list)); d != "" {
				t.Errorf("the list has changed (-before +after):\n%s", d)
			}
		})
	}
	err := memstore.NewRevocations(nil).Load(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v, want fs.ErrNotExist", err)
	}
}

func TestAFileThatWasTruncatedOrDamagedAnywhereIsRefused(t *testing.T) {
	list := memstore.NewRevocations(nil)
	list.Revoke("a", time.Now().Add(time.Hour))
	list.Revoke("b", time.Time{})
	list.Revoke("c", time.Now().Add(2*time.Hour))
	whole := saveText(t, list)
	name := write(t, "")
	try := func(what string, text []byte) {
		t.Helper()
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		other := memstore.NewRevocations(nil)
		if err := other.Load(name); err == nil || other.Len() != 0 {
			t.Errorf("%s: error %v, %d ids", what, err, other.Len())
		}
	}
	for i := range whole {
		try(fmt.Sprint("truncated after ", i), []byte(whole[:i]))
		for _, bit := range []byte{0x01, 0x20, 0x80} {
			damaged := []byte(whole)
			damaged[i] ^= bit
			try(fmt.Sprintf("byte %d changed by %#x", i, bit), damaged)
		}
	}
	lines := strings.SplitAfter(whole, "\n")
	for i := range lines[:len(lines)-1] {
		try(fmt.Sprint("without line ", i+1), []byte(strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")))
	}
}

func TestAFailedSaveLeavesTheOldFileAndNoOther(t *testing.T) {
	dir := t.TempDir()
	list := memstore.NewRevocations(nil)
	list.Revoke("a", time.Time{})

	if err := list.Save(filepath.Join(dir, "none", "revoked")); err == nil {
		t.Error("a directory that does not exist is no error")
	}
	// A directory in the place of the file lets all succeed but the rename.
	name := filepath.Join(dir, "revoked")
	if err := os.MkdirAll(filepath.Join(name, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := list.Save(name); err == nil {
		t.Error("a directory in the place of the file is no error")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "revoked" {
		t.Errorf("the directory holds %v, %v", files, err)
	}
}

func FuzzALoadedFileIsSavedAsItWas(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte(digest("b") + " ever\n"))
	f.Add([]byte(digest("b") + " 4294967294\n" + digest("a") + " ever\n"))
	f.Add([]byte(digest("b") + " 1\n" + digest("a") + " 32503680000\n"))
	f.Add([]byte("sha256 \n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		text := head + "\n" + string(body)
		text += fmt.Sprintf("sha256 %x\n", sha256.Sum256([]byte(text)))
		list := memstore.NewRevocations(nil)
		if list.Load(write(t, text)) != nil {
			if list.Len() != 0 {
				t.Fatal("the file was refused, and the list has changed")
			}
			return
		}
		saved := saveText(t, list)
		if n := bytes.Count(body, []byte("\n")); list.Len() == n && saved != text {
			t.Errorf("loaded %q, saved %q", text, saved)
		} else if list.Len() < n && len(saved) >= len(text) {
			t.Errorf("of %q only what is forgotten may be missing in %q", text, saved)
		}
	})
}
