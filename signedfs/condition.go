package signedfs

import (
	"net/http"
	"strings"
	"time"
)

// onlyNew reports whether a request asks for the file not to exist.
func onlyNew(h http.Header) bool {
	for _, v := range h["If-None-Match"] {
		if strings.TrimSpace(v) == "*" {
			return true
		}
	}
	return false
}

// conditions holds the file of a name, as it is now, against the request's
// conditions, in the order of RFC 9110, section 13.2.2. The error is that of the
// file system, or 412.
func (up *upload) conditions(name string) error {
	header := up.r.Header
	match, noneMatch, since := header["If-Match"], header["If-None-Match"], header.Get("If-Unmodified-Since")
	if match == nil && noneMatch == nil && since == "" {
		return nil
	}
	tag, mod, exists, err := up.current(name)
	if err != nil {
		return err
	}
	failed := false
	if match != nil {
		failed = !exists || !matches(match, tag, true)
	} else if date, err := http.ParseTime(since); err == nil && exists && !mod.IsZero() {
		failed = mod.Truncate(time.Second).After(date)
	}
	if failed || exists && matches(noneMatch, tag, false) {
		return refused(http.StatusPreconditionFailed)
	}
	return nil
}

// current returns the validators of a file that may exist.
func (up *upload) current(name string) (tag string, mod time.Time, exists bool, err error) {
	f, info, err := up.handler.open(up.ctx, name, false)
	if err != nil {
		if noFile(err) {
			err = nil
		}
		return "", time.Time{}, false, err
	}
	defer f.Close()
	v := versionOf(info)
	tag = up.w.Header().Get("Etag") // of an outer handler, as for a download
	if tag == "" {
		tag = v.etag(time.Now())
	}
	return tag, v.lastModified(), true, nil
}

// matches reports whether a list of entity-tags has one that matches that of
// the file, by the strong or the weak comparison of RFC 9110, section 8.8.3.2.
// "*" matches every file.
func matches(lists []string, tag string, strong bool) bool {
	if strong && strings.HasPrefix(tag, "W/") {
		tag = ""
	}
	for _, list := range lists {
		if strings.TrimSpace(list) == "*" {
			return true
		}
		for {
			list = strings.TrimLeft(list, " \t,")
			end := strings.IndexByte(list, '"')
			if end < 0 {
				break
			}
			closing := strings.IndexByte(list[end+1:], '"')
			if closing < 0 {
				break
			}
			candidate := list[:end+closing+2]
			list = list[len(candidate):]
			if !strong {
				candidate, tag = strings.TrimPrefix(candidate, "W/"), strings.TrimPrefix(tag, "W/")
			}
			if tag != "" && candidate == tag {
				return true
			}
		}
	}
	return false
}
