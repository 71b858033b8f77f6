# SIGNEDURL_KEY=id:hmac-sha256:BASE64URL sh sign.sh /files/card.jpg 1767225600
# For secrets of 32 bytes. Whoever can list this machine's processes can see the secret.
hex() { od -An -v -tx1 | tr a-f A-F; }
id=${SIGNEDURL_KEY%%:*} secret=${SIGNEDURL_KEY##*:} path=
for byte in $(printf %s "$1" | hex); do case $byte in
  2[DEF] | 3[0-9] | [46][1-9A-F] | [57][0-9A] | 5F | 7E) path=$path$(printf "\\$(printf %o "0x$byte")") ;;
  *) path=$path%$byte ;;
esac; done
query="expires_at=$2&signed_by=$id"
key=$(printf %s= "$secret" | tr -- -_ +/ | openssl base64 -d -A | hex | tr -d ' \n')
signature=$(printf 'signed-url/1\n%s\n%s\n' "$path" "$query" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A | tr +/ -_ | tr -d =)
printf '%s?%s&signature=%s\n' "$path" "$query" "$signature"
