package signedfs

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/signedurl/middleware"
)

// serve answers a request that the verifier let through.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	name, slash, ok := h.name(r.URL)
	if !ok {
		fail(w, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.serveOther(w, r, name)
		return
	}
	// A slash at the end asks for a directory, and none for a file. There is
	// no redirect from one to the other, since no signature would go with it.
	if slash && !h.opts.Listing {
		fail(w, http.StatusNotFound)
		return
	}
	// A file in parts is read by a goroutine of net/http that may outlive the
	// request by a moment, for which an *os.File is made.
	if d, ok := h.root.(*Dir); ok && !slash && r.Header["Range"] == nil {
		if f, ok := d.quick(name); ok {
			defer f.Close()
			h.serveFile(w, r, f, f.size, f.mod, name)
			return
		}
	}
	f, info, err := h.open(name)
	if err != nil {
		h.failed(w, r, err)
		return
	}
	defer f.Close()
	switch {
	case info.IsDir() != slash:
		fail(w, http.StatusNotFound)
	case slash:
		h.list(w, r, f, name)
	case !info.Mode().IsRegular():
		fail(w, http.StatusNotFound)
	default:
		content := sized{ReadSeeker: f, size: info.Size()}
		if file, ok := f.(*os.File); ok {
			h.serveFile(w, r, &sizedFile{content, file}, info.Size(), info.ModTime(), name)
		} else {
			h.serveFile(w, r, &content, info.Size(), info.ModTime(), name)
		}
	}
}

// serveOther answers methods that do not read.
func (h *Handler) serveOther(w http.ResponseWriter, r *http.Request, name string) {
	// Without claims it is a request that Verify.InsecureReportOnly let pass,
	// and no link granted the method.
	if _, granted := middleware.LinkFromContext(r.Context()); !granted || h.opts.OtherMethods == nil {
		w.Header().Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed)
		return
	}
	clearHeader(w.Header())
	h.opts.OtherMethods(w, r, name)
}

func (h *Handler) open(name string) (http.File, fs.FileInfo, error) {
	if d, ok := h.root.(*Dir); ok {
		return d.open(name)
	}
	f, err := h.root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// failed answers a request for a file that could not be opened or read.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusInternalServerError
	switch {
	case noFile(err):
		fail(w, http.StatusNotFound)
		return
	case errors.Is(err, fs.ErrPermission):
		code = http.StatusNotFound // 403 says that the link is wrong
	}
	if h.opts.Error != nil {
		h.opts.Error(r, err)
	}
	fail(w, code)
}

// fail is the one reply to all that is accepted and cannot be served. It says
// nothing but the status, keeps nothing that was meant for a file, and is not
// to be kept.
func fail(w http.ResponseWriter, code int) {
	clearHeader(w.Header())
	http.Error(w, http.StatusText(code), code)
}

// clearHeader takes away what describes a file.
func clearHeader(h http.Header) {
	for _, name := range [...]string{"Content-Disposition", "Content-Encoding", "Content-Security-Policy", "Content-Type", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h["Cache-Control"] = []string{"no-store"}
}

// smallFile is up to which size a file is read and written, rather than sent by
// the kernel: net/http sends one with a read, a write and a sendfile, and to
// copy so little costs less than that.
const smallFile = 16 << 10

// maxRanges is how many ranges a request may ask for. Each costs a seek and a
// header of its own in the reply, so that a Range of a megabyte can ask for an
// answer of forty.
const maxRanges = 16

// serveFile sends a regular file, all of it or in part, or says that it has
// not changed.
func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request, content io.ReadSeeker, size int64, mod time.Time, name string) {
	header := w.Header()
	values := [3]string{"nosniff"}
	header["X-Content-Type-Options"] = values[0:1:1]
	types, set := header["Content-Type"] // by the link
	if !set {
		t := typeOf(name)
		if t == "" {
			var err error
			if t, err = sniffFile(content); err != nil {
				h.failed(w, r, err)
				return
			}
		}
		values[1] = t
		types = values[1:2:2]
		header["Content-Type"] = types
	}
	if len(types) != 1 || !inert(types[0]) {
		header["Content-Security-Policy"] = []string{policy}
	}
	// Embedded files have no time, and reproducible builds set it to the epoch
	// or a second later: two versions of one size would pass for the same.
	if mod.Unix() <= 1 {
		mod = time.Time{}
	} else {
		values[2] = etag(size, mod)
		header["Etag"] = values[2:3:3]
	}
	if v := r.Header["Range"]; len(v) > 0 && strings.Count(v[0], ",") >= maxRanges {
		// RFC 9110, section 14.2: a server may ignore it.
		whole := *r
		whole.Header = r.Header.Clone()
		whole.Header.Del("Range")
		r = &whole
	}
	http.ServeContent(&fileWriter{ResponseWriter: w, small: size <= smallFile}, r, "", mod, content)
}

