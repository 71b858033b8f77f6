package formats

import (
	"strings"
	"testing"
)

func TestHelpDescribesTheKeysOfEveryFormat(t *testing.T) {
	help := Help()
	for name, f := range table {
		first, _, _ := strings.Cut(strings.TrimSpace(f.keys), "\n")
		if first == "" || !strings.Contains(help, "\n  "+name+" ") || !strings.Contains(help, first) {
			t.Errorf("there is nothing on the keys of %s in\n%s", name, help)
		}
	}
}
