package django

// What the vectors need that are no paths: the token alone.

func (f *Format) Unsign(token string) (value string, made int64, err error) {
	v, made, _, err := f.unsign(&scratch{token: []byte(token)})
	return string(v), made, err
}

func (f *Format) SignValue(value string, made int64) string { return f.sign(value, made) }

func (f *Format) SignedPath(value string) (string, error) { return f.signedPath(value) }

func EncodeObject(text, member string) string { return encodeObject(text, member) }

func ParseBase62(s string) (int64, bool) { return parseBase62(s) }

func Base62(n int64) string { return string(appendBase62(nil, n)) }
