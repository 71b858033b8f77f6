package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// uploadLifetime is how long a visitor may take to begin an upload.
const uploadLifetime = 15 * time.Minute

// folder returns the directory of a visitor's own cards. The name does not tell
// the session.
func folder(session string) string {
	sum := sha256.Sum256([]byte(session))
	return uploadDir + hex.EncodeToString(sum[:8]) + "/"
}

// uploadLink returns a link that takes one card: under a name or, if that is a
// folder, from a form.
func (d *Demo) uploadLink(name, method string, now time.Time) (*url.URL, error) {
	return d.files.URL(name, middleware.Claims{
		Expires: now.Add(uploadLifetime),
		Methods: []string{method},
		Upload:  middleware.Upload{MaxBytes: maxCard, Accept: acceptedTypes()},
	})
}

// acceptedTypes returns the media types of cards, in the order in which a person
// reads them.
func acceptedTypes() []string {
	var types []string
	for _, t := range cardTypes {
		types = append(types, t)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// newUpload is where an application decides who may upload what. The name that
// the visitor's file has on disk gives no more than its extension, and a signed
// URL takes the file itself: nothing of it passes through here.
func (d *Demo) newUpload(w http.ResponseWriter, r *http.Request) {
	session, cookies := d.session(r)
	ext := strings.ToLower(path.Ext(r.URL.Query().Get("name")))
	if cardTypes[ext] == "" {
		ext = ".bin" // which the link refuses
	}
	u, err := d.uploadLink(folder(session)+rand.Text()+ext, http.MethodPut, time.Now())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	setCookies(w, cookies)
	reply(w, http.StatusOK, struct {
		Link string `json:"link"`
	}{local(u)})
}
