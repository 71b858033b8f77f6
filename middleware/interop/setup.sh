#!/usr/bin/env bash
# Installs what the tests of this folder need besides Go, on Debian: Django for
# Debian's Python, Node.js with npm, ssh-agent, SoftHSM and a C compiler for
# PKCS #11 unless they are there, and the npm packages of testdata/js. May be run
# again at any time. Run as root, or with sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

packages=()
/usr/bin/python3 -c 'import django.core.signing' 2>/dev/null || packages+=(python3-django)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
command -v ssh-agent >/dev/null || packages+=(openssh-client)
[ -e /usr/lib/softhsm/libsofthsm2.so ] && command -v softhsm2-util >/dev/null || packages+=(softhsm2)
command -v "$(go env CC)" >/dev/null || packages+=(gcc libc6-dev)

if ((${#packages[@]} > 0)); then
	../../.ci/apt-install "${packages[@]}"
fi

# Exactly what the lock file names, and none of the packages' own scripts.
npm ci --prefix testdata/js --ignore-scripts --no-audit --no-fund
