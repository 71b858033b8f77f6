package middleware

import (
	"fmt"
	"strconv"
	"strings"
)

// Explanation is an account of a [Verifier]'s decision, for the operator. It
// tells more than a client may know, though nothing that would help to make a
// link: no secret, no signature that would verify, no value of a binding.
type Explanation struct {
	// Path is the path that was verified, with a stripped prefix put back.
	Path string
	// Signed is the text over which the link's signature was, or would be,
	// made, and after it the texts of the link's steps. It is empty if the
	// request was refused before. The value of a binding is replaced by its name.
	Signed string
	// Checks lists the checks that were passed, in order, and then the one that
	// failed, if one did.
	Checks []Check
	// Link is the link, if it is authentic.
	Link Link
	// Err is the decision: nil if the request would be accepted, and otherwise
	// what Verify would return.
	Err error
}

// Check is one check of an [Explanation].
type Check struct {
	// Name is a short word, such as "key" or "time". The check that failed is
	// named by its [Reason].
	Name string
	// Detail says what was found.
	Detail string
	// Passed tells whether the check was passed.
	Passed bool
}

// String returns the explanation as lines of text.
func (e *Explanation) String() string {
	var b strings.Builder
	for _, c := range e.Checks {
		mark := "ok  "
		if !c.Passed {
			mark = "FAIL"
		}
		fmt.Fprintf(&b, "%s %-10s %s\n", mark, c.Name, printable(c.Detail))
	}
	if e.Signed != "" {
		b.WriteString("signed text:\n")
		for line := range strings.Lines(e.Signed) {
			b.WriteString("     " + printable(strings.TrimSuffix(line, "\n")) + "\n")
		}
	}
	verdict := "accepted"
	if e.Err != nil {
		verdict = fmt.Sprintf("refused with %d", status(e.Err))
	}
	b.WriteString(verdict + "\n")
	return b.String()
}

// printable escapes what a terminal would obey: some formats carry text that is
// the sender's until its signature was checked.
func printable(s string) string {
	q := strconv.QuoteToGraphic(s)
	if q = q[1 : len(q)-1]; strings.ReplaceAll(q, `\"`, `"`) != s {
		return q
	}
	return s
}
