package signedfs

// Servable is the rule about names, for tests of Windows' on any system.
var Servable = servable

// HasFastPath reports whether d opens a file without os.Root.
func HasFastPath(d *Dir, name string) bool {
	f, ok := d.openRaw(name)
	if ok {
		f.Close()
	}
	return ok
}

// WithoutFastPath returns d as it is where there is no openat2.
func WithoutFastPath(d *Dir) *Dir { return &Dir{root: d.root} }