// sniffFile looks at the first bytes of a file.
func sniffFile(f io.ReadSeeker) (string, error) {
	var start [512]byte
	n, err := io.ReadFull(f, start[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	return sniff(start[:n]), nil
}

// coarse is the resolution of the coarsest clock among the file systems (FAT).
const coarse = 2 * time.Second

// etag returns the version of a file by its size and the time of its last
// change, to the nanosecond. It is a strong validator (RFC 9110, section
// 8.8.1), so that a download can be continued, unless the file changed just
// now by a clock of whole seconds: it may change again, and the time not.
func etag(size int64, mod time.Time) string {
	var room [48]byte
	b := room[:0]
	if mod.Nanosecond() == 0 && time.Since(mod) < coarse {
		b = append(b, "W/"...)
	}
	b = append(b, '"')
	b = strconv.AppendInt(b, size, 36)
	b = append(b, '-')
	b = strconv.AppendInt(b, mod.Unix(), 36)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(mod.Nanosecond()), 36)
	b = append(b, '"')
	return string(b)
}

// sized is a file of a size that is already known: the one in the ETag, even
// if the file is just growing. http.ServeContent asks for the size by a seek to
// the end and back, which are two system calls, and more than some file systems
// can do.
type sized struct {
	io.ReadSeeker
	size  int64
	moved bool // the offset is no longer 0
}

func (s *sized) Read(p []byte) (int, error) {
	s.moved = true
	return s.ReadSeeker.Read(p)
}

func (s *sized) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd && offset == 0 {
		return s.size, nil // a seek from the start follows before any read
	}
	if whence == io.SeekStart && offset == 0 && !s.moved {
		return 0, nil
	}
	s.moved = true
	return s.ReadSeeker.Seek(offset, whence)
}

// sizedFile is a sized *os.File: package net finds in it what it may hand to
// sendfile. Not so for a type that embeds one, which may read it differently.
type sizedFile struct {
	sized
	syscall.Conn
}

// fileWriter is what http.ServeContent writes to. Its errors become ours: the
// texts of some hold a path, and they drop Cache-Control or, with 412, keep
// the file's.
type fileWriter struct {
	http.ResponseWriter
	small  bool
	failed bool
}

func (w *fileWriter) WriteHeader(code int) {
	if code < 400 {
		w.ResponseWriter.WriteHeader(code)
		return
	}
	w.failed = true
	fail(w.ResponseWriter, code)
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if w.failed {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

var buffers = sync.Pool{New: func() any { return new([smallFile]byte) }}

// ReadFrom passes a large file on to the ReadFrom of net/http, which has it
// sent by the kernel.
func (w *fileWriter) ReadFrom(src io.Reader) (int64, error) {
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok && !w.small {
		return rf.ReadFrom(src)
	}
	buffer := buffers.Get().(*[smallFile]byte)
	defer buffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, src, buffer[:])
}
