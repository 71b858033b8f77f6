//go:build race

package middleware_test

// raced: with the race detector sync.Pool drops what it holds at random, and
// allocations mean nothing.
const raced = true
