package resumable

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/internal/admit"
)

// Options configures a [Handler].
type Options struct {
	// Files configures the handler of the files. Its Uploads are required.
	Files signedfs.Options
	// Dir is the directory for what is not finished. It is made if it does not
	// exist, and is for this handler alone.
	Dir string
	// Grace is how long an upload may go on after the link that began it has
	// expired. Zero means 24 hours.
	Grace time.Duration
	// Idle is how long an upload is kept that nobody asks for. Zero means 24
	// hours.
	Idle time.Duration
	// MaxUnfinished is how many uploads are kept. Zero means 1000. Further ones
	// are 503 Service Unavailable.
	MaxUnfinished int
}

const (
	defaultUnfinished = 1000
	day               = 24 * time.Hour

	stallTimeout = 30 * time.Second // between two reads
	sweepPeriod  = time.Minute      // at least
	retryAfter   = "5"              // seconds

	// uploads is where the uploads are, below the base. No file has such a name.
	uploads = ".uploads/"
)

// A Handler is a [signedfs.Handler] whose uploads can be continued. It is safe for
// concurrent use.
type Handler struct {
	*signedfs.Handler
	opts     Options
	root     signedfs.Writer
	verifier *middleware.Verifier
	verified http.Handler // the verifier, around tus
	links    *middleware.URLBuilder
	path     string // below which requests arrive, decoded
	tus      *tus.UnroutedHandler
	store    *store
	locks    tus.Locker
	slots    *admit.Slots
	stop     context.CancelFunc
}

// New returns a handler for the files of root: the arguments are those of
// [signedfs.New]. It returns the errors of that, and one if Options.Dir cannot be
// used or the format cannot sign. The caller should call Close when the handler
// is no longer in use.
func New(base string, root signedfs.Writer, f middleware.Format, opts *Options) (*Handler, error) {
	h := &Handler{root: root}
	if opts != nil {
		h.opts = *opts
	}
	o := &h.opts
	if o.Files.Uploads == nil || o.Dir == "" || o.Grace < 0 || o.Idle < 0 || o.MaxUnfinished < 0 {
		return nil, errors.New("signedurl: resumable.Options needs Files.Uploads and Dir, and nothing negative")
	}
	o.Grace, o.Idle = cmp.Or(o.Grace, day), cmp.Or(o.Idle, day)
	o.MaxUnfinished = cmp.Or(o.MaxUnfinished, defaultUnfinished)
	o.Files.Verify.EnforcesUploads = true
	var err error
	if h.Handler, err = signedfs.New(base, root, f, &o.Files); err != nil {
		return nil, err
	}
	if h.verifier, err = middleware.NewVerifier(f, &o.Files.Verify); err != nil {
		return nil, err
	}
	if h.links, err = middleware.NewURLBuilder(base, f); err != nil {
		return nil, err
	}
	if _, err := h.links.URL(uploads+"x", middleware.Claims{Expires: time.Now().Add(day), Methods: resourceMethods}); err != nil {
		return nil, err
	}
	if h.path, err = url.PathUnescape(h.Prefix()); err != nil {
		return nil, err
	}
	if h.store, err = openStore(o.Dir); err != nil {
		return nil, err
	}
	h.slots = admit.NewSlots(o.Files.Uploads.MaxUploads, o.Files.Uploads.MaxPerClient)
	h.locks = memorylocker.New()
	composer := tus.NewStoreComposer()
	composer.UseCore(h.store)
	composer.UseTerminater(h.store)
	composer.UseLocker(h.locks)
	h.tus, err = tus.NewUnroutedHandler(tus.Config{
		StoreComposer:             composer,
		BasePath:                  "/",
		Cors:                      &tus.CorsConfig{Disable: true},
		Logger:                    slog.New(slog.NewTextHandler(io.Discard, nil)),
		NetworkTimeout:            stallTimeout,
		PreUploadCreateCallback:   h.creating,
		PreFinishResponseCallback: h.finishing,
	})
	if err != nil {
		return nil, err
	}
	h.verified = h.verifier.Handler(http.HandlerFunc(h.serve))
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.store.sweep(time.Now().Add(-o.Idle))
	go h.sweep(ctx)
	return h, nil
}

// Close ends the deletion of what was abandoned. Requests are still served.
func (h *Handler) Close() error {
	h.stop()
	return nil
}

func (h *Handler) sweep(ctx context.Context) {
	tick := time.NewTicker(max(h.opts.Idle/10, sweepPeriod))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			h.store.sweep(now.Add(-h.opts.Idle))
		}
	}
}

