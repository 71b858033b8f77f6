//go:build unix

package memstore_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware/memstore"
)

// saverProcess makes the test binary a process that saves a list of revocations
// to the file that it is set to, again and again, until it is killed.
const saverProcess = "SIGNEDURL_TEST_SAVER"

func TestMain(m *testing.M) {
	if name := os.Getenv(saverProcess); name != "" {
		go func() { // the test has ended
			io.Copy(io.Discard, os.Stdin)
			os.Exit(1)
		}()
		fmt.Fprintln(os.Stderr, save(name))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// save saves a list that grows. For each list that is on the disk it prints a
// dot.
func save(name string) error {
	list := memstore.NewRevocations(nil)
	for i := range 20_000 {
		list.Revoke(fmt.Sprint("filler-", i), time.Time{})
	}
	for i := 0; ; i++ {
		if err := list.Revoke(fmt.Sprint(i), time.Time{}); err != nil {
			return err
		}
		if err := list.Save(name); err != nil {
			return err
		}
		if _, err := os.Stdout.WriteString("."); err != nil {
			return err
		}
	}
}

// names returns the names in a directory.
func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func TestAProcessThatIsKilledDuringASaveLeavesAWholeListAndNothingElseForLong(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "revoked")
	left := func() []string {
		return slices.DeleteFunc(names(t, dir), func(n string) bool { return n == "revoked" })
	}
	// A Save spends most of its time writing and syncing, so most kills hit it
	// there.
	for round := 0; len(left()) < 3; round++ {
		if round == 50 {
			t.Fatal("of 50 processes that were killed, fewer than 3 were saving")
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), saverProcess+"="+name)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		saved := 0
		dots := bufio.NewReader(out)
		for range 2 + round%3 {
			if _, err := dots.ReadByte(); err != nil {
				t.Fatalf("the process does not save: %v", err)
			}
			saved++
		}
		time.Sleep(time.Duration(round%7) * time.Millisecond) // to kill it elsewhere
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, _ := io.ReadAll(dots)
		saved += bytes.Count(rest, []byte("."))
		cmd.Wait()
		in.Close()

		list := memstore.NewRevocations(nil)
		if err := list.Load(name); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for i := range saved {
			if ok, _ := list.Revoked(t.Context(), fmt.Sprint(i)); !ok {
				t.Fatalf("round %d: %d lists were saved, and %d is not revoked", round, saved, i)
			}
		}
	}

	// A file that may be in use is kept.
	list := memstore.NewRevocations(nil)
	list.Revoke("a", time.Time{})
	young := left()
	if err := list.Save(name); err != nil {
		t.Fatal(err)
	}
	if err := list.Load(name); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(young, left()); d != "" {
		t.Errorf("what was written a moment ago (-before +after):\n%s", d)
	}
	age(t, dir, young[0])
	if err := list.Load(name); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(young[1:], left()); d != "" {
		t.Errorf("after a Load, when the first was old (-want +got):\n%s", d)
	}
	age(t, dir, young[1:]...)
	if err := list.Save(name); err != nil {
		t.Fatal(err)
	}
	if l := left(); len(l) > 0 {
		t.Errorf("after a Save, when all were old: %v", l)
	}
}

