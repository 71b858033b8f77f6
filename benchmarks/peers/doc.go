// Package peers measures, in one run and for the same file, what others cost
// that a Go program could use for an expiring link: packages that sign URLs,
// tokens in the query, and the code that people write by hand. It is a module
// of its own, so that the packages it compares with are no dependencies of
// anything else.
package peers