// ServeHTTP serves the requests of tus, and leaves all others to the
// [signedfs.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.Header["Tus-Resumable"] != nil || strings.HasPrefix(r.URL.Path, h.path+uploads) {
		h.verified.ServeHTTP(w, r)
		return
	}
	h.Handler.ServeHTTP(w, r)
}

// exchange is a request of tus that was accepted.
type exchange struct {
	request  *http.Request
	deadline *http.ResponseController
	link     middleware.Link
	id, name string // of an upload that begins
	finished http.Header
}

type exchangeKey struct{}

// serve answers an accepted request.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	link, ok := middleware.LinkFromContext(r.Context())
	id, resource := strings.CutPrefix(r.URL.Path, h.path+uploads)
	if !ok || resource && (link.Under != "" || !validID(id)) {
		// Verify.InsecureReportOnly let it pass, or a link to a subtree did.
		h.fail(w, r, http.StatusForbidden)
		return
	}
	// tusd would take the method from there.
	r.Header.Del("X-Http-Method-Override")
	x := &exchange{request: r, deadline: http.NewResponseController(w), link: link}
	if !resource {
		h.create(w, r, x)
		return
	}
	reply := &writer{ResponseWriter: w}
	if r.Method != http.MethodDelete {
		if status, err := h.finishLate(r, id, x); status != 0 {
			h.report(r, err)
			h.fail(w, r, status)
			return
		}
	}
	handlers := map[string]http.HandlerFunc{
		http.MethodHead: h.tus.HeadFile, http.MethodPatch: h.tus.PatchFile, http.MethodDelete: h.tus.DelFile,
	}
	serve := handlers[r.Method]
	if serve == nil {
		w.Header().Set("Allow", "DELETE, HEAD, PATCH")
		h.fail(w, r, http.StatusMethodNotAllowed)
		return
	}
	h.store.touch(id)
	h.run(reply, r, x, "/"+id, serve)
	if r.Method == http.MethodDelete {
		if _, err := h.store.info(r.Context(), id); errors.Is(err, tus.ErrNotFound) {
			h.store.remove(id) // what tusd does not know of
		}
	}
}

// run has tusd answer a request.
func (h *Handler) run(w *writer, r *http.Request, x *exchange, path string, serve http.HandlerFunc) {
	if r.ContentLength != 0 {
		client, known := h.verifier.Client(r)
		if status := h.slots.Take(client, known); status != 0 {
			h.fail(w.ResponseWriter, r, status)
			return
		}
		defer h.slots.Release(client, known)
	}
	// tusd would close the body as soon as the client is gone, while it may be
	// about to open it. Reading from the connection fails by itself.
	ctx, cancel := context.WithCancel(context.WithValue(context.WithoutCancel(r.Context()), exchangeKey{}, x))
	defer cancel()
	inner := r.WithContext(ctx)
	inner.URL = &url.URL{Path: path}
	w.failed = func(text string) { h.report(r, errors.New("signedurl: tus: "+text)) }
	w.finished = func() http.Header { return x.finished }
	h.tus.Middleware(serve).ServeHTTP(w, inner)
}

var resourceMethods = []string{http.MethodPatch, http.MethodHead, http.MethodDelete}

