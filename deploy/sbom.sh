#!/bin/sh
# The bill of materials of an image on standard output: sbom.sh IMAGE VERSION. Its file system is read, nothing in it is run.
set -eu
container=$(docker create "$1")
trap 'docker rm "$container" >/dev/null' EXIT
docker export "$container" | /usr/bin/python3 "$(dirname "$0")/sbom.py" --name zhitongche --version "$2"
