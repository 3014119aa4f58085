#!/bin/sh
# Installs Debian packages, or says in one line what to install by hand.
set -eu
if ! command -v apt-get >/dev/null; then
  echo "Please install: $* (this machine has no apt-get)" >&2
  exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Please install as root: apt-get install $*" >&2
    exit 1
  fi
  as_root=sudo
fi
$as_root apt-get update -qq
# A server that the package would start is not wanted: the demo runs its own.
$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null