// create begins an upload, if the file could be stored as far as one can tell.
func (h *Handler) create(w http.ResponseWriter, r *http.Request, x *exchange) {
	if x.link.FromCookie && new(http.CrossOriginProtection).Check(r) != nil {
		h.fail(w, r, http.StatusForbidden)
		return
	}
	size, err := strconv.ParseInt(r.Header.Get("Upload-Length"), 10, 64)
	name, ok := h.fileName(r)
	if err != nil || size < 0 || !ok {
		h.fail(w, r, http.StatusBadRequest)
		return
	}
	for _, step := range x.link.Steps() {
		if step.Only != "" && strings.HasSuffix(r.URL.Path, "/") { // and not the file in it
			h.fail(w, r, http.StatusForbidden)
			return
		}
	}
	expiry := x.link.Expiry()
	if expiry.IsZero() {
		expiry = time.Now()
	}
	expiry = expiry.Add(h.opts.Grace)
	if longest := h.opts.Files.Verify.MaxLifetime; longest > 0 {
		expiry = earlier(expiry, time.Now().Add(longest))
	}
	c, err := h.inherited(r, &x.link, expiry)
	if err != nil {
		h.report(r, err)
		h.fail(w, r, http.StatusForbidden)
		return
	}
	if reply := h.put(r, &x.link, name, c, &probe{}, size); reply.status != 0 {
		h.fail(w, r, reply.status)
		return
	}
	if h.store.count() >= h.opts.MaxUnfinished {
		h.fail(w, r, http.StatusServiceUnavailable)
		return
	}
	x.id, x.name = strings.ToLower(rand.Text()), name
	c.Methods = resourceMethods
	location, err := h.links.URL(uploads+x.id, c)
	if err == nil {
		location, err = x.link.Renarrow(location)
	}
	if err != nil {
		h.report(r, err)
		h.fail(w, r, http.StatusInternalServerError)
		return
	}
	h.run(&writer{ResponseWriter: w, location: location.String()}, r, x, "/", h.tus.PostFile)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// fileName returns the name of the file that a request begins to upload.
func (h *Handler) fileName(r *http.Request) (string, bool) {
	name := strings.TrimPrefix(r.URL.Path, h.path)
	if name == "" || strings.HasSuffix(name, "/") {
		base := tus.ParseMetadataHeader(r.Header.Get("Upload-Metadata"))["filename"]
		if base == "" || strings.Contains(base, "/") {
			return "", false
		}
		name += base
	}
	_, err := h.Links().Unsigned(name)
	return name, err == nil
}

// inherited returns the claims for the rest of an upload, without those of the
// link's steps.
func (h *Handler) inherited(r *http.Request, l *middleware.Link, expires time.Time) (middleware.Claims, error) {
	c := middleware.Claims{Expires: expires, Host: l.Host, Networks: l.Networks, ID: l.ID, Upload: l.Upload}
	if l.Binding.Name != "" {
		value, err := h.opts.Files.Verify.Binding(r, l.Binding.Name)
		if err != nil {
			return c, err
		}
		c.Binding = middleware.Binding{Name: l.Binding.Name, Value: value}
	}
	return c, nil
}

// creating gives an upload the ID that its link has, and keeps nothing of what the
// client says about it but the name.
func (h *Handler) creating(e tus.HookEvent) (tus.HTTPResponse, tus.FileInfoChanges, error) {
	x := e.Context.Value(exchangeKey{}).(*exchange)
	return tus.HTTPResponse{}, tus.FileInfoChanges{ID: x.id, MetaData: tus.MetaData{"filename": x.name}}, nil
}

// finishing stores the file of an upload that is complete.
func (h *Handler) finishing(e tus.HookEvent) (tus.HTTPResponse, error) {
	x := e.Context.Value(exchangeKey{}).(*exchange)
	if status := h.finish(x, e.Upload, false); status != 0 {
		return tus.HTTPResponse{}, tus.NewError("ERR_NOT_STORED", http.StatusText(status), status)
	}
	return tus.HTTPResponse{}, nil
}

// finishLate stores the file of an upload that is complete and could not be stored
// before, or whose process was killed. It returns 0 if there is nothing to say.
func (h *Handler) finishLate(r *http.Request, id string, x *exchange) (status int, err error) {
	info, err := h.store.info(r.Context(), id)
	if errors.Is(err, tus.ErrNotFound) {
		return 0, nil // tusd says it
	}
	if err != nil {
		return http.StatusInternalServerError, err
	}
	if info.Offset != info.Size || h.store.done(id) {
		return 0, nil
	}
	lock, err := h.locks.NewLock(id)
	if err != nil {
		return http.StatusInternalServerError, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), stallTimeout)
	defer cancel()
	if err := lock.Lock(ctx, func() {}); err != nil {
		return http.StatusLocked, nil
	}
	defer lock.Unlock()
	if h.store.done(id) {
		return 0, nil
	}
	return h.finish(x, info, true), nil
}

// finish stores the file of an upload by a PUT to its name. It returns 0 or the
// status with which that was refused.
func (h *Handler) finish(x *exchange, info tus.FileInfo, again bool) (status int) {
	content, err := h.store.open(info.ID)
	if err != nil {
		h.report(x.request, err)
		return http.StatusInternalServerError
	}
	defer content.Close()
	// tusd's deadlines are for a client that sends, and not for our disk.
	x.deadline.SetReadDeadline(time.Time{})
	x.deadline.SetWriteDeadline(time.Time{})
	name := info.MetaData["filename"]
	c, err := h.inherited(x.request, &x.link, h.finishExpiry(&x.link))
	if err != nil {
		h.report(x.request, err)
		return http.StatusForbidden
	}
	reply := h.put(x.request, &x.link, name, c, content, info.Size)
	switch status := reply.status; {
	case status == http.StatusCreated:
		x.finished = reply.header
	case (status == http.StatusConflict || status == http.StatusPreconditionFailed) && again && h.same(name, content, info.Size):
		// The process was killed when the file had just appeared.
	case status >= 500 || status == http.StatusTooManyRequests:
		return status // the next request tries again
	default:
		h.store.remove(info.ID)
		return status
	}
	if err := h.store.finish(info.ID, info.Size); err != nil {
		h.report(x.request, err)
	}
	return 0
}