// age makes files five minutes old.
func age(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		then := time.Now().Add(-5*time.Minute - time.Second)
		if err := os.Chtimes(filepath.Join(dir, n), then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyTheTemporaryFilesOfTheListAreRemoved(t *testing.T) {
	dir := t.TempDir()
	keep := []string{
		"revoked", "revoked.1.tmp", ".revoked.tmp", ".revoked..tmp", ".revoked.1a.tmp", ".revoked.-1.tmp", ".revoked.1.tmp.bak", ".revoked.1",
		".revoked.old.1.tmp", ".other.1.tmp", ".revoked1.tmp", "x.revoked.1.tmp", ".revoked.1.2.tmp",
	}
	for _, n := range append(slices.Clone(keep), ".revoked.1.tmp", ".revoked.0123456789.tmp") {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".revoked.2.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	age(t, dir, names(t, dir)...)
	if err := os.Symlink("revoked", filepath.Join(dir, ".revoked.3.tmp")); err != nil {
		t.Fatal(err)
	}
	// A FIFO would be waited for if it were opened.
	if err := syscall.Mkfifo(filepath.Join(dir, ".revoked.4.tmp"), 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, dir, ".revoked.4.tmp")
	t.Chdir(dir) // a name without a directory is in this one
	if err := memstore.NewRevocations(nil).Save("revoked"); err != nil {
		t.Fatal(err)
	}
	want := append(keep, ".revoked.2.tmp", ".revoked.3.tmp", ".revoked.4.tmp")
	slices.Sort(want)
	if d := cmp.Diff(want, names(t, dir)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Load works in a directory that the process may not write to.
func TestLoadNeedsNoPermissionToTidyUp(t *testing.T) {
	name := filepath.Join(t.TempDir(), "revoked")
	list := memstore.NewRevocations(nil)
	if err := list.Save(name); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(name)
	if err := os.WriteFile(filepath.Join(dir, ".revoked.1.tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, dir, ".revoked.1.tmp")
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if err := list.Load(name); err != nil {
		t.Error(err)
	}
}

func TestSaveAndLoadCloseTheirFiles(t *testing.T) {
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("this system does not tell which files are open")
		}
		return len(files)
	}
	dir := t.TempDir()
	list := memstore.NewRevocations(nil)
	damaged := write(t, "damaged")
	before := open()
	for range 20 {
		if err := list.Save(filepath.Join(dir, "revoked")); err != nil {
			t.Fatal(err)
		}
		if err := list.Load(filepath.Join(dir, "revoked")); err != nil {
			t.Fatal(err)
		}
		if list.Save(dir) == nil || list.Load(damaged) == nil {
			t.Error("a directory is replaced, or a damaged file is loaded")
		}
	}
	if after := open(); after > before+3 {
		t.Errorf("%d files were open, and now %d", before, after)
	}
}

func TestASaveOnAFullDiskLeavesTheOldListWhole(t *testing.T) {
	dir := smallDisk(t)
	name := filepath.Join(dir, "revoked")
	list := memstore.NewRevocations(nil)
	list.Revoke("old", time.Time{})
	if err := list.Save(name); err != nil {
		t.Fatal(err)
	}
	before := read(t, name)
	// All lines but the last end just within a page.
	const page, ids = 4096, 10_022
	for i := range ids - 1 {
		list.Revoke(fmt.Sprint(i), time.Time{})
	}
	text := saveText(t, list)
	lines := strings.LastIndex(text, "sha256 ")
	if lines/page == len(text)/page {
		t.Fatalf("the last line, from %d to %d, does not begin another page", lines, len(text))
	}
	for _, room := range []int{0, 1, page, 16 * page, 64 * page, len(text) / page * page} {
		filler := fill(t, dir, room)
		if err := list.Save(name); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("with room for %d bytes: %v; want ENOSPC", room, err)
		}
		if d := cmp.Diff([]string{"filler", "revoked"}, names(t, dir)); d != "" {
			t.Errorf("with room for %d bytes, the directory holds (-want +got):\n%s", room, d)
		}
		if got := read(t, name); got != before {
			t.Errorf("with room for %d bytes, the old list has changed", room)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
	// The file that a dead process left takes the room that is needed.
	filler := fill(t, dir, 0)
	if err := os.Rename(filler, filepath.Join(dir, ".revoked.1.tmp")); err != nil {
		t.Fatal(err)
	}
	age(t, dir, ".revoked.1.tmp")
	if err := list.Save(name); err != nil {
		t.Errorf("with room that is to be tidied: %v", err)
	}
	other := memstore.NewRevocations(nil)
	if err := other.Load(name); err != nil || other.Len() != ids {
		t.Errorf("%d ids are loaded, %v; want %d", other.Len(), err, ids)
	}
}

// smallDisk returns a directory on a file system of one megabyte, which only
// root can mount.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v %s", err, out)
		}
	})
	return dir
}

// fill fills a disk except for some room, and returns the name of the file that
// fills it.
func fill(t *testing.T, dir string, room int) string {
	t.Helper()
	name := filepath.Join(dir, "filler")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := int64(0)
	for err == nil {
		var n int
		n, err = f.Write(make([]byte, 4<<10))
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(size-int64(room), 0)); err != nil {
		t.Fatal(err)
	}
	return name
}
