package sigv4

import "strings"

// Dialect is what one system does differently from the other.
type Dialect struct {
	brand  string            // begins the algorithms and the secrets: "AWS4"
	params [numParams]string // the names of the parameters; "" if the system has none
	scope  string            // of the credential, behind the day: "us-east-1/s3/aws4_request"
	// escapedScope is scope as it lies in a link, with a slash before it.
	escapedScope string
	// payload is the header field that, if it is signed, holds the hash of
	// the payload.
	payload string
	// host brings a host to the form that is signed.
	host func(string) string
	// pathAsSent: a path is signed as it was sent. Otherwise escapes in lower
	// case, and those that were not needed, are the same path.
	pathAsSent bool
	// sortValues: the values of one name are sorted. Otherwise they are signed
	// in the order in which they came.
	sortValues bool
	// inclusive is 1 if a link is still good in the second that its date and
	// its number of seconds give, and 0 if it is not.
	inclusive int64
}

// AWS is Signature Version 4 for a region and service of Amazon Web Services.
//
// The last second counts: versitygw, an S3 server, honours a link while now is
// not after date plus expires. The port is signed unless it is the scheme's
// default. Behind a proxy that ends TLS the scheme is not known here, so that
// both 80 and 443 are left out; no server has them the other way round.
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
// Nobody outside has measured whether the second that date and expires give
// still counts: it does not here. Nor is it known how Cloud Storage reads a
// path in another spelling than the one that every client library writes: it
// is refused. No port is signed, not even one that is no default.
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
// whether the name is spelled as the system spells it. Both systems compare
// names byte for byte; a name that differs only in case is nobody's accident.
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
