package signedfs

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
)

// dashElements are the elements of an MPD (ISO/IEC 23009-1) that do not change where
// its references lead. A manifest with another one stays as it is: Location,
// ContentSteering, UrlQueryInfo, Metrics and whatever comes after them lead players
// to other hosts, or report to them what was fetched.
var dashElements = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`MPD ProgramInformation Title Source Copyright BaseURL Period AssetIdentifier AdaptationSet
		Representation SubRepresentation SegmentTemplate SegmentTimeline S SegmentList SegmentURL SegmentBase Initialization
		RepresentationIndex BitstreamSwitching Role Accessibility Rating Viewpoint FramePacking AudioChannelConfiguration
		ContentComponent ContentProtection EssentialProperty SupplementalProperty Label GroupLabel InbandEventStream EventStream
		Event UTCTiming ServiceDescription Scope Latency PlaybackRate ProducerReferenceTime Resync RandomAccess Switching Preselection`) {
		m[name] = true
	}
	return m
}()

// dashOpaque are elements whose content is for others than the player's loader.
var dashOpaque = map[string]bool{"ContentProtection": true, "Event": true}

// dashAttributes are the attributes that are references, by element.
var dashAttributes = map[string][]string{
	"SegmentTemplate": {"media", "initialization", "index"}, "SegmentURL": {"media", "index"},
	"Initialization": {"sourceURL"}, "RepresentationIndex": {"sourceURL"}, "BitstreamSwitching": {"sourceURL"},
}

