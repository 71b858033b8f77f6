package cloudfront_test

import (
	"strings"
	"testing"

	"example.com/signedurl/middleware/cloudfront"
)

// covers asks whether a Resource opens a URL.
func covers(resource, link string) (under string, ok bool) {
	scheme, rest, _ := strings.Cut(link, "://")
	i := strings.IndexByte(rest, '/')
	path, query, hasQuery := strings.Cut(rest[i:], "?")
	return cloudfront.Covers(resource, scheme, rest[:i], path, query, hasQuery)
}

func TestResources(t *testing.T) {
	for _, test := range []struct {
		resource string
		opens    string // space between URLs
		shuts    string
		under    string
	}{
		{ // the examples of CloudFront's documentation
			resource: "https://www.example.com/hello*world",
			opens:    "https://www.example.com/helloworld https://www.example.com/hello-world https://www.example.com/hello/x/world",
			shuts:    "https://www.example.net/hello?world https://www.example.com/hello?world https://www.example.com/hello-world?x",
		},
		{
			resource: "https://d111111abcdef8.cloudfront.net/*game_download.zip*",
			opens:    "https://d111111abcdef8.cloudfront.net/game_download.zip https://d111111abcdef8.cloudfront.net/example_game_download.zip?license=yes https://d111111abcdef8.cloudfront.net/test_game_download.zip?license=temp",
			shuts:    "https://d111111abcdef8.cloudfront.net/game_download.rar https://other.example/game_download.zip https://d111111abcdef8.cloudfront.net/a?game_download.zip",
		},
		{
			resource: "http://example.com/hello*",
			opens:    "http://example.com/hello http://example.com/hello/a/b?x=1 http://example.com/hello?x",
			shuts:    "http://example.com/hell https://example.com/hello http://example.com/",
		},
		{
			resource: `http://example.com/hello*\?*`,
			opens:    "http://example.com/hello http://example.com/hello/a?x=1",
			shuts:    "http://example.com/hell?o",
		},
		{ // the first \? is the mark, and the second a character of the query
			resource: `https://example.com/a\?x=1\?2`,
			opens:    "https://example.com/a?x=1?2",
			shuts:    "https://example.com/a?x=1X2 https://example.com/a?x=1 https://example.com/a?x=1?? https://example.com/a?x=12 https://example.com/a?x=1?22",
		},
		{
			resource: `https://example.com/*\?*\?z*`,
			opens:    "https://example.com/a?b?z https://example.com/?b?c?zz",
			shuts:    "https://example.com/a?bXz https://example.com/a?b?",
		},
		{ // what separates the query is a question mark
			resource: "https://example.com/a?bc",
			opens:    "https://example.com/aXbc https://example.com/a?bc",
			shuts:    "https://example.com/aX?c https://example.com/aX?bc https://example.com/a?c",
		},
		{
			resource: "http://example.com*",
			opens:    "http://example.com/ http://example.com/a?b http://example.com.br/a",
			shuts:    "https://example.com/ http://www.example.com/",
			under:    "/",
		},
		{
			resource: "*example.com",
			opens:    "http://example.com/ https://www.example.com/",
			shuts:    "http://example.com/a http://example.com/?x http://example.com.br/",
		},
		{
			resource: "*",
			opens:    "http://example.com/ https://a.example/b/c?d=e",
			under:    "/",
		},
		{
			resource: "https://*",
			opens:    "https://example.com/ https://a.example/b/c?d=e",
			shuts:    "http://example.com/",
			under:    "/",
		},
		{
			resource: "https://d111111abcdef8.cloudfront.net/training/*",
			opens:    "https://d111111abcdef8.cloudfront.net/training/a.pdf https://d111111abcdef8.cloudfront.net/training/ https://d111111abcdef8.cloudfront.net/training/a/b?x",
			shuts:    "https://d111111abcdef8.cloudfront.net/training https://d111111abcdef8.cloudfront.net/trainings/a https://d111111abcdef8.cloudfront.net/x/training/a",
			under:    "/training/",
		},
		{
			resource: "https://d111111abcdef8.cloudfront.net/images/horizon.jpg?size=large&license=yes",
			opens:    "https://d111111abcdef8.cloudfront.net/images/horizon.jpg?size=large&license=yes",
			shuts:    "https://d111111abcdef8.cloudfront.net/images/horizon.jpg https://d111111abcdef8.cloudfront.net/images/horizon.jpgXsize=large&license=yes https://d111111abcdef8.cloudfront.net/images/horizon.jpg?size=large https://d111111abcdef8.cloudfront.net/images/horizon.jpg/size=large&license=yes?x",
		},
		{
			resource: `https://d111111abcdef8.cloudfront.net/images/horizon.jpg\?size=large&license=yes`,
			opens:    "https://d111111abcdef8.cloudfront.net/images/horizon.jpg?size=large&license=yes",
			shuts:    "https://d111111abcdef8.cloudfront.net/images/horizon.jpg https://d111111abcdef8.cloudfront.net/images/horizon.jpg?size=large&license=no",
		},

		{ // protocols and domains
			resource: "http*://*.example.com/*",
			opens:    "http://a.example.com/b https://a.b.example.com/?x",
			shuts:    "https://example.com/b https://a.example.com.evil.example/b https://evil.example/a.example.com/b",
			under:    "/",
		},
		{
			resource: "*://example.com/a",
			opens:    "http://example.com/a https://example.com/a",
			shuts:    "https://example.com/b https://www.example.com/a",
		},
		{
			resource: "http?://example.com/a",
			opens:    "https://example.com/a",
			shuts:    "http://example.com/a",
		},
		{
			resource: "https://cdn?.example.com/a",
			opens:    "https://cdn1.example.com/a",
			shuts:    "https://cdn.example.com/a https://cdn12.example.com/a",
		},
		{
			resource: "*/a",
			opens:    "https://example.com/a http://b.example/a",
			shuts:    "https://example.com/b/a https://example.com/a?x",
		},
		{
			resource: "*.example.com/go?to=https://b.example/",
			opens:    "https://a.example.com/go?to=https://b.example/",
			shuts:    "https://a.example.com/go https://b.example/",
		},
		{
			resource: "https://example.com",
			opens:    "https://example.com/",
			shuts:    "https://example.com/a https://example.com/?x https://example.com.evil.example/",
		},
		{
			resource: "https://example.com?x=1",
			opens:    "https://example.com/?x=1",
			shuts:    "https://example.com/ https://example.com/?x=2",
		},
		{
			resource: "https://example.com:8443/a",
			opens:    "https://example.com:8443/a",
			shuts:    "https://example.com/a",
		},
		{resource: "example.com/a", shuts: "https://example.com/a"},
		{resource: "/a", shuts: "https://example.com/a"},
		{resource: "/*", shuts: "https://example.com/a"},
		{resource: "://example.com/a", shuts: "https://example.com/a"},
		{resource: "mp4:videos/a", shuts: "https://example.com/videos/a"},

		{ // paths
			resource: "https://e.example/seg-????.ts",
			opens:    "https://e.example/seg-0001.ts https://e.example/seg-a/bc.ts",
			shuts:    "https://e.example/seg-001.ts https://e.example/seg-00001.ts https://e.example/seg-0001.ts?x",
		},
		{
			resource: "https://e.example/*.jpg",
			opens:    "https://e.example/.jpg https://e.example/a/b.jpg https://e.example/a.png.jpg",
			shuts:    "https://e.example/a.png https://e.example/a.png?.jpg",
		},
		{
			resource: "https://e.example/a*b*a*b",
			opens:    "https://e.example/abab https://e.example/aabbaabb https://e.example/ababab",
			shuts:    "https://e.example/aba https://e.example/ab",
		},
		{
			resource: "https://e.example/u/*/x",
			opens:    "https://e.example/u/1/x https://e.example/u/1/2/x",
			shuts:    "https://e.example/u//x https://e.example/u/%2F/x https://e.example/u/x https://e.example/u/1//x",
		},
		{
			resource: "https://e.example/u/?/x",
			opens:    "https://e.example/u/1/x",
			shuts:    "https://e.example/u///x https://e.example/u/12/x",
		},
		{
			resource: "https://e.example/u//x",
			opens:    "https://e.example/u//x",
			shuts:    "https://e.example/u/x",
		},
		{
			resource: "https://e.example/**",
			opens:    "https://e.example/ https://e.example/a?b",
		},
		{
			resource: "https://e.example/a/b*/*",
			opens:    "https://e.example/a/bc/d",
			shuts:    "https://e.example/a/bc",
		},

		{ // queries
			resource: `https://e.example/a\?size=*`,
			opens:    "https://e.example/a?size=large&license=yes https://e.example/a?size=",
			shuts:    "https://e.example/a https://e.example/a?siz https://e.example/ab?size=large",
		},
		{
			resource: `https://e.example/i?.jpg\?size=?`,
			opens:    "https://e.example/i1.jpg?size=5",
			shuts:    "https://e.example/i1.jpg https://e.example/i1.jpg?size=55 https://e.example/i.jpg?size=5",
		},
		{
			resource: "https://e.example/i?.jpg?size=*",
			opens:    "https://e.example/i1.jpg?size=5&x",
			shuts:    "https://e.example/i1.jpgXsize=5 https://e.example/i1.jpg",
		},
		{
			resource: "https://e.example/a?",
			opens:    "https://e.example/ab https://e.example/a?",
			shuts:    "https://e.example/a https://e.example/abc https://e.example/ab?",
		},
		{
			resource: "https://e.example/a?flag",
			opens:    "https://e.example/a?flag https://e.example/aXflag",
			shuts:    "https://e.example/a https://e.example/a?flap",
		},
		{
			resource: "https://e.example/a?*",
			opens:    "https://e.example/a?x=1 https://e.example/ab https://e.example/abc?x=1 https://e.example/a?",
			shuts:    "https://e.example/a",
		},
		{
			resource: "https://e.example/a?x=1&y=?",
			opens:    "https://e.example/a?x=1&y=2",
			shuts:    "https://e.example/a?x=1&y= https://e.example/aXx=1&y=? https://e.example/aXx=1&y=?z",
		},
		{
			resource: "https://e.example/~~~???>>>*",
			opens:    "https://e.example/~~~???>>>.jpg https://e.example/~~~abc>>>/d",
			shuts:    "https://e.example/~~~ab>>>",
		},
	} {
		for link := range strings.FieldsSeq(test.opens) {
			under, ok := covers(test.resource, link)
			if !ok {
				t.Errorf("%s does not open %s", test.resource, link)
			}
			if under != test.under {
				t.Errorf("%s opens %s under %q, want %q", test.resource, link, under, test.under)
			}
		}
		for link := range strings.FieldsSeq(test.shuts) {
			if _, ok := covers(test.resource, link); ok {
				t.Errorf("%s opens %s", test.resource, link)
			}
		}
	}
}

// It takes four million comparisons to see that this pattern matches. A
// pattern may have many such places, and a request look for them.
func TestMatchingIsBounded(t *testing.T) {
	resource := "https://e.example/*" + strings.Repeat("a", 1500) + "b"
	if _, ok := covers(resource, "https://e.example/"+strings.Repeat("a", 4000)+"b"); ok {
		t.Error("matching went on beyond its bound")
	}
	if _, ok := covers(resource, "https://e.example/"+strings.Repeat("a", 2000)+"b"); !ok {
		t.Error("matching ended before its bound")
	}
}
