#!/usr/bin/env bash
# Installs what the tests of this folder need besides Go, on Debian: Django for
# Debian's Python, Node.js with npm unless they are there, and the npm packages
# of testdata/js. May be run again at any time. Run as root, or with sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

packages=()
/usr/bin/python3 -c 'import django.core.signing' 2>/dev/null || packages+=(python3-django)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)

# apt_get runs apt-get, and waits up to ten minutes while another apt holds
# one of its locks. DPkg::Lock::Timeout covers dpkg's lock only, and neither that
# of the package lists nor that of the archives.
apt_get() {
	local output
	until output=$(LC_ALL=C apt-get -qq -o DPkg::Lock::Timeout=600 "$@" 2>&1); do
		if [[ $output != *"Could not get lock"* ]] || ((SECONDS > 600)); then
			printf '%s\n' "$output" >&2
			return 1
		fi
		sleep 1
	done
}

if ((${#packages[@]} > 0)); then
	export DEBIAN_FRONTEND=noninteractive
	apt_get update
	apt_get install -y --no-install-recommends "${packages[@]}"
fi

# Exactly what the lock file names, and none of the packages' own scripts.
npm ci --prefix testdata/js --ignore-scripts --no-audit --no-fund
