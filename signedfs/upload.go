package signedfs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs/internal/admit"
)

// Uploads configures the uploads of a [Handler]. A field at its zero value
// selects the default.
type Uploads struct {
	// MaxBytes is the size of the largest file that is stored, in bytes. A link
	// can ask for less, and not for more. Zero means 100 MiB.
	MaxBytes int64
	// MaxUploads is how many uploads may be under way at once. Zero means 64.
	// Further ones are 503 Service Unavailable.
	MaxUploads int
	// MaxPerClient is how many of them may be those of one client, as
	// [middleware.Verifier.Client] tells clients apart. Zero means 8. Further
	// ones are 429 Too Many Requests. It does not hold for a client whose
	// address is not known.
	MaxPerClient int
	// Timeout is how long one upload may take. Zero means one hour. A client
	// that sends less than 1 KiB/s, or nothing for 30 seconds, is sent away
	// earlier.
	Timeout time.Duration
	// MakeDirs makes the directories of a name that do not exist, when the
	// upload begins: they stay if it is refused later. Without it, the reply is
	// 409 Conflict.
	MakeDirs bool
	// ReturnLink makes the Location of a reply a link that opens the stored
	// file. It has the expiry of the upload's link, and its NotBefore, ID, Host
	// and Networks, those of its steps too. Otherwise, and for a link that is
	// bound, has a limited number of uses or came in a cookie, Location is the
	// path alone, which opens nothing.
	ReturnLink bool
	// OnStored, if not nil, is called when a file is stored, before the reply.
	// The name is that of the file, with a slash before it. The context has the
	// link, for [middleware.LinkFromContext], and does not end when the client
	// goes away. An error is 500 to the client, and the file stays.
	OnStored func(ctx context.Context, name string, info fs.FileInfo) error
}

const (
	defaultMaxBytes = 100 << 20
	defaultTimeout  = time.Hour

	// largestUpload is the largest size that a link can state.
	largestUpload = 1<<53 - 1
	// retryAfter is when a client may try again that found no slot, in seconds.
	retryAfter = "5"
)

// uploader stores the bodies of accepted requests.
type uploader struct {
	Uploads
	handler  *Handler
	verifier *middleware.Verifier
	root     Writer
	slots    *admit.Slots
	names    nameLocks
}

func newUploader(h *Handler, v *middleware.Verifier) (*uploader, error) {
	u := &uploader{Uploads: *h.opts.Uploads, handler: h, verifier: v}
	for _, o := range [...]struct {
		name  string
		value int64
	}{
		{"MaxBytes", u.MaxBytes}, {"MaxUploads", int64(u.MaxUploads)},
		{"MaxPerClient", int64(u.MaxPerClient)}, {"Timeout", int64(u.Timeout)},
	} {
		if o.value < 0 {
			return nil, fmt.Errorf("signedurl: Uploads.%s is negative", o.name)
		}
	}
	if u.MaxBytes > largestUpload {
		return nil, fmt.Errorf("signedurl: Uploads.MaxBytes is more than %d", int64(largestUpload))
	}
	u.MaxBytes = cmp.Or(u.MaxBytes, defaultMaxBytes)
	u.Timeout = cmp.Or(u.Timeout, defaultTimeout)
	u.slots = admit.NewSlots(u.MaxUploads, u.MaxPerClient)
	var ok bool
	if u.root, ok = h.root.(Writer); !ok {
		return nil, fmt.Errorf("signedurl: uploads need a file system that is a Writer, and %T is none", h.root)
	}
	if err := u.root.Check(context.Background()); err != nil {
		return nil, fmt.Errorf("signedurl: the file system cannot store uploads: %w", err)
	}
	return u, nil
}

// refused is the status with which an upload is refused.
type refused int

func (e refused) Error() string { return http.StatusText(int(e)) }

// upload is an upload that is under way.
type upload struct {
	*uploader
	w      http.ResponseWriter
	r      *http.Request
	ctx    context.Context // ends with the request, and at the timeout
	link   middleware.Link
	limit  int64 // of the file
	body   body
	digest hash.Hash
	stored bool
}

