#!/usr/bin/env bash
# Everything that is checked besides the tests. It goes on after a failure, so that all is told at once.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
tool() { go tool -modfile=tools/go.mod "$@"; }

# step NAME COMMAND...: prints nothing of a command that succeeds.
step() {
  local name=$1 start=$SECONDS out
  shift
  if out=$("$@" 2>&1); then
    printf 'ok    %-14s %3d s\n' "$name" $((SECONDS - start))
  else
    printf 'FAIL  %-14s %3d s\n%s\n' "$name" $((SECONDS - start)) "$out"
    failed+=("$name")
  fi
}

# silent COMMAND...: fails when the command prints anything.
silent() {
  local out
  out=$("$@") || { printf '%s\n' "$out"; return 1; }
  [ -z "$out" ] || { printf '%s\n' "$out"; return 1; }
}

formatted() { silent tool gofumpt -l -modpath almanac functions shared infra ./*.go; }
vetted() { go vet ./...; }
linted() { tool golangci-lint run --timeout 15m; }
tidy() { go mod tidy -diff && (cd tools && go mod tidy -diff); }
alive() { silent tool deadcode -test ./...; }
template() {
  command -v cfn-lint >/dev/null || {
    echo 'cfn-lint is missing: pip install cfn-lint==1.51.0'
    return 1
  }
  cfn-lint template.yaml
}
openapi() { go run ./infra/apidocs -check; }
layout() { go test .; }
built() { make build; }

step gofumpt formatted
step vet vetted
step tidy tidy
step cfn-lint template
step openapi openapi
step layout layout
step build built
step deadcode alive
step golangci-lint linted

if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}"
  exit 1
fi