var (
	// placeholder is what a template has for a number or the id of a representation.
	placeholder = regexp.MustCompile(`\$(?:RepresentationID|(?:Number|Time|Bandwidth)(?:%0[0-9]{1,2}d)?)\$`)
	// representationID is an id that is a name, and never dots alone.
	representationID = regexp.MustCompile(`^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
)

const (
	maxDashDepth = 16
	maxDashBases = 16
)

// dashElement is an element that is open, or was.
type dashElement struct {
	parent *dashElement
	bases  []string // the texts of its BaseURLs
	opaque bool
}

// dashReference is a reference in an element.
type dashReference struct {
	in  *dashElement // that whose bases hold
	ref string
	at  int // where it ends in the source
}

// dash finds the references in a manifest of DASH. The source is what is written, and
// encoding/xml tells where its tags are.
func (l *linker) dash(src []byte) ([]insertion, bool) {
	var refs []dashReference
	var at *dashElement
	depth, rooted, space := 0, false, ""
	d := xml.NewDecoder(bytes.NewReader(src)) // strict: no entities, and UTF-8 alone
	for {
		start := int(d.InputOffset())
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, false
		}
		end := int(d.InputOffset())
		switch t := token.(type) {
		case xml.Directive: // a DOCTYPE
			return nil, false
		case xml.ProcInst:
			if t.Target != "xml" || rooted {
				return nil, false
			}
		case xml.CharData:
			if at == nil && len(bytes.TrimSpace(t)) > 0 {
				return nil, false
			}
		case xml.EndElement:
			at, depth = at.parent, depth-1
		case xml.StartElement:
			if at == nil {
				if rooted || t.Name.Local != "MPD" {
					return nil, false
				}
				rooted, space = true, t.Name.Space
			}
			if depth++; depth > maxDashDepth || !harmless(t.Attr) {
				return nil, false
			}
			at = &dashElement{parent: at, opaque: at != nil && at.opaque}
			if at.opaque {
				continue
			}
			if t.Name.Space != space || !dashElements[t.Name.Local] {
				return nil, false
			}
			at.opaque = dashOpaque[t.Name.Local]
			switch t.Name.Local {
			case "BaseURL":
				base, ok := baseText(src, end)
				if !ok || at.parent == nil || bytes.HasSuffix(src[start:end], []byte("/>")) {
					return nil, false
				}
				at.parent.bases = append(at.parent.bases, base)
				refs = append(refs, dashReference{at.parent.parent, base, end + bytes.IndexByte(src[end:], '<')})
			case "Representation":
				if !slices.ContainsFunc(t.Attr, func(a xml.Attr) bool {
					return a.Name == xml.Name{Local: "id"} && representationID.MatchString(a.Value)
				}) {
					return nil, false
				}
			default:
				refs = append(refs, attributeReferences(t, at, src[start:end], start)...)
			}
		}
	}
	if !rooted {
		return nil, false
	}
	var found []insertion
	known := map[*dashElement][]string{nil: {l.base}}
	for _, r := range refs {
		bases, ok := dashBases(r.in, known)
		if !ok {
			return nil, false
		}
		if query, ok := l.opens(r.ref, bases...); ok {
			found = append(found, insertion{r.at, separator(query, "&amp;")})
		}
	}
	return found, true
}

// harmless reports whether no attribute makes a player fetch or resolve something
// else, or means something else to a second parser.
func harmless(attrs []xml.Attr) bool {
	for i, a := range attrs {
		switch {
		case a.Name.Local == "href", strings.HasSuffix(a.Name.Space, "xlink"),
			a.Name.Local == "base" && a.Name.Space != "",
			strings.Contains(a.Value, "urlparam"):
			return false
		}
		for _, b := range attrs[:i] {
			if a.Name == b.Name {
				return false
			}
		}
	}
	return true
}

// baseText returns the text of a BaseURL whose start tag ends at an offset. It reports
// false for what is not one plain relative reference, up to the end tag: the
// references below it lead elsewhere then.
func baseText(src []byte, from int) (string, bool) {
	i := bytes.IndexByte(src[from:], '<')
	if i <= 0 || !bytes.HasPrefix(src[from+i:], []byte("</")) {
		return "", false
	}
	text := strings.ReplaceAll(string(src[from:from+i]), "&amp;", "&")
	for i := 0; i < len(text); i++ {
		if !plain[text[i]] {
			return "", false
		}
	}
	return text, true
}

// attributeReferences returns the references among the attributes of a start tag.
// One that is spelled with entities is none.
func attributeReferences(t xml.StartElement, in *dashElement, tag []byte, offset int) (refs []dashReference) {
	names := dashAttributes[t.Name.Local]
	if names == nil {
		return nil
	}
	rest := string(tag)
	for {
		// The value of an attribute can have no unescaped quote of its own kind, so that
		// the next quote begins the next value.
		i := strings.IndexAny(rest, `"'`)
		if i < 0 {
			return refs
		}
		name := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest[:i]), "="))
		if j := strings.LastIndexAny(name, " \t\r\n"); j >= 0 {
			name = name[j+1:]
		}
		value := rest[i+1:]
		end := strings.IndexByte(value, rest[i])
		if end < 0 {
			return refs
		}
		value = value[:end]
		at := offset + len(tag) - len(rest) + i + 1 + end
		rest = rest[i+1+end+1:]
		if slices.Contains(names, name) {
			ref := strings.ReplaceAll(value, "&amp;", "&")
			if t.Name.Local == "SegmentTemplate" {
				// What takes its place is never dots alone, and has no slash.
				ref = placeholder.ReplaceAllString(ref, "x")
			}
			refs = append(refs, dashReference{in, ref, at})
		}
	}
}

// dashBases returns the paths against which the references in an element may be
// resolved: each BaseURL stands for another one of its element.
func dashBases(e *dashElement, known map[*dashElement][]string) ([]string, bool) {
	if bases, ok := known[e]; ok {
		return bases, true
	}
	above, ok := dashBases(e.parent, known)
	if !ok {
		return nil, false
	}
	bases := above
	if len(e.bases) > 0 {
		bases = nil
		for _, a := range above {
			for _, b := range e.bases {
				path, _, _ := strings.Cut(b, "?")
				to, ok := resolve(a, path)
				if !ok || len(bases) == maxDashBases {
					return nil, false
				}
				bases = append(bases, to[:strings.LastIndexByte(to, '/')+1])
			}
		}
	}
	known[e] = bases
	return bases, true
}