// finishExpiry is when the link of the PUT expires, which nobody sees.
func (h *Handler) finishExpiry(l *middleware.Link) time.Time {
	if expiry := l.Expiry(); !expiry.IsZero() {
		return expiry
	}
	return time.Now().Add(h.opts.Grace)
}

// same reports whether a file has that content.
func (h *Handler) same(name string, content *os.File, size int64) bool {
	f, err := h.root.Open("/" + name)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != size {
		return false
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return false
	}
	return equal(f, content)
}

// put sends a PUT to the handler of the files, with what is inherited from a link, and
// returns its reply. The status is 0 if the body is a probe that was read: nothing was
// wrong before.
func (h *Handler) put(r *http.Request, l *middleware.Link, name string, c middleware.Claims, body io.Reader, size int64) *reply {
	c.Methods = []string{http.MethodPut}
	c.Upload.MaxBytes = l.MaxBytes()
	out := &reply{header: make(http.Header)}
	u, err := h.URL(name, c)
	if err != nil {
		h.report(r, err)
		out.status = http.StatusBadRequest
		return out
	}
	// Hosts and networks of the steps were held against this request.
	if slices.ContainsFunc(l.Steps(), func(step middleware.Claims) bool { return step.Upload.Accept != nil }) {
		if u, err = l.Renarrow(u); err != nil { // which is not the client's fault
			h.report(r, err)
			out.status = http.StatusInternalServerError
			return out
		}
	}
	// As a proxy that strips the prefix passes it on.
	u.Scheme, u.Host = "", ""
	if prefix := h.opts.Files.Verify.Prefix; prefix != "" {
		escaped := strings.TrimPrefix(u.EscapedPath(), prefix)
		u.Path, _ = url.PathUnescape(escaped)
		u.RawPath = escaped
	}
	ctx := context.Background()
	if r.Method != http.MethodPost {
		// The values of the application's own. With those of a POST, the reply
		// to the PUT would give back the use that the POST took.
		ctx = context.WithoutCancel(r.Context())
	}
	put := (&http.Request{
		Method: http.MethodPut, URL: u, Host: r.Host, RemoteAddr: r.RemoteAddr, TLS: r.TLS,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: io.NopCloser(body), ContentLength: size,
	}).WithContext(ctx)
	for _, field := range []string{"Cookie", "X-Forwarded-For"} { // of the client and its session
		if v := r.Header[field]; v != nil {
			put.Header[field] = v
		}
	}
	h.Handler.ServeHTTP(out, put)
	if p, ok := body.(*probe); ok && p.read {
		out.status = 0
	}
	return out
}

// probe is a body that is not there yet.
type probe struct{ read bool }

func (p *probe) Read([]byte) (int, error) {
	p.read = true
	return 0, errors.New("signedurl: the body comes later")
}

// reply is the reply of the handler of the files to this one.
type reply struct {
	header http.Header
	status int
}

func (r *reply) Header() http.Header         { return r.header }
func (r *reply) Write(p []byte) (int, error) { return len(p), nil }
func (r *reply) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// fail refuses a request before anything was read, and takes no use of its link.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, status int) {
	if err := middleware.GiveBack(r.Context()); err != nil {
		h.report(r, err)
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Tus-Resumable", "1.0.0")
	http.Error(w, http.StatusText(status), status)
}

func (h *Handler) report(r *http.Request, err error) {
	if err != nil && h.opts.Files.Error != nil {
		h.opts.Files.Error(r, err)
	}
}

// writer changes the replies of tusd: Location is a signed link, and an error of
// the server says no more than that.
type writer struct {
	http.ResponseWriter
	location string
	finished func() http.Header
	failed   func(text string)
	silent   bool
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Del("Content-Disposition")
	if header.Get("Location") != "" {
		header.Set("Location", w.location)
	}
	if done := w.finished(); done != nil && status < 300 {
		for _, field := range []string{"Etag", "Repr-Digest"} {
			if v := done[field]; v != nil {
				header[field] = v
			}
		}
	}
	if status >= 500 && status != http.StatusInsufficientStorage {
		if status == http.StatusServiceUnavailable {
			header.Set("Retry-After", retryAfter)
		}
		text := http.StatusText(status) + "\n"
		header.Set("Content-Length", strconv.Itoa(len(text)))
		w.silent = true
		w.ResponseWriter.WriteHeader(status)
		io.WriteString(w.ResponseWriter, text)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.silent {
		w.failed(fmt.Sprintf("%.200s", p))
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}
