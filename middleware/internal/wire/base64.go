package wire

// base64Values holds the value of each character of the URL-safe alphabet, and
// 0xFF for every other byte.
var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = byte(i)
	}
	return t
}()

// Base64 decodes unpadded base64url (RFC 4648, section 5) into dst and reports
// whether s is the one spelling of exactly len(dst) bytes: no padding, no line
// break, no stray bits in the last character. encoding/base64 skips line
// breaks even when it is Strict. It does not allocate.
func Base64(dst []byte, s string) bool {
	if len(s) != (len(dst)*8+5)/6 {
		return false
	}
	var bad byte // becomes 0x80 or more with the first foreign character
	j := 0
	for i := 0; i+4 <= len(s) && j+3 <= len(dst); i += 4 {
		a, b, c, d := base64Values[s[i]], base64Values[s[i+1]], base64Values[s[i+2]], base64Values[s[i+3]]
		bad |= a | b | c | d
		dst[j], dst[j+1], dst[j+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
		j += 3
	}
	dst, s = dst[j:], s[j/3*4:]
	switch len(dst) {
	case 1:
		a, b := base64Values[s[0]], base64Values[s[1]]
		bad |= a | b
		dst[0] = a<<2 | b>>4
		if b&0x0F != 0 {
			return false
		}
	case 2:
		a, b, c := base64Values[s[0]], base64Values[s[1]], base64Values[s[2]]
		bad |= a | b | c
		dst[0], dst[1] = a<<2|b>>4, b<<4|c>>2
		if c&0x03 != 0 {
			return false
		}
	}
	return bad < 0x80
}
