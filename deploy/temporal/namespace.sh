#!/bin/sh
# Creates the namespace the router uses and the search attributes an operator
# filters by. Where to connect comes from TEMPORAL_ADDRESS and
# TEMPORAL_NAMESPACE. Running it again changes nothing.
set -eu

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A new namespace takes a moment to be known everywhere.
n=0
until known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"); do
  n=$((n + 1))
  [ $n -lt 30 ] || exit 1
  sleep 1
done

for name in Account Workspace Queue Status Priority Agent; do
  case $known in
    *"TaskRouter$name"*) ;;
    *) temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "TaskRouter$name" --type Keyword ;;
  esac
done
