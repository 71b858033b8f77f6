package cloudfront_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

const (
	lessThan = `"DateLessThan":{"AWS:EpochTime":1700003600}`
	resource = `"Resource":"https://d111111abcdef8.cloudfront.net/a"`
)

// goodPolicies are all that a policy can be.
var goodPolicies = map[string]string{
	"the canned one":                `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"the condition first":           `{"Statement":[{"Condition":{` + lessThan + `},` + resource + `}]}`,
	"white space":                   "{\r\n\t\"Statement\" : [ {" + resource + ` , "Condition" : {` + lessThan + "} } ]\n}\n",
	"all conditions":                `{"Statement":[{` + resource + `,"Condition":{"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"},"DateGreaterThan":{"AWS:EpochTime":0},` + lessThan + `}}]}`,
	"an address without a length":   `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":"192.0.2.1"}}}]}`,
	"the latest expiry":             `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":253402300799}}}]}`,
	"white space before each value": `{"Statement": [{"Resource": "https://d111111abcdef8.cloudfront.net/a", "Condition": {"DateLessThan": {"AWS:EpochTime": 1700003600 }}}]}`,
	"the earliest expiry":           `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":0}}}]}`,
	"4 KiB":                         pad(`{"Statement":[{`+resource+`,"Condition":{`+lessThan+`}}]}`, 4096),
	"slashes escaped as in PHP":     `{"Statement":[{"Resource":"https:\/\/d111111abcdef8.cloudfront.net\/a","Condition":{` + lessThan + `}}]}`,
	"escapes for plain characters":  `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\u0061","Condition":{` + lessThan + `}}]}`,
	"no Resource":                   `{"Statement":[{"Condition":{` + lessThan + `}}]}`,
}

// badPolicies each have one fault.
var badPolicies = map[string]string{
	"nothing":                                 ``,
	"null":                                    `null`,
	"an array":                                `[]`,
	"no statement":                            `{}`,
	"an empty list of statements":             `{"Statement":[]}`,
	"a statement that is not in a list":       `{"Statement":{` + resource + `,"Condition":{` + lessThan + `}}}`,
	"two statements":                          `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}},{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"Statement twice":                         `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}],"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"an unknown member":                       `{"Version":"2012-10-17","Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"an unknown member of the statement":      `{"Statement":[{"Effect":"Deny",` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"an unknown condition":                    `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"NotIpAddress":{"AWS:SourceIp":"192.0.2.1"}}}]}`,
	"an unknown member of a condition":        `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":1,"x":1}}}]}`,
	"a name in lower case":                    `{"statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"Resource in lower case beside Resource":  `{"Statement":[{` + resource + `,"resource":"*","Condition":{` + lessThan + `}}]}`,
	"an empty name":                           `{"Statement":[{"":1,` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"Resource twice":                          `{"Statement":[{` + resource + `,"Resource":"*","Condition":{` + lessThan + `}}]}`,
	"Resource twice, once in escapes":         `{"Statement":[{` + resource + `,"\u0052esource":"*","Condition":{` + lessThan + `}}]}`,
	"Condition twice":                         `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `},"Condition":{` + lessThan + `}}]}`,
	"DateLessThan twice":                      `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,` + lessThan + `}}]}`,
	"AWS:EpochTime twice":                     `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":1,"AWS:EpochTime":2}}}]}`,
	"no condition":                            `{"Statement":[{` + resource + `}]}`,
	"an empty condition":                      `{"Statement":[{` + resource + `,"Condition":{}}]}`,
	"no DateLessThan":                         `{"Statement":[{` + resource + `,"Condition":{"DateGreaterThan":{"AWS:EpochTime":1}}}]}`,
	"an empty DateLessThan":                   `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{}}}]}`,
	"an empty DateGreaterThan":                `{"Statement":[{` + resource + `,"Condition":{"DateGreaterThan":{},` + lessThan + `}}]}`,
	"an empty IpAddress":                      `{"Statement":[{` + resource + `,"Condition":{"IpAddress":{},` + lessThan + `}}]}`,
	"an unknown member without a value":       `{"Statement":[{` + resource + `,"Sid":,"Condition":{` + lessThan + `}}]}`,
	"an unknown condition without a value":    `{"Statement":[{` + resource + `,"Condition":{"StringLike":,` + lessThan + `}}]}`,
	"an unknown address without a value":      `{"Statement":[{` + resource + `,"Condition":{"IpAddress":{"AWS:SourceIp":"192.0.2.1","AWS:VpcSourceIp":},` + lessThan + `}}]}`,
	"a byte more than 4 KiB":                  pad(`{"Statement":[{`+resource+`,"Condition":{`+lessThan+`}}]}`, 4097),
	"a time in quotes":                        `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":"1700003600"}}}]}`,
	"a time with a fraction":                  `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":1700003600.0}}}]}`,
	"a time with an exponent":                 `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":17e8}}}]}`,
	"a time below zero":                       `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":-1}}}]}`,
	"minus zero":                              `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":-0}}}]}`,
	"a time with a leading zero":              `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":01}}}]}`,
	"a time after 9999":                       `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":253402300800}}}]}`,
	"a time beyond int64":                     `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":18446744075409551616}}}]}`,
	"a time that is null":                     `{"Statement":[{` + resource + `,"Condition":{"DateLessThan":{"AWS:EpochTime":null}}}]}`,
	"a start that is null":                    `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"DateGreaterThan":null}}]}`,
	"an empty Resource":                       `{"Statement":[{"Resource":"","Condition":{` + lessThan + `}}]}`,
	"a Resource that is null":                 `{"Statement":[{"Resource":null,"Condition":{` + lessThan + `}}]}`,
	"a list of Resources":                     `{"Statement":[{"Resource":["*"],"Condition":{` + lessThan + `}}]}`,
	"a Resource outside ASCII":                `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/é","Condition":{` + lessThan + `}}]}`,
	"a Resource outside ASCII in escapes":     `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\u00e9","Condition":{` + lessThan + `}}]}`,
	"a Resource that is not UTF-8":            `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/` + "\xff" + `","Condition":{` + lessThan + `}}]}`,
	"a Resource with a space":                 `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/ ","Condition":{` + lessThan + `}}]}`,
	"a Resource with a line break in escapes": `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\n","Condition":{` + lessThan + `}}]}`,
	"a backslash before a letter":             `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\\a","Condition":{` + lessThan + `}}]}`,
	"a backslash at the end":                  `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\\","Condition":{` + lessThan + `}}]}`,
	"a network of IPv6":                       `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":"::/0"}}}]}`,
	"a network of IPv4 written as IPv6":       `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":"::ffff:192.0.2.0/120"}}}]}`,
	"a network with a leading zero":           `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":"192.0.2.010/32"}}}]}`,
	"a network that is too long":              `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":"192.0.2.0/33"}}}]}`,
	"a network that is empty":                 `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":""}}}]}`,
	"a list of networks":                      `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":["192.0.2.1"]}}}]}`,
	"an address of IPv6":                      `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"AWS:SourceIp":"::1"}}}]}`,
	"an address under another name":           `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{"aws:SourceIp":"192.0.2.1"}}}]}`,
	"a raw line break in a Resource":          `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/` + "\n" + `","Condition":{` + lessThan + `}}]}`,
	"a raw line break beside an escape":       `{"Statement":[{"Resource":"https:\/\/d111111abcdef8.cloudfront.net/` + "\n" + `","Condition":{` + lessThan + `}}]}`,
	"a form feed between members":             `{"Statement":[{` + resource + ",\f" + `"Condition":{` + lessThan + `}}]}`,
	"a NUL before the text":                   "\x00" + `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"a string without an end":                 `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/a\"`,
	"half a surrogate pair":                   `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\ud800","Condition":{` + lessThan + `}}]}`,
	"an escape that JSON does not have":       `{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/\x61","Condition":{` + lessThan + `}}]}`,
	"an IpAddress without an address":         `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `,"IpAddress":{}}}]}`,
	"trailing data":                           `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}{}`,
	"a trailing NUL":                          `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}` + "\x00",
	"a byte order mark":                       "\ufeff" + `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}`,
	"a comma at the end":                      `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `},}]}`,
	"a missing comma":                         `{"Statement":[{` + resource + ` "Condition":{` + lessThan + `}}]}`,
	"no end":                                  `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]`,
	"a comment":                               `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}//`,
	"more than 4 KiB":                         `{"Statement":[{` + resource + `,"Condition":{` + lessThan + `}}]}` + strings.Repeat(" ", 4096),
	"a thousand brackets":                     strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
}

