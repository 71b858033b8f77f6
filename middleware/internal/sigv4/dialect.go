package sigv4

import "strings"

// Dialect holds the differences between the systems.
type Dialect struct {
	brand  string            // the prefix of algorithms and secrets: "AWS4"
	params [numParams]string // the names of the parameters; "" if the system has none
	scope  string            // of the credential, after the day: "us-east-1/s3/aws4_request"
	// escapedScope is scope in its spelling in a link, with a slash before it.
	escapedScope string
	// payload is the header field that holds the hash of the payload, if it is
	// signed.
	payload string
	// host returns a host in the form that is signed.
	host func(string) string
	// pathAsSent says that a path is signed as sent. Otherwise escapes in lower
	// case, and those that were not needed, make the same path.
	pathAsSent bool
	// sortValues says that the values of one name are sorted. Otherwise they
	// are signed in the order in which they were sent.
	sortValues bool
	// inclusive is 1 if a link is still good in the second that its date and
	// lifetime add up to, and 0 if it is not.
	inclusive int64
}

// AWS is Signature Version 4 for a region and service of Amazon Web Services.
//
// The last second counts: versitygw, an S3 server, honours a link while now is
// not after date plus expires. The port is signed unless it is the scheme's
// default. Behind a proxy that terminates TLS the scheme is not known here, so
// both 80 and 443 are omitted; no server has the two interchanged.
func AWS(region, service string) Dialect {
	return Dialect{
		brand:        "AWS4",
		params:       paramNames("X-Amz-", "Content-Sha256", "Security-Token"),
		scope:        region + "/" + service + "/aws4_request",
		escapedScope: "%2F" + region + "%2F" + service + "%2Faws4_request",
		payload:      "x-amz-content-sha256",
		host: func(h string) string {
			if name, ok := strings.CutSuffix(h, ":443"); ok {
				return name
			}
			return strings.TrimSuffix(h, ":80")
		},
		sortValues: true,
		inclusive:  1,
	}
}

// Google is V4 of Google Cloud Storage.
//
// It is not known whether the second that date and expires add up to still
// counts: here it does not. Nor is it known how Cloud Storage reads a path in
// another spelling than the one that every client library writes: here it is
// refused. No port is signed, not even one that is not the default.
func Google() Dialect {
	return Dialect{
		brand:        "GOOG4",
		params:       paramNames("X-Goog-", "", ""),
		scope:        "auto/storage/goog4_request",
		escapedScope: "%2Fauto%2Fstorage%2Fgoog4_request",
		payload:      "x-goog-content-sha256",
		host: func(h string) string {
			if i := strings.LastIndexByte(h, ':'); i > strings.LastIndexByte(h, ']') {
				return h[:i]
			}
			return h
		},
		pathAsSent: true,
	}
}

// The parameters of a link, as indexes.
const (
	paramAlgorithm = iota
	paramCredential
	paramDate
	paramExpires
	paramSignedHeaders
	paramSignature
	paramPayload
	paramToken
	numParams
)

func paramNames(prefix, payload, token string) (names [numParams]string) {
	for i, name := range [numParams]string{
		"Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", payload, token,
	} {
		if name != "" {
			names[i] = prefix + name
		}
	}
	return names
}

// param returns the index of the parameter with that decoded name, or -1, and
// whether the name is in the system's spelling. Both systems compare names byte
// for byte; a name that differs only in case is no accident.
func (d *Dialect) param(name string) (id int, exact bool) {
	if c := name[0]; c != 'X' && c != 'x' {
		return -1, false
	}
	for id := range d.params {
		known := d.params[id]
		if len(known) != len(name) {
			continue
		}
		if known == name {
			return id, true
		}
		if strings.EqualFold(known, name) {
			return id, false
		}
	}
	return -1, false
}
