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
)

// content is a regular file as http.ServeContent reads it. Its size is known:
// it is the size in the ETag, even if the file is growing. http.ServeContent
// asks for the size by a seek to the end and back, which takes two system
// calls, and which some file systems cannot do.
type content struct {
	file io.ReadSeeker
	info fs.FileInfo // of an http.File, or nil
	version
	moved bool // the offset may no longer be 0
}

func (c *content) Read(p []byte) (int, error) {
	c.moved = true
	return c.file.Read(p)
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd && offset == 0 {
		return c.size, nil // a seek from the start follows before any read
	}
	if whence == io.SeekStart && offset == 0 && !c.moved {
		return 0, nil
	}
	c.moved = true
	return c.file.Seek(offset, whence)
}

// SyscallConn lets package net send the file with sendfile. A type that embeds
// an *os.File may read it differently, and is copied.
func (c *content) SyscallConn() (syscall.RawConn, error) {
	c.moved = true
	switch f := c.file.(type) {
	case *os.File:
		return f.SyscallConn()
	case *rawFile:
		return f.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// start returns the first bytes of the file, at most as many as p has room
// for, and goes back to the beginning.
func (c *content) start(p []byte) ([]byte, error) {
	n, err := io.ReadFull(c, p)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if _, err := c.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return p[:n], nil
}

// maxRanges is the number of ranges that a request may ask for. Each costs a
// seek and a header of its own in the reply: a Range header of a megabyte could
// ask for forty.
const maxRanges = 16

// ignoreRange reports whether a request gets the whole file in spite of its
// Range header, as RFC 9110, section 14.2, leaves to the server.
func ignoreRange(h http.Header) bool {
	ranges := h["Range"]
	if len(ranges) == 0 {
		return false
	}
	if strings.Count(ranges[0], ",") >= maxRanges {
		return true
	}
	// A date in If-Range is no strong validator: a time can be set, and has
	// whole seconds. A client that has an entity-tag must not send a date (RFC
	// 9110, section 13.1.5).
	condition := h.Get("If-Range")
	return condition != "" && !strings.HasSuffix(condition, `"`)
}

// sendFile sends a regular file, whole or in part, or says that it has not
// changed.
func (h *Handler) sendFile(w http.ResponseWriter, r *http.Request, c *content, name string) {
	header := w.Header()
	values := [3]string{"nosniff"}
	header["X-Content-Type-Options"] = values[0:1:1]
	types, set := header["Content-Type"] // by the link
	if !set {
		t, extension := typeOf(name)
		if store, ok := c.info.(interface{ ContentType() string }); ok && t == "" {
			if t = store.ContentType(); !inert(t) {
				t = octetStream
			}
		}
		if t == "" {
			var room [512]byte
			start, err := c.start(room[:])
			if err != nil {
				h.failed(w, r, err)
				return
			}
			t = sniff(start, extension)
		}
		values[1] = t
		types = values[1:2:2]
		header["Content-Type"] = types
	}
	if len(types) != 1 || !inert(types[0]) {
		header["Content-Security-Policy"] = []string{policy}
	}
	linked := false
	if h.opts.Playlists {
		p, err := h.playlist(r, c, name, header.Get("Etag"))
		if err != nil {
			h.failed(w, r, err)
			return
		}
		if linked = p != nil; linked {
			c = p
			delete(header, "Etag")
		}
	}
	if !linked && len(types) == 1 && h.offload(w, name, types[0]) {
		return
	}
	// An outer handler that sets a validator knows more than the file system:
	// the times of a file may differ from replica to replica.
	if _, set := header["Etag"]; !set {
		if tag := c.etag(time.Now()); tag != "" {
			values[2] = tag
			header["Etag"] = values[2:3:3]
		}
	}
	mod := c.lastModified()
	if t, err := http.ParseTime(header.Get("Last-Modified")); err == nil {
		mod = t
	}
	fetcher, _ := c.file.(fetcher)
	if ignoreRange(r.Header) || fetcher != nil && strings.Contains(r.Header.Get("Range"), ",") {
		whole := *r
		whole.Header = r.Header.Clone()
		whole.Header.Del("Range")
		r = &whole
	}
	http.ServeContent(&fileWriter{ResponseWriter: w, handler: h, request: r, small: c.size <= smallFile, fetcher: fetcher}, r, "", mod, c)
}

// fetcher is described under "File systems" in the package documentation.
type fetcher interface {
	Fetch(n int64) error
}

// smallFile is the size up to which a file is copied through memory. net/http
// sends a file with a read, a write and a sendfile, which costs more than the
// copy of a small one.
const smallFile = 16 << 10

// fileWriter is what http.ServeContent writes to. It replaces the errors of
// http.ServeContent by ours: the text of some holds a path, and they drop
// Cache-Control or, with 412, keep the file's. It gives the use of the link back
// for every reply without a byte of the file.
type fileWriter struct {
	http.ResponseWriter
	handler *Handler
	request *http.Request
	small   bool
	failed  bool
	fetcher fetcher // or nil
}

func (w *fileWriter) WriteHeader(code int) {
	switch {
	case code >= 400:
		w.failed = true
		w.handler.fail(w.ResponseWriter, w.request, code)
		return
	case code == http.StatusNotModified:
		w.handler.giveBack(w.request)
	case w.fetcher != nil && w.request.Method == http.MethodGet:
		// http.ServeContent has sought to the first byte, and says how many it
		// is going to read. What fails here is still refused by its status.
		n, _ := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
		if n == 0 {
			break // or there is no length, since an outer handler encodes the file
		}
		if err := w.fetcher.Fetch(n); err != nil {
			w.failed = true
			w.Header().Del("Content-Length")
			w.Header().Del("Content-Range")
			w.handler.failed(w.ResponseWriter, w.request, err)
			return
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *fileWriter) Write(p []byte) (int, error) {
	if w.failed {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

var errReplied = errors.New("signedurl: the request was answered with an error")

var buffers = sync.Pool{New: func() any { return new([smallFile]byte) }}

// ReadFrom passes a large file on to the ReadFrom of net/http, which has the
// kernel send it. What comes from elsewhere is copied: net/http would first send
// a few bytes by themselves.
func (w *fileWriter) ReadFrom(src io.Reader) (int64, error) {
	if w.failed {
		return 0, errReplied
	}
	if w.fetcher != nil {
		buffer := chunks.Get().(*[chunk]byte)
		defer chunks.Put(buffer)
		return io.CopyBuffer(struct{ io.Writer }{w}, src, buffer[:])
	}
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok && !w.small {
		return rf.ReadFrom(src)
	}
	buffer := buffers.Get().(*[smallFile]byte)
	defer buffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, src, buffer[:])
}