// pad appends spaces, up to a length.
func pad(text string, n int) string { return text + strings.Repeat(" ", n-len(text)) }

func TestPoliciesThatAreCutShort(t *testing.T) {
	for name, text := range goodPolicies {
		text = strings.TrimSpace(text)
		for n := range text {
			if p, ok := cloudfront.ParsePolicy([]byte(text[:n])); ok {
				t.Errorf("%s, cut to %q: read as %+v", name, text[:n], p)
			}
		}
	}
}

func TestPoliciesAreReadStrictly(t *testing.T) {
	f := testFormat(t, &cloudfront.Options{InsecureAllowNoResource: true})
	for name, text := range goodPolicies {
		if _, err := f.Authenticate(request("/a?" + withPolicy(t, text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range badPolicies {
		if _, err := f.Authenticate(request("/a?" + withPolicy(t, text))); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("%s: got %v, want %v", name, err, middleware.ErrInvalid)
		}
		if p, ok := cloudfront.ParsePolicy([]byte(text)); ok {
			t.Errorf("%s: read as %+v", name, p)
		}
	}
}

func TestPoliciesAreReadRight(t *testing.T) {
	got, ok := cloudfront.ParsePolicy([]byte(goodPolicies["all conditions"]))
	want := cloudfront.Policy{
		Resource: "https://d111111abcdef8.cloudfront.net/a", HasResource: true, Expires: 1700003600, HasStart: true,
		Network: netip.MustParsePrefix("192.0.2.0/24"), HasNetwork: true,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" || !ok {
		t.Errorf("read: %t, and (-want +got):\n%s", ok, diff)
	}
	if diff := cmp.Diff(goodPolicies["all conditions"], string(got.Encode())); diff != "" {
		t.Errorf("written again (-want +got):\n%s", diff)
	}
}

func TestAQuoteInAResource(t *testing.T) {
	text := `{"Statement":[{"Resource":"https://a/\"?x=\\?","Condition":{` + lessThan + `}}]}`
	if p, ok := cloudfront.ParsePolicy([]byte(text)); !ok || p.Resource != `https://a/"?x=\?` {
		t.Errorf("read as %+v, %t", p, ok)
	}
}
