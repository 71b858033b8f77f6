package strict

import "encoding/binary"

// notBase64 marks a byte outside the alphabet. It stays above the 24 bits of
// four characters wherever it is shifted among them.
const notBase64 = 1 << 40

// base64Values holds the value of each character of the URL-safe alphabet.
var base64Values = func() (t [256]uint64) {
	for i := range t {
		t[i] = notBase64
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		t[c] = uint64(i)
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
	var bad uint64
	for len(dst) >= 4 && len(s) >= 4 {
		v := base64Values[s[0]]<<18 | base64Values[s[1]]<<12 | base64Values[s[2]]<<6 | base64Values[s[3]]
		bad |= v
		binary.BigEndian.PutUint32(dst, uint32(v)<<8) // the fourth byte is written again
		dst, s = dst[3:], s[4:]
	}
	switch len(dst) {
	case 1: // two characters; the last has four bits too many
		v := base64Values[s[0]]<<6 | base64Values[s[1]]
		bad |= v | v&0xF<<24
		dst[0] = byte(v >> 4)
	case 2: // three characters; the last has two bits too many
		v := base64Values[s[0]]<<12 | base64Values[s[1]]<<6 | base64Values[s[2]]
		bad |= v | v&0x3<<24
		dst[0], dst[1] = byte(v>>10), byte(v>>2)
	case 3:
		v := base64Values[s[0]]<<18 | base64Values[s[1]]<<12 | base64Values[s[2]]<<6 | base64Values[s[3]]
		bad |= v
		dst[0], dst[1], dst[2] = byte(v>>16), byte(v>>8), byte(v)
	}
	return bad>>24 == 0
}