// serve answers a PUT to the name of a file, or a POST to that of a directory.
func (u *uploader) serve(w http.ResponseWriter, r *http.Request, link middleware.Link, name string, slash bool) {
	ctx, cancel := context.WithTimeout(r.Context(), u.Timeout)
	defer cancel()
	up := &upload{uploader: u, w: w, r: r, ctx: ctx, link: link, limit: u.MaxBytes}
	if n := link.MaxBytes(); n > 0 {
		up.limit = min(n, u.MaxBytes)
	}
	up.body = newBody(w, r, u.Timeout, up.limit)
	if err := up.run(name, slash); err != nil {
		up.refuse(err)
	}
}

func (up *upload) run(name string, slash bool) error {
	if err := up.admit(slash); err != nil {
		return err
	}
	client, known := up.verifier.Client(up.r)
	if status := up.slots.Take(client, known); status != 0 {
		return refused(status)
	}
	defer up.slots.Release(client, known)
	if slash {
		return up.form(name)
	}
	if admit.Misleading(name) {
		return refused(http.StatusBadRequest)
	}
	f, err := up.receive(name, &up.body, up.r.ContentLength)
	if err != nil {
		return err
	}
	defer up.abort(f)
	return up.commit(f, name)
}

// admit refuses by the header alone, before a byte of the body is read, so that
// a client that expects 100-continue sends none.
func (up *upload) admit(slash bool) error {
	header, longest := up.r.Header, up.limit
	switch {
	case slash && up.r.Method != http.MethodPost, !slash && up.r.Method != http.MethodPut:
		up.w.Header().Set("Allow", up.handler.allow(slash))
		return refused(http.StatusMethodNotAllowed)
	case encoded(header["Content-Encoding"]):
		up.w.Header().Set("Accept-Encoding", "identity")
		return refused(http.StatusUnsupportedMediaType)
	case header["Content-Range"] != nil:
		// RFC 9110, section 14.5: otherwise a part would become the file.
		return refused(http.StatusBadRequest)
	case slash != isForm(header):
		// PUT would store the frame of a form with the file.
		return refused(http.StatusUnsupportedMediaType)
	case slash:
		longest += maxFrame
	}
	if up.r.ContentLength > longest {
		return refused(http.StatusRequestEntityTooLarge)
	}
	return nil
}

// encoded reports whether a body has a content coding. What is stored would be
// the encoded bytes, and be served as the file.
func encoded(codings []string) bool {
	for _, c := range codings {
		if c = strings.TrimSpace(c); c != "" && !strings.EqualFold(c, "identity") {
			return true
		}
	}
	return false
}

// receive stores a file that has no name yet. The size is -1 if it is not known.
// The caller commits the file or aborts it.
func (up *upload) receive(name string, src io.Reader, size int64) (NewFile, error) {
	mediaType, _ := typeOf(name)
	if mediaType != "" && !permits(&up.link, mediaType) {
		return nil, refused(http.StatusUnsupportedMediaType)
	}
	if err := up.conditions(name); err != nil {
		return nil, err
	}
	f, err := up.root.Create(up.ctx, name, CreateOptions{
		Replace:     up.link.Upload.Replace && !onlyNew(up.r.Header),
		MakeDirs:    up.MakeDirs,
		Size:        size,
		ContentType: mediaType,
	})
	if err != nil {
		return nil, err
	}
	if err := up.copy(f, src, name); err != nil {
		up.abort(f)
		return nil, err
	}
	return f, nil
}

// chunk is how much is read before it is written.
const chunk = 32 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// copy writes the content of a file, and holds it against the link's type and
// digest.
func (up *upload) copy(f NewFile, src io.Reader, name string) error {
	buffer := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buffer)
	up.digest = sha256.New()
	for first, end := true, false; !end; first = false {
		var n int
		var err error
		if n, end, err = fill(src, buffer[:]); err != nil {
			return err
		}
		p := buffer[:n]
		if first && !acceptable(&up.link, name, p[:min(n, sniffed)]) {
			return refused(http.StatusUnsupportedMediaType)
		}
		if n > 0 {
			up.digest.Write(p)
			if _, err := f.Write(p); err != nil {
				return err
			}
		}
	}
	if want := up.link.Upload.SHA256; want != [sha256.Size]byte{} && want != [sha256.Size]byte(up.digest.Sum(nil)) {
		return refused(http.StatusUnprocessableEntity)
	}
	return nil
}

