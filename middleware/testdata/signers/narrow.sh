# sh narrow.sh LINK expires_at=1767222060 signed_only=/files/kyc/42/card.jpg
# Whoever can list this machine's processes can see the link.
hex() { od -An -v -tx1 | tr a-f A-F; }
escape() { for byte in $(printf %s "$1" | hex); do case $byte in
  2[DE] | 3[0-9] | [46][1-9A-F] | [57][0-9A] | 5F | 7E) printf "\\$(printf %o "0x$byte")" ;;
  *) printf %s "%$byte" ;;
esac; done; }
sorted() { LC_ALL=C sort -s -t= -k1,1 | paste -s -d '&' -; }
link=${1%&signature=*} signature=${1##*&signature=}
shift
step=$(for claim; do printf '%s=%s\n' "${claim%%=*}" "$(escape "${claim#*=}")"; done | sorted)
key=$(printf %s= "$signature" | tr -- -_ +/ | openssl base64 -d -A | hex | tr -d ' \n')
query=$(printf '%s&signed_narrow=%s\n' "${link#*\?}" "$(escape "$step")" | tr '&' '\n' | sorted)
signature=$(printf 'signed-narrow/1\n%s' "$step" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A | tr +/ -_ | tr -d =)
printf '%s?%s&signature=%s\n' "${link%%\?*}" "$query" "$signature"
