#!/usr/bin/env bash
# Looks for the programs that the local stack needs. On Debian and Ubuntu, as root, it installs those that are missing;
# anywhere else it says what is missing and how to get it. It is silent when all is there. With the argument "browser" it
# looks for Chromium instead, which only tests of pages need: without it they are skipped, so that is no failure.
set -euo pipefail

missing=()  # Debian packages to install

have() { command -v "$1" >/dev/null 2>&1; }

# major VERSION: the first number in a text.
major() { sed -E 's/^[^0-9]*([0-9]+).*/\1/' <<<"$1" | head -n 1; }

can_install() { have apt-get && [ "$(id -u)" = 0 ]; }

if [ "${1:-}" = browser ]; then
  for name in chromium chromium-browser google-chrome; do
    if have "$name"; then exit 0; fi
  done
  if can_install; then
    echo 'installing chromium'
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends chromium fonts-liberation >/dev/null
    exit
  fi
  echo 'missing: chromium (the tests of pages will be skipped)' >&2
  exit 0
fi

go_hint='Go 1.26 or later (https://go.dev/dl)'
# A JDK, not only a runtime: the engine is started through a few lines of Java, which are compiled first.
if ! have javac || [ "$(major "$(javac -version 2>&1)")" -lt 17 ]; then
  missing+=(openjdk-17-jdk-headless)
fi
if ! have node; then
  missing+=(nodejs npm)
elif ! have npm; then
  missing+=(npm)
fi

if [ ${#missing[@]} -gt 0 ] && can_install; then
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # Debian 13 has a newer JDK under another name.
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
    apt-get install -y -qq --no-install-recommends "${missing[@]/openjdk-17-jdk-headless/default-jdk-headless}" >/dev/null
  hash -r
fi

failed=0
say() { failed=1; printf 'missing: %s\n' "$1" >&2; }
jdk='a Java development kit, 17 or later (Debian package openjdk-17-jdk-headless, or https://adoptium.net)'
if have go; then
  version=$(go env GOVERSION)
  case $version in
    go1.2[6-9]* | go1.[3-9]?* | devel*) ;;
    *) say "Go 1.26 or later (this is $version; https://go.dev/dl)" ;;
  esac
else
  say "$go_hint"
fi
if have javac; then
  version=$(javac -version 2>&1)
  [ "$(major "$version")" -ge 17 ] || say "$jdk; this is $version"
else
  say "$jdk"
fi
have npm || say 'npm, which comes with Node.js (https://nodejs.org)'
if have node; then
  version=$(node --version)
  [ "$(major "$version")" -ge 20 ] || say "Node.js 20 or later (this is $version; https://nodejs.org)"
else
  say 'Node.js 20 or later (https://nodejs.org)'
fi
if [ "$failed" = 1 ]; then
  echo 'Install what is missing and start again.' >&2
  exit 1
fi