// fill reads until p is full or the source ends. Every error of the source is
// one of the client.
func fill(src io.Reader, p []byte) (n int, end bool, err error) {
	for n < len(p) {
		var m int
		m, err = src.Read(p[n:])
		n += m
		if err == io.EOF {
			return n, true, nil
		}
		if err != nil {
			return n, false, broken(err)
		}
	}
	return n, false, nil
}

// broken returns why a body, or a form in it, could not be read to its end.
func broken(err error) error {
	var status refused
	if errors.As(err, &status) {
		return status
	}
	return refused(http.StatusBadRequest)
}

// commit gives the file its name, and replies. Nobody else who stores a file of
// that name does so between the conditions and the commit.
func (up *upload) commit(f NewFile, name string) error {
	unlock, err := up.names.lock(up.ctx, name)
	if err != nil {
		return err
	}
	info, err := func() (fs.FileInfo, error) {
		defer unlock()
		if err := up.conditions(name); err != nil {
			return nil, err
		}
		return f.Commit()
	}()
	if err != nil {
		return err
	}
	up.stored = true
	if up.OnStored != nil {
		if err := up.OnStored(context.WithoutCancel(up.r.Context()), name, info); err != nil {
			return fmt.Errorf("signedurl: OnStored: %w", err)
		}
	}
	up.reply(name, info)
	return nil
}

// reply says that the file is stored, and where.
func (up *upload) reply(name string, info fs.FileInfo) {
	header := up.w.Header()
	_, tagged := header["Etag"] // by an outer handler, of the file before
	clearHeader(header)
	if location, err := up.location(name); err != nil {
		up.report(err)
	} else {
		header.Set("Location", location)
	}
	v := versionOf(info)
	if tag := v.etag(time.Now()); tag != "" && !tagged {
		header["Etag"] = []string{tag}
	}
	header.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(up.digest.Sum(nil))+":") // RFC 9530
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	up.w.WriteHeader(http.StatusCreated)
	io.WriteString(up.w, "Created\n")
}

// location returns the path of a stored file, or a link to it.
func (up *upload) location(name string) (string, error) {
	name, l := name[1:], &up.link
	u, err := up.handler.links.Unsigned(name)
	if err != nil {
		return "", err
	}
	path := (&url.URL{Path: u.Path, RawPath: u.RawPath}).String()
	if !up.ReturnLink || l.FromCookie || l.Uses > 0 || l.Binding.Name != "" {
		return path, nil
	}
	u, err = up.handler.links.URL(name, middleware.Claims{
		Expires: l.Expiry(), Permanent: l.Expiry().IsZero(), NotBefore: l.NotBefore,
		Networks: l.Networks, Host: l.Host, ID: l.ID,
	})
	if err == nil {
		u, err = l.Renarrow(u)
	}
	if err != nil {
		up.report(fmt.Errorf("signedurl: Uploads.ReturnLink: %w", err))
		return path, nil
	}
	return u.String(), nil
}

// refuse answers an upload of which nothing is stored, or that was not finished
// after it was. It takes no use of the link if no byte of the body was read.
func (up *upload) refuse(err error) {
	status := up.status(err)
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		up.w.Header().Set("Retry-After", retryAfter)
	}
	if up.body.read == 0 && !up.stored {
		up.handler.giveBack(up.r)
	}
	unread := up.body.unread(up.r)
	if unread {
		up.w.Header().Set("Connection", "close")
	}
	replyError(up.w, status)
	if unread {
		up.body.drain()
	}
}

// status returns the status for an error, and reports what the operator should
// know of.
func (up *upload) status(err error) int {
	var status refused
	if errors.As(err, &status) {
		return int(status)
	}
	var store interface{ Status() int }
	switch {
	case up.stored:
		up.report(err)
		return http.StatusInternalServerError
	case errors.Is(err, fs.ErrExist):
		if onlyNew(up.r.Header) {
			return http.StatusPreconditionFailed
		}
		return http.StatusConflict
	}
	up.report(err)
	switch {
	case errors.As(err, &store):
		switch s := store.Status(); s {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
			return s
		}
	case diskFull(err):
		return http.StatusInsufficientStorage
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	case noFile(err):
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

func (up *upload) report(err error) { up.handler.report(up.r, err) }

func (up *upload) abort(f NewFile) {
	if err := f.Abort(); err != nil {
		up.report(err)
	}
}
