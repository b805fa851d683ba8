#!/usr/bin/env bash
# Runs each fuzz test for FUZZTIME (20s), in another order each time. With
# FUZZBUDGET the whole ends after so many seconds, compiling included: fuzz tests
# that were not reached then are named, and are no failure. What is found is
# written to the package's testdata/fuzz; a fix commits it.
set -euo pipefail
cd "$(dirname "$0")/.."
each=${FUZZTIME:-20s} budget=${FUZZBUDGET:-0} missed=()

mapfile -t targets < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9]+' . | sed -E 's|/[^/]*:func | |' | shuf)
[ ${#targets[@]} -gt 0 ]
for line in "${targets[@]}"; do
  read -r package target <<<"$line"
  limit=()
  if [ "$budget" -gt 0 ]; then
    left=$((budget - SECONDS))
    if [ "$left" -le 0 ]; then
      missed+=("$package $target")
      continue
    fi
    limit=(timeout -k 5 "$left")
  fi
  echo "== $package $target"
  status=0
  "${limit[@]}" go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "$package" || status=$?
  case $status in
    0) ;;
    124 | 137) missed+=("$package $target") ;; # out of time, not a finding
    *) exit "$status" ;;
  esac
done
if [ ${#missed[@]} -gt 0 ]; then
  printf 'no time for: %s\n' "${missed[@]}"
fi
