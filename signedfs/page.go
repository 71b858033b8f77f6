package signedfs

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// page is what the template of a listing shows.
type page struct {
	view
	entries  []entry
	previous *entry // the entry after which the page before begins; nil for the first page

	Title  string
	Total  int
	Before int    // names on the pages before
	Cut    bool   // the directory has more entries than were read
	Up     []link // the directories above, the nearest last
	linked bool
	query  string
}

type link struct{ Text, Href string }

// link makes links of the names, unless they would make the page too large.
func (p *page) link(query string) {
	escaped := len(template.HTMLEscapeString(query))
	p.linked = escaped*(len(p.entries)+1) <= maxQueries
	p.query = query
}

func (p *page) href(v view, after *entry) string {
	if !p.linked {
		return ""
	}
	return "./" + v.file(after) + p.query
}

// First, Previous and Next return the links to other pages, or "". There is no
// First if that is the previous page.
func (p *page) First() string {
	if p.previous == nil {
		return ""
	}
	return p.href(p.view, nil)
}

func (p *page) Previous() string {
	if p.Before == 0 {
		return ""
	}
	return p.href(p.view, p.previous)
}

func (p *page) Next() string {
	if len(p.entries) == 0 || p.Before+len(p.entries) == p.Total {
		return ""
	}
	return p.href(p.view, &p.entries[len(p.entries)-1])
}

// Partial reports whether the directory has more pages than one.
func (p *page) Partial() bool { return len(p.entries) < p.Total }

// Range says which of the names are on the page.
func (p *page) Range() string {
	total := thousands(p.Total)
	if len(p.entries) == 0 {
		return "No more of " + total
	}
	return thousands(p.Before+1) + " to " + thousands(p.Before+len(p.entries)) + " of " + total
}

// column is the head of a column. Its link sorts by it, or reverses the order if
// the page is already sorted by it.
type column struct{ Text, Class, Href, Sort string }

func (p *page) Columns() []column {
	columns := []column{{Text: "Name", Class: "name"}, {Text: "Size", Class: "size"}, {Text: "Changed", Class: "date"}}
	for i := range columns {
		c := &columns[i]
		v := view{by: c.Class, down: c.Class != "name"} // the largest and the latest first
		if p.by == v.by {
			v.down, c.Sort = !p.down, "ascending"
			if p.down {
				c.Sort = "descending"
			}
		}
		c.Href = p.href(v, nil)
	}
	return columns
}

type row struct {
	Name, Href, Size, Bytes string
	Mod                     time.Time
	Dir                     bool
}

func (p *page) Rows() []row {
	rows := make([]row, len(p.entries))
	for i, e := range p.entries {
		row := row{Name: shown(e.name), Mod: e.mod.UTC(), Dir: e.isDir()}
		name, slash := e.name, ""
		if row.Dir {
			name, slash = name[:len(name)-1], "/"+p.file(nil)
		} else {
			row.Size, row.Bytes = size(e.size), thousands(int(e.size))
		}
		if p.linked {
			// "./" keeps a name like "a:b" from being read as a scheme.
			row.Href = "./" + url.PathEscape(name) + slash + p.query
		}
		rows[i] = row
	}
	return rows
}

// shown returns a name without the characters by which it could deceive a
// reader: those that turn the direction of text make "gpj.exe" of "exe.jpg".
func shown(name string) string {
	return strings.Map(func(r rune) rune {
		if r != '\u200D' && r != '\u200C' && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cc) {
			return '\uFFFD'
		}
		return r
	}, name)
}

// size returns a number of bytes in the largest unit that leaves a digit before
// the point.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	const units = "kMGTPE"
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + " " + units[unit:unit+1] + "B"
}

// thousands returns a number with a comma between groups of three digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

//go:embed list.css
var listStyle string

//go:embed list.html
var listTemplate string

var pages = template.Must(template.New("list").Funcs(template.FuncMap{
	"style": func() template.HTML { return template.HTML("<style>" + listStyle + "</style>") },
}).Parse(listTemplate))

// listPolicy confines the listing itself. It runs nothing and has the one style,
// and its links may download files.
var listPolicy = func() string {
	sum := sha256.Sum256([]byte(listStyle))
	return "sandbox allow-downloads; default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()
