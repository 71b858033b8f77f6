// Package peers measures, in one run and for the same file, the cost of the
// alternatives for an expiring link in a Go program: packages that sign URLs,
// tokens in the query, and hand-written code. It is a module of its own, so that
// nothing else depends on the packages that it compares.
package peers
