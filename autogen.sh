#!/bin/sh
# Makes ./configure from configure.ac. Needed once after a clone; release tarballs carry the result.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force --warnings=all
