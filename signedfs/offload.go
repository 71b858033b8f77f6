package signedfs

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"example.com/signedurl/middleware"
)

// Offload says where a proxy finds the files of a [Handler], so that it can send
// them. One field is set; the zero value offloads nothing.
type Offload struct {
	// XAccel is the path of a location of nginx that is internal and has the same
	// files, such as "/protected/". It ends in a slash.
	XAccel string
	// XSendfile is the directory with the same files on the proxy's machine, as an
	// absolute path, for Apache with mod_xsendfile and for lighttpd.
	XSendfile string
}

func (o *Offload) check() error {
	var faults []error
	if o.XAccel != "" && o.XSendfile != "" {
		faults = append(faults, errors.New("signedurl: Offload.XAccel and Offload.XSendfile exclude each other"))
	}
	if p := o.XAccel; p != "" {
		// NewURLBuilder takes what is canonical and ends in a slash.
		if _, err := middleware.NewURLBuilder(p, new(middleware.FormatVar)); err != nil || p[0] != '/' {
			faults = append(faults, fmt.Errorf("signedurl: Offload.XAccel is not a canonical path with a slash at its end: %q", p))
		}
	}
	if d := o.XSendfile; d != "" && (!filepath.IsAbs(d) || !sendable(d)) {
		faults = append(faults, fmt.Errorf("signedurl: Offload.XSendfile is not an absolute path without percent signs: %q", d))
	}
	return errors.Join(faults...)
}

// sendable reports whether a name means the same file to every proxy that knows
// X-Sendfile: lighttpd decodes percent-escapes, mod_xsendfile does not, and the
// value of a header field has no blanks at its ends.
func sendable(name string) bool {
	return strings.IndexByte(name, '%') < 0 && !strings.HasSuffix(name, " ")
}

// offload leaves a file to the proxy, if it can send it as this handler would.
// nginx drops most of the reply's header, so that only types pass that need no
// policy. Conditions and ranges are the proxy's too: the file's validators are
// its own.
func (h *Handler) offload(w http.ResponseWriter, name, mediaType string) bool {
	o, header := &h.opts.Offload, w.Header()
	switch {
	case *o == Offload{}, !inert(mediaType):
		return false
	case o.XAccel != "":
		// nginx decodes it once.
		header["X-Accel-Redirect"] = []string{o.XAccel + strings.ReplaceAll(url.PathEscape(name[1:]), "%2F", "/")}
	case !sendable(name):
		return false
	default:
		header["X-Sendfile"] = []string{strings.TrimSuffix(o.XSendfile, "/") + name}
	}
	delete(header, "Etag")
	delete(header, "Last-Modified")
	header["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
	return true
}
