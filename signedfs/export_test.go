package signedfs

// Servable is the rule of names, for tests of Windows' on any system.
var Servable = servable

// HasQuick reports whether d has a short cut past os.Root.
func HasQuick(d *Dir, name string) bool {
	f, ok := d.quick(name)
	if ok {
		f.Close()
	}
	return ok
}

// WithoutQuick returns d as it is where there is no short cut.
func WithoutQuick(d *Dir) *Dir { return &Dir{root: d.root} }
