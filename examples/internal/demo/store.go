package demo

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"example.com/signedurl/signedfs"
)

const (
	// maxCard is the size of the largest card that a visitor may upload.
	maxCard = 5_000_000
	// maxCards is how many uploaded cards there are at most, of all visitors.
	// The oldest one makes room for a new one.
	maxCards = 8
	// uploadDir is the directory of the uploads. Each visitor has one in it.
	uploadDir = "uploads/"
)

// cardTypes are the media types of cards, which all browsers show, and the
// extensions of their names.
var cardTypes = map[string]string{
	".avif": "image/avif", ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
}

// Store has the private files of the demonstration, and takes the visitors' own
// cards, in memory. It is a [signedfs.Writer].
type Store struct {
	http.FileSystem // embedded in the program
	mu              sync.Mutex
	last            int
	uploads         []*upload // the oldest first
}

// upload is a card of a visitor.
type upload struct {
	id      int
	name    string // as of a file system, with a slash before it
	stored  time.Time
	content []byte
}

// Files returns the private files: cards, a contract and a film.
func Files() (*Store, error) {
	files, err := fs.Sub(content, "files")
	if err != nil {
		return nil, err
	}
	// The counter goes on after the customers of the page.
	return &Store{FileSystem: http.FS(files), last: len(customers)}, nil
}

// Uploads says what is taken from visitors. What is under way is in memory too.
func Uploads() signedfs.Uploads {
	return signedfs.Uploads{MaxBytes: maxCard, MaxUploads: maxCards, MaxPerClient: maxCards / 2, Timeout: 10 * time.Minute}
}

// Open opens a file.
func (s *Store) Open(name string) (http.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.uploads {
		if u.name == name {
			return &openUpload{bytes.NewReader(u.content), u}, nil
		}
	}
	return s.FileSystem.Open(name)
}

// of returns the cards that a visitor has uploaded.
func (s *Store) of(dir string) []customer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var cards []customer
	for _, u := range s.uploads {
		if name := u.name[1:]; strings.HasPrefix(name, dir) {
			title := "Your own card"
			if n := len(cards) + 1; n > 1 {
				title = fmt.Sprint(title, " ", n)
			}
			cards = append(cards, customer{u.id, title, name})
		}
	}
	return cards
}

// Check is part of [signedfs.Writer].
func (s *Store) Check(context.Context) error { return nil }

// Create begins a card. There are no other names.
func (s *Store) Create(_ context.Context, name string, opts signedfs.CreateOptions) (signedfs.NewFile, error) {
	visitor, base := path.Split(strings.TrimPrefix(name, "/"+uploadDir))
	if !strings.HasPrefix(name, "/"+uploadDir) || visitor == "" || strings.Count(visitor, "/") > 1 || cardTypes[path.Ext(base)] == "" {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrNotExist}
	}
	return &newUpload{store: s, upload: &upload{name: name}, replace: opts.Replace}, nil
}

// newUpload is a card that is being uploaded.
type newUpload struct {
	store   *Store
	upload  *upload
	replace bool
}

func (f *newUpload) Write(p []byte) (int, error) {
	f.upload.content = append(f.upload.content, p...)
	return len(p), nil
}

func (f *newUpload) Commit() (fs.FileInfo, error) {
	s := f.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, u := range s.uploads {
		if u.name != f.upload.name {
			continue
		}
		if !f.replace {
			return nil, &fs.PathError{Op: "create", Path: u.name, Err: fs.ErrExist}
		}
		s.uploads = append(s.uploads[:i:i], s.uploads[i+1:]...)
		break
	}
	if len(s.uploads) == maxCards {
		s.uploads = append([]*upload(nil), s.uploads[1:]...)
	}
	s.last++
	f.upload.id, f.upload.stored = s.last, time.Now()
	s.uploads = append(s.uploads, f.upload)
	return uploadInfo{f.upload}, nil
}

func (f *newUpload) Abort() error { return nil }

// openUpload is a card that is being read.
type openUpload struct {
	*bytes.Reader
	upload *upload
}

func (f *openUpload) Close() error                       { return nil }
func (f *openUpload) Readdir(int) ([]fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (f *openUpload) Stat() (fs.FileInfo, error)         { return uploadInfo{f.upload}, nil }

type uploadInfo struct{ u *upload }

func (i uploadInfo) Name() string       { return path.Base(i.u.name) }
func (i uploadInfo) Size() int64        { return int64(len(i.u.content)) }
func (i uploadInfo) Mode() fs.FileMode  { return 0o600 }
func (i uploadInfo) ModTime() time.Time { return i.u.stored }
func (i uploadInfo) IsDir() bool        { return false }
func (i uploadInfo) Sys() any           { return nil }
