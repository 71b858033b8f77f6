package resumable

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	tus "github.com/tus/tusd/v2/pkg/handler"
)

// store keeps what is not finished, in files: ID has the bytes, ID.info what is
// known, and ID.done is there once the file is stored. Of such an upload only the
// length is kept, for a client that missed the last reply.
type store struct {
	filestore.FileStore
	dir string
}

const infoExt, doneExt = ".info", ".done"

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &store{filestore.New(dir), dir}
	s.FileModePerm, s.DirModePerm = 0o600, 0o700
	return s, nil
}

// validID reports whether a string is an ID that create made.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsFunc(id, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

func (s *store) file(id, ext string) string { return filepath.Join(s.dir, id+ext) }

func (s *store) info(ctx context.Context, id string) (tus.FileInfo, error) {
	u, err := s.GetUpload(ctx, id)
	if err != nil {
		return tus.FileInfo{}, err
	}
	return u.GetInfo(ctx)
}

func (s *store) open(id string) (*os.File, error) { return os.Open(s.file(id, "")) }

func (s *store) done(id string) bool {
	_, err := os.Stat(s.file(id, doneExt))
	return err == nil
}

// finish frees the bytes of an upload whose file is stored.
func (s *store) finish(id string, size int64) error {
	if err := os.WriteFile(s.file(id, doneExt), nil, 0o600); err != nil {
		return err
	}
	return errors.Join(os.Truncate(s.file(id, ""), 0), os.Truncate(s.file(id, ""), size))
}

// touch renews an upload.
func (s *store) touch(id string) {
	now := time.Now()
	os.Chtimes(s.file(id, infoExt), now, now)
}

func (s *store) remove(id string) {
	for _, ext := range []string{"", doneExt, infoExt} {
		os.Remove(s.file(id, ext))
	}
}

// count returns the number of uploads.
func (s *store) count() (n int) {
	s.each(func(string) { n++ })
	return n
}

func (s *store) each(do func(id string)) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), infoExt); ok && validID(id) {
			do(id)
		}
	}
}

// sweep deletes the uploads that were last used before a time.
func (s *store) sweep(before time.Time) {
	s.each(func(id string) {
		for _, ext := range []string{"", infoExt} {
			if info, err := os.Stat(s.file(id, ext)); err == nil && !info.ModTime().Before(before) {
				return
			}
		}
		s.remove(id)
	})
}

// equal reports whether two readers have the same content.
func equal(a, b io.Reader) bool {
	p, q := make([]byte, 32<<10), make([]byte, 32<<10)
	for {
		n, errA := io.ReadFull(a, p)
		m, errB := io.ReadFull(b, q)
		if !bytes.Equal(p[:n], q[:m]) {
			return false
		}
		if errA != nil || errB != nil {
			return (errA == io.EOF || errA == io.ErrUnexpectedEOF) && errA == errB
		}
	}
}
