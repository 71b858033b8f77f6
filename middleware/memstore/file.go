package memstore

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// A file of revocations is a text file. Its lines end in LF:
//
//	signedurl revocations 1
//	0db1af6d1f2ebd1c6ac8dc05bdfc8a62 1767225600
//	9f86d081884c7d659a2feaa0c55ad015 ever
//	sha256 7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a
//
// Each entry is the digest of an ID, in hex, and the Unix time until which it
// is revoked. The entries ascend and are unique, so that equal lists are equal
// files. The last line is the SHA-256 of all lines before it: a file that was
// truncated or damaged must not be mistaken for a shorter list. The checksum
// does not stop anyone who can write the file.
const (
	fileHead = "signedurl revocations 1\n"
	fileEver = "ever"
	fileSum  = "sha256 "
)

// Save writes the list to a file, which it replaces in one step: whenever the
// program or the machine dies, the file is the old one or the new one, whole.
// Everything that was revoked before the call is in it. Requests are served in
// the meantime. The file holds digests, not IDs, and only its owner can read
// it. It takes 44 bytes for each ID, and [Revocations.Load] reads it.
//
// Until a new file is complete, Save writes it next to the old one under a name
// that begins with a dot and ends in ".tmp". If the process dies before that,
// the incomplete file stays. Save and Load remove such files of the same list
// when they are five minutes old.
func (r *Revocations) Save(name string) error {
	if r == nil || r.max == 0 {
		return errZero
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	tidy(name) // before the write, which may need the room
	if err := replace(name, r.encode); err != nil {
		return fmt.Errorf("signedurl: cannot save the revocations: %w", err)
	}
	return nil
}

// Load adds the revocations in a file to the list. It may be called while
// requests are served. It never takes a revocation back: if an ID is in the file
// and in the list, the later time applies. A file that is truncated, damaged or
// of an unknown version is an error, and so is one that does not fit, which
// wraps [ErrFull]; the list is then unchanged. If there is no file, the error
// wraps [io/fs.ErrNotExist]: only the program knows whether that is all right.
func (r *Revocations) Load(name string) error {
	if r == nil || r.max == 0 {
		return errZero
	}
	tidy(name)
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("signedurl: cannot load the revocations: %w", err)
	}
	defer f.Close()
	entries, err := decode(f, r.max)
	if err == nil {
		err = r.add(entries)
	}
	if err != nil {
		return fmt.Errorf("signedurl: cannot load the revocations from %s: %w", name, err)
	}
	return nil
}

func (r *Revocations) encode(w io.Writer) error {
	sum := sha256.New()
	b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	b.WriteString(fileHead)
	now := time.Now().Unix()
	var entries []entry
	for i := range r.shards { // ascending, since the index is the first bits of the digest
		s := &r.shards[i]
		entries = entries[:0]
		s.mu.RLock()
		for id, until := range s.ids {
			if !until.passed(now) {
				entries = append(entries, entry{id, until})
			}
		}
		s.mu.RUnlock()
		slices.SortFunc(entries, func(a, b entry) int { return bytes.Compare(a.id[:], b.id[:]) })
		for _, e := range entries {
			line := append(hex.AppendEncode(b.AvailableBuffer(), e.id[:]), ' ')
			if e.until == forEver {
				line = append(line, fileEver...)
			} else {
				line = strconv.AppendUint(line, uint64(e.until), 10)
			}
			b.Write(append(line, '\n'))
		}
	}
	if err := b.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s%x\n", fileSum, sum.Sum(nil))
	return err
}

// decode reads a file and skips entries whose time has passed. It gives up when
// there are more than max entries, so that a wrong file cannot take all memory.
func decode(r io.Reader, max int) ([]entry, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	sum := sha256.New()
	head, err := readLine(b, sum)
	if err != nil {
		return nil, err
	}
	if string(head) != fileHead[:len(fileHead)-1] {
		return nil, errors.New("it is no file of revocations of version 1")
	}
	now := time.Now().Unix()
	var entries []entry
	var last digest
	for n := 2; ; n++ {
		var before [sha256.Size]byte
		line, err := b.Peek(len(fileSum))
		if err == nil && string(line) == fileSum {
			sum.Sum(before[:0])
			if err := checkEnd(b, sum, before); err != nil {
				return nil, err
			}
			return entries, nil
		}
		line, err = readLine(b, sum)
		if err != nil {
			return nil, err
		}
		e, ok := parseEntry(line)
		if !ok || (n > 2 && bytes.Compare(last[:], e.id[:]) >= 0) {
			return nil, fmt.Errorf("line %d is no entry or is out of order", n)
		}
		last = e.id
		if e.until.passed(now) {
			continue
		}
		if len(entries) == max {
			return nil, ErrFull
		}
		entries = append(entries, e)
	}
}

// checkEnd reads the checksum and verifies it. Nothing may follow it.
func checkEnd(b *bufio.Reader, sum hash.Hash, want [sha256.Size]byte) error {
	line, err := readLine(b, sum)
	if err != nil {
		return err
	}
	if string(line[len(fileSum):]) != hex.EncodeToString(want[:]) {
		return errors.New("it is damaged: the checksum does not match")
	}
	if _, err := b.ReadByte(); err != io.EOF {
		return errors.New("something follows the checksum")
	}
	return nil
}

// readLine returns a line without its LF. The line is valid until the next read.
func readLine(b *bufio.Reader, sum hash.Hash) ([]byte, error) {
	line, err := b.ReadSlice('\n')
	switch err {
	case nil:
	case io.EOF:
		return nil, errors.New("it is truncated")
	case bufio.ErrBufferFull:
		return nil, errors.New("a line is too long")
	default:
		return nil, err
	}
	sum.Write(line)
	return line[:len(line)-1], nil
}

func parseEntry(line []byte) (e entry, ok bool) {
	id, until, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(id) != hex.EncodedLen(len(e.id)) {
		return e, false
	}
	if _, err := hex.Decode(e.id[:], id); err != nil {
		return e, false
	}
	var lower [2 * len(e.id)]byte // Decode takes upper case too
	hex.Encode(lower[:], e.id[:])
	if string(lower[:]) != string(id) {
		return e, false
	}
	if string(until) == fileEver {
		e.until = forEver
		return e, true
	}
	n, ok := strict.Int(string(until), int64(forEver)-1)
	e.until = seconds(n)
	return e, ok
}

// replace writes a file under a temporary name and renames it when all of it is
// on the disk. The rename itself must reach the disk too; otherwise the old list
// is back after a power failure.
func replace(name string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(name)
	prefix, suffix := temporary(name)
	f, err := os.CreateTemp(dir, prefix+"*"+suffix)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which syncs no directories
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// temporary returns what the names of the temporary files for a file begin and
// end with. Between them is a decimal number.
func temporary(name string) (prefix, suffix string) {
	return "." + filepath.Base(name) + ".", ".tmp"
}

// tidyAfter is how long ago a temporary file must have been written before it
// counts as left behind by a process that died. Another process may be saving
// the same list. If that takes longer, its Save fails and the list is as it was.
const tidyAfter = 5 * time.Minute

// tidy removes the temporary files that were left behind. It ignores errors:
// they change nothing about the list, and Load may lack the permission.
func tidy(name string) {
	dir := filepath.Dir(name)
	prefix, suffix := temporary(name)
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		number, ours := strings.CutPrefix(f.Name(), prefix)
		number, ends := strings.CutSuffix(number, suffix)
		if !ours || !ends || number == "" || strings.Trim(number, "0123456789") != "" || !f.Type().IsRegular() {
			continue
		}
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > tidyAfter {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}
