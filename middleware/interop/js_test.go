package interop_test

import (
	"os"
	"os/exec"
	"testing"
)

// jsJob is a call of testdata/js/links.mjs.
type jsJob struct {
	Call  string `json:"call"`
	Input any    `json:"input"`
}

func runJS(t *testing.T, jobs []jsJob) []string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "there is no node on the PATH")
	}
	if _, err := os.Stat("testdata/js/node_modules"); err != nil {
		missing(t, "the packages of testdata/js are not there")
	}
	return script[jsJob, string](t, jobs, "node", "testdata/js/links.mjs")
}
