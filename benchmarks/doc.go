// Package benchmarks measures what a signed link costs: verifying it, signing
// it, and serving files behind it. It holds no code but benchmarks, each
// beside a baseline that is measured in the same run, since times move from
// machine to machine and ratios hardly do. README.md says how to run them and
// what they mean.
//
// The nested module peers measures what others cost for the same link.
package benchmarks
