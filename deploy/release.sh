#!/bin/sh
# The archive of what is committed: release.sh NAME DIRECTORY. Order, owners and times are the commit's and the compressor has one thread, so
# that the same commit gives the same bytes wherever and whenever it is made.
set -eu
name=$1 directory=$2
mkdir -p "$directory"
trap 'rm -f "$directory/.tar" "$directory/.new"' EXIT
# Not through a pipe, which would hide that git failed.
TZ=UTC git -c core.autocrlf=false -c tar.umask=0022 archive --format=tar --prefix="$name/" HEAD >"$directory/.tar"
xz --threads=1 -6 --check=crc64 <"$directory/.tar" >"$directory/.new"
mv "$directory/.new" "$directory/$name.tar.xz"
(cd "$directory" && sha256sum "$name.tar.xz" >"$name.tar.xz.sha256" && cat "$name.tar.xz.sha256")
if [ -n "$(git status --porcelain)" ]; then
    echo "what is not committed is not in it / 未提交的内容不在其中" >&2
fi
